/* SPDX-License-Identifier: MIT */
/* The whole goodbye: what was said arrives, and what cannot arrive shows. */
#include "support.h"

#include <sys/socket.h>

/* ------------------------------------------------ nothing is lost */

static void goodbye_story(struct pair *pair)
{
    struct reader reader = {.fd = pair->server, .answer = true};
    reader_start(&reader);
    assert_status(write_pattern(pair->client, 100), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_ends(reader.ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), 0);
    assert_int_equal(adieu_ending_exit(&reader.ending), 0);
    assert_int_equal(ending.acknowledged, pair->carrier == CARRIER_TCP ? 100 : ADIEU_UNKNOWN);
    struct adieu_ending again = close_of(pair->client, 0);
    assert_memory_equal(&ending, &again, sizeof ending);
}

static void a_goodbye_is_clean_on_both_sides(void **state)
{
    (void)state;
    each_pair(goodbye_story);
}

/* Two tickets lie unread at a TLS 1.3 client: a mere close() would reset, and destroy what the peer has not read. */
static void push(enum carrier carrier, enum adieu_version version, size_t size, int receive_buffer, int wait_ms)
{
    struct pair pair;
    pair_open(&pair, carrier, version, receive_buffer);
    pair_shake(&pair);
    struct reader reader = {.fd = pair.server, .wait_first_ms = wait_ms, .answer = true};
    reader_start(&reader);
    assert_status(write_pattern(pair.client, size), ADIEU_OK);
    struct adieu_ending ending = close_of(pair.client, 10000);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_END);
    assert_int_equal(reader.got, size);
    assert_true(reader.intact);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(adieu_ending_exit(&ending), 0);
    if (carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, size);
    pair_free(&pair);
}

static void what_is_pushed_before_a_close_arrives(void **state)
{
    (void)state;
    for (int turn = 0; turn < 5; turn++)
        push(CARRIER_TCP, ADIEU_TLS_1_3, 400000, 8192, 50);
    push(CARRIER_TCP, ADIEU_TLS_1_2, 400000, 8192, 50);
    push(CARRIER_UNIX, ADIEU_TLS_1_3, 400000, 8192, 50);
    push(CARRIER_SOCKETPAIR, ADIEU_TLS_1_2, 400000, 0, 50);
}

static void six_megabytes_pushed_before_a_close_arrive(void **state)
{
    (void)state;
    push(CARRIER_TCP, ADIEU_TLS_1_3, 6000000, 65536, 300);
    push(CARRIER_UNIX, ADIEU_TLS_1_2, 6000000, 65536, 300);
}

/* It answers close_notify and lives on: nothing more can be learned once its TCP has everything, FIN included. */
static void lingering_story(struct pair *pair)
{
    assert_status(write_pattern(pair->client, 1000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    struct reader reader = {.fd = pair->server}; /* reads to the end, and keeps the socket */
    reader_start(&reader);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = close_of(pair->client, 10000);
    assert_in_range(adieu_fd_now() - before, 99, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_NOTHING);
    assert_int_equal(adieu_ending_exit(&ending), 0);
}

static void a_peer_that_has_all_and_said_all_need_not_hang_up(void **state)
{
    (void)state;
    each_pair(lingering_story);
}

/* Its FIN came first, and it reads on slowly: released at once, a loss would not be seen. */
static void fin_first_story(struct pair *pair)
{
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    struct reader reader = {.fd = pair->server, .wait_first_ms = 100};
    reader_start(&reader);
    assert_status(write_pattern(pair->client, 1000000), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 10000);
    reader_join(&reader);
    assert_int_equal(reader.got, 1000000);
    assert_int_equal(adieu_ending_exit(&ending), 0);
    if (pair->carrier == CARRIER_TCP)
        assert_int_equal(ending.acknowledged, 1000000);
}

static void a_peer_that_ended_first_still_gets_all(void **state)
{
    (void)state;
    each_pair(fin_first_story);
}

static void leftover_story(struct pair *pair)
{
    size_t took;
    assert_status(adieu_fd_write(pair->server, "nobody reads this", 17, &took, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    struct adieu_ending ending = close_of(pair->client, 5000);
    reader_join(&reader);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_EOF);
    assert_int_equal(ending.discarded, 17);
    assert_int_equal(ending.received, 0);
}

static void what_nobody_reads_is_discarded_and_counted(void **state)
{
    (void)state;
    each_pair(leftover_story);
}

/* ------------------------------------------------ what is lost shows */

static void hidden_loss(enum carrier carrier, enum adieu_version version)
{
    struct pair pair;
    int large = 4000000;
    pair_open(&pair, carrier, version, 4096);
    (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 150000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair.client, soon()), ADIEU_OK); /* our kernel has it all */
    assert_status(adieu_fd_shutdown(pair.server, soon()), ADIEU_OK); /* the peer says its goodbye, */
    server_vanishes(&pair, false);                                   /* and goes with ours unread */
    struct adieu_ending ending = close_of(pair.client, 2000);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_RESET);
    if (carrier == CARRIER_TCP)
        assert_in_range(ending.acknowledged, 0, 149999);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
    pair_free(&pair);
}

static void a_loss_behind_a_clean_answer_shows(void **state)
{
    (void)state;
    hidden_loss(CARRIER_TCP, ADIEU_TLS_1_2);
    hidden_loss(CARRIER_TCP, ADIEU_TLS_1_3);
    hidden_loss(CARRIER_UNIX, ADIEU_TLS_1_3);
}

/* Its FIN came, and then it went without reading: after a FIN nothing tells but the socket's error. */
static void a_loss_behind_a_fin_shows(void **state)
{
    struct pair pair;
    int large = 4000000;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 4096);
    (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 150000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair.client, soon()), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair.server, soon()), ADIEU_OK);
    assert_int_equal(shutdown(pair.server_raw, SHUT_WR), 0);
    server_vanishes(&pair, true);
    struct adieu_ending ending = close_of(pair.client, 2000);
    assert_ends(ending, "closed", "closed");
    assert_int_equal(ending.after, ADIEU_AFTER_RESET);
    assert_int_equal(ending.reason, ADIEU_REASON_NONE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
    pair_free(&pair);
}

static void cut_reply_story(struct pair *pair)
{
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    reader_join(&reader);
    server_vanishes(pair, false);
    struct adieu_ending ending = close_of(pair->client, 5000);
    assert_ends(ending, "closed", "truncated");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_TRUNCATED);
}

static void a_peer_that_hangs_up_without_a_goodbye_is_truncated(void **state)
{
    (void)state;
    each_pair(cut_reply_story);
}

static void reset_story(struct pair *pair)
{
    server_vanishes(pair, true);
    struct adieu_ending ending = close_of(pair->client, 5000);
    assert_string_equal(adieu_receiving_name(ending.receiving), "reset");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
}

static void a_reset_during_the_goodbye_is_a_reset(void **state)
{
    (void)state;
    each_tcp_pair(reset_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_goodbye_is_clean_on_both_sides),
        cmocka_unit_test(what_is_pushed_before_a_close_arrives),
        cmocka_unit_test(six_megabytes_pushed_before_a_close_arrive),
        cmocka_unit_test(a_peer_that_has_all_and_said_all_need_not_hang_up),
        cmocka_unit_test(a_peer_that_ended_first_still_gets_all),
        cmocka_unit_test(what_nobody_reads_is_discarded_and_counted),
        cmocka_unit_test(a_loss_behind_a_clean_answer_shows),
        cmocka_unit_test(a_loss_behind_a_fin_shows),
        cmocka_unit_test(a_peer_that_hangs_up_without_a_goodbye_is_truncated),
        cmocka_unit_test(a_reset_during_the_goodbye_is_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
