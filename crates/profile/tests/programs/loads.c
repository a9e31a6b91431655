/* Loads libraries one after the other, and computes in each; it prints the time of each. Usage: loads SECONDS FOLDER */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const parts[] = {"part_one", "part_two", "part_three", "part_four"};
static volatile double sink;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

int main(int count, char **words) {
    double seconds = count > 1 ? atof(words[1]) : 0.3;
    for (unsigned index = 0; index < sizeof parts / sizeof parts[0]; index++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.so", count > 2 ? words[2] : ".", parts[index]);
        void *library = dlopen(path, RTLD_NOW);
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        double (*part)(double) = (double (*)(double))dlsym(library, parts[index]);
        double begin = now();
        sink += part(seconds / 4);
        printf("%f %s\n", now() - begin, parts[index]);
    }
    return 0;
}
