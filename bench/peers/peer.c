/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4, as every program on Linux has it: two calls less for each connection */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

/* ------------------------------------------------ ends */

void peer_cannot(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(77);
}

void peer_failed(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void failed_call(const char *call)
{
    perror(call);
    exit(1);
}

/* ------------------------------------------------ words */

static void usage(const char *word)
{
    fprintf(stderr, "what is %s? See bench/README.md\n", word);
    exit(64);
}

/* The value, if word is NAME=value. */
static const char *value_of(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static uint64_t number(const char *word, const char *value, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t n = strtoull(value, &end, 10);
    if (errno || end == value || *end || n > most)
        usage(word);
    return n;
}

static int choice(const char *word, const char *value, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    usage(word);
    return 0;
}

static void read_word(struct arguments *arguments, const char *word)
{
    static const char *const versions[] = {"1.2", "1.3", NULL}, *const ciphers[] = {"aes128", "aes256", "chacha", NULL};
    const char *value;
    if ((value = value_of(word, "cert")))
        arguments->cert = value;
    else if ((value = value_of(word, "key")))
        arguments->key = value;
    else if ((value = value_of(word, "tls")))
        arguments->tls = 12 + choice(word, value, versions);
    else if ((value = value_of(word, "cipher")))
        arguments->cipher = (enum cipher)choice(word, value, ciphers);
    else if ((value = value_of(word, "deadline")))
        arguments->deadline_ms = (int)number(word, value, INT32_MAX);
    else if ((value = value_of(word, "port")))
        arguments->port = (unsigned)number(word, value, UINT16_MAX);
    else if ((value = value_of(word, "write")))
        arguments->write = (uint32_t)number(word, value, MOST);
    else if ((value = value_of(word, "up")))
        arguments->up = number(word, value, UINT64_MAX / 2);
    else if ((value = value_of(word, "down")))
        arguments->down = number(word, value, UINT64_MAX / 2);
    else if ((value = value_of(word, "requests")))
        arguments->requests = number(word, value, UINT32_MAX);
    else
        usage(word);
}

struct arguments arguments_read(int argc, char **argv)
{
    static const char *const verbs[] = {"client", "serve", NULL};
    struct arguments arguments = {.tls = 13, .deadline_ms = 1000, .write = 16384, .requests = 1};
    if (argc < 2)
        usage("wanted");
    arguments.serves = choice(argv[1], argv[1], verbs) == 1;
    for (int i = 2; i < argc; i++)
        read_word(&arguments, argv[i]);
    if (arguments.serves && (!arguments.cert || !arguments.key))
        usage("a server without cert= and key=");
    if (!arguments.write)
        usage("write=0");
    return arguments;
}

const char *arguments_suite(const struct arguments *arguments)
{
    static const char *const suites[2][3] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"},
        {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
    };
    return suites[arguments->tls - 12][arguments->cipher];
}

/* ------------------------------------------------ sockets */

void peer_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        failed_call("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        failed_call("setrlimit");
}

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void never_wait(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0)
        failed_call("fcntl");
}

static void without_nagle(int descriptor)
{
    int one = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int peer_listen(void)
{
    const struct sockaddr_in address = loopback(0);
    peer_raise_limit();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, SOMAXCONN) < 0)
        failed_call("listen");
    never_wait(listener);
    return listener;
}

int peer_epoll(int listener, void *orders)
{
    struct epoll_event listens = {.events = EPOLLIN}, ordered = {.events = EPOLLIN, .data.ptr = orders};
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &listens) < 0 ||
        epoll_ctl(set, EPOLL_CTL_ADD, STDIN_FILENO, &ordered) < 0)
        peer_failed("epoll does not take the listener, or standard input: that must be a pipe");
    return set;
}

void peer_print_port(int listener)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        failed_call("getsockname");
    orders_say("port", ntohs(address.sin_port));
}

int peer_accept(int listener)
{
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0)
        without_nagle(descriptor);
    return descriptor;
}

int peer_connect(const struct arguments *arguments)
{
    const struct sockaddr_in address = loopback(arguments->port);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, (const struct sockaddr *)&address, sizeof address) < 0)
        failed_call("connect");
    never_wait(descriptor);
    without_nagle(descriptor);
    return descriptor;
}

/* ------------------------------------------------ orders */

static void obey(const struct orders *orders, char order)
{
    if (order == 'n')
        orders_say("open", *orders->open);
    else if (order == 'b')
        orders->broadcast();
    else if (order == 'c')
        orders->close_all();
}

bool orders_read(const struct orders *orders)
{
    char characters[64];
    ssize_t n = read(STDIN_FILENO, characters, sizeof characters);
    for (ssize_t i = 0; i < n; i++)
        obey(orders, characters[i]);
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

void orders_say(const char *word, size_t count)
{
    printf("%s %zu\n", word, count);
    (void)fflush(stdout);
}

void orders_say_since(const char *word, size_t count, double since_ms)
{
    printf("%s %zu %.1f\n", word, count, peer_now_ms() - since_ms);
    (void)fflush(stdout);
}

double peer_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void orders_begin(struct orders_work *work, const char *word, size_t count)
{
    *work = (struct orders_work){.word = word, .count = count, .left = count, .since = peer_now_ms()};
    if (!count)
        orders_say_since(word, 0, work->since);
}

void orders_done(struct orders_work *work)
{
    if (--work->left == 0)
        orders_say_since(work->word, work->count, work->since);
}
