/* The least that starting a program and waiting for it can cost: posix_spawn, then wait4.
 *
 * Reads one byte from standard input for each run, starts the program named by the first argument, and answers with
 * the nanoseconds from just before posix_spawn to just after wait4, one number a line. Ends with its input.
 *
 *     cc -O2 -o reference reference.c && printf '...' | ./reference /bin/true
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        struct rusage usage;
        int status;
        pid_t pid;
        int64_t begin = now_ns();
        int error = posix_spawn(&pid, argv[1], NULL, NULL, argv + 1, environ);
        if (error != 0) {
            fprintf(stderr, "%s: %s\n", argv[1], strerror(error));
            return 3;
        }
        if (wait4(pid, &status, 0, &usage) != pid || status != 0)
            return 3;
        printf("%" PRId64 "\n", now_ns() - begin);
        fflush(stdout);
    }
    return 0;
}
