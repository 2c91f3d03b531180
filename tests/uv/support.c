/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

/* ------------------------------------------------ the loop */

enum { BOUND_MS = 20000 };

uv_loop_t the_uv_loop;
struct adieu_uv_loop *the_loop;
static int descriptors_before;
static uv_timer_t guard;

int setup_uv(void **state)
{
    uv_loop_t first; /* makes what libuv keeps for the whole process */
    assert_int_equal(uv_loop_init(&first), 0);
    assert_int_equal(uv_loop_close(&first), 0);
    return setup_configs(state);
}

/* With the first stream a loop opens a descriptor that it keeps in reserve. */
static void open_reserve(void)
{
    uv_tcp_t stream;
    assert_int_equal(uv_tcp_init(&the_uv_loop, &stream), 0);
    uv_close((uv_handle_t *)&stream, NULL);
    (void)uv_run(&the_uv_loop, UV_RUN_NOWAIT);
}

int open_loop(void **state)
{
    (void)state;
    descriptors_before = open_descriptors();
    assert_int_equal(uv_loop_init(&the_uv_loop), 0);
    the_loop = adieu_uv_loop_new(&the_uv_loop);
    assert_non_null(the_loop);
    assert_ptr_equal(adieu_uv_loop_uv(the_loop), &the_uv_loop);
    assert_int_equal(uv_timer_init(&the_uv_loop, &guard), 0);
    uv_unref((uv_handle_t *)&guard);
    open_reserve();
    return 0;
}

static void fire(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/*
 * It repeats until it is stopped: one that fires at the head of a UV_RUN_ONCE leaves the rest of that to wait for something
 * else, perhaps for ever.
 */
static void set_guard(uint64_t milliseconds, bool *fired)
{
    enum { REPEAT_MS = 5 };
    guard.data = fired;
    uv_update_time(&the_uv_loop);
    assert_int_equal(uv_timer_start(&guard, fire, milliseconds, REPEAT_MS), 0);
}

int close_loop(void **state)
{
    bool late = false;
    (void)state;
    adieu_uv_loop_free(the_loop);
    set_guard(BOUND_MS, &late);
    while (uv_run(&the_uv_loop, UV_RUN_ONCE) && !late) {
    }
    uv_close((uv_handle_t *)&guard, NULL);
    (void)uv_run(&the_uv_loop, UV_RUN_NOWAIT);
    if (late || uv_loop_close(&the_uv_loop) != 0) {
        uv_print_all_handles(&the_uv_loop, stderr);
        fail_msg("something is left in the loop");
    }
    assert_int_equal(open_descriptors(), descriptors_before);
    return 0;
}

void run_until(const bool *done)
{
    bool late = false;
    set_guard(BOUND_MS, &late);
    while (!*done) {
        int alive = uv_run(&the_uv_loop, UV_RUN_ONCE);
        if (late)
            fail_msg("it takes too long");
        if (!alive && !*done)
            fail_msg("the loop has nothing left to do");
    }
    assert_int_equal(uv_timer_stop(&guard), 0);
}

uint64_t run_bound(void)
{
    uv_update_time(&the_uv_loop);
    return uv_now(&the_uv_loop) + BOUND_MS;
}

void run_turn(uint64_t bound)
{
    bool late = false;
    if (!uv_loop_alive(&the_uv_loop))
        fail_msg("the loop has nothing left to do");
    uint64_t now = uv_now(&the_uv_loop);
    set_guard(now < bound ? bound - now : 0, &late);
    (void)uv_run(&the_uv_loop, UV_RUN_ONCE);
    if (late)
        fail_msg("it takes too long");
    assert_int_equal(uv_timer_stop(&guard), 0);
}

void run_ms(uint64_t milliseconds)
{
    bool over = false;
    set_guard(milliseconds, &over);
    uv_ref((uv_handle_t *)&guard);
    while (!over)
        (void)uv_run(&the_uv_loop, UV_RUN_ONCE);
    uv_unref((uv_handle_t *)&guard);
    assert_int_equal(uv_timer_stop(&guard), 0);
}

/* ------------------------------------------------ requests */

void waiter_done(struct adieu_uv_request *request, int status)
{
    struct waiter *waiter = (struct waiter *)request;
    waiter->calls++;
    waiter->status = status;
    waiter->done = true;
}

void waiter_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    ((struct waiter *)request)->ending = *ending;
    waiter_done(request, status);
}

void ends_with(struct waiter *waiter, int status)
{
    run_until(&waiter->done);
    assert_code(waiter->status, status);
    assert_int_equal(waiter->calls, 1);
}

/* ------------------------------------------------ handles */

struct adieu_uv *new_uv_client(void)
{
    struct adieu_uv *uv = adieu_uv_client(the_loop, the_client_config, "localhost");
    assert_non_null(uv);
    return uv;
}

struct adieu_uv *new_uv_server(void)
{
    struct adieu_uv *uv = adieu_uv_server(the_loop, the_server_config);
    assert_non_null(uv);
    return uv;
}

void shake_both(struct adieu_uv *client, struct adieu_uv *server)
{
    struct waiter ours = {.done = false}, theirs = {.done = false};
    assert_code(adieu_uv_handshake(&ours.request, client, waiter_done), 0);
    assert_code(adieu_uv_handshake(&theirs.request, server, waiter_done), 0);
    ends_with(&ours, 0);
    ends_with(&theirs, 0);
}

void close_both(struct adieu_uv *client, struct adieu_uv *server)
{
    struct waiter ours = {.done = false}, theirs = {.done = false};
    const struct adieu_uv_patience patience = {.quiet_ms = 5000, .total_ms = 10000};
    assert_code(adieu_uv_close(&ours.request, client, patience, waiter_closed), 0);
    assert_code(adieu_uv_close(&theirs.request, server, patience, waiter_closed), 0);
    ends_with(&ours, 0);
    ends_with(&theirs, 0);
    assert_ends(ours.ending, "closed", "closed");
    assert_ends(theirs.ending, "closed", "closed");
}

/* ------------------------------------------------ sockets */

void port_of(int descriptor, char port[8])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
    bool six = address.ss_family == AF_INET6;
    (void)snprintf(port, 8, "%u",
                   (unsigned)ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port
                                       : ((struct sockaddr_in *)&address)->sin_port));
}

int refused_port(char port[8])
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(taken, (const struct sockaddr *)&address, sizeof address), 0);
    port_of(taken, port);
    return taken;
}

int raw_listener(char port[8], int backlog)
{
    const struct adieu_fd_address where = {.host = "127.0.0.1", .port = "0"};
    int listener = adieu_fd_listen(&where, backlog, ADIEU_FD_FOREVER, NULL);
    assert_true(listener >= 0);
    port_of(listener, port);
    return listener;
}

int descriptor_of(uv_stream_t *stream)
{
    uv_os_fd_t descriptor;
    assert_int_equal(uv_fileno((uv_handle_t *)stream, &descriptor), 0);
    return descriptor;
}
