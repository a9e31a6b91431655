/* Spends its time in the kernel: it reads zeros. Usage: kernel SECONDS */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char room[1 << 20];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

__attribute__((noinline)) void reads_zeros(double seconds) {
    int file = open("/dev/zero", O_RDONLY);
    double begin = now();
    while (now() - begin < seconds)
        if (read(file, room, sizeof room) < 0)
            abort();
    printf("%f reads_zeros\n", now() - begin);
}

int main(int count, char **words) {
    reads_zeros(count > 1 ? atof(words[1]) : 1);
    return 0;
}
