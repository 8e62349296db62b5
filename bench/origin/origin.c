/* A fixed-answer HTTP/1.1 origin: one thread, epoll, keep-alive.
 *
 *   origin PORT        listens on 127.0.0.1:PORT until killed
 *
 * GET and HEAD answer a small JSON body, POST and PUT read Content-Length bytes and answer another.
 * A path that begins with /echo answers the request itself, head and body, with the number of
 * requests this connection has carried in X-Connection-Requests: the harness checks there what a
 * gateway sent and whether it pools. A path that begins with /cached gets the small body, and that
 * number too: where it stands still, a cache has answered. Anything else a gateway might send (chunked, a head over
 * 64 KiB) is answered 501 and closed: this is a yardstick, not a server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CAPACITY = 65536, EVENTS = 512 };

struct connection {
    int fd;
    unsigned long requests;
    size_t length;
    char *held; /* part of a request that has not arrived whole; NULL while idle */
};

#define FIELDS "Server: origin\r\nContent-Type: application/json\r\nX-Origin: bench\r\n"
static const char GOT[] = "HTTP/1.1 200 OK\r\n" FIELDS "Content-Length: 28\r\n\r\n"
                          "{\"message\":\"hello, client\"}\n";
static const char TAKEN[] = "HTTP/1.1 200 OK\r\n" FIELDS "Content-Length: 18\r\n\r\n"
                            "{\"received\":true}\n";
static const char REFUSED[] = "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static char input[CAPACITY];
static char output[2 * CAPACITY];

/* Value of a field whose name is lower case, or NULL; the head ends with an empty line. */
static const char *field(const char *head, const char *end, const char *name)
{
    size_t length = strlen(name);
    const char *line = memchr(head, '\n', (size_t)(end - head));
    while (line != NULL && line + 1 + length < end) {
        line++;
        if (line[length] == ':' && strncasecmp(line, name, length) == 0)
            return line + length + 1;
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return NULL;
}

/* Length of the first whole request in data, 0 when more is needed, -1 when it cannot be served. */
static ssize_t whole(const char *data, size_t length)
{
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (end == NULL)
        return length == CAPACITY ? -1 : 0;
    end += 4;
    size_t size = (size_t)(end - data);
    if (data[0] == 'G' || data[0] == 'H')
        return (ssize_t)size;
    if (field(data, end, "transfer-encoding") != NULL)
        return -1;
    const char *value = field(data, end, "content-length");
    if (value != NULL)
        size += strtoul(value, NULL, 10);
    if (size > CAPACITY)
        return -1;
    return size <= length ? (ssize_t)size : 0;
}

static int answer(struct connection *connection, const char *request, size_t length)
{
    connection->requests++;
    const char *path = memchr(request, ' ', length);
    if (path != NULL && strncmp(path, " /echo", 6) == 0) {
        int head = sprintf(output, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                           "X-Connection-Requests: %lu\r\n\r\n", length, connection->requests);
        memcpy(output + head, request, length);
        size_t size = (size_t)head + length;
        return send(connection->fd, output, size, MSG_NOSIGNAL) == (ssize_t)size;
    }
    if (path != NULL && strncmp(path, " /cached", 8) == 0) {
        const char *body = strstr(GOT, "\r\n\r\n") + 2;
        int size = sprintf(output, "%.*sCache-Control: max-age=3600\r\nX-Connection-Requests: %lu\r\n%s", (int)(body - GOT), GOT,
                           connection->requests, body);
        return send(connection->fd, output, (size_t)size, MSG_NOSIGNAL) == size;
    }
    if (request[0] == 'H') {
        size_t size = (size_t)(strstr(GOT, "\r\n\r\n") + 4 - GOT);
        return send(connection->fd, GOT, size, MSG_NOSIGNAL) == (ssize_t)size;
    }
    const char *fixed = request[0] == 'G' ? GOT : TAKEN;
    size_t size = request[0] == 'G' ? sizeof GOT - 1 : sizeof TAKEN - 1;
    return send(connection->fd, fixed, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Keep the unfinished tail until the rest arrives; 0 when memory is out. */
static int hold(struct connection *connection, const char *rest, size_t length)
{
    if (length > 0 && connection->held == NULL && (connection->held = malloc(CAPACITY)) == NULL)
        return 0;
    if (length > 0)
        memmove(connection->held, rest, length);
    else {
        free(connection->held);
        connection->held = NULL;
    }
    connection->length = length;
    return 1;
}

/* Read once and answer every whole request; 0 when the connection is to be closed. */
static int serve(struct connection *connection)
{
    char *data = connection->held != NULL ? connection->held : input;
    ssize_t got = recv(connection->fd, data + connection->length, CAPACITY - connection->length, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    size_t length = connection->length + (size_t)got, used = 0;
    while (used < length) {
        ssize_t size = whole(data + used, length - used);
        if (size == 0)
            break;
        if (size < 0) {
            send(connection->fd, REFUSED, sizeof REFUSED - 1, MSG_NOSIGNAL);
            return 0;
        }
        if (!answer(connection, data + used, (size_t)size))
            return 0;
        used += (size_t)size;
    }
    return hold(connection, data + used, length - used);
}

static void adopt(int poll, int listener)
{
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) {
            close(fd);
            continue;
        }
        connection->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(const char *port)
{
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0
        || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
        perror("origin");
        exit(1);
    }
    return fd;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: origin PORT\n");
        return 2;
    }
    int listener = listen_on(arguments[1]), poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL)
                adopt(poll, listener);
            else if (!serve(connection)) {
                close(connection->fd);
                free(connection->held);
                free(connection);
            }
        }
    }
}
