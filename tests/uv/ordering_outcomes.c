/* SPDX-License-Identifier: MIT */
/* What becomes of the first. */
#include "ordering.h"

/* ------------------------------------------------ what becomes of the first */

static bool second_waits(const struct scene *scene)
{
    int (*second)(struct scene * scene) = scene->cell->second;
    bool a_request = second != read_second && second != abort_second && second != cancel_second;
    return a_request && !scene->cell->answer && !scene->freed;
}

void unharmed(struct scene *scene)
{
    scene->cell->first->completes(scene);
    if (second_waits(scene))
        run_until_that(scene->second.done);
}

void first(struct scene *scene)
{
    bool told_early = scene->cell->second == farewell_second && scene->cell->first == &close_first;
    unharmed(scene);
    assert_true(told_early || scene->first_at < scene->second_at);
    assert_code(scene->second.status, 0);
}

void joined(struct scene *scene)
{
    first(scene);
    assert_int_equal(scene->first.calls, 1);
    assert_int_equal(scene->second.calls, 1);
}

void replaced(struct scene *scene)
{
    peer_plays(scene);
    run_until_that(scene->other.got == 5);
    assert_int_equal(scene->ear.calls, 0);
}

static void peer_hears_no_end(struct scene *scene)
{
    if (!scene->talk.peer || !scene->cell->first->established)
        return;
    hear(scene->talk.peer, &scene->peer);
    run_until_that(scene->peer.ended);
    if (scene->talk.carrier == CARRIER_TCP)
        assert_code(scene->peer.end, UV_ECONNRESET);
    else
        assert_true(scene->peer.end == UV_ECONNABORTED || scene->peer.end == UV_ECONNRESET);
}

/* By abort or an early close nothing more leaves; by adieu_uv_cancel the stream goes on. */
void cancelled(struct scene *scene)
{
    bool by_cancel = scene->cell->second == cancel_second;
    if (by_cancel && scene->cell->first == &write_first) {
        cancel_first.completes(scene);
    } else if (scene->cell->first->a_request) {
        ends_with(&scene->first, UV_ECANCELED);
        assert_true(scene->first.request.sent <= scene->first.request.taken);
    } else {
        run_until_that(scene->ear.ended);
        assert_code(scene->ear.end, UV_ECANCELED);
        assert_int_equal(scene->ear.calls, 1);
    }
    if (second_waits(scene))
        run_until_that(scene->second.done);
    if (!by_cancel)
        peer_hears_no_end(scene);
}

void stopped(struct scene *scene)
{
    if (scene->cell->first->established)
        peer_plays(scene);
    if (second_waits(scene))
        run_until_that(scene->second.done);
    run_ms(10);
    assert_int_equal(scene->ear.calls, 0);
}

/* And writes may follow again. */
void withdrawn(struct scene *scene)
{
    ends_with(&scene->first, UV_ECANCELED);
    assert_false(scene->blocked.done);
    say(&scene->second, scene->talk.us, BIG, 5);
    peer_plays(scene);
    run_until_that(scene->peer.got == BIG + 5);
    ends_with(&scene->second, 0);
    assert_false(scene->peer.ended);
}

void hurried(struct scene *scene)
{
    ends_with(&scene->first, 0);
    assert_code(scene->blocked.status, UV_ECANCELED);
    assert_ends(scene->first.ending, "aborted", "abandoned");
    peer_hears_no_end(scene);
}

void paused(struct scene *scene)
{
    ends_with(&scene->first, UV_ECANCELED);
    assert_false(scene->first.ending.decided);
    assert_non_null(adieu_uv_transport(scene->talk.us));
    part(&scene->second, scene->talk.us);
    peer_plays(scene);
    ends_with(&scene->second, 0);
    assert_ends(scene->second.ending, "closed", "closed");
    assert_int_equal(scene->peer.got, BIG);
    assert_code(scene->peer.end, UV_EOF);
}

/* What was pending completes, once; the second too. */
void final(struct scene *scene)
{
    bool replaced_ear = scene->cell->second == read_second, left = scene->cell->second == farewell_second;
    struct ear *ear = replaced_ear ? &scene->other : &scene->ear;
    ends_with(&scene->first, UV_ECANCELED);
    if (second_waits(scene))
        run_until_that(scene->second.done);
    run_ms(5);
    assert_int_equal(ear->calls, left ? 0 : 1);
    if (!left)
        assert_code(ear->end, UV_ECANCELED);
    if (scene->talk.us)
        assert_ends(adieu_uv_ending(scene->talk.us), "aborted", "abandoned");
    peer_hears_no_end(scene);
}

void dropped(struct scene *scene)
{
    struct waiter nobody = {.calls = 0};
    memset(&scene->first, 0xa5, sizeof scene->first); /* it is ours again */
    memset(&scene->blocked, 0xa5, sizeof scene->blocked);
    run_ms(10);
    memset(&nobody, 0xa5, sizeof nobody);
    assert_memory_equal(&scene->first, &nobody, sizeof nobody);
    assert_int_equal(scene->order, 0);
    assert_int_equal(scene->ear.calls, 0);
    peer_hears_no_end(scene);
}
