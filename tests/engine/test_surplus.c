/* SPDX-License-Identifier: MIT */
/*
 * S54 with real TLS: OpenSSL takes nothing behind close_notify, however it comes, so that what follows on the same transport,
 * plaintext or a second session, is whole.
 */
#include "joined.h"

#include <stdlib.h>
#include <string.h>

/* What one side sends. */
struct wire {
    size_t size;
    uint8_t bytes[4096];
};

static void append(struct wire *wire, const void *bytes, size_t size)
{
    assert_true(wire->size + size <= sizeof wire->bytes);
    memcpy(wire->bytes + wire->size, bytes, size);
    wire->size += size;
}

/* Takes all that a stream has to send. */
static void take(struct adieu_stream *s, struct wire *wire)
{
    const uint8_t *at = NULL;
    for (size_t n; (n = adieu_wire_out(s, &at)) > 0;) {
        append(wire, at, n);
        adieu_wire_out_done(s, n);
    }
}

/* How the wire's bytes come to the stream: pieces of so many, lent or put where it says; read after each, or at the end. */
struct way {
    size_t piece;
    bool lent, read_at_the_end;
};

/* Hands over one piece; how much there was room for. */
static size_t give(struct adieu_stream *s, const uint8_t *bytes, size_t size, bool lent)
{
    uint8_t *at = NULL;
    size_t room = adieu_wire_in(s, NULL);
    size = size < room ? size : room;
    if (size == 0)
        return 0;
    if (lent) {
        check_status(adieu_wire_lend(s, bytes, size), ADIEU_OK);
        return size;
    }
    assert_true(adieu_wire_in(s, &at) >= size);
    memcpy(at, bytes, size);
    adieu_wire_in_done(s, size);
    return size;
}

/* The stream hears text and the end; returns how much of the wire it took. Loans are gone when they are settled. */
static size_t hear(struct adieu_stream *s, const struct wire *wire, const char *text, struct way way)
{
    char heard[64] = "";
    size_t at = 0, length = 0, got, n;
    do {
        size_t left = wire->size - at;
        uint8_t *piece = malloc(way.piece);
        n = left < way.piece ? left : way.piece;
        memcpy(piece, wire->bytes + at, n);
        n = give(s, piece, n, way.lent);
        at += n;
        while (!(way.read_at_the_end && at < wire->size) &&
               adieu_read(s, heard + length, sizeof heard - length, &got) == ADIEU_OK)
            length += got;
        adieu_wire_settle(s);
        free(piece);
    } while (n > 0 && at < wire->size);
    check_status(listen_once(s), ADIEU_END);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(heard, text, length);
    return at;
}

/* From the surplus and what was not taken comes what was said behind the end. */
static void check_rest(struct adieu_stream *s, const struct wire *wire, size_t taken, const void *said, size_t size)
{
    const uint8_t *at = NULL;
    size_t surplus = adieu_wire_surplus(s, &at);
    assert_true(surplus <= taken);
    check_that(surplus + wire->size - taken == size, "%zu bytes of surplus, %zu not taken, of %zu", surplus,
               wire->size - taken, size);
    if (surplus > 0)
        assert_memory_equal(at, said, surplus);
    assert_memory_equal(wire->bytes + taken, (const uint8_t *)said + surplus, size - surplus);
    assert_int_equal(adieu_wire_in(s, NULL), 0);
}

static const struct way ways[] = {
    {.piece = 4096},
    {.piece = 4096, .lent = true},
    {.piece = 1},
    {.piece = 1, .lent = true},
    {.piece = 1, .read_at_the_end = true},
    {.piece = 1, .lent = true, .read_at_the_end = true},
    {.piece = 7},
    {.piece = 29, .lent = true},
};

static void each_way(void (*story)(struct adieu_stream *speaker, struct adieu_stream *hearer, struct way way))
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (int turn = 0; turn < 2 * VERSIONS; turn++) {
            struct joined joined = joined_by(versions[turn / 2]);
            if (turn % 2)
                story(joined.client, joined.server, ways[i]);
            else
                story(joined.server, joined.client, ways[i]);
            part(&joined);
        }
}

/* ------------------------------------------------ plaintext */

static void plaintext_behind(struct adieu_stream *speaker, struct adieu_stream *hearer, struct way way)
{
    static const char plain[] = "\27\3\3\0\5 it looks like a record, and is none\r\n";
    struct wire wire = {0};
    say(speaker, "the last words");
    check_status(adieu_shutdown(speaker), ADIEU_OK);
    take(speaker, &wire);
    append(&wire, plain, sizeof plain);
    check_rest(hearer, &wire, hear(hearer, &wire, "the last words", way), plain, sizeof plain);
    check_status(adieu_shutdown(hearer), ADIEU_OK);
    carry(hearer, speaker);
    check_status(listen_once(speaker), ADIEU_END);
    check_ends(hearer, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_error(hearer, ADIEU_ERR_NONE);
    assert_int_equal(adieu_wire_surplus(speaker, NULL), 0);
}

static void plaintext_behind_the_end_comes_back_whole(void **state)
{
    (void)state;
    each_way(plaintext_behind);
}

/* ------------------------------------------------ a second session */

static void second_session(struct adieu_stream *speaker, struct adieu_stream *hearer, struct way way)
{
    struct wire wire = {0}, hello = {0};
    struct joined next = join(client_config(0), server_config(0), HOST);
    check_status(adieu_shutdown(speaker), ADIEU_OK);
    take(speaker, &wire);
    check_status(adieu_handshake(next.client), ADIEU_WAIT);
    take(next.client, &hello);
    append(&wire, hello.bytes, hello.size);
    size_t taken = hear(hearer, &wire, "", way);
    check_rest(hearer, &wire, taken, hello.bytes, hello.size);

    const uint8_t *at = NULL;
    size_t surplus = adieu_wire_surplus(hearer, &at);
    assert_int_equal(give(next.server, at, surplus, false), surplus);
    assert_int_equal(give(next.server, wire.bytes + taken, wire.size - taken, false), wire.size - taken);
    shake_hands(&next);
    say(next.client, "up again");
    carry(next.client, next.server);
    check_hears(next.server, "up again");
    say_goodbye(&next);
    part(&next);
}

static void a_second_session_begins_in_the_segment_in_which_the_first_ended(void **state)
{
    (void)state;
    each_way(second_session);
}

/* ------------------------------------------------ while we go on */

static void go_on(struct adieu_stream *speaker, struct adieu_stream *hearer, struct way way)
{
    struct wire wire = {0};
    check_status(adieu_shutdown(speaker), ADIEU_OK);
    take(speaker, &wire);
    append(&wire, "plain", 5);
    size_t taken = hear(hearer, &wire, "", way);
    for (int i = 0; i < 10; i++)
        say(hearer, "still ours");
    check_status(adieu_shutdown(hearer), ADIEU_OK);
    carry(hearer, speaker);
    for (int i = 0; i < 10; i++)
        check_hears(speaker, "still ours");
    check_status(listen_once(speaker), ADIEU_END);
    check_rest(hearer, &wire, taken, "plain", 5);
}

static void what_we_still_say_takes_nothing_of_it(void **state)
{
    (void)state;
    each_way(go_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plaintext_behind_the_end_comes_back_whole),
        cmocka_unit_test(a_second_session_begins_in_the_segment_in_which_the_first_ended),
        cmocka_unit_test(what_we_still_say_takes_nothing_of_it),
    };
    return cmocka_run_group_tests_name("engine surplus", tests, setup_authority, teardown_authority);
}
