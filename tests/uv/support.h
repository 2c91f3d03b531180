/* SPDX-License-Identifier: MIT */
/* What the tests of the libuv transport share: a loop with a bound on every wait, requests that remember how they ended. */
#ifndef ADIEU_TESTS_UV_SUPPORT_H
#define ADIEU_TESTS_UV_SUPPORT_H

#include "../fd/support.h"
#include "adieu_uv.h"

/* The setup of a program's tests; their teardown is teardown_configs(). */
int setup_uv(void **state);

/* The loop of a test. */
extern uv_loop_t the_uv_loop;
extern struct adieu_uv_loop *the_loop;
/* A test's setup and teardown. Behind it nothing may be left: no libuv handle, no descriptor. */
int open_loop(void **state);
int close_loop(void **state);
#define uv_unit_test(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)

/* Runs the loop until *done; fails if it takes too long, or if the loop has nothing left to do. */
void run_until(const bool *done);
/* Runs it until this holds, with the same bounds. */
#define run_until_that(condition)                                                                                      \
    for (uint64_t bound_ = run_bound(); !(condition);)                                                                 \
    run_turn(bound_)
uint64_t run_bound(void);
void run_turn(uint64_t bound);
/* Runs it for so long. */
void run_ms(uint64_t milliseconds);

/* A request, and how it ended. */
struct waiter {
    struct adieu_uv_request request;
    bool done;
    unsigned calls;
    int status;
    struct adieu_ending ending; /* of a close */
};
void waiter_done(struct adieu_uv_request *request, int status);
void waiter_closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending);
/* Runs the loop until it is done, and holds its status against this. */
void ends_with(struct waiter *waiter, int status);

#define assert_code(got, expected)                                                                                     \
    assert_string_equal((got) ? uv_err_name(got) : "0", (expected) ? uv_err_name(expected) : "0")

/* A client of the_client_config; a server of the_server_config. */
struct adieu_uv *new_uv_client(void);
struct adieu_uv *new_uv_server(void);

/* The handshake of a client and a server in this loop. */
void shake_both(struct adieu_uv *client, struct adieu_uv *server);
/* The whole goodbye of both. */
void close_both(struct adieu_uv *client, struct adieu_uv *server);

/* A listening TCP socket at 127.0.0.1 and its port; a port that is taken, and not listened on. */
int raw_listener(char port[8], int backlog);
int refused_port(char port[8]);
/* A socket's port. */
void port_of(int descriptor, char port[8]);
int descriptor_of(uv_stream_t *stream);

#endif
