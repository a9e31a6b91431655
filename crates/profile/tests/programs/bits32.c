/* Computes for a second, in 32-bit code without a C library, and is ended by an alarm. */
static long call(long number, long argument) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(argument) : "memory");
    return result;
}

void _start(void) {
    call(27, 1); /* alarm */
    volatile double value = 1;
    for (;;)
        value = value * 0.999 + 0.5;
}
