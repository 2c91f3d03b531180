/* SPDX-License-Identifier: MIT */
/*
 * Random schedules, from fixed seeds: what must hold whatever is called in whatever order. After every step
 *   - WAIT was honest: there is room to receive, or there are bytes to send;
 *   - no end has changed, no count has shrunk, sent never passes what was handed over;
 *   - END and FAIL are for ever, and the queue keeps its bound.
 */
#include "scripted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 3000, STEPS = 120, QUEUE_RECORDS = 2, BOUND = QUEUE_RECORDS * 16640 + 65536 };

struct walk {
    struct adieu_stream *s;
    uint64_t random;
    unsigned seed;
    struct adieu_ending before;
    uint64_t handed;        /* bytes that the transport took */
    enum adieu_status read; /* the last answer of a read */
    size_t half;            /* how much of the frame has been said */
    size_t size;
    uint8_t frame[FAKE_OVERHEAD + FAKE_PAYLOAD];
    uint8_t *lent;
};

static unsigned dice(struct walk *walk, unsigned sides)
{
    walk->random = walk->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(walk->random >> 33) % sides;
}

static void check_wait(struct walk *walk, enum adieu_status status, const char *verb)
{
    bool honest = adieu_wire_in(walk->s, NULL) > 0 || adieu_wire_out(walk->s, NULL) > 0 || walk->lent;
    check_that(status != ADIEU_WAIT || honest, "seed %u: %s says WAIT, but nothing can move", walk->seed, verb);
}

static void check_read(struct walk *walk, enum adieu_status status)
{
    if (walk->read == ADIEU_END || walk->read == ADIEU_FAIL)
        check_status(status, walk->read);
    walk->read = status;
    check_wait(walk, status, "read");
}

static void check_step(struct walk *walk)
{
    struct adieu_ending now = adieu_ending(walk->s), *was = &walk->before;
    check_that(was->sending <= ADIEU_SENDING_CLOSING || now.sending == was->sending, "seed %u: an end changed",
               walk->seed);
    check_that(was->receiving == ADIEU_RECEIVING_OPEN || now.receiving == was->receiving, "seed %u: an end changed",
               walk->seed);
    assert_true(now.taken >= was->taken && now.sent >= was->sent && now.received >= was->received);
    assert_true(now.discarded >= was->discarded && now.phase >= was->phase);
    assert_true(now.sent <= now.taken && now.sent <= walk->handed);
    assert_true(now.acknowledged == ADIEU_UNKNOWN || now.acknowledged <= now.sent);
    assert_true(!was->decided || now.error == was->error);
    assert_true(adieu_wire_out(walk->s, NULL) <= BOUND);
    *was = now;
}

/* ------------------------------------------------ steps */

static void next_frame(struct walk *walk)
{
    static const uint8_t zeros[FAKE_PAYLOAD];
    static const char tags[] = "DDDDDDDDDDDDKKKKKKKKTTTMmmmWCCAVF?";
    char tag = tags[dice(walk, sizeof tags - 1)];
    if (!adieu_ending(walk->s).phase || adieu_handshake(walk->s) != ADIEU_OK)
        tag = dice(walk, 20) ? 'H' : tag;
    size_t size = tag == 'D' ? dice(walk, dice(walk, 2) ? 100 : FAKE_PAYLOAD) : 1;
    walk->size = fake_frame(walk->frame, tag, tag == 'D' ? zeros : (const uint8_t *)"\62", size);
    walk->half = 0;
}

/* The peer says a part of a frame, by a copy or by a loan. */
static void step_receive(struct walk *walk)
{
    if (walk->half == walk->size)
        next_frame(walk);
    size_t n = 1 + dice(walk, (unsigned)(walk->size - walk->half)), room = adieu_wire_in(walk->s, NULL);
    if (room < n || walk->lent)
        return;
    const uint8_t *from = walk->frame + walk->half;
    if (dice(walk, 2)) {
        receive(walk->s, from, n);
    } else {
        walk->lent = malloc(n);
        memcpy(walk->lent, from, n);
        check_status(adieu_wire_lend(walk->s, walk->lent, n), ADIEU_OK);
    }
    walk->half += n;
}

static void step_settle(struct walk *walk)
{
    adieu_wire_settle(walk->s);
    free(walk->lent);
    walk->lent = NULL;
}

static void step_send(struct walk *walk)
{
    const uint8_t *at = NULL;
    size_t n = adieu_wire_out(walk->s, &at), took = n ? dice(walk, (unsigned)n + 1) : 0;
    for (size_t i = 0; i < n; i += 1000)
        walk->random += at[i]; /* it must be readable */
    adieu_wire_out_done(walk->s, took);
    walk->handed += took;
    if (dice(walk, 3) == 0)
        adieu_wire_acknowledged(walk->s, dice(walk, (unsigned)walk->handed + 100));
}

static void step_read(struct walk *walk)
{
    static uint8_t buf[20000];
    size_t got = 0;
    enum adieu_status status;
    if (dice(walk, 4) == 0)
        status = adieu_discard(walk->s, NULL);
    else
        status = adieu_read(walk->s, buf, dice(walk, 2) ? dice(walk, 10) : sizeof buf, &got);
    if (status != ADIEU_MISUSE)
        check_read(walk, status);
}

static void step_write(struct walk *walk)
{
    static const uint8_t zeros[50000];
    size_t took = 0;
    check_wait(walk, adieu_write(walk->s, zeros, dice(walk, dice(walk, 2) ? 100 : sizeof zeros), &took), "write");
}

/* What happens seldom. */
static void step_rare(struct walk *walk)
{
    switch (dice(walk, 12)) {
    case 0:
        adieu_wire_eof(walk->s);
        break;
    case 1:
        adieu_wire_out_failed(walk->s, EPIPE);
        break;
    case 2:
        adieu_wire_reset(walk->s, ECONNRESET);
        break;
    case 3:
        adieu_abort(walk->s, ADIEU_REASON_REQUEST);
        break;
    case 4:
    case 5:
        assert_int_not_equal(adieu_shutdown(walk->s), ADIEU_WAIT);
        break;
    default:
        break;
    }
}

static void step(struct walk *walk)
{
    switch (dice(walk, 10)) {
    case 0:
    case 1:
    case 2:
        step_receive(walk);
        break;
    case 3:
        step_settle(walk);
        break;
    case 4:
        step_send(walk);
        break;
    case 5:
    case 6:
        step_read(walk);
        break;
    case 7:
        step_write(walk);
        break;
    case 8:
        step_rare(walk);
        break;
    default:
        check_wait(walk, adieu_handshake(walk->s), "handshake");
    }
    check_step(walk);
}

static void whatever_the_schedule_the_promises_hold(void **state)
{
    (void)state;
    static struct walk walk;
    unsigned decided = 0;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        walk = (struct walk){.s = fresh_with_queue(seed % 2, QUEUE_RECORDS), .seed = seed, .random = seed};
        walk.before = adieu_ending(walk.s);
        for (int i = 0; i < STEPS; i++)
            step(&walk);
        decided += walk.before.decided;
        adieu_free(walk.s);
        free(walk.lent);
    }
    assert_in_range(decided, SEEDS / 10, SEEDS); /* the walks do end streams */
}

/* A loop that moves the wire cannot stall: with both sides pumping, everything said arrives. */
static void a_pumping_loop_never_stalls(void **state)
{
    (void)state;
    static struct walk walk;
    for (unsigned seed = 0; seed < SEEDS / 10; seed++) {
        walk = (struct walk){.s = fresh_with_queue(false, 1), .seed = seed, .random = seed};
        establish(walk.s);
        static uint8_t zeros[50000];
        size_t want = 200000, total = 0, took = 0, turns = 0;
        while (total < want && turns++ < 10000) {
            size_t n = 1 + dice(&walk, sizeof zeros);
            if (adieu_write(walk.s, zeros, n, &took) == ADIEU_OK)
                total += took;
            if (adieu_wire_in(walk.s, NULL) > 100 && dice(&walk, 2))
                say_tag(walk.s, 'K');
            flush_some(walk.s, 1 + dice(&walk, 20000));
            check_status(read_status(walk.s), ADIEU_WAIT);
        }
        assert_true(total >= want);
        adieu_free(walk.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_schedule_the_promises_hold),
        cmocka_unit_test(a_pumping_loop_never_stalls),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
