/* SPDX-License-Identifier: MIT */
/*
 * The peer on libevent: bufferevent_openssl on a socket, as its book has it.
 *
 * What it cannot do: say close_notify by itself. The book says it with SSL_shutdown on the same SSL; a kernel that takes
 * nothing at that moment loses it.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "links.h"
#include "peer.h"

/* Bytes that are handed over at once, and that are left when it is time for more; bytes that are held unread; a write
 * that is rather copied. Tried from a quarter to four times of each: none was faster. */
enum { FILL = 1 << 18, REFILL = 1 << 16, UNREAD = 1 << 16, COPIED = 1 << 12 };

static struct event_base *loop;
static SSL_CTX *context;

/* The server's. */
static struct link open_ones;
static size_t open_count;
static struct orders_work broadcasts, closing;
static struct event *timer; /* one for all who are told to end: they are told at once */
static struct timeval deadline;

/* The client's. */
static const struct arguments *given;
static unsigned long requests;

struct connection {
    struct link link; /* the first; among the open ones */
    struct bufferevent *events;
    struct talk talk;
    bool serves, leaves, goodbye_said, broadcasts;
};

/* ------------------------------------------------ TLS */

static void context_init(const struct arguments *arguments)
{
    const int version = arguments->tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    const char *suite = arguments_suite(arguments);
    context = SSL_CTX_new(arguments->serves ? TLS_server_method() : TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, version) ||
        !SSL_CTX_set_max_proto_version(context, version))
        peer_cannot("this OpenSSL does not speak this version");
    if (!(version == TLS1_2_VERSION ? SSL_CTX_set_cipher_list(context, suite)
                                    : SSL_CTX_set_ciphersuites(context, suite)))
        peer_cannot("this OpenSSL does not have this suite");
    if (arguments->serves && (SSL_CTX_use_certificate_chain_file(context, arguments->cert) != 1 ||
                              SSL_CTX_use_PrivateKey_file(context, arguments->key, SSL_FILETYPE_PEM) != 1))
        peer_failed("the certificate or the key cannot be used");
}

/* ------------------------------------------------ what is done of an order */

static void broadcast_done(struct connection *connection)
{
    if (connection->broadcasts)
        orders_done(&broadcasts);
    connection->broadcasts = false;
}

/* ------------------------------------------------ one connection */

static void let_go(struct connection *connection)
{
    bufferevent_free(connection->events);
    broadcast_done(connection);
    if (links_has(&connection->link)) {
        links_remove(&connection->link);
        open_count--;
        if (connection->leaves)
            orders_done(&closing);
    }
    free(connection);
}

/* Nothing is left to be written. */
static void say_goodbye(struct connection *connection)
{
    if (connection->goodbye_said)
        return;
    connection->goodbye_said = true;
    (void)SSL_shutdown(bufferevent_openssl_get_ssl(connection->events));
    (void)shutdown(bufferevent_getfd(connection->events), SHUT_WR);
}

/* Small ones are copied, and leave as larger records; of large ones the output holds no copy. */
static int add(struct evbuffer *output, const uint8_t *at, size_t size)
{
    return size <= COPIED ? evbuffer_add(output, at, size) : evbuffer_add_reference(output, at, size, NULL, NULL);
}

static void fill(struct connection *connection)
{
    struct evbuffer *output = bufferevent_get_output(connection->events);
    while (connection->talk.to_say && evbuffer_get_length(output) < FILL) {
        const uint8_t *at;
        size_t size = talk_next(&connection->talk, &at);
        if (add(output, at, size) < 0)
            peer_failed("no memory");
        talk_said(&connection->talk, size);
    }
}

static void ask_again_if_done(struct connection *connection)
{
    if (connection->talk.to_say || connection->talk.to_hear)
        return;
    if (!requests) {
        connection->leaves = true;
        if (!evbuffer_get_length(bufferevent_get_output(connection->events)))
            say_goodbye(connection);
        return;
    }
    requests--;
    talk_ask(&connection->talk, given);
    fill(connection);
}

/* No copy: what the bytes are does not matter, but for those of a request. */
static void hear(struct connection *connection, struct evbuffer *input)
{
    size_t size;
    while (!connection->talk.echo && (size = evbuffer_get_contiguous_space(input))) {
        const uint8_t *first = evbuffer_pullup(input, (ev_ssize_t)size);
        (void)evbuffer_drain(input, talk_hear(&connection->talk, first, size));
    }
    if (!connection->talk.echo)
        return;
    struct evbuffer *output = bufferevent_get_output(connection->events);
    (void)evbuffer_add_buffer(output, input);
    if (evbuffer_get_length(output) >= FILL)
        (void)bufferevent_disable(connection->events, EV_READ); /* until it is written */
}

static void on_read(struct bufferevent *events, void *argument)
{
    struct connection *connection = argument;
    struct evbuffer *input = bufferevent_get_input(events);
    if (connection->leaves) {
        (void)evbuffer_drain(input, evbuffer_get_length(input));
    } else if (connection->serves) {
        hear(connection, input);
        fill(connection);
    } else {
        size_t size = evbuffer_get_length(input);
        if (size > connection->talk.to_hear)
            peer_failed("the server said too much");
        connection->talk.to_hear -= size;
        (void)evbuffer_drain(input, size);
        ask_again_if_done(connection);
    }
}

/* No more than REFILL bytes are left to be written. */
static void on_write(struct bufferevent *events, void *argument)
{
    struct connection *connection = argument;
    if (!connection->leaves) {
        fill(connection);
        if (!(bufferevent_get_enabled(events) & EV_READ))
            (void)bufferevent_enable(events, EV_READ);
    }
    if (!connection->serves && !connection->leaves)
        ask_again_if_done(connection);
    if (evbuffer_get_length(bufferevent_get_output(events)))
        return;
    broadcast_done(connection);
    if (connection->leaves)
        say_goodbye(connection);
}

static void on_event(struct bufferevent *events, short what, void *argument)
{
    struct connection *connection = argument;
    (void)events;
    if (what & BEV_EVENT_CONNECTED) {
        if (!connection->serves) {
            ask_again_if_done(connection);
            return;
        }
        links_add(&open_ones, &connection->link);
        open_count++;
        return;
    }
    bool well = what & BEV_EVENT_EOF;
    if (!connection->serves && !(well && connection->goodbye_said))
        peer_failed("the connection ended before all was said and heard, or not well");
    if (well)
        say_goodbye(connection);
    let_go(connection);
}

static struct connection *connection_new(evutil_socket_t descriptor, bool serves)
{
    struct connection *connection = calloc(1, sizeof *connection);
    SSL *tls = SSL_new(context);
    if (!connection || !tls)
        peer_failed("no memory");
    connection->serves = serves;
    talk_init(&connection->talk);
    connection->events = bufferevent_openssl_socket_new(
        loop, descriptor, tls, serves ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (!connection->events)
        peer_failed("no bufferevent can be made");
    bufferevent_setcb(connection->events, on_read, on_write, on_event, connection);
    bufferevent_setwatermark(connection->events, EV_READ, 0, UNREAD);
    bufferevent_setwatermark(connection->events, EV_WRITE, REFILL, 0);
    if (bufferevent_enable(connection->events, EV_READ | EV_WRITE) < 0)
        peer_failed("no bufferevent can be started");
    return connection;
}

/* ------------------------------------------------ orders */

static struct connection *connection_of(struct link *link)
{
    return (struct connection *)(void *)link;
}

static void broadcast(void)
{
    orders_begin(&broadcasts, "broadcast", open_count);
    for (struct link *link = open_ones.next; link != &open_ones; link = link->next) {
        struct connection *connection = connection_of(link);
        connection->broadcasts = true;
        connection->talk.to_say += BROADCAST;
        fill(connection);
    }
}

static void close_all(void)
{
    orders_begin(&closing, "closed", open_count);
    for (struct link *link = open_ones.next; link != &open_ones; link = link->next) {
        struct connection *connection = connection_of(link);
        connection->leaves = true;
        if (!evbuffer_get_length(bufferevent_get_output(connection->events)))
            say_goodbye(connection);
    }
    (void)evtimer_add(timer, &deadline);
}

static void on_deadline(evutil_socket_t none, short what, void *argument)
{
    (void)none, (void)what, (void)argument;
    for (struct link *link = open_ones.next, *next = link->next; link != &open_ones; link = next, next = link->next)
        if (connection_of(link)->leaves)
            let_go(connection_of(link));
}

static const struct orders orders = {.open = &open_count, .broadcast = broadcast, .close_all = close_all};

static void on_orders(evutil_socket_t input, short what, void *argument)
{
    (void)input, (void)what, (void)argument;
    if (!orders_read(&orders))
        (void)event_base_loopbreak(loop);
}

/* ------------------------------------------------ the two sides */

static void on_accept(struct evconnlistener *listener, evutil_socket_t descriptor, struct sockaddr *address, int size,
                      void *argument)
{
    int one = 1;
    (void)listener, (void)address, (void)size, (void)argument;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)connection_new(descriptor, true);
}

static void serve(const struct arguments *arguments)
{
    int descriptor = peer_listen();
    struct evconnlistener *listener = evconnlistener_new(loop, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 0, descriptor);
    struct event *input = event_new(loop, STDIN_FILENO, EV_READ | EV_PERSIST, on_orders, NULL);
    timer = evtimer_new(loop, on_deadline, NULL);
    if (!listener || !timer || !input || event_add(input, NULL) < 0)
        peer_failed("libevent does not take the listener, or standard input: that must be a pipe");
    links_init(&open_ones);
    deadline = (struct timeval){arguments->deadline_ms / 1000, arguments->deadline_ms % 1000 * 1000};
    peer_print_port(descriptor);
}

static void ask(const struct arguments *arguments)
{
    given = arguments;
    requests = arguments->requests;
    (void)connection_new(peer_connect(arguments), false);
}

int main(int argc, char **argv)
{
    struct arguments arguments = arguments_read(argc, argv);
    (void)signal(SIGPIPE, SIG_IGN);
    loop = event_base_new();
    if (!loop)
        peer_failed("no loop can be made");
    context_init(&arguments);
    if (arguments.serves)
        serve(&arguments);
    else
        ask(&arguments);
    return event_base_dispatch(loop) < 0;
}
