/* SPDX-License-Identifier: MIT */
/* Peers that vanish: no FIN, no reset, no acknowledgement. Whatever was under way, both ends come to one, in time. */
#include <pthread.h>
#include <time.h>

#include "play.h"

/* What the program waits for in its own parts, and its patience in the goodbye. */
#define PART_MS 400
#define QUIET_MS 300
/* What a busy machine may add. */
#define SLACK_MS 5000

#define BYTES_64K ((size_t)65536)
#define BYTES_1M ((size_t)1000000)

static struct story impatient(enum adieu_version version, void (*client)(struct end *), void (*server)(struct end *))
{
    struct story story = story_of(version, client, server);
    story.part_ms = PART_MS;
    story.quiet_ms = QUIET_MS;
    return story;
}

/* At most a handshake, a write, a shutdown, a read and the goodbye ran into their bounds. */
static bool ended_in_time(const struct end *end)
{
    const struct adieu_ending *e = &end->ending;
    return e->decided && end->whole_ms < 4 * PART_MS + QUIET_MS + SLACK_MS && end->closing_ms < QUIET_MS + SLACK_MS;
}

static bool gave_up(const struct end *end)
{
    enum adieu_exit status = adieu_ending_exit(&end->ending);
    return ended_in_time(end) && (status == ADIEU_EXIT_DEADLINE || status == ADIEU_EXIT_LOST);
}

static bool both_gave_up(const struct play *play)
{
    return gave_up(&play->client) && gave_up(&play->server);
}

/* Nobody has taken for an end what was none. */
static bool both_gave_up_and_heard_no_end(const struct play *play)
{
    return both_gave_up(play) && play->client.ending.receiving != ADIEU_RECEIVING_CLOSED &&
           play->server.ending.receiving != ADIEU_RECEIVING_CLOSED && !play->server.damaged;
}

static void tell(struct field *field, struct story story, enum hole hole, uint64_t bytes,
                 bool (*wanted)(const struct play *))
{
    field_renew(field);
    relay_hole(field->relay, hole, bytes);
    play(field, &story, 1, 1, wanted);
    story_free(&story);
}

/* ------------------------------------------------ while they talk */

static void a_peer_that_vanishes_amid_data_is_given_up(void **state)
{
    struct field *field = field_of(state);
    static void (*const clients[])(struct end *) = {push_and_close, push_and_read, half_close_and_read,
                                                    read_and_write_at_once};
    for (size_t i = 0; i < 4; i++) {
        struct story story = impatient(i % 2 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3, clients[i], read_and_write_at_once);
        story.up = story.down = 8 * BYTES_1M;
        tell(field, story, HOLE_BYTES, 300000, both_gave_up_and_heard_no_end);
    }
}

/* Everything has been said and acknowledged, and then nothing more comes. */
static void a_peer_that_vanishes_before_it_answers_is_given_up(void **state)
{
    struct field *field = field_of(state);
    struct story story = impatient(ADIEU_TLS_1_3, half_close_and_read, read_and_reply);
    story.up = 10000;
    story.down = BYTES_1M;
    tell(field, story, HOLE_BYTES, 20000, both_gave_up);
}

/* ------------------------------------------------ in the handshake */

static bool both_abandoned(const struct play *play)
{
    return both_gave_up(play) && play->client.ending.phase < ADIEU_PHASE_ESTABLISHED;
}

static void a_peer_that_vanishes_in_the_handshake_is_given_up(void **state)
{
    struct field *field = field_of(state);
    for (enum adieu_version version = ADIEU_TLS_1_2; version <= ADIEU_TLS_1_3; version++) {
        tell(field, impatient(version, half_close_and_read, read_and_reply), HOLE_BYTES, 0, both_abandoned);
        tell(field, impatient(version, half_close_and_read, read_and_reply), HOLE_BYTES, 400, both_abandoned);
    }
}

/* ------------------------------------------------ in the goodbye */

/* The client's goodbye reaches nobody, or what it hears of it does not come back. */
static void a_peer_that_vanishes_in_the_goodbye_is_given_up(void **state)
{
    struct field *field = field_of(state);
    for (enum adieu_version version = ADIEU_TLS_1_2; version <= ADIEU_TLS_1_3; version++) {
        struct story story = impatient(version, push_and_close, read_and_reply);
        story.up = BYTES_64K;
        story.down = 1000;
        tell(field, story, HOLE_FIN, 0, both_gave_up);
    }
}

/* The server has all, and had nothing to say: what is missing is only that the client knows it. */
static bool client_gave_up(const struct play *play)
{
    return gave_up(&play->client) && ended_in_time(&play->server) &&
           (gave_up(&play->server) || is_whole(&play->server, 0, play->client.story->up));
}

static void what_is_not_known_to_have_arrived_is_no_success(void **state)
{
    struct field *field = field_of(state);
    struct story story = impatient(ADIEU_TLS_1_3, push_and_close, read_and_reply);
    story.up = BYTES_64K;
    tell(field, story, HOLE_FIN, 0, client_gave_up);
}

/* ------------------------------------------------ and come back */

static void pause_ms(long milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Closes the hole some time after it has swallowed something. */
static void *mend(void *context)
{
    struct relay *relay = context;
    for (int turn = 0; turn < 2000 && relay_counts(relay, SIDE_A).swallowed == 0; turn++)
        pause_ms(10);
    pause_ms(300); /* the length of the failure, which is the story */
    relay_hole(relay, HOLE_NONE, 0);
    return NULL;
}

static bool both_are_whole(const struct play *play)
{
    size_t up = play->client.story->up, down = play->client.story->down;
    return is_whole(&play->client, up, down) && is_whole(&play->server, down, up);
}

static void survive(struct field *field, enum hole hole, uint64_t bytes)
{
    struct story story = story_of(ADIEU_TLS_1_3, half_close_and_read, read_and_reply);
    story.up = story.down = BYTES_1M;
    pthread_t mender;
    relay_hole(field->relay, hole, bytes);
    assert_int_equal(pthread_create(&mender, NULL, mend, field->relay), 0);
    play(field, &story, 1, 1, both_are_whole);
    assert_int_equal(pthread_join(mender, NULL), 0);
    assert_true(relay_counts(field->relay, SIDE_A).swallowed > 0);
    story_free(&story);
}

static void a_network_that_fails_for_a_while_amid_data_loses_nothing(void **state)
{
    survive(field_of(state), HOLE_BYTES, 300000);
}

static void a_network_that_fails_for_a_while_in_the_goodbye_loses_nothing(void **state)
{
    survive(field_of(state), HOLE_FIN, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        relay_test(a_peer_that_vanishes_amid_data_is_given_up),
        relay_test(a_peer_that_vanishes_before_it_answers_is_given_up),
        relay_test(a_peer_that_vanishes_in_the_handshake_is_given_up),
        relay_test(a_peer_that_vanishes_in_the_goodbye_is_given_up),
        relay_test(what_is_not_known_to_have_arrived_is_no_success),
        relay_test(a_network_that_fails_for_a_while_amid_data_loses_nothing),
        relay_test(a_network_that_fails_for_a_while_in_the_goodbye_loses_nothing),
    };
    return cmocka_run_group_tests_name("relay hole", tests, NULL, NULL);
}
