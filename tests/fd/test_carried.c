/* SPDX-License-Identifier: MIT */
/*
 * Transports of a program's own, in memory. TLS in TLS: the inner end leaves the tunnel open, and how the tunnel ends is how the
 * inner transport ends, and no more. And one that takes nothing for a while.
 */
#include "joined.h"

#include <errno.h>

struct tunnel {
    struct joined outer, inner;
};

/* ------------------------------------------------ a stream as the transport of a stream */

/* What inner says is plaintext of outer, which carries it across. */
static void push(struct adieu_stream *inner, struct adieu_stream *outer, struct adieu_stream *other)
{
    const uint8_t *out;
    size_t size, took;
    while ((size = adieu_wire_out(inner, &out)) > 0) {
        check_status(adieu_write(outer, out, size, &took), ADIEU_OK);
        adieu_wire_out_done(inner, took);
        carry(outer, other);
    }
}

/* What outer hears is inner's; its end, whichever it is, is the end of inner's transport. */
static void pull(struct adieu_stream *inner, struct adieu_stream *outer)
{
    uint8_t *in;
    size_t got, room;
    enum adieu_status status = ADIEU_OK;
    while (status == ADIEU_OK && (room = adieu_wire_in(inner, &in)) > 0) {
        got = 0;
        status = adieu_read(outer, in, room, &got);
        adieu_wire_in_done(inner, got);
    }
    enum adieu_receiving end = adieu_receiving(outer);
    if (status == ADIEU_END || (status == ADIEU_FAIL && end == ADIEU_RECEIVING_TRUNCATED))
        adieu_wire_eof(inner);
    else if (status == ADIEU_FAIL)
        adieu_wire_reset(inner, adieu_ending(outer).os_error);
}

static void up(struct tunnel *tunnel)
{
    push(tunnel->inner.client, tunnel->outer.client, tunnel->outer.server);
    pull(tunnel->inner.server, tunnel->outer.server);
}

static void down(struct tunnel *tunnel)
{
    push(tunnel->inner.server, tunnel->outer.server, tunnel->outer.client);
    pull(tunnel->inner.client, tunnel->outer.client);
}

static struct tunnel tunnel_open(enum adieu_version version)
{
    struct tunnel tunnel = {joined_by(version), join(client_config(version), server_config(version), HOST)};
    enum adieu_status client = ADIEU_WAIT, server = ADIEU_WAIT;
    for (int i = 0; i < 5 && (client != ADIEU_OK || server != ADIEU_OK); i++) {
        client = adieu_handshake(tunnel.inner.client);
        up(&tunnel);
        server = adieu_handshake(tunnel.inner.server);
        down(&tunnel);
    }
    check_status(client, ADIEU_OK);
    check_status(server, ADIEU_OK);
    say(tunnel.inner.client, "inside");
    up(&tunnel);
    check_hears(tunnel.inner.server, "inside");
    return tunnel;
}

static void tunnel_free(struct tunnel *tunnel)
{
    part(&tunnel->inner);
    part(&tunnel->outer);
}

/* ------------------------------------------------ the inner end */

static void ends_inside(enum adieu_version version)
{
    struct tunnel tunnel = tunnel_open(version);
    check_status(adieu_shutdown(tunnel.inner.client), ADIEU_OK);
    up(&tunnel);
    check_status(listen_once(tunnel.inner.server), ADIEU_END);
    say(tunnel.inner.server, "a reply");
    check_status(adieu_shutdown(tunnel.inner.server), ADIEU_OK);
    down(&tunnel);
    check_hears(tunnel.inner.client, "a reply");
    check_status(listen_once(tunnel.inner.client), ADIEU_END);
    check_ends(tunnel.inner.client, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_ends(tunnel.outer.client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN);
    check_ends(tunnel.outer.server, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN);
    say(tunnel.outer.client, "still a tunnel"); /* and closed after what was in it, it ends as well */
    carry(tunnel.outer.client, tunnel.outer.server);
    check_hears(tunnel.outer.server, "still a tunnel");
    say_goodbye(&tunnel.outer);
    tunnel_free(&tunnel);
}

static void the_inner_end_leaves_the_tunnel_open(void **state)
{
    (void)state;
    for_versions(ends_inside);
}

/* ------------------------------------------------ the tunnel's end */

static void cut_outside(enum adieu_version version)
{
    struct tunnel tunnel = tunnel_open(version);
    adieu_wire_eof(tunnel.outer.client);
    down(&tunnel);
    check_ends(tunnel.outer.client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_TRUNCATED);
    check_status(listen_once(tunnel.inner.client), ADIEU_FAIL);
    check_ends(tunnel.inner.client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_TRUNCATED);
    tunnel_free(&tunnel);
}

static void a_cut_of_the_tunnel_is_a_cut_inside(void **state)
{
    (void)state;
    for_versions(cut_outside);
}

static void ends_outside(enum adieu_version version)
{
    struct tunnel tunnel = tunnel_open(version);
    check_status(adieu_shutdown(tunnel.outer.server), ADIEU_OK);
    carry(tunnel.outer.server, tunnel.outer.client);
    down(&tunnel);
    check_ends(tunnel.outer.client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_CLOSED);
    check_status(listen_once(tunnel.inner.client), ADIEU_FAIL);
    check_ends(tunnel.inner.client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_TRUNCATED);
    tunnel_free(&tunnel);
}

static void an_authentic_end_of_the_tunnel_is_none_inside(void **state)
{
    (void)state;
    for_versions(ends_outside);
}

static void resets_outside(enum adieu_version version)
{
    struct tunnel tunnel = tunnel_open(version);
    adieu_wire_reset(tunnel.outer.client, ECONNRESET);
    down(&tunnel);
    check_ends(tunnel.outer.client, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_RESET);
    check_status(listen_once(tunnel.inner.client), ADIEU_FAIL);
    check_ends(tunnel.inner.client, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_RESET);
    assert_int_equal(adieu_ending(tunnel.inner.client).os_error, ECONNRESET);
    tunnel_free(&tunnel);
}

static void a_reset_of_the_tunnel_is_a_reset_inside(void **state)
{
    (void)state;
    for_versions(resets_outside);
}

/* ------------------------------------------------ a transport that takes nothing */

static unsigned refusals;

static size_t takes_nothing(void *context, const uint8_t *bytes, size_t size)
{
    (void)context, (void)bytes, (void)size;
    refusals++;
    return 0;
}

/* "0 bytes were taken", directly or later, is no failure and no end: asked once each time, the same range waits. */
static void is_asked_later(enum adieu_version version)
{
    struct joined joined = joined_by(version);
    const uint8_t *at, *again;
    refusals = 0;
    adieu_wire_direct(joined.client, takes_nothing, NULL);
    say(joined.client, "patience");
    assert_int_equal(refusals, 1);
    size_t size = adieu_wire_out(joined.client, &at);
    for (int i = 0; i < 1000; i++) {
        adieu_wire_out_done(joined.client, 0);
        assert_int_equal(adieu_wire_out(joined.client, &again), size);
        assert_ptr_equal(again, at);
    }
    assert_int_equal(adieu_ending(joined.client).sent, 0);
    check_ends(joined.client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN);
    carry(joined.client, joined.server);
    check_hears(joined.server, "patience");
    say_goodbye(&joined);
    part(&joined);
}

static void a_transport_that_takes_nothing_for_a_while_is_asked_later(void **state)
{
    (void)state;
    for_versions(is_asked_later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_inner_end_leaves_the_tunnel_open),
        cmocka_unit_test(a_cut_of_the_tunnel_is_a_cut_inside),
        cmocka_unit_test(an_authentic_end_of_the_tunnel_is_none_inside),
        cmocka_unit_test(a_reset_of_the_tunnel_is_a_reset_inside),
        cmocka_unit_test(a_transport_that_takes_nothing_for_a_while_is_asked_later),
    };
    return cmocka_run_group_tests_name("fd carried", tests, setup_authority, teardown_authority);
}
