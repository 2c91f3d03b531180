/* SPDX-License-Identifier: MIT */
/* What went wrong, as libuv's code, and in adieu_uv_error's words. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

static void explained(const struct adieu_uv *uv, enum adieu_error_code code, const char *part)
{
    const struct adieu_error *error = adieu_uv_error(uv);
    assert_string_equal(adieu_error_code_name(error->code), adieu_error_code_name(code));
    if (!strstr(error->text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error->text);
}

/* Reads to an end that is not one. */
static void hears(struct adieu_uv *uv, size_t bytes, int code)
{
    struct ear ear;
    hear(uv, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, code);
    assert_int_equal(ear.got, bytes);
    assert_true(ear.intact);
    assert_int_equal(ear.ends, 1);
}

static void put_on_the_wire(struct adieu_uv *uv, const void *bytes, size_t size)
{
    assert_int_equal(send(descriptor_of(adieu_uv_transport(uv)), bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* ------------------------------------------------ after the handshake */

static void end_without_goodbye(struct talk *talk)
{
    struct waiter write;
    say(&write, talk->peer, 0, 20000);
    ends_with(&write, 0);
    cut(talk->peer);
    hears(talk->us, 20000, UV_ECONNABORTED);
    explained(talk->us, ADIEU_ERR_TRUNCATED, "without close_notify");
    assert_false(adieu_uv_ending(talk->us).inside_record);
}

static void a_connection_that_ends_without_goodbye_is_truncated(void **state)
{
    (void)state;
    each_talk(end_without_goodbye);
}

static void end_inside_a_record(struct talk *talk)
{
    static const uint8_t half[] = {0x17, 3, 3, 1, 0, 'h', 'a', 'l', 'f'};
    put_on_the_wire(talk->peer, half, sizeof half);
    cut(talk->peer);
    hears(talk->us, 0, UV_ECONNABORTED);
    assert_true(adieu_uv_ending(talk->us).inside_record);
}

static void and_inside_a_record_that_is_told(void **state)
{
    (void)state;
    each_talk(end_inside_a_record);
}

/* All of it is there before we look: libuv's own reading would call this an end. */
static void data_and_reset(struct talk *talk)
{
    struct waiter write, unread;
    say(&write, talk->peer, 0, 12345);
    ends_with(&write, 0);
    say(&unread, talk->us, 0, 5); /* on a Unix socket this makes a reset of the close */
    ends_with(&unread, 0);
    reset_it(&talk->peer);
    hears(talk->us, 12345, UV_ECONNRESET);
    explained(talk->us, ADIEU_ERR_RESET, "reset");
    assert_string_equal(adieu_receiving_name(adieu_uv_ending(talk->us).receiving), "reset");
}

static void data_and_a_reset_in_one_turn_are_a_reset(void **state)
{
    (void)state;
    each_talk(data_and_reset);
}

static void reset_under_a_write(struct talk *talk)
{
    struct waiter blocked, half = {.done = false}, after = {.done = false};
    const uv_buf_t buf = pattern_buf(0, 5);
    say_too_much(&blocked, talk->us);
    reset_it(&talk->peer);
    ends_with(&blocked, UV_ECONNRESET);
    assert_in_range(blocked.request.taken, 1, BIG - 1);
    assert_code(adieu_uv_write(&after.request, talk->us, &buf, 1, waiter_done), 0);
    assert_code(adieu_uv_shutdown(&half.request, talk->us, waiter_done), 0);
    run_until_that(after.done && half.done);
    assert_true(after.status < 0 && half.status < 0);
    explained(talk->us, ADIEU_ERR_RESET, "reset");
}

/* On a Unix socket a peer that goes with our bytes unread is a reset, too. */
static void a_reset_fails_a_write_that_waits(void **state)
{
    (void)state;
    each_talk(reset_under_a_write);
}

static void peer_gives_up(struct talk *talk)
{
    struct ear ear;
    hear(talk->peer, &ear);
    say_nonsense(talk->us);
    hears(talk->us, 0, UV_EPROTO);
    explained(talk->us, ADIEU_ERR_ALERTED, "bad_record_mac");
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EPROTO);
    explained(talk->peer, ADIEU_ERR_VIOLATION, "bad_record_mac");
}

static void an_alert_and_its_reason_are_told_on_both_sides(void **state)
{
    (void)state;
    each_talk(peer_gives_up);
}

/* The write learns of it, though nobody reads. */
static void alert_under_a_write(struct talk *talk)
{
    struct waiter blocked;
    struct ear ear;
    say_too_much(&blocked, talk->us);
    say_nonsense(talk->peer); /* our alert waits behind what is blocked, and the write is told at once */
    run_until_that(blocked.done);
    assert_code(blocked.status, UV_EPROTO);
    explained(talk->us, ADIEU_ERR_VIOLATION, "bad_record_mac");
    hear(talk->peer, &ear);
    run_until_that(ear.ended);
    assert_code(ear.end, UV_EPROTO);
    explained(talk->peer, ADIEU_ERR_ALERTED, "bad_record_mac");
}

static void a_write_that_waits_learns_of_nonsense(void **state)
{
    (void)state;
    each_talk(alert_under_a_write);
}

/* ------------------------------------------------ in the handshake */

static struct waiter *asked(struct waiter *waiter, struct adieu_uv *uv)
{
    *waiter = (struct waiter){.done = false};
    assert_code(adieu_uv_handshake(&waiter->request, uv, waiter_done), 0);
    return waiter;
}

static void not_tls(struct talk *talk)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    struct waiter ours;
    put_on_the_wire(talk->peer, http, sizeof http - 1);
    ends_with(asked(&ours, talk->us), UV_EPROTO);
    explained(talk->us, ADIEU_ERR_NOT_TLS, "is not TLS");
}

static void what_is_not_tls_is_called_so(void **state)
{
    (void)state;
    each_early_talk(not_tls);
}

static void reset_early(struct talk *talk)
{
    struct waiter ours;
    asked(&ours, talk->us);
    run_ms(2);
    reset_it(&talk->peer);
    run_until_that(ours.done);
    if (talk->carrier == CARRIER_TCP) {
        assert_code(ours.status, UV_ECONNRESET);
        explained(talk->us, ADIEU_ERR_RESET, "reset");
    } else {
        assert_true(ours.status == UV_ECONNRESET || ours.status == UV_ECONNABORTED);
    }
}

static void a_reset_fails_the_handshake(void **state)
{
    (void)state;
    each_early_talk(reset_early);
}

static void close_notify_early(struct talk *talk)
{
    static const uint8_t close_notify[] = {0x15, 3, 3, 0, 2, 1, 0};
    struct waiter ours;
    asked(&ours, talk->us);
    run_ms(1);
    put_on_the_wire(talk->peer, close_notify, sizeof close_notify);
    ends_with(&ours, UV_EPROTO);
}

static void a_goodbye_in_the_handshake_fails_it(void **state)
{
    (void)state;
    each_early_talk(close_notify_early);
}

static struct {
    struct waiter handshake, write, half;
} too_late;

/* The program does not look at the status before it goes on. */
static void goes_on(struct adieu_uv_request *request, int status)
{
    const uv_buf_t buf = pattern_buf(0, 5);
    waiter_done(request, status);
    assert_code(adieu_uv_write(&too_late.write.request, request->uv, &buf, 1, waiter_done), 0);
    assert_code(adieu_uv_shutdown(&too_late.half.request, request->uv, waiter_done), 0);
}

static void asked_too_late(struct talk *talk)
{
    memset(&too_late, 0, sizeof too_late);
    assert_code(adieu_uv_handshake(&too_late.handshake.request, talk->us, goes_on), 0);
    run_ms(1);
    say_nonsense(talk->peer);
    ends_with(&too_late.handshake, UV_EPROTO);
    ends_with(&too_late.write, UV_EPROTO);
    ends_with(&too_late.half, UV_EPROTO);
}

static void what_is_asked_for_where_the_handshake_fails_is_told_with_its_code(void **state)
{
    (void)state;
    some_early_talks(asked_too_late);
}

/* ------------------------------------------------ trust */

static struct talk strangers(enum adieu_version version, struct adieu_config **wary)
{
    static const uint8_t nobody[ADIEU_PIN_SIZE];
    struct talk talk = {.carrier = CARRIER_TCP, .version = version};
    int sockets[2];
    *wary = adieu_config_new();
    assert_status(adieu_config_trust_pin(*wary, nobody), ADIEU_OK);
    assert_status(adieu_config_versions(*wary, version, version), ADIEU_OK);
    talk.us = adieu_uv_client(the_loop, *wary, "localhost");
    talk.peer = new_uv_server();
    connected_sockets(CARRIER_TCP, sockets);
    assert_code(adieu_uv_open(talk.us, sockets[0]), 0);
    assert_code(adieu_uv_open(talk.peer, sockets[1]), 0);
    return talk;
}

/* TLS 1.2: its handshake fails; TLS 1.3: it was done there, and the next read tells. */
static void a_peer_that_is_not_trusted_is_refused_and_told_so(void **state)
{
    (void)state;
    for (enum adieu_version version = ADIEU_TLS_1_2; version <= ADIEU_TLS_1_3; version++) {
        struct adieu_config *wary;
        struct talk talk = strangers(version, &wary);
        struct waiter ours, theirs, write = {.done = false};
        const uv_buf_t buf = pattern_buf(0, 5);
        asked(&theirs, talk.peer);
        asked(&ours, talk.us);
        assert_code(adieu_uv_write(&write.request, talk.us, &buf, 1, waiter_done), 0);
        ends_with(&ours, UV_EACCES);
        ends_with(&write, UV_EACCES);
        explained(talk.us, ADIEU_ERR_REFUSED, "pin");
        run_until_that(theirs.done);
        if (theirs.status == 0)
            hears(talk.peer, 0, UV_EPROTO);
        else
            assert_code(theirs.status, UV_EPROTO);
        explained(talk.peer, ADIEU_ERR_ALERTED, "alert");
        talk_free(&talk);
        adieu_config_free(wary);
    }
}

static void a_config_that_will_not_do_is_invalid(void **state)
{
    struct adieu_config *empty = adieu_config_new();
    struct talk talk = {.us = adieu_uv_server(the_loop, empty), .peer = adieu_uv_client(the_loop, empty, NULL)};
    struct waiter ours, theirs;
    int sockets[2];
    (void)state;
    connected_sockets(CARRIER_SOCKETPAIR, sockets);
    assert_code(adieu_uv_open(talk.us, sockets[0]), 0);
    assert_code(adieu_uv_open(talk.peer, sockets[1]), 0);
    ends_with(asked(&ours, talk.us), UV_EINVAL);
    explained(talk.us, ADIEU_ERR_NO_IDENTITY, "certificate");
    ends_with(asked(&theirs, talk.peer), UV_EINVAL);
    explained(talk.peer, ADIEU_ERR_NO_NAME, "name");
    talk_free(&talk);
    adieu_config_free(empty);
}

/* ------------------------------------------------ without a connection */

static void who_is_not_connected_is_told_so(void **state)
{
    struct talk talk = {.version = ADIEU_TLS_1_3};
    struct waiter ours = {.done = false};
    (void)state;
    talk_make(&talk);
    assert_code(adieu_uv_handshake(&ours.request, talk.us, waiter_done), UV_ENOTCONN);
    assert_int_equal(adieu_uv_error(talk.us)->code, ADIEU_ERR_NONE);
    assert_null(adieu_uv_transport(talk.us));
    run_ms(1);
    assert_false(ours.done);
    talk_free(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_ends_without_goodbye_is_truncated),
        cmocka_unit_test(and_inside_a_record_that_is_told),
        cmocka_unit_test(data_and_a_reset_in_one_turn_are_a_reset),
        cmocka_unit_test(a_reset_fails_a_write_that_waits),
        cmocka_unit_test(an_alert_and_its_reason_are_told_on_both_sides),
        cmocka_unit_test(a_write_that_waits_learns_of_nonsense),
        cmocka_unit_test(what_is_not_tls_is_called_so),
        cmocka_unit_test(a_reset_fails_the_handshake),
        cmocka_unit_test(a_goodbye_in_the_handshake_fails_it),
        cmocka_unit_test(what_is_asked_for_where_the_handshake_fails_is_told_with_its_code),
        uv_unit_test(a_peer_that_is_not_trusted_is_refused_and_told_so),
        uv_unit_test(a_config_that_will_not_do_is_invalid),
        uv_unit_test(who_is_not_connected_is_told_so),
    };
    return cmocka_run_group_tests_name("uv codes", tests, setup_talks, teardown_talks);
}
