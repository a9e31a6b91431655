/* The least that any runner of commands must do, as a reference for speed.
 *
 * reference SLOTS TASKS PROGRAM: SLOTS threads, each pinned to a CPU, take task after task; each task is PROGRAM
 * with the task's number as its argument, by posix_spawn in a process group of its own, with two pipes read to their ends, and wait4 with its rusage.
 * Nothing is kept, retried, journalled or protected. Prints microseconds of wall time per task.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static atomic_long left;
static char *program;
static cpu_set_t usable;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Reads both pipes to their ends; returns the number of bytes. */
static long drain(int output, int errors) {
    struct pollfd pipes[2] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};
    static __thread char buffer[1 << 16];
    long total = 0;
    int open_pipes = 2;
    while (open_pipes > 0) {
        if (poll(pipes, 2, -1) < 0 && errno != EINTR) fail("poll");
        for (int i = 0; i < 2; i++) {
            if (pipes[i].fd < 0 || !pipes[i].revents) continue;
            long got = read(pipes[i].fd, buffer, sizeof buffer);
            if (got > 0) {
                total += got;
            } else {
                close(pipes[i].fd);
                pipes[i].fd = -1;
                open_pipes--;
            }
        }
    }
    return total;
}

static void run_one(long number) {
    int output[2], errors[2], status;
    if (pipe2(output, O_CLOEXEC) || pipe2(errors, O_CLOEXEC)) fail("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    char text[24];
    snprintf(text, sizeof text, "%ld", number);
    char *arguments[] = {program, text, NULL};
    pid_t pid;
    int error = posix_spawn(&pid, program, &actions, &attributes, arguments, environ);
    if (error) {
        errno = error;
        fail(program);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(output[1]);
    close(errors[1]);
    drain(output[0], errors[0]);
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR) fail("wait4");
}

static void *slot(void *argument) {
    long wanted = (long)argument % CPU_COUNT(&usable);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &usable) || wanted-- != 0) continue;
        cpu_set_t own;
        CPU_ZERO(&own);
        CPU_SET(cpu, &own);
        if (sched_setaffinity(0, sizeof own, &own)) fail("sched_setaffinity");
    }
    for (long number; (number = atomic_fetch_sub(&left, 1)) > 0;) run_one(number);
    return NULL;
}

int main(int n_arguments, char **arguments) {
    if (n_arguments != 4) {
        fprintf(stderr, "usage: reference SLOTS TASKS PROGRAM\n");
        return 2;
    }
    long slots = atol(arguments[1]), tasks = atol(arguments[2]);
    program = arguments[3];
    left = tasks;
    sched_getaffinity(0, sizeof usable, &usable);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pthread_t *threads = calloc(slots, sizeof *threads);
    for (long i = 0; i < slots; i++)
        if (pthread_create(&threads[i], NULL, slot, (void *)i)) fail("pthread_create");
    for (long i = 0; i < slots; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double us = (end.tv_sec - start.tv_sec) * 1e6 + (end.tv_nsec - start.tv_nsec) / 1e3;
    printf("%.1f\n", us / tasks);
    return 0;
}
