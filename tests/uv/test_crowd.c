/* SPDX-License-Identifier: MIT */
/*
 * Many connections closed at once in one loop, whose peers answer, are silent, reset, cut, trickle or block: each gets its own
 * right ending, and all within one deadline. ADIEU_CROWD says how many (1,000 unless told; descriptors may allow fewer).
 */
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "counting.h"
#include "talk.h"

enum { CROWD = 1000, AT_ONCE = 50, QUIET_MS = 1000, TOTAL_MS = 8000 };

enum kind { ANSWERING, SILENT, RESETTING, CUTTING, TRICKLING, BLOCKED, KINDS };

struct pair_of_two {
    enum kind kind;
    bool unix_socket;
    struct adieu_uv *us, *peer;
    struct waiter ours, theirs, write, bye, their_bye;
};

static struct pair_of_two *crowd;
static size_t crowd_size, told;
static char *much;

/* ------------------------------------------------ how many */

/* Two descriptors each, and a third for one who is blocked. */
static size_t how_many(void)
{
    const char *wanted = getenv("ADIEU_CROWD");
    size_t size = wanted ? (size_t)atol(wanted) : CROWD;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t room = ((size_t)limit.rlim_cur - 64) * KINDS / (2 * KINDS + 1);
    if (size > room)
        (void)printf("# %zu connections instead of %zu: the limit is %zu descriptors\n", room, size,
                     (size_t)limit.rlim_cur);
    return size < room ? size : room;
}

/* ------------------------------------------------ meeting */

static void discard_alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    static char room[65536];
    (void)uv, (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void answer(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct pair_of_two *pair = adieu_uv_data(uv);
    const struct adieu_uv_patience patience = {.quiet_ms = TOTAL_MS, .total_ms = TOTAL_MS};
    (void)buf;
    if (nread < 0)
        assert_code(adieu_uv_close(&pair->their_bye.request, uv, patience, waiter_closed), 0);
}

static void meet(struct pair_of_two *pair, size_t index)
{
    int sockets[2];
    *pair = (struct pair_of_two){.kind = (enum kind)(index % KINDS), .unix_socket = index / KINDS % 2};
    connected_sockets(pair->unix_socket ? CARRIER_SOCKETPAIR : CARRIER_TCP, sockets);
    pair->us = index / 2 % 2 ? new_uv_server() : new_uv_client();
    pair->peer = index / 2 % 2 ? new_uv_client() : new_uv_server();
    adieu_uv_set_data(pair->peer, pair);
    assert_code(adieu_uv_open(pair->us, sockets[0]), 0);
    assert_code(adieu_uv_open(pair->peer, sockets[1]), 0);
    assert_code(adieu_uv_handshake(&pair->ours.request, pair->us, waiter_done), 0);
    assert_code(adieu_uv_handshake(&pair->theirs.request, pair->peer, waiter_done), 0);
}

/* A few at a time, so that no handshake waits for all. */
static void meet_all(void)
{
    for (size_t i = 0; i < crowd_size; i++) {
        meet(&crowd[i], i);
        for (size_t j = i + 1 - AT_ONCE; i + 1 >= AT_ONCE && (i + 1) % AT_ONCE == 0 && j <= i; j++) {
            ends_with(&crowd[j].ours, 0);
            ends_with(&crowd[j].theirs, 0);
        }
    }
    for (size_t i = 0; i < crowd_size; i++) {
        ends_with(&crowd[i].ours, 0);
        ends_with(&crowd[i].theirs, 0);
    }
}

/* ------------------------------------------------ what the peers do */

/* Before the goodbyes. Who resets a Unix socket leaves something unread. */
static void get_ready(struct pair_of_two *pair)
{
    const uv_buf_t word = uv_buf_init(much, 5), more = uv_buf_init(much, (unsigned)BIG);
    if (pair->kind == ANSWERING)
        assert_code(adieu_uv_read_start(pair->peer, discard_alloc, answer), 0);
    else if (pair->kind == BLOCKED)
        assert_code(adieu_uv_write(&pair->write.request, pair->us, &more, 1, waiter_done), 0);
    else if (pair->kind == RESETTING || pair->kind == TRICKLING)
        assert_code(adieu_uv_write(&pair->write.request, pair->us, &word, 1, waiter_done), 0);
}

static void act(struct pair_of_two *pair)
{
    if (pair->kind == RESETTING)
        reset_it(&pair->peer);
    else if (pair->kind == CUTTING)
        cut(pair->peer);
}

static void trickle(uv_timer_t *timer)
{
    const uv_buf_t byte = uv_buf_init(much, 1);
    (void)timer;
    for (size_t i = TRICKLING; i < crowd_size; i += KINDS)
        if (crowd[i].peer)
            (void)adieu_uv_try_write(crowd[i].peer, &byte, 1);
}

/* ------------------------------------------------ the endings */

static void right_ending(const struct pair_of_two *pair)
{
    static const struct {
        const char *sending, *receiving;
        enum adieu_exit exit;
    } right[KINDS] = {
        [ANSWERING] = {"closed", "closed", ADIEU_EXIT_DELIVERED},
        [SILENT] = {"closed", "abandoned", ADIEU_EXIT_DEADLINE},
        [RESETTING] = {"closed", "reset", ADIEU_EXIT_LOST},
        [CUTTING] = {"closed", "truncated", ADIEU_EXIT_TRUNCATED},
        [TRICKLING] = {"closed", "abandoned", ADIEU_EXIT_DEADLINE},
        [BLOCKED] = {"aborted", "abandoned", ADIEU_EXIT_DEADLINE},
    };
    const struct adieu_ending *ending = &pair->bye.ending;
    assert_int_equal(pair->bye.calls, 1);
    assert_code(pair->bye.status, 0);
    assert_true(ending->decided);
    assert_ends(*ending, right[pair->kind].sending, right[pair->kind].receiving);
    assert_int_equal(adieu_ending_exit(ending), right[pair->kind].exit);
    if (pair->kind == TRICKLING)
        assert_true(ending->discarded > 0);
    if (pair->kind == BLOCKED)
        assert_code(pair->write.status, UV_ETIMEDOUT);
}

static void one_told(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    told++;
    waiter_closed(request, status, ending);
    adieu_uv_free(request->uv);
}

/* All in one breath; then the peers act. The latest callback comes within the patience that all were given. */
static void close_all(void)
{
    const struct adieu_uv_patience patience = {.quiet_ms = QUIET_MS, .total_ms = TOTAL_MS};
    uv_update_time(&the_uv_loop);
    uint64_t begun = uv_now(&the_uv_loop);
    for (size_t i = 0; i < crowd_size; i++)
        assert_code(adieu_uv_close(&crowd[i].bye.request, crowd[i].us, patience, one_told), 0);
    run_turn(run_bound()); /* close_notify has left */
    for (size_t i = 0; i < crowd_size; i++)
        act(&crowd[i]);
    run_until_that(told == crowd_size);
    uv_update_time(&the_uv_loop);
    (void)printf("# %zu goodbyes within %zu ms\n", crowd_size, (size_t)(uv_now(&the_uv_loop) - begun));
    assert_in_range(uv_now(&the_uv_loop) - begun, QUIET_MS, TOTAL_MS + QUIET_MS);
}

static void crowd_comes_and_goes(size_t size)
{
    uv_timer_t trickler;
    told = 0;
    crowd_size = size;
    crowd = calloc(crowd_size, sizeof *crowd);
    meet_all();
    for (size_t i = 0; i < crowd_size; i++)
        get_ready(&crowd[i]);
    run_ms(50);
    assert_int_equal(uv_timer_init(&the_uv_loop, &trickler), 0);
    assert_int_equal(uv_timer_start(&trickler, trickle, 10, 20), 0);
    close_all();
    uv_close((uv_handle_t *)&trickler, NULL);
    for (size_t i = 0; i < crowd_size; i++) {
        right_ending(&crowd[i]);
        adieu_uv_free(crowd[i].peer);
    }
    while (uv_loop_alive(&the_uv_loop))
        run_turn(run_bound());
    free(crowd);
}

static void each_of_a_crowd_gets_its_own_ending(void **state)
{
    size_t size = how_many();
    (void)state;
    much = calloc(1, BIG);
    crowd_comes_and_goes(60); /* the configs' pools fill */
    size_t blocks = counting_blocks();
    crowd_comes_and_goes(size);
    free(much);
    assert_int_equal(counting_blocks() + 1, blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(each_of_a_crowd_gets_its_own_ending),
    };
    return cmocka_run_group_tests_name("uv crowd", tests, setup_talks, teardown_talks);
}
