/* SPDX-License-Identifier: MIT */
/*
 * The nth allocation of OpenSSL's fails, for every n of a conversation: no crash, no leak, and no lie. A lack of memory is
 * this side's fault and not the peer's violation, as far as OpenSSL lets anybody know.
 */
#include "joined.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static size_t asked, fail_at = SIZE_MAX;
static bool failing; /* only while the stream under test is run: memory is short on one side */

static bool refused(void)
{
    return failing && asked++ == fail_at;
}

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return refused() ? NULL : malloc(size);
}

static void *failing_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return refused() ? NULL : realloc(block, size);
}

static void plain_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

/* ------------------------------------------------ a conversation with little memory on one side */

static const char *const words = "all that is said";

struct side {
    struct adieu_stream *s;
    bool short_of_memory, spoken;
    char text[100];
    size_t heard;
    enum adieu_status read;
};

static void turn(struct side *side)
{
    size_t n = 0;
    failing = side->short_of_memory;
    side->read = adieu_handshake(side->s);
    if (side->read == ADIEU_OK) {
        if (!side->spoken && adieu_write(side->s, words, strlen(words), &n) == ADIEU_OK)
            (void)!adieu_shutdown(side->s);
        side->spoken = true;
        while ((side->read = adieu_read(side->s, side->text + side->heard, 10, &n)) == ADIEU_OK)
            side->heard += n;
    }
    failing = false;
}

static void check_no_lie(const struct side *me, const struct side *peer, size_t nth)
{
    struct adieu_ending ending = adieu_ending(me->s), theirs = adieu_ending(peer->s);
    assert_memory_equal(me->text, words, me->heard);
    if (me->read == ADIEU_END)
        check_that(me->heard == strlen(words), "allocation %zu: an end after %zu bytes", nth, me->heard);
    if (ending.receiving == ADIEU_RECEIVING_CLOSED)
        check_that(theirs.sending == ADIEU_SENDING_CLOSED, "allocation %zu: an end that was not sent", nth);
    assert_true(ending.error != ADIEU_ERR_NONE || ending.receiving <= ADIEU_RECEIVING_CLOSED);
}

enum outcome { WHOLE, FAULT, BLAMED, OUTCOMES };

/* Whose doing it is called: ours (a fault), or the peer's, which is unjust. */
static enum outcome outcome_of(const struct side *me)
{
    struct adieu_ending ending = adieu_ending(me->s);
    if (ending.error == ADIEU_ERR_NONE)
        return WHOLE;
    return ending.error == ADIEU_ERR_MEMORY || ending.error == ADIEU_ERR_ENGINE ? FAULT : BLAMED;
}

static enum outcome converse(struct adieu_config *client, struct adieu_config *server, bool as_server, size_t nth)
{
    asked = 0;
    fail_at = nth;
    struct adieu_stream *streams[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        failing = as_server == (i == 1);
        streams[i] = i ? adieu_server(server) : adieu_client(client, HOST);
        failing = false;
    }
    enum outcome outcome = FAULT;
    struct side me = {.s = streams[as_server], .short_of_memory = true}, peer = {.s = streams[!as_server]};
    for (size_t moved = 1; me.s && moved > 0;) {
        turn(&me);
        turn(&peer);
        moved = carry(me.s, peer.s) + carry(peer.s, me.s);
    }
    if (me.s) {
        check_no_lie(&me, &peer, nth);
        check_no_lie(&peer, &me, nth);
        outcome = outcome_of(&me);
    }
    adieu_free(me.s);
    adieu_free(peer.s);
    return outcome;
}

static void all_allocations(enum adieu_version version, bool as_server)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    size_t outcomes[OUTCOMES] = {0}, nth = 0;
    do {
        outcomes[converse(client, server, as_server, nth++)]++;
    } while (asked > fail_at); /* it was reached */
    if (getenv("ADIEU_TEST_VERBOSE"))
        fprintf(stderr, "%zu allocations: %zu whole, %zu faults, %zu blamed on the peer\n", nth, outcomes[WHOLE],
                outcomes[FAULT], outcomes[BLAMED]);
    assert_in_range(nth, 100, 100000);
    assert_true(outcomes[FAULT] > 0);
    assert_true(outcomes[BLAMED] * 7 < nth); /* OpenSSL forgets now and then why it failed */
    adieu_config_free(client);
    adieu_config_free(server);
}

static void every_allocation_of_a_tls_1_2_client(void **state)
{
    (void)state;
    all_allocations(ADIEU_TLS_1_2, false);
}

static void every_allocation_of_a_tls_1_2_server(void **state)
{
    (void)state;
    all_allocations(ADIEU_TLS_1_2, true);
}

static void every_allocation_of_a_tls_1_3_client(void **state)
{
    (void)state;
    all_allocations(ADIEU_TLS_1_3, false);
}

static void every_allocation_of_a_tls_1_3_server(void **state)
{
    (void)state;
    all_allocations(ADIEU_TLS_1_3, true);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_tls_1_2_client),
        cmocka_unit_test(every_allocation_of_a_tls_1_2_server),
        cmocka_unit_test(every_allocation_of_a_tls_1_3_client),
        cmocka_unit_test(every_allocation_of_a_tls_1_3_server),
    };
    return cmocka_run_group_tests_name("engine failmalloc", tests, setup_authority, teardown_authority);
}
