/* A program whose parts are known: it prints the time of each. Usage: stacks SECONDS */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEPT __attribute__((noinline))

static volatile double sink;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static inline __attribute__((always_inline)) double folded(double value) {
    for (int turn = 0; turn < 400; turn++)
        value = value * 0.999 + 0.5; /* the inlined loop */
    return value;
}

KEPT double computes(double value) {
    return folded(value) + 1;
}

KEPT double descends(int depth, double value) {
    char room[64];
    room[depth % 64] = (char)value;
    double below = depth > 0 ? descends(depth - 1, value) : computes(value);
    return below + room[depth % 64];
}

/* Its frame is larger than what the kernel notes of a stack. */
KEPT double wide(double value) {
    volatile char room[40000];
    room[(int)value & 1023] = 1;
    double below = computes(value);
    return below + room[0];
}

KEPT double branch(const char *name, double (*part)(double), double seconds) {
    double begin = now(), value = 1;
    while (now() - begin < seconds)
        for (int turn = 0; turn < 500; turn++)
            value = part(value);
    printf("%f %s\n", now() - begin, name);
    return value;
}

KEPT double shallow(double value) { return computes(value) + 1; }
KEPT double deep(double value) { return descends(200, value) + 1; }

static int compares(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Calls back through the C library. */
KEPT double sorts(double value) {
    static double items[2000];
    for (int index = 0; index < 2000; index++)
        items[index] = (double)((index * 7919u) % 2000);
    qsort(items, 2000, sizeof items[0], compares);
    return value + items[0];
}

KEPT void waits(void) {
    usleep(200000);
    sink += 1;
}

int main(int count, char **words) {
    double seconds = count > 1 ? atof(words[1]) : 1;
    sink += branch("shallow", shallow, 0.4 * seconds);
    sink += branch("deep", deep, 0.2 * seconds);
    sink += branch("wide", wide, 0.2 * seconds);
    sink += branch("sorts", sorts, 0.2 * seconds);
    waits();
    return 0;
}
