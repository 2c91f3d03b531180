/* SPDX-License-Identifier: MIT */
/*
 * Push and close, and half-close, at 40 ms. Loopback hides what a way of 20 ms shows: at every moment megabytes are on it,
 * and whoever leaves too soon destroys them.
 */
#include "play.h"

#define MUCH ((size_t)8 << 20)
#define TIMES 20
/* That many at once: more would only share two processors and the relay's queue. Small ones wait most of the time. */
#define AT_ONCE(size) ((size) > 1000000 ? 10 : 30)

static bool both_are_whole(const struct play *play)
{
    size_t up = play->client.story->up, down = play->client.story->down;
    return is_whole(&play->client, up, down) && is_whole(&play->server, down, up);
}

/* Each that reads says itself that it came to the authentic end, and got all of it. */
static bool all_was_read(const struct play *play)
{
    return both_are_whole(play) && play->client.last_read == ADIEU_END && play->server.last_read == ADIEU_END &&
           play->client.got == play->client.story->down && play->server.got == play->client.story->up;
}

static bool server_read_all(const struct play *play)
{
    return both_are_whole(play) && play->server.last_read == ADIEU_END && play->server.got == play->client.story->up;
}

static bool client_read_all(const struct play *play)
{
    return both_are_whole(play) && play->client.last_read == ADIEU_END && play->client.got == play->client.story->down;
}

static void tell(const struct field *field, struct story story, int count, bool (*wanted)(const struct play *))
{
    play(field, &story, count, AT_ONCE(story.up + story.down), wanted);
    if (relay_counts(field->relay, SIDE_A).lost + relay_counts(field->relay, SIDE_B).lost == 0)
        assert_no_resets(field);
    story_free(&story);
}

static void half_close(const struct field *field, enum adieu_version version, size_t size, int count)
{
    struct story story = story_of(version, half_close_and_read, read_and_reply);
    story.up = story.down = size;
    tell(field, story, count, all_was_read);
}

/* What the client does not want of the reply is discarded, and counted. */
static void push_against_a_reply(const struct field *field, enum adieu_version version, size_t size, int count)
{
    struct story story = story_of(version, push_and_close, read_and_reply);
    story.up = story.down = size;
    tell(field, story, count, server_read_all);
}

/* The same, where the server talks on all the time. */
static void push_into_talk(const struct field *field, enum adieu_version version, size_t size, int count)
{
    struct story story = story_of(version, push_and_close, read_and_write_at_once);
    story.up = story.down = size;
    tell(field, story, count, server_read_all);
}

static void push_up(const struct field *field, enum adieu_version version, size_t size, int count)
{
    struct story story = story_of(version, push_and_close, read_and_reply);
    story.up = size;
    tell(field, story, count, server_read_all);
}

static void push_down(const struct field *field, enum adieu_version version, size_t size, int count)
{
    struct story story = story_of(version, read_and_reply, push_and_close);
    story.down = size;
    tell(field, story, count, client_read_all);
}

static void both_at_once(const struct field *field, enum adieu_version version, size_t size, int count)
{
    struct story story = story_of(version, read_and_write_at_once, read_and_write_at_once);
    story.up = story.down = size;
    tell(field, story, count, all_was_read);
}

/* ------------------------------------------------ the claim */

static void eight_megabytes_both_ways_through_a_half_close_20_times_of_20(void **state)
{
    half_close(field_of(state), ADIEU_TLS_1_3, MUCH, TIMES);
}

static void eight_megabytes_pushed_before_a_close_20_times_of_20(void **state)
{
    push_up(field_of(state), ADIEU_TLS_1_3, MUCH, TIMES);
}

static void eight_megabytes_pushed_by_the_server_20_times_of_20(void **state)
{
    push_down(field_of(state), ADIEU_TLS_1_3, MUCH, TIMES);
}

static void eight_megabytes_pushed_against_a_reply_of_eight_20_times_of_20(void **state)
{
    push_against_a_reply(field_of(state), ADIEU_TLS_1_3, MUCH, TIMES);
}

static void eight_megabytes_pushed_while_eight_come_20_times_of_20(void **state)
{
    push_into_talk(field_of(state), ADIEU_TLS_1_3, MUCH, TIMES);
}

static void eight_megabytes_both_ways_at_once_20_times_of_20(void **state)
{
    both_at_once(field_of(state), ADIEU_TLS_1_3, MUCH, TIMES);
}

/* ------------------------------------------------ variations */

static void every_kind(const struct field *field, enum adieu_version version, size_t size, int count)
{
    half_close(field, version, size, count);
    push_up(field, version, size, count);
    push_down(field, version, size, count);
    push_against_a_reply(field, version, size, count);
    push_into_talk(field, version, size, count);
    both_at_once(field, version, size, count);
}

static void tls_1_2_loses_nothing_either(void **state)
{
    every_kind(field_of(state), ADIEU_TLS_1_2, (size_t)rounds(2, 8) << 20, rounds(5, 20));
}

static void small_conversations_end_well(void **state)
{
    static const size_t sizes[] = {0, 1, 16385};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        every_kind(field_of(state), i % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, sizes[i], rounds(5, 50));
}

static void with_losses(const struct field *field, double percent)
{
    relay_loss(field->relay, percent);
    every_kind(field, ADIEU_TLS_1_3, (size_t)rounds(200000, 2000000), rounds(4, 50));
}

static void one_percent_of_loss_loses_nothing(void **state)
{
    with_losses(field_of(state), 1);
}

static void two_percent_of_loss_lose_nothing(void **state)
{
    with_losses(field_of(state), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        relay_test(eight_megabytes_both_ways_through_a_half_close_20_times_of_20),
        relay_test(eight_megabytes_pushed_before_a_close_20_times_of_20),
        relay_test(eight_megabytes_pushed_by_the_server_20_times_of_20),
        relay_test(eight_megabytes_pushed_against_a_reply_of_eight_20_times_of_20),
        relay_test(eight_megabytes_pushed_while_eight_come_20_times_of_20),
        relay_test(eight_megabytes_both_ways_at_once_20_times_of_20),
        relay_test(tls_1_2_loses_nothing_either),
        relay_test(small_conversations_end_well),
        relay_test(one_percent_of_loss_loses_nothing),
        relay_test(two_percent_of_loss_lose_nothing),
    };
    return cmocka_run_group_tests_name("relay goodbye", tests, NULL, NULL);
}
