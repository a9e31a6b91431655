/* A library of one function, PART, that computes. */
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

double PART(double seconds) {
    double begin = now(), value = 1;
    while (now() - begin < seconds)
        for (int turn = 0; turn < 100000; turn++)
            value = value * 0.999 + 0.5;
    return value;
}
