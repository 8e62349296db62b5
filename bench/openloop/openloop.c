/* An open-loop load for one HTTP/1.1 target: one thread, epoll, keep-alive.
 *
 *   openloop PORT RATE SECONDS CONNECTIONS < REQUEST
 *
 * Request number n is due at n / RATE seconds, whatever became of the others; its latency counts from then, so
 * that a target which stalls is charged for every request that had to wait. A due request takes a free
 * connection to 127.0.0.1:PORT, or waits for one. An answer must have Content-Length. The result is one line of
 * JSON, times in microseconds: due, answered, not_2xx, broken (connections that failed), p50, p99, p999, max.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER = 65536, REQUEST = 65536, EVENTS = 512, PATIENCE_SECONDS = 10, TICK_NS = 100000 };
enum { FINE = 32, POWERS = 40 }; /* histogram: 1 us wide at first, then 16 steps for each power of two */

struct connection {
    int fd;
    int busy;
    uint64_t due; /* ns */
    size_t got;
    char answer[ANSWER];
};

static uint64_t histogram[FINE * POWERS], answered, not_2xx, broken, longest;
static char request[REQUEST];
static size_t request_size;
static struct connection **idle;
static size_t idle_count;
static int poll, port;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note(uint64_t us)
{
    unsigned power = us < FINE ? 0 : 63 - (unsigned)__builtin_clzll(us) - 4;
    uint64_t slot = power * FINE + (us >> power);
    histogram[slot < FINE * POWERS ? slot : FINE * POWERS - 1]++;
    if (us > longest)
        longest = us;
}

/* The lower bound of the slot in which the given share of all answers has come. */
static uint64_t percentile(double share)
{
    uint64_t wanted = (uint64_t)(share * (double)answered), seen = 0;
    for (uint64_t slot = 0; slot < FINE * POWERS; slot++) {
        seen += histogram[slot];
        if (seen > wanted)
            return (slot % FINE) << (slot / FINE);
    }
    return longest;
}

static int open_connection(struct connection *connection)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int yes = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connection->busy = 0;
    connection->got = 0;
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&to, sizeof to) < 0)
        return 0;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return epoll_ctl(poll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

/* A new connection in the place of one that has ended; one that was idle stays where it is among the idle. */
static void replace(struct connection *connection)
{
    int was_busy = connection->busy;
    broken += (uint64_t)was_busy;
    close(connection->fd);
    if (open_connection(connection) && was_busy)
        idle[idle_count++] = connection;
}

static int ask(struct connection *connection, uint64_t due)
{
    connection->busy = 1;
    connection->due = due;
    connection->got = 0;
    return send(connection->fd, request, request_size, MSG_NOSIGNAL) == (ssize_t)request_size;
}

/* 1 when the answer is whole, 0 when more is to come, -1 when it is none. */
static int whole(struct connection *connection)
{
    const char *end = memmem(connection->answer, connection->got, "\r\n\r\n", 4);
    if (end == NULL)
        return connection->got == ANSWER ? -1 : 0;
    const char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    if (length == NULL || length > end || strncmp(connection->answer, "HTTP/1.1 ", 9) != 0)
        return -1;
    size_t size = (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
    return size > connection->got ? (size > ANSWER ? -1 : 0) : 1;
}

/* 0 when the connection is of no more use. */
static int receive(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->answer + connection->got, ANSWER - 1 - connection->got, 0);
    if (got <= 0 || !connection->busy)
        return 0;
    connection->got += (size_t)got;
    connection->answer[connection->got] = 0;
    int is_whole = whole(connection);
    if (is_whole < 0)
        return 0;
    if (is_whole) {
        answered++;
        not_2xx += connection->answer[9] != '2';
        note((now() - connection->due) / 1000);
        connection->busy = 0;
        idle[idle_count++] = connection;
        return strcasestr(connection->answer, "\r\nconnection: close\r\n") == NULL;
    }
    return 1;
}

int main(int count, char **words)
{
    if (count != 5)
        return 2;
    int clock = timerfd_create(CLOCK_MONOTONIC, 0);
    double rate = atof(words[2]), seconds = atof(words[3]);
    size_t connections = strtoul(words[4], NULL, 10);
    struct connection *all = calloc(connections, sizeof *all);
    struct itimerspec tick = {{0, TICK_NS}, {0, TICK_NS}};
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    uint64_t total = (uint64_t)(rate * seconds), next = 0;
    port = atoi(words[1]);
    poll = epoll_create1(EPOLL_CLOEXEC);
    idle = calloc(connections, sizeof *idle);
    request_size = fread(request, 1, REQUEST, stdin);
    if (poll < 0 || clock < 0 || all == NULL || idle == NULL || request_size == 0)
        return 1;
    for (size_t i = 0; i < connections; i++) {
        if (!open_connection(&all[i])) {
            perror("connect");
            return 1;
        }
        idle[idle_count++] = &all[i];
    }
    timerfd_settime(clock, 0, &tick, NULL);
    epoll_ctl(poll, EPOLL_CTL_ADD, clock, &event);
    uint64_t start = now(), end = start + (uint64_t)((seconds + PATIENCE_SECONDS) * 1e9);
    while (answered + broken < total && now() < end) {
        uint64_t due = start + (uint64_t)((double)next / rate * 1e9);
        while (next < total && idle_count > 0 && due <= now()) {
            struct connection *connection = idle[--idle_count];
            next++;
            if (!ask(connection, due))
                replace(connection);
            due = start + (uint64_t)((double)next / rate * 1e9);
        }
        int ready = epoll_wait(poll, events, EVENTS, 100);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            uint64_t turns;
            if (connection == NULL)
                turns = (uint64_t)read(clock, &turns, sizeof turns);
            else if (!receive(connection))
                replace(connection);
        }
    }
    printf("{\"due\":%lu,\"answered\":%lu,\"not_2xx\":%lu,\"broken\":%lu,\"p50\":%lu,\"p99\":%lu,\"p999\":%lu,"
           "\"max\":%lu}\n", total, answered, not_2xx, broken, percentile(.5), percentile(.99), percentile(.999),
           longest);
    return 0;
}
