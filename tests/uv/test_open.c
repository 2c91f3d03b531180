/* SPDX-License-Identifier: MIT */
/* Connections that somebody else has made: opened, adopted, begun in plaintext, and given back. */
#include "support.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static void make_pair(int both[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
}

/* Two TCP sockets that know each other. */
static void make_tcp_pair(int both[2])
{
    char port[8];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = raw_listener(port, 1);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    both[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(both[0], (struct sockaddr *)&address, size), 0);
    both[1] = accept(listener, NULL, NULL);
    assert_true(both[1] >= 0);
    (void)close(listener);
}

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

/* ------------------------------------------------ descriptors */

static void a_pair_of_descriptors_is_a_connection(void **state)
{
    void (*const makers[])(int both[2]) = {make_pair, make_tcp_pair};
    (void)state;
    for (int i = 0; i < 2; i++) {
        int both[2];
        struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
        makers[i](both);
        assert_ptr_equal(adieu_uv_loop_of(client), the_loop);
        assert_code(adieu_uv_open(client, both[0]), 0);
        assert_code(adieu_uv_open(server, both[1]), 0);
        assert_int_equal(descriptor_of(adieu_uv_transport(client)), both[0]);
        assert_int_equal(adieu_uv_transport(client)->type, i ? UV_TCP : UV_NAMED_PIPE);
        shake_both(client, server);
        close_both(client, server);
        adieu_uv_free(client);
        adieu_uv_free(server);
        run_ms(1);
        assert_false(is_open(both[0]));
        assert_false(is_open(both[1]));
    }
}

static void refused_and_still_mine(struct adieu_uv *uv, int descriptor)
{
    assert_code(adieu_uv_open(uv, descriptor), UV_EINVAL);
    run_ms(1);
    assert_true(is_open(descriptor));
    assert_null(adieu_uv_transport(uv));
    (void)close(descriptor);
}

static void what_is_no_stream_socket_or_listens_is_refused_and_stays_the_callers(void **state)
{
    int pipes[2], both[2];
    char port[8];
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_code(adieu_uv_open(uv, -1), UV_EINVAL);
    refused_and_still_mine(uv, pipes[0]);
    refused_and_still_mine(uv, pipes[1]);
    refused_and_still_mine(uv, socket(AF_INET, SOCK_DGRAM, 0));
    refused_and_still_mine(uv, raw_listener(port, 1));
    make_pair(both); /* what could not be opened is no obstacle to what can */
    assert_code(adieu_uv_open(uv, both[0]), 0);
    assert_code(adieu_uv_open(uv, both[1]), UV_EALREADY);
    assert_true(is_open(both[1]));
    adieu_uv_free(uv);
    (void)close(both[1]);
}

/* ------------------------------------------------ adopting */

/* A libuv handle of the test's own. */
struct own {
    uv_tcp_t tcp;
    bool closed;
    int data;
};

static void own_open(struct own *own, int descriptor)
{
    own->closed = false;
    assert_int_equal(uv_tcp_init(&the_uv_loop, &own->tcp), 0);
    assert_int_equal(uv_tcp_open(&own->tcp, descriptor), 0);
    own->tcp.data = &own->data;
}

static void note_closed(uv_handle_t *handle)
{
    ((struct own *)handle)->closed = true;
}

static void own_close(struct own *own)
{
    uv_close((uv_handle_t *)&own->tcp, note_closed);
    run_until(&own->closed);
}

static void what_was_adopted_stays_the_callers_to_close(void **state)
{
    int both[2];
    struct own own;
    char byte;
    struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
    (void)state;
    make_tcp_pair(both);
    own_open(&own, both[0]);
    assert_code(adieu_uv_adopt(client, (uv_stream_t *)&own.tcp), 0);
    assert_code(adieu_uv_adopt(client, (uv_stream_t *)&own.tcp), UV_EALREADY);
    assert_ptr_equal(adieu_uv_transport(client), &own.tcp);
    assert_code(adieu_uv_open(server, both[1]), 0);
    shake_both(client, server);
    close_both(client, server);
    assert_ptr_equal(own.tcp.data, &own.data);
    assert_false(uv_is_closing((uv_handle_t *)&own.tcp));
    assert_int_equal(recv(both[0], &byte, 1, MSG_DONTWAIT), 0); /* open, and at its end */
    adieu_uv_free(client);
    adieu_uv_free(server);
    assert_ptr_equal(own.tcp.data, &own.data);
    own_close(&own);
}

static void freed_without_a_goodbye_the_adopted_one_is_shut_down_and_resets_when_it_is_closed(void **state)
{
    int both[2];
    struct own own;
    struct waiter shaken = {.done = false};
    uint8_t bytes[4096];
    ssize_t got;
    struct adieu_uv *client = new_uv_client();
    (void)state;
    make_tcp_pair(both);
    own_open(&own, both[0]);
    assert_code(adieu_uv_adopt(client, (uv_stream_t *)&own.tcp), 0);
    assert_code(adieu_uv_handshake(&shaken.request, client, waiter_done), 0);
    run_ms(1);
    adieu_uv_free(client);
    assert_ptr_equal(own.tcp.data, &own.data);
    assert_false(uv_is_closing((uv_handle_t *)&own.tcp));
    while ((got = recv(both[1], bytes, sizeof bytes, 0)) > 0) { /* at once */
    }
    assert_int_equal(got, 0);
    struct pollfd broken = {.fd = both[1]};
    assert_int_equal(poll(&broken, 1, 0), 0);
    own_close(&own);
    assert_int_equal(poll(&broken, 1, 5000), 1);
    assert_int_equal(broken.revents & POLLERR, POLLERR);
    (void)close(both[1]);
    assert_false(shaken.done);
}

static void what_is_no_socket_is_not_adopted(void **state)
{
    int pipes[2];
    uv_pipe_t fifo;
    uv_tcp_t unconnected;
    struct adieu_uv *uv = new_uv_client();
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(uv_pipe_init(&the_uv_loop, &fifo, 0), 0);
    assert_int_equal(uv_pipe_open(&fifo, pipes[0]), 0);
    assert_code(adieu_uv_adopt(uv, (uv_stream_t *)&fifo), UV_EINVAL);
    assert_int_equal(uv_tcp_init(&the_uv_loop, &unconnected), 0);
    assert_code(adieu_uv_adopt(uv, (uv_stream_t *)&unconnected), UV_EINVAL);
    uv_close((uv_handle_t *)&fifo, NULL);
    uv_close((uv_handle_t *)&unconnected, NULL);
    run_ms(1);
    (void)close(pipes[1]);
    adieu_uv_free(uv);
}

/* ------------------------------------------------ bytes read before TLS begins */

static void what_was_read_too_far_can_be_put_back(void **state)
{
    int both[2];
    uint8_t bytes[8192];
    struct waiter ours = {.done = false}, theirs = {.done = false};
    struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
    (void)state;
    make_pair(both);
    assert_code(adieu_uv_open(client, both[0]), 0);
    assert_code(adieu_uv_handshake(&ours.request, client, waiter_done), 0);
    run_ms(1);
    ssize_t got = recv(both[1], bytes, sizeof bytes, 0); /* sniffing */
    assert_true(got > 100);
    assert_code(adieu_uv_put_back(server, bytes, 1), 0); /* also before there is a connection, and in pieces */
    assert_code(adieu_uv_put_back(server, bytes, 0), 0);
    assert_code(adieu_uv_open(server, both[1]), 0);
    assert_code(adieu_uv_put_back(server, bytes + 1, (size_t)got - 1), 0);
    assert_code(adieu_uv_handshake(&theirs.request, server, waiter_done), 0);
    assert_code(adieu_uv_put_back(server, bytes, 1), UV_EALREADY);
    ends_with(&ours, 0);
    ends_with(&theirs, 0);
    close_both(client, server);
    adieu_uv_free(client);
    adieu_uv_free(server);
}

static void more_than_fits_is_not_put_back(void **state)
{
    struct adieu_uv *server = new_uv_server();
    uint8_t *bytes = calloc(1, 200000);
    (void)state;
    assert_code(adieu_uv_put_back(server, bytes, 200000), UV_ENOBUFS);
    assert_code(adieu_uv_put_back(server, bytes, 65536), 0);
    assert_code(adieu_uv_put_back(server, bytes, 100000), UV_ENOBUFS);
    free(bytes);
    adieu_uv_free(server);
}

/* ------------------------------------------------ giving it back */

struct ender {
    struct waiter shut;
    bool ended;
    ssize_t code;
};

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    static char room[4096];
    (void)uv, (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void note_end(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct ender *ender = adieu_uv_data(uv);
    (void)buf;
    if (nread >= 0)
        return;
    ender->code = nread;
    ender->ended = true;
}

static void end(struct adieu_uv *uv, struct ender *ender)
{
    adieu_uv_set_data(uv, ender);
    assert_code(adieu_uv_read_start(uv, give_room, note_end), 0);
    assert_code(adieu_uv_shutdown(&ender->shut.request, uv, waiter_done), 0);
}

static void end_both(struct adieu_uv *client, struct adieu_uv *server)
{
    struct ender ours = {.ended = false}, theirs = {.ended = false};
    end(client, &ours);
    end(server, &theirs);
    ends_with(&ours.shut, 0);
    ends_with(&theirs.shut, 0);
    run_until(&ours.ended);
    run_until(&theirs.ended);
    assert_code((int)ours.code, UV_EOF);
    assert_code((int)theirs.code, UV_EOF);
}

static void say_hello(int from, int to)
{
    char text[8] = "";
    assert_int_equal(send(from, "hello", 5, 0), 5);
    assert_int_equal(recv(to, text, sizeof text, 0), 5);
    assert_string_equal(text, "hello");
}

static void free_closed(uv_handle_t *handle)
{
    free(handle);
}

static void after_both_ends_the_connection_is_given_back_and_plaintext_follows(void **state)
{
    int both[2];
    struct own own;
    uv_stream_t *stream;
    const uint8_t *surplus;
    size_t size;
    struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
    (void)state;
    make_tcp_pair(both);
    own_open(&own, both[0]);
    assert_code(adieu_uv_adopt(client, (uv_stream_t *)&own.tcp), 0);
    assert_code(adieu_uv_open(server, both[1]), 0);
    assert_code(adieu_uv_detach(client, &stream, &surplus, &size), UV_EBUSY);
    shake_both(client, server);
    assert_code(adieu_uv_detach(client, &stream, &surplus, &size), UV_EBUSY);
    end_both(client, server);
    assert_code(adieu_uv_detach(client, &stream, &surplus, &size), 0);
    assert_ptr_equal(stream, &own.tcp);
    assert_ptr_equal(stream->data, &own.data);
    assert_int_equal(size, 0);
    assert_code(adieu_uv_detach(server, &stream, &surplus, &size), 0);
    adieu_uv_free(client);
    adieu_uv_free(server);
    run_ms(1);
    assert_false(uv_is_active((uv_handle_t *)stream));
    say_hello(both[0], both[1]);
    say_hello(both[1], both[0]);
    uv_close((uv_handle_t *)stream, free_closed);
    own_close(&own);
}

/* The client ends and goes on in plaintext in the same breath: the server reads both at once. */
static void what_follows_close_notify_is_given_back_with_every_byte(void **state)
{
    int both[2];
    uv_stream_t *stream;
    const uint8_t *surplus;
    size_t size;
    struct waiter shut = {.done = false};
    struct ender theirs = {.ended = false};
    struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
    (void)state;
    make_pair(both);
    assert_code(adieu_uv_open(client, both[0]), 0);
    assert_code(adieu_uv_open(server, both[1]), 0);
    shake_both(client, server);
    assert_code(adieu_uv_shutdown(&shut.request, client, waiter_done), 0);
    ends_with(&shut, 0);
    assert_int_equal(send(both[0], "QUIT\r\n", 6, 0), 6);
    end(server, &theirs);
    ends_with(&theirs.shut, 0);
    run_until(&theirs.ended);
    assert_code((int)theirs.code, UV_EOF);
    assert_code(adieu_uv_detach(server, &stream, &surplus, &size), 0);
    char text[16] = "";
    assert_true(size <= 6);
    memcpy(text, surplus, size);
    if (size < 6) /* what was not received is where it was */
        assert_int_equal(recv(both[1], text + size, sizeof text - size - 1, MSG_DONTWAIT), (ssize_t)(6 - size));
    assert_string_equal(text, "QUIT\r\n");
    adieu_uv_free(server);
    uv_close((uv_handle_t *)stream, free_closed);
    adieu_uv_free(client);
}

static void over_the_same_connection_another_session_may_follow(void **state)
{
    int both[2];
    uv_stream_t *streams[2];
    const uint8_t *surplus;
    size_t size;
    struct adieu_uv *client = new_uv_client(), *server = new_uv_server();
    (void)state;
    make_pair(both);
    assert_code(adieu_uv_open(client, both[0]), 0);
    assert_code(adieu_uv_open(server, both[1]), 0);
    shake_both(client, server);
    end_both(client, server);
    assert_code(adieu_uv_detach(client, &streams[0], &surplus, &size), 0);
    assert_code(adieu_uv_detach(server, &streams[1], &surplus, &size), 0);
    adieu_uv_free(client);
    adieu_uv_free(server);
    client = new_uv_client();
    server = new_uv_server();
    assert_code(adieu_uv_adopt(client, streams[0]), 0);
    assert_code(adieu_uv_adopt(server, streams[1]), 0);
    shake_both(client, server);
    close_both(client, server);
    adieu_uv_free(client);
    adieu_uv_free(server);
    uv_close((uv_handle_t *)streams[0], free_closed);
    uv_close((uv_handle_t *)streams[1], free_closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(a_pair_of_descriptors_is_a_connection),
        uv_unit_test(what_is_no_stream_socket_or_listens_is_refused_and_stays_the_callers),
        uv_unit_test(what_was_adopted_stays_the_callers_to_close),
        uv_unit_test(freed_without_a_goodbye_the_adopted_one_is_shut_down_and_resets_when_it_is_closed),
        uv_unit_test(what_is_no_socket_is_not_adopted),
        uv_unit_test(what_was_read_too_far_can_be_put_back),
        uv_unit_test(more_than_fits_is_not_put_back),
        uv_unit_test(after_both_ends_the_connection_is_given_back_and_plaintext_follows),
        uv_unit_test(what_follows_close_notify_is_given_back_with_every_byte),
        uv_unit_test(over_the_same_connection_another_session_may_follow),
    };
    return cmocka_run_group_tests_name("uv open", tests, setup_uv, teardown_configs);
}
