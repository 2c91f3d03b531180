/* SPDX-License-Identifier: MIT */
/* driver ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP...: a TLS peer on one of several libraries; see grammar.py for the steps. */
#include "driver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROLE = 1, PORT, VERSION, CA, CERT, KEY, ASK, DATA, GOT, STEPS };

static FILE *data, *got;
static size_t received;
static char buffer[65536];

static _Noreturn void give_up(const char *what)
{
    printf("failed %s\n", what);
    fflush(stdout);
    exit(0);
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int accepted(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback("0");
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        give_up("no socket");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    close(listener);
    return fd;
}

static int connected(const char *port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("no connection");
    return fd;
}

/* Until limit bytes have come in all; false at the peer's end. */
static bool hear(size_t limit)
{
    while (received < limit) {
        long n = tls_read(buffer, sizeof buffer);
        if (n < 0)
            give_up(tls_error());
        if (n == 0)
            return false;
        fwrite(buffer, 1, (size_t)n, got);
        fflush(got);
        received += (size_t)n;
    }
    return true;
}

static void say(size_t count)
{
    while (count > 0) {
        size_t n = fread(buffer, 1, count < sizeof buffer ? count : sizeof buffer, data);
        if (n == 0 || !tls_write(buffer, n))
            give_up(n == 0 ? "no data" : tls_error());
        count -= n;
    }
}

static void shut(void)
{
    if (!tls_shutdown())
        give_up(tls_error());
}

static void reset(int fd)
{
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static void rest(long milliseconds)
{
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static bool is(const char *step, const char *word)
{
    return strncmp(step, word, strlen(word)) == 0;
}

static void perform(const char *step, int fd)
{
    const char *colon = strchr(step, ':');
    long count = colon ? atol(colon + 1) : 0;
    if (is(step, "send") || is(step, "reply"))
        say((size_t)count);
    else if (is(step, "recv"))
        hear((size_t)count);
    else if (is(step, "read"))
        puts(hear(SIZE_MAX) ? "end never" : "end closed");
    else if (is(step, "stall"))
        rest(count);
    else if (is(step, "half"))
        shut();
    else if (is(step, "close")) {
        shut();
        close(fd);
    } else if (is(step, "cut"))
        close(fd);
    else if (is(step, "reset"))
        reset(fd);
}

static const char *unless_absent(const char *path)
{
    return strcmp(path, "-") == 0 ? NULL : path;
}

int main(int argc, char **argv)
{
    if (argc <= STEPS)
        return 64;
    signal(SIGPIPE, SIG_IGN);
    data = fopen(argv[DATA], "rb");
    got = fopen(argv[GOT], "wb");
    if (!data || !got)
        give_up("files");
    struct given given = {.server = strcmp(argv[ROLE], "server") == 0,
                          .ask = strcmp(argv[ASK], "ask") == 0,
                          .version = argv[VERSION][2] - '0',
                          .ca = argv[CA],
                          .cert = unless_absent(argv[CERT]),
                          .key = unless_absent(argv[KEY])};
    int fd = given.server ? accepted() : connected(argv[PORT]);
    if (!tls_begin(&given, fd))
        give_up(tls_error());
    for (int i = STEPS; i < argc; i++)
        perform(argv[i], fd);
    fflush(stdout);
    _exit(0); /* as a process ends that is done: the kernel closes */
}
