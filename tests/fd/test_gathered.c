/* SPDX-License-Identifier: MIT */
/* Writing what lies in pieces, over real sockets. */
#include "support.h"

#include <poll.h>

enum { PIECES = 300, SIZE = 3000000 };

/* The pattern, cut into pieces of very different sizes; some are empty. */
static size_t cut(struct adieu_piece *pieces, const uint8_t *bytes)
{
    size_t at = 0, count = 0;
    for (; count < PIECES - 1 && at < SIZE; count++) {
        size_t size = count % 7 == 0 ? 0 : count % 3 == 0 ? 50000 : count * 11 % 400;
        size = size < SIZE - at ? size : SIZE - at;
        pieces[count] = (struct adieu_piece){.bytes = size ? bytes + at : NULL, .size = size};
        at += size;
    }
    pieces[count++] = (struct adieu_piece){.bytes = bytes + at, .size = SIZE - at};
    return count;
}

static void whole_story(struct pair *pair)
{
    struct adieu_piece pieces[PIECES];
    uint8_t *bytes = pattern_new(SIZE);
    struct reader reader = {.fd = pair->server, .piece = 100000};
    size_t took = 0, count = cut(pieces, bytes);
    reader_start(&reader);
    assert_status(adieu_fd_writev(pair->client, pieces, count, &took, soon()), ADIEU_OK);
    assert_int_equal(took, SIZE);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    reader_join(&reader);
    assert_int_equal(reader.got, SIZE);
    assert_true(reader.intact);
    free(bytes);
}

static void a_gathered_write_arrives_whole_and_in_order(void **state)
{
    (void)state;
    each_pair(whole_story);
}

/* More pieces of one byte than a queue takes at once: they fill records all the same. */
static void crumbs_story(struct pair *pair)
{
    enum { CRUMBS = 400000, MOST = CRUMBS + CRUMBS / 50 };
    uint8_t *bytes = pattern_new(CRUMBS);
    struct adieu_piece *pieces = calloc(CRUMBS, sizeof *pieces);
    assert_non_null(pieces);
    for (size_t i = 0; i < CRUMBS; i++)
        pieces[i] = (struct adieu_piece){.bytes = bytes + i, .size = 1};
    struct reader reader = {.fd = pair->server, .answer = true};
    size_t took = 0;
    reader_start(&reader);
    uint64_t before = adieu_fd_progress(pair->client);
    assert_status(adieu_fd_writev(pair->client, pieces, CRUMBS, &took, soon()), ADIEU_OK);
    assert_int_equal(took, CRUMBS);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(adieu_fd_read(pair->client, bytes, 1, &took, soon()), ADIEU_END); /* so all was acknowledged */
    reader_join(&reader);
    assert_true(reader.intact);
    assert_in_range(adieu_fd_progress(pair->client) - before, CRUMBS, MOST);
    free(pieces);
    free(bytes);
}

static void pieces_of_one_byte_fill_records(void **state)
{
    (void)state;
    each_tcp_pair(crumbs_story);
}

static void deadline_story(struct pair *pair)
{
    struct adieu_piece pieces[PIECES];
    uint8_t *bytes = pattern_new(SIZE);
    size_t took = 0, count = cut(pieces, bytes);
    (void)fill(pair->client);
    took = 77;
    assert_status(adieu_fd_writev(pair->client, pieces, count, &took, adieu_fd_in(30)), ADIEU_WAIT);
    assert_int_equal(took, 77);
    assert_int_equal(adieu_fd_why(pair->client), ADIEU_FD_WHY_DEADLINE);
    free(bytes);
}

static void where_nothing_fits_it_waits_until_its_deadline(void **state)
{
    (void)state;
    each_tcp_pair(deadline_story);
}

/* Polled, each call takes what fits, and the program goes on from there: here always with new pieces. */
static void polled_story(struct pair *pair)
{
    uint8_t *bytes = pattern_new(SIZE);
    struct reader reader = {.fd = pair->server};
    reader_start(&reader);
    adieu_fd_set_polled(pair->client);
    size_t done = 0;
    while (done < SIZE) {
        size_t half = (SIZE - done) / 2, took;
        const struct adieu_piece pieces[] = {{bytes + done, half}, {bytes + done + half, SIZE - done - half}};
        enum adieu_status status = adieu_fd_writev(pair->client, pieces, 2, &took, ADIEU_FD_NOW);
        struct pollfd what = adieu_fd_interest(pair->client, NULL);
        assert_true(status == ADIEU_OK || status == ADIEU_WAIT);
        done += status == ADIEU_OK ? took : 0;
        assert_true(status == ADIEU_OK || poll(&what, 1, 10000) == 1);
    }
    while (adieu_fd_shutdown(pair->client, ADIEU_FD_NOW) == ADIEU_WAIT) {
        struct pollfd what = adieu_fd_interest(pair->client, NULL);
        assert_int_equal(poll(&what, 1, 10000), 1);
    }
    reader_join(&reader);
    assert_int_equal(reader.got, SIZE);
    assert_true(reader.intact);
    free(bytes);
}

static void polled_it_takes_what_fits(void **state)
{
    (void)state;
    each_pair(polled_story);
}

/* What was taken before is moved, as with a write of nothing. */
static void nothing_story(struct pair *pair)
{
    size_t took = 77;
    assert_status(adieu_fd_writev(pair->client, NULL, 0, &took, soon()), ADIEU_OK);
    assert_int_equal(took, 0);
    assert_status(adieu_fd_shutdown(pair->client, soon()), ADIEU_OK);
    assert_status(adieu_fd_writev(pair->client, NULL, 0, &took, soon()), ADIEU_MISUSE);
}

static void without_pieces_it_says_what_a_write_would_say(void **state)
{
    (void)state;
    each_pair(nothing_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gathered_write_arrives_whole_and_in_order),
        cmocka_unit_test(pieces_of_one_byte_fill_records),
        cmocka_unit_test(where_nothing_fits_it_waits_until_its_deadline),
        cmocka_unit_test(polled_it_takes_what_fits),
        cmocka_unit_test(without_pieces_it_says_what_a_write_would_say),
    };
    return cmocka_run_group_tests_name("fd gathered", tests, NULL, NULL);
}
