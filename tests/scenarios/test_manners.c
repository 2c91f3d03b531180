/* SPDX-License-Identifier: MIT */
/* S25, S26, S34, S36, S53, S55, S74, S75, S77: what is whose, how much at once, and what may be asked. */
#include "scene.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

enum { LONG = 20000, AT_ONCE = 5000 };

/* ------------------------------------------------ S25, S26 */

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

/* A handle with one end of a pair, never used; whether that end is still open when it has gone. */
static bool survives(const struct scene *s, enum adieu_fd_owner owner)
{
    int ends[2];
    struct adieu_fd *fd = s->server ? adieu_fd_server(s->config) : adieu_fd_client(s->config, HOST);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_status(adieu_fd_adopt(fd, ends[0], owner), ADIEU_OK);
    adieu_fd_free(fd);
    bool open = is_open(ends[0]);
    if (open)
        (void)close(ends[0]);
    (void)close(ends[1]);
    return open;
}

static void s25_a_handle_that_never_spoke_closes_its_own_descriptor_and_leaves_a_borrowed_one(struct scene *s)
{
    scene_prepare(s);
    assert_false(survives(s, ADIEU_FD_OWNED));
    assert_true(survives(s, ADIEU_FD_BORROWED));
    adieu_fd_free(s->server ? adieu_fd_server(s->config) : adieu_fd_client(s->config, HOST)); /* with none */
}

static struct adieu_ending says_goodbye(struct scene *s)
{
    b_ends(s);
    b_fin(s);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_ends(ending, "closed", "closed");
    return ending;
}

/* The number is soon another's: a second close would close that. */
static void s26_an_owned_descriptor_is_closed_exactly_once(struct scene *s)
{
    meet(s);
    int descriptor = adieu_fd_descriptor(s->fd);
    (void)says_goodbye(s);
    assert_false(is_open(descriptor));
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(nothing, descriptor), descriptor);
    if (nothing != descriptor)
        (void)close(nothing);
    (void)a_closes(s, LONG);
    adieu_fd_abort(s->fd, ADIEU_REASON_REQUEST);
    s->driver->free(s);
    s->stream = NULL;
    assert_true(is_open(descriptor));
    (void)close(descriptor);
}

static void s26_a_borrowed_descriptor_is_never_closed(struct scene *s)
{
    s->borrowed = true;
    meet(s);
    int descriptor = adieu_fd_descriptor(s->fd);
    (void)says_goodbye(s);
    s->driver->free(s);
    s->stream = NULL;
    assert_true(is_open(descriptor));
    (void)close(descriptor);
}

static void s26_letting_go_of_a_transport_that_is_closed_already_is_no_failure(struct scene *s)
{
    meet(s);
    line_hang_up(&s->b.line);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    s->driver->cut(s, SHUT_WR);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_true(ending.decided);
}

/* ------------------------------------------------ S34, S36 */

static void s34_writes_of_nothing_between_others_do_nothing(struct scene *s)
{
    meet(s);
    for (int i = 0; i < 20; i++) {
        size_t took = 4711, before = taped(s);
        check_status(s->driver->write(s, NULL, 0, &took), ADIEU_OK);
        assert_int_equal(took, 0);
        (void)b_moves(s);
        assert_int_equal(taped(s), before);
        a_says(s, 100);
        b_hears(s, s->said);
    }
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
}

/* It waits for nothing, and says what a read would say. */
static void s34_a_read_of_nothing_says_what_a_read_would_say(struct scene *s)
{
    size_t got = 4711;
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    check_status(s->driver->read(s, NULL, 0, &got), ADIEU_WAIT);
    assert_int_equal(got, 4711);
    b_says(s, 100);
    while (s->driver->read(s, NULL, 0, &got) == ADIEU_WAIT)
        turn(s);
    check_status(s->driver->read(s, NULL, 0, &got), ADIEU_OK);
    assert_int_equal(got, 0);
    a_hears(s, 100);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    check_status(s->driver->read(s, NULL, 0, &got), ADIEU_END);
}

/* A little generator, so that a failure comes again. */
static size_t some(uint32_t *seed, size_t most)
{
    *seed = *seed * 1664525 + 1013904223;
    return 1 + (*seed >> 8) % most;
}

static void s36_reads_and_writes_of_any_size_carry_all(struct scene *s)
{
    enum { ALL = 1600000 };
    uint32_t seed = 36;
    meet(s);
    while (s->said < ALL) {
        size_t n = some(&seed, 50000);
        b_says(s, n);
        a_says(s, n);
        while (s->heard < s->b.said)
            a_hears(s, s->heard + some(&seed, s->b.said - s->heard));
    }
    b_hears(s, s->said);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    a_ends(s);
    b_gets_to_see(s, B_SEES_CLEAN);
    assert_int_equal(s->heard, s->b.said);
}

static void s36_a_large_write_leaves_in_records_as_large_as_they_can_be(struct scene *s)
{
    char *at;
    unsigned records = 0, large = 0;
    meet(s);
    size_t before = taped(s);
    a_says(s, 123456);
    b_hears(s, 123456);
    size_t end = (size_t)BIO_get_mem_data(s->b.line.tape, &at);
    for (size_t i = before, size; i < end; i += 5 + size) {
        size = (size_t)(uint8_t)at[i + 3] << 8 | (uint8_t)at[i + 4];
        assert_int_equal(at[i], 23);
        records++;
        large += size > 16384;
    }
    assert_int_equal(records, 8);
    assert_int_equal(large, 7);
}

/* ------------------------------------------------ S53, S55, S77 */

/*
 * What asio's users did by shutdown_receive: here one says goodbye without waiting, or aborts. (Who shuts the descriptor down behind
 * adieu's back makes the kernel say EOF, as if the peer had.)
 */
static void s53_to_stop_reading_is_ours_and_never_told_as_a_truncation(struct scene *s)
{
    meet(s);
    check_status(a_reads_all(s), ADIEU_WAIT);
    struct adieu_ending ending = a_closes(s, 0);
    assert_ends(ending, "closed", "abandoned");
    assert_int_equal(ending.first, ADIEU_FIRST_SELF);
    check_status(a_reads_all(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_DEADLINE);
    b_gets_to_see(s, B_SEES_CLEAN);
}

/* Three questions, and the one answer for scripts. */
static void check_answers(const struct adieu_ending *ending, bool heard_the_end, bool said_the_end,
                          enum adieu_exit exit)
{
    assert_int_equal(ending->receiving == ADIEU_RECEIVING_CLOSED, heard_the_end);
    assert_int_equal(ending->sending == ADIEU_SENDING_CLOSED, said_the_end);
    assert_int_equal(adieu_ending_exit(ending), exit);
}

static void s55_whether_each_direction_ended_authentically_is_a_yes_or_a_no(struct scene *s)
{
    meet(s);
    struct adieu_ending ending = says_goodbye(s);
    check_answers(&ending, true, true, ADIEU_EXIT_DELIVERED);
    scene_again(s);
    scene_open(s);
    scene_shake(s);
    b_fin(s);
    ending = a_closes(s, LONG);
    check_answers(&ending, false, true, ADIEU_EXIT_TRUNCATED);
    scene_again(s);
    scene_open(s);
    scene_shake(s);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    s->driver->abort(s, ADIEU_REASON_LOCAL_IO);
    ending = a_ending(s);
    check_answers(&ending, true, false, ADIEU_EXIT_LOCAL_IO);
}

/* What a protocol that knows its own lengths needs to forgive: that all it waits for had come, and no record was cut. */
static void s77_a_truncation_says_what_a_program_that_counts_for_itself_must_know(struct scene *s)
{
    meet(s);
    b_says(s, 5000);
    b_fin(s);
    a_hears(s, 5000);
    check_status(a_reads_to_end(s), ADIEU_FAIL);
    struct adieu_ending ending = a_closes(s, LONG);
    assert_ends(ending, "closed", "truncated"); /* it is told all the same */
    assert_int_equal(ending.received, 5000);
    assert_false(ending.inside_record);
    assert_int_equal(ending.error, ADIEU_ERR_TRUNCATED);
}

/* ------------------------------------------------ S74, S75 */

/* Another connection of this thread breaks, and somebody leaves an error of his own behind. */
static void poison(void)
{
    struct joined other = joined_by(ADIEU_TLS_1_2);
    say(other.client, "bent");
    carry_bent(other.client, other.server);
    check_status(listen_once(other.server), ADIEU_FAIL);
    part(&other);
    ERR_raise(ERR_LIB_SSL, SSL_R_PROTOCOL_IS_SHUTDOWN);
    ERR_raise(ERR_LIB_SYS, EPIPE);
}

static void s74_another_streams_failure_in_the_same_thread_is_not_ours(struct scene *s)
{
    size_t took;
    scene_prepare(s);
    scene_open(s);
    poison();
    scene_shake(s);
    poison();
    check_status(a_reads_all(s), ADIEU_WAIT);
    poison();
    check_status(s->driver->write(s, "", 1, &took), ADIEU_OK);
    b_ends(s);
    poison();
    check_status(a_reads_to_end(s), ADIEU_END);
    b_fin(s);
    poison();
    a_ends(s);
    poison();
    assert_ends(a_closes(s, LONG), "closed", "closed");
    check_a_error(s, ADIEU_ERR_NONE);
    ERR_clear_error();
}

/* Everything that could hurt, from inside; it must do nothing. */
static void tries_to_close(struct scene *s)
{
    size_t n;
    char byte;
    check_status(adieu_shutdown(s->stream), ADIEU_MISUSE);
    check_status(adieu_read(s->stream, &byte, 1, &n), ADIEU_MISUSE);
    check_status(adieu_write(s->stream, "x", 1, &n), ADIEU_MISUSE);
    adieu_abort(s->stream, ADIEU_REASON_REQUEST);
    if (!s->fd)
        return;
    check_status(adieu_fd_close(s->fd, patience_ms(0), NULL), ADIEU_MISUSE);
    adieu_fd_abort(s->fd, ADIEU_REASON_REQUEST);
}

static enum adieu_decision closes_and_accepts(void *context, const struct adieu_stream *stream, bool verified,
                                              const char *problem, const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)problem, (void)leaf, (void)leaf_size;
    tries_to_close(context);
    return verified ? ADIEU_ACCEPT : ADIEU_REFUSE;
}

static void watches_and_closes(void *context, const struct adieu_stream *stream, enum adieu_news news,
                               const struct adieu_alert *alert)
{
    (void)stream, (void)news, (void)alert;
    tries_to_close(context);
}

static void s75_closing_from_inside_a_callback_is_refused_and_harms_nothing(struct scene *s)
{
    scene_prepare(s);
    trust(s->config, &the_authority);
    if (s->server)
        check_status(adieu_config_client_auth(s->config, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    check_status(adieu_config_insecure_on_verify(s->config, closes_and_accepts, s), ADIEU_OK);
    scene_open(s);
    adieu_watch(s->stream, watches_and_closes, s);
    scene_shake(s);
    a_says(s, 10);
    b_hears(s, 10);
    b_ends(s);
    check_status(a_reads_to_end(s), ADIEU_END);
    b_fin(s);
    assert_ends(a_closes(s, LONG), "closed", "closed");
}

int main(void)
{
    enum { WITH_DESCRIPTORS = EVERYWHERE & ~IN_MEMORY & ~OVER_UV };
    static const struct scenario scenarios[] = {
        /* memory has nothing to own; on libuv they are handles: see tests/uv */
        SCENARIO(s25_a_handle_that_never_spoke_closes_its_own_descriptor_and_leaves_a_borrowed_one, WITH_DESCRIPTORS),
        SCENARIO(s26_an_owned_descriptor_is_closed_exactly_once, WITH_DESCRIPTORS),
        SCENARIO(s26_a_borrowed_descriptor_is_never_closed, WITH_DESCRIPTORS),
        SCENARIO(s26_letting_go_of_a_transport_that_is_closed_already_is_no_failure, EVERYWHERE),
        SCENARIO(s34_writes_of_nothing_between_others_do_nothing, EVERYWHERE),
        /* libuv has no read of nothing: who waits for readability gives no buffer, see tests/uv/test_read.c */
        SCENARIO(s34_a_read_of_nothing_says_what_a_read_would_say, EVERYWHERE & ~OVER_UV),
        SCENARIO(s36_reads_and_writes_of_any_size_carry_all, EVERYWHERE),
        SCENARIO(s36_a_large_write_leaves_in_records_as_large_as_they_can_be, EVERYWHERE),
        SCENARIO(s53_to_stop_reading_is_ours_and_never_told_as_a_truncation, EVERYWHERE),
        SCENARIO(s55_whether_each_direction_ended_authentically_is_a_yes_or_a_no, EVERYWHERE),
        SCENARIO(s74_another_streams_failure_in_the_same_thread_is_not_ours, EVERYWHERE),
        /* on libuv it is allowed: see tests/uv */
        SCENARIO(s75_closing_from_inside_a_callback_is_refused_and_harms_nothing, EVERYWHERE & ~OVER_UV),
        SCENARIO(s77_a_truncation_says_what_a_program_that_counts_for_itself_must_know, EVERYWHERE),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
