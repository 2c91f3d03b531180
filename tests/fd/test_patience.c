/* SPDX-License-Identifier: MIT */
/* A goodbye waits for nothing for ever, and cuts off nobody who goes on. */
#include "support.h"

#include <sys/socket.h>
#include <time.h>

static void silent_story(struct pair *pair)
{
    int64_t before = adieu_fd_now();
    assert_status(write_pattern(pair->client, 100), ADIEU_OK);
    struct adieu_ending ending = close_of(pair->client, 150);
    assert_in_range(adieu_fd_now() - before, 149, 3000);
    assert_ends(ending, "closed", "abandoned");
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    struct reader reader = {.fd = pair->server}; /* not reset: what the kernel had still arrives */
    reader_start(&reader);
    reader_join(&reader);
    assert_int_equal(reader.got, 100);
    assert_status(reader.last, ADIEU_END);
}

static void a_silent_peer_ends_a_goodbye_at_its_deadline(void **state)
{
    (void)state;
    each_pair(silent_story);
}

/* Our kernel holds most of it when patience ends: released, not reset, it goes on delivering. */
static void what_the_kernel_holds_at_the_deadline_is_delivered(void **state)
{
    struct pair pair;
    int large = 4000000;
    (void)state;
    pair_open(&pair, CARRIER_TCP, ADIEU_TLS_1_3, 4096);
    (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    pair_shake(&pair);
    assert_status(write_pattern(pair.client, 150000), ADIEU_OK);
    struct adieu_ending ending = close_of(pair.client, 100);
    assert_ends(ending, "closed", "abandoned");
    assert_in_range(ending.acknowledged, 0, 149999);
    struct reader reader = {.fd = pair.server};
    reader_start(&reader);
    reader_join(&reader);
    assert_int_equal(reader.got, 150000);
    assert_status(reader.last, ADIEU_END);
    pair_free(&pair);
}

static void bound_story(struct pair *pair)
{
    struct adieu_ending ending;
    const struct adieu_fd_patience bound = {.quiet_ms = -1, .deadline = adieu_fd_in(100)};
    int64_t before = adieu_fd_now();
    assert_status(adieu_fd_close(pair->client, bound, &ending), ADIEU_OK);
    assert_in_range(adieu_fd_now() - before, 99, 3000);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    const struct adieu_fd_patience none = {0};
    before = adieu_fd_now();
    assert_status(adieu_fd_close(pair->server, none, &ending), ADIEU_OK);
    assert_in_range(adieu_fd_now() - before, 0, 1000);
    assert_string_equal(adieu_receiving_name(ending.receiving), "closed"); /* the client said it before it left */
}

static void an_overall_bound_ends_it_and_no_patience_is_none(void **state)
{
    (void)state;
    each_pair(bound_story);
}

static void full_story(struct pair *pair)
{
    (void)fill(pair->client);
    struct adieu_ending ending = close_of(pair->client, 150);
    assert_ends(ending, "aborted", "abandoned");
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DEADLINE);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    reader_join(&reader);
    assert_status(reader.last, ADIEU_FAIL); /* it cannot take it for an end */
    assert_int_equal(adieu_fd_error(pair->server).code,
                     pair->carrier == CARRIER_TCP ? ADIEU_ERR_RESET : ADIEU_ERR_TRUNCATED);
}

static void with_the_send_buffer_full_the_deadline_resets(void **state)
{
    (void)state;
    each_pair(full_story);
}

/* Its whole reading lasts much longer than the patience, which counts from the last progress. */
static void a_slow_reader_that_goes_on_reading_is_not_cut_off(void **state)
{
    struct pair pair;
    int small = 16384;
    (void)state;
    for (int carrier = CARRIER_TCP; carrier <= CARRIER_UNIX; carrier++) {
        pair_open(&pair, (enum carrier)carrier, ADIEU_TLS_1_3, 16384);
        (void)setsockopt(adieu_fd_descriptor(pair.client), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        pair_shake(&pair);
        struct reader reader = {.fd = pair.server, .piece = 2048, .wait_each_ms = 15, .answer = true};
        reader_start(&reader);
        assert_status(write_pattern(pair.client, 120000), ADIEU_OK);
        struct adieu_ending ending = close_of(pair.client, 450);
        reader_join(&reader);
        assert_int_equal(reader.got, 120000);
        assert_int_equal(adieu_ending_exit(&ending), 0);
        pair_free(&pair);
    }
}

/* A peer that says more and more moves no deadline. */
static void *talk(void *context)
{
    struct pair *pair = context;
    char piece[1000] = "";
    size_t took;
    for (int64_t deadline = soon(); adieu_fd_now() < deadline;)
        if (adieu_fd_write(pair->server, piece, sizeof piece, &took, deadline) != ADIEU_OK)
            break;
    return NULL;
}

static void talkative_story(struct pair *pair)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, talk, pair), 0);
    int64_t before = adieu_fd_now();
    struct adieu_ending ending = close_of(pair->client, 200);
    assert_in_range(adieu_fd_now() - before, 199, 5000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ending.reason, ADIEU_REASON_DEADLINE);
    assert_true(ending.discarded > 0);
}

static void nothing_that_the_peer_says_moves_the_deadline(void **state)
{
    (void)state;
    each_pair(talkative_story);
}

static int64_t processor_ms(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The peer's FIN lies there, and what we said is unread: nothing can be polled for, and HUP is there all the time. */
static void idle_story(struct pair *pair)
{
    assert_int_equal(shutdown(pair->server_raw, SHUT_WR), 0);
    int64_t before = processor_ms();
    (void)close_of(pair->client, 500);
    assert_in_range(processor_ms() - before, 0, 250);
}

static void a_goodbye_that_waits_does_not_spin(void **state)
{
    (void)state;
    each_pair(idle_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_peer_ends_a_goodbye_at_its_deadline),
        cmocka_unit_test(what_the_kernel_holds_at_the_deadline_is_delivered),
        cmocka_unit_test(an_overall_bound_ends_it_and_no_patience_is_none),
        cmocka_unit_test(with_the_send_buffer_full_the_deadline_resets),
        cmocka_unit_test(a_slow_reader_that_goes_on_reading_is_not_cut_off),
        cmocka_unit_test(nothing_that_the_peer_says_moves_the_deadline),
        cmocka_unit_test(a_goodbye_that_waits_does_not_spin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
