/* SPDX-License-Identifier: MIT */
/*
 * Resets right behind the last words. They overtake nothing: what came before one has arrived, and must be heard, also by
 * an end that learns of the reset by writing.
 */
#include "refusal.h"

#define BYTES_64K ((size_t)65536)
#define BYTES_1M ((size_t)1000000)

/* ------------------------------------------------ close_notify, then a reset */

static void say_and_reset(struct end *end)
{
    if (part_handshake(end) && part_write(end, end->story->down))
        (void)!adieu_fd_shutdown(end->fd, adieu_fd_in(1000));
    part_reset(end);
    part_close(end);
}

static void read_say_and_reset(struct end *end)
{
    if (part_handshake(end) && part_read_to_end(end) && part_write(end, end->story->down))
        (void)!adieu_fd_shutdown(end->fd, adieu_fd_in(1000));
    part_reset(end);
    part_close(end);
}

static bool heard_the_end(const struct end *end)
{
    return end->ending.decided && end->last_read == ADIEU_END && end->ending.receiving == ADIEU_RECEIVING_CLOSED &&
           end->got == end->story->down && !end->damaged;
}

/* The peer's TCP had all of ours, as it acknowledged: the reset tells nothing. */
static bool delivered_before_the_reset(const struct play *play)
{
    const struct adieu_ending *e = &play->client.ending;
    return heard_the_end(&play->client) && e->sending == ADIEU_SENDING_CLOSED && e->after == ADIEU_AFTER_RESET &&
           e->acknowledged == e->taken && adieu_ending_exit(e) == ADIEU_EXIT_DELIVERED;
}

/* The end is authentic, but ours never got there. */
static bool lost_by_the_reset(const struct play *play)
{
    const struct adieu_ending *e = &play->client.ending;
    return heard_the_end(&play->client) && e->acknowledged < e->taken && adieu_ending_exit(e) == ADIEU_EXIT_LOST;
}

static void close_notify_and_reset(const struct field *field, enum adieu_version version)
{
    struct story story = story_of(version, half_close_and_read, read_say_and_reset);
    story.up = BYTES_64K;
    story.down = 10000;
    play(field, &story, rounds(40, 200), 40, delivered_before_the_reset);
    story.client = push_and_read;
    story.server = say_and_reset;
    story.up = 8 * BYTES_1M;
    play(field, &story, rounds(20, 100), 10, lost_by_the_reset);
    story_free(&story);
}

static void a_reset_right_behind_close_notify_on_loopback(void **state)
{
    (void)state;
    close_notify_and_reset(&loopback, ADIEU_TLS_1_2);
    close_notify_and_reset(&loopback, ADIEU_TLS_1_3);
}

static void a_reset_right_behind_close_notify_at_40_ms(void **state)
{
    close_notify_and_reset(field_of(state), ADIEU_TLS_1_2);
    close_notify_and_reset(field_of(state), ADIEU_TLS_1_3);
}

/* ------------------------------------------------ an alert, then a reset */

static void refuse_and_reset(struct end *end)
{
    (void)part_handshake(end);
    part_reset(end);
    part_close(end);
}

/* Also there and then, if it was a write that failed. */
static bool client_was_told(const struct play *play)
{
    return was_told(&play->client) && (play->client.last_write != ADIEU_FAIL || play->client.explained);
}

static bool server_was_told(const struct play *play)
{
    return was_told(&play->server);
}

static void alert_and_reset(const struct field *field, enum adieu_version version)
{
    static void (*const clients[])(struct end *) = {push_and_close, push_and_read, half_close_and_read};
    static const size_t sizes[] = {0, BYTES_64K, BYTES_1M};
    for (size_t i = 0; i < 3 * 3; i++) {
        struct story story = refusal_of_client(i % 2, version, sizes[i % 3]);
        story.client = clients[i / 3];
        story.server = refuse_and_reset;
        play(field, &story, rounds(20, 200), 40, client_was_told);
        story_free(&story);
    }
    struct story story = refusal_of_server(version);
    story.client = refuse_and_reset;
    play(field, &story, rounds(20, 200), 40, server_was_told);
    story_free(&story);
}

static void an_alert_right_before_a_reset_on_loopback(void **state)
{
    (void)state;
    alert_and_reset(&loopback, ADIEU_TLS_1_2);
    alert_and_reset(&loopback, ADIEU_TLS_1_3);
}

static void an_alert_right_before_a_reset_at_40_ms(void **state)
{
    alert_and_reset(field_of(state), ADIEU_TLS_1_2);
    alert_and_reset(field_of(state), ADIEU_TLS_1_3);
}

/* ------------------------------------------------ only a reset */

static void read_a_little_and_reset(struct end *end)
{
    uint8_t byte;
    size_t got;
    if (part_handshake(end))
        (void)!adieu_fd_read(end->fd, &byte, 1, &got, adieu_fd_in(10000));
    part_reset(end);
    part_close(end);
}

static bool both_directions_lost(const struct play *play)
{
    const struct adieu_ending *e = &play->client.ending;
    return e->decided && e->receiving == ADIEU_RECEIVING_RESET && e->acknowledged < e->taken &&
           adieu_ending_exit(e) == ADIEU_EXIT_LOST && e->os_error != 0;
}

static void a_reset_amid_a_push_is_a_reset(void **state)
{
    const struct field *field = field_of(state);
    static void (*const clients[])(struct end *) = {push_and_close, push_and_read, half_close_and_read};
    for (size_t i = 0; i < 3; i++) {
        struct story story = story_of(i % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, clients[i], read_a_little_and_reset);
        story.up = BYTES_1M;
        play(field, &story, rounds(20, 100), 20, both_directions_lost);
        story_free(&story);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_right_behind_close_notify_on_loopback),
        relay_test(a_reset_right_behind_close_notify_at_40_ms),
        cmocka_unit_test(an_alert_right_before_a_reset_on_loopback),
        relay_test(an_alert_right_before_a_reset_at_40_ms),
        relay_test(a_reset_amid_a_push_is_a_reset),
    };
    return cmocka_run_group_tests_name("relay reset", tests, refusal_setup, refusal_teardown);
}
