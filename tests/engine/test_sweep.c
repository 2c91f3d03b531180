/* SPDX-License-Identifier: MIT */
/*
 * The wire cut after every byte of a small conversation, handshake included: receiving is closed if and only if the cut
 * lies behind the peer's close_notify, and what was delivered is a prefix of what the peer said.
 */
#include "joined.h"

#include <errno.h>
#include <string.h>

static const char *const words = "what the peer said before it ended its side";

struct side {
    struct adieu_stream *s;
    bool spoken;
    enum adieu_status read;
    size_t heard;
    char text[100];
};

/* One turn of a program: shakes hands, says its words and shuts down, reads on. */
static void turn(struct side *side)
{
    if (adieu_handshake(side->s) != ADIEU_OK) {
        side->read = adieu_handshake(side->s);
        return;
    }
    size_t took = 0, got = 0;
    if (!side->spoken && adieu_write(side->s, words, strlen(words), &took) == ADIEU_OK)
        assert_int_not_equal(adieu_shutdown(side->s), ADIEU_WAIT);
    side->spoken = true;
    while ((side->read = adieu_read(side->s, side->text + side->heard, sizeof side->text - side->heard, &got)) ==
           ADIEU_OK)
        side->heard += got;
}

struct cut {
    size_t after; /* so many bytes reach me */
    bool reset;   /* then the transport is reset; or only ended */
    bool made;
};

/* Moves what waits in both directions; what comes to me is cut. Returns whether anything moved. */
static bool move(struct side *me, struct side *peer, struct cut *cut)
{
    size_t moved = carry(me->s, peer->s);
    if (cut->made)
        return moved > 0;
    size_t came = carry_some(peer->s, me->s, cut->after);
    cut->after -= came;
    if (cut->after == 0) {
        cut->made = true;
        if (cut->reset)
            adieu_wire_reset(me->s, ECONNRESET);
        else
            adieu_wire_eof(me->s);
    }
    return moved + came > 0 || cut->made;
}

static void check_me(const struct side *me, const struct side *peer, bool whole, bool reset)
{
    struct adieu_ending ending = adieu_ending(me->s);
    assert_int_equal(ending.receiving == ADIEU_RECEIVING_CLOSED, whole);
    assert_int_equal(me->read, whole ? ADIEU_END : ADIEU_FAIL);
    assert_true(me->heard <= strlen(words) && (!whole || me->heard == strlen(words)));
    assert_memory_equal(me->text, words, me->heard);
    assert_int_equal(ending.received, me->heard);
    if (!whole)
        check_receiving(me->s, reset ? ADIEU_RECEIVING_RESET : ADIEU_RECEIVING_TRUNCATED);
    assert_true(adieu_ending_exit(&ending) != ADIEU_EXIT_DELIVERED || whole);
    /* What I sent is mine to end: it reaches the peer whatever came to me, as far as I got to say it. */
    if (ending.sending == ADIEU_SENDING_CLOSED)
        check_receiving(peer->s, ADIEU_RECEIVING_CLOSED);
}

/* Returns whether the cut came behind the whole conversation. */
static bool converse(struct adieu_config *client, struct adieu_config *server, bool as_server, struct cut cut)
{
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    struct side me = {.s = as_server ? joined.server : joined.client};
    struct side peer = {.s = as_server ? joined.client : joined.server};
    size_t after = cut.after;
    do {
        turn(&me);
        turn(&peer);
    } while (move(&me, &peer, &cut) &&
             !(cut.made && me.read != ADIEU_WAIT && peer.read != ADIEU_WAIT && adieu_wire_out(me.s, NULL) == 0));
    turn(&me);
    bool behind = adieu_ending(peer.s).sending == ADIEU_SENDING_CLOSED;
    check_that(cut.made || behind, "cut after %zu: the conversation stalled", after);
    check_me(&me, &peer, behind, cut.reset);
    bool whole = !cut.made || cut.after > 0;
    part(&joined);
    return whole;
}

static void sweep(enum adieu_version version, bool as_server)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    size_t after = 0;
    for (bool whole = false; !whole; after++) {
        whole = converse(client, server, as_server, (struct cut){.after = after, .reset = false});
        converse(client, server, as_server, (struct cut){.after = after, .reset = true});
    }
    assert_in_range(after, 200, 5000);
    adieu_config_free(client);
    adieu_config_free(server);
}

static void every_cut_as_a_tls_1_2_client(void **state)
{
    (void)state;
    sweep(ADIEU_TLS_1_2, false);
}

static void every_cut_as_a_tls_1_2_server(void **state)
{
    (void)state;
    sweep(ADIEU_TLS_1_2, true);
}

static void every_cut_as_a_tls_1_3_client(void **state)
{
    (void)state;
    sweep(ADIEU_TLS_1_3, false);
}

static void every_cut_as_a_tls_1_3_server(void **state)
{
    (void)state;
    sweep(ADIEU_TLS_1_3, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_as_a_tls_1_2_client),
        cmocka_unit_test(every_cut_as_a_tls_1_2_server),
        cmocka_unit_test(every_cut_as_a_tls_1_3_client),
        cmocka_unit_test(every_cut_as_a_tls_1_3_server),
    };
    return cmocka_run_group_tests_name("engine sweep", tests, setup_authority, teardown_authority);
}
