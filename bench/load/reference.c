/* What a request costs at least: connections on loopback, one send and one receive a request, one wait for many, nothing else.
 *
 * reference PORT CONNECTIONS SECONDS; prints requests, requests a second, and µs of processor time a request: all, and in user
 * mode.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST = 1024, EVENTS = 256, BYTES = 65536 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec * 1e-6; }

int main(int count, char **words) {
    if (count != 4) return 2;
    int port = atoi(words[1]), n = atoi(words[2]);
    double length = atof(words[3]);
    char request[128];
    static char answer[BYTES];
    int bytes = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n", port);
    int poll = epoll_create1(0), on = 1, sockets[MOST];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < n && i < MOST; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = sockets[i] = socket(AF_INET, SOCK_STREAM, 0)};
        if (connect(sockets[i], (struct sockaddr *)&address, sizeof address)) return 3;
        setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(sockets[i], F_SETFL, O_NONBLOCK);
        epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event);
    }
    struct rusage before, after;
    struct epoll_event events[EVENTS];
    long answered = 0;
    getrusage(RUSAGE_SELF, &before);
    double begin = now(), end = begin;
    for (int i = 0; i < n && i < MOST; i++) send(sockets[i], request, bytes, MSG_NOSIGNAL);
    while ((end = now()) < begin + length) {
        int ready = epoll_wait(poll, events, EVENTS, 1000);
        for (int i = 0; i < ready; i++) {
            if (recv(events[i].data.fd, answer, BYTES, 0) <= 0) return 4;
            send(events[i].data.fd, request, bytes, MSG_NOSIGNAL);
            answered++;
        }
    }
    getrusage(RUSAGE_SELF, &after);
    double user = seconds(after.ru_utime) - seconds(before.ru_utime);
    double system = seconds(after.ru_stime) - seconds(before.ru_stime);
    printf("%ld %.0f %.3f %.3f\n", answered, answered / (end - begin), (user + system) / answered * 1e6, user / answered * 1e6);
    return 0;
}
