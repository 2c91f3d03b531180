/* SPDX-License-Identifier: MIT */
/* Writing what lies in pieces: the same bytes in fewer records. What the core gives its engine passes by here. */
#include "scripted.h"

#include <string.h>

/* What the engine was given last, and how often it was. */
static const void *sealed_at;
static unsigned sealed_records;

enum engine_verdict __real_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error);
enum engine_verdict __wrap_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error);

/* The linker sends the core's calls here. */
enum engine_verdict __wrap_engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error)
{
    sealed_at = buf;
    sealed_records++;
    return __real_engine_write(engine, buf, size, error);
}

static struct adieu_piece piece(const char *text)
{
    return (struct adieu_piece){.bytes = text, .size = strlen(text)};
}

/* All that the stream has to say, one range, without the frames round it. */
static size_t said(struct adieu_stream *s, uint8_t *plain)
{
    const uint8_t *at;
    size_t total = 0, waits;
    while ((waits = adieu_wire_out(s, &at)) > 0) {
        for (size_t i = 0; i < waits;) {
            size_t size = (size_t)at[i + 1] << 8 | at[i + 2];
            memcpy(plain + total, at + i + FAKE_HEAD, size);
            total += size;
            i += FAKE_OVERHEAD + size;
        }
        adieu_wire_out_done(s, waits);
    }
    return total;
}

static void small_pieces_become_one_record(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    const struct adieu_piece pieces[] = {
        piece("HTTP/1.1 200 OK\r\n"), piece(""), {NULL, 0}, piece("\r\n"), piece("body")};
    size_t took = 0;
    check_status(adieu_writev(s, pieces, 5, &took), ADIEU_OK);
    assert_int_equal(took, 23);
    assert_int_equal(adieu_ending(s).taken, 23);
    uint8_t plain[64];
    sealed_records = 0;
    assert_int_equal(said(s, plain), 23);
    assert_memory_equal(plain, "HTTP/1.1 200 OK\r\n\r\nbody", 23);
    check_status(adieu_writev(s, pieces, 5, &took), ADIEU_OK);
    assert_int_equal(sealed_records, 1);
    assert_string_equal(flush(s), "D");
    assert_int_equal(adieu_ending(s).sent, 46);
    adieu_free(s);
}

static void records_are_filled_across_pieces_in_order(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    static uint8_t body[40000], plain[40100];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7 + i / 251);
    const struct adieu_piece pieces[] = {piece("head"), {body, 10000}, {body + 10000, 30000}};
    size_t took = 0;
    check_status(adieu_writev(s, pieces, 3, &took), ADIEU_OK);
    assert_int_equal(took, 40004);
    assert_int_equal(said(s, plain), 40004);
    assert_memory_equal(plain, "head", 4);
    assert_memory_equal(plain + 4, body, sizeof body);
    check_status(adieu_writev(s, pieces, 3, &took), ADIEU_OK);
    assert_string_equal(flush(s), "DDD"); /* as a write of one piece */
    adieu_free(s);
}

static void what_fills_a_record_is_sealed_where_it_lies(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    static uint8_t body[FAKE_PAYLOAD + 10];
    const struct adieu_piece whole[] = {{body, FAKE_PAYLOAD}, piece("tail")};
    size_t took = 0;
    sealed_records = 0;
    check_status(adieu_writev(s, whole, 1, &took), ADIEU_OK);
    assert_ptr_equal(sealed_at, body);
    const struct adieu_piece last[] = {piece("h"), {body, sizeof body}};
    check_status(adieu_writev(s, last, 2, &took), ADIEU_OK);
    assert_int_equal(sealed_records, 3);
    assert_ptr_equal(sealed_at, body + FAKE_PAYLOAD - 1); /* the first is put together, the rest is not */
    adieu_free(s);
}

static void a_full_queue_takes_as_much_as_there_is_room_for(void **state)
{
    (void)state;
    struct adieu_stream *s = fresh_with_queue(false, 2);
    establish(s);
    static uint8_t body[30000];
    const struct adieu_piece pieces[] = {{body, 10000}, {body, 30000}, {body, 30000}};
    size_t took = 0;
    check_status(adieu_writev(s, pieces, 3, &took), ADIEU_OK);
    assert_int_equal(took, 2 * FAKE_PAYLOAD); /* it ends inside the second piece */
    took = 77;
    check_status(adieu_writev(s, pieces, 3, &took), ADIEU_WAIT);
    assert_int_equal(took, 77);
    assert_string_equal(flush(s), "DD");
    adieu_free(s);
}

static void nothing_in_the_pieces_sends_nothing(void **state)
{
    (void)state;
    struct adieu_stream *s = established();
    const struct adieu_piece empty[] = {{NULL, 0}, {"x", 0}};
    for (size_t count = 0; count <= 2; count++) {
        size_t took = 77;
        check_status(adieu_writev(s, count ? empty : NULL, count, &took), ADIEU_OK);
        assert_int_equal(took, 0);
    }
    assert_string_equal(flush(s), "");
    adieu_free(s);
}

static void it_is_misuse_and_fails_where_a_write_does(void **state)
{
    (void)state;
    const struct adieu_piece pieces[] = {piece("a"), piece("b")};
    size_t took = 77;
    struct adieu_stream *s = fresh(false);
    check_status(adieu_writev(s, pieces, 2, &took), ADIEU_MISUSE);
    adieu_free(s);
    s = established();
    fake_of(s)->plan.write_faults = true;
    check_status(adieu_writev(s, pieces, 2, &took), ADIEU_FAIL);
    check_status(adieu_writev(s, pieces, 2, &took), ADIEU_FAIL);
    adieu_free(s);
    s = established();
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(adieu_writev(s, pieces, 2, &took), ADIEU_MISUSE);
    assert_int_equal(took, 77);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_pieces_become_one_record),
        cmocka_unit_test(records_are_filled_across_pieces_in_order),
        cmocka_unit_test(what_fills_a_record_is_sealed_where_it_lies),
        cmocka_unit_test(a_full_queue_takes_as_much_as_there_is_room_for),
        cmocka_unit_test(nothing_in_the_pieces_sends_nothing),
        cmocka_unit_test(it_is_misuse_and_fails_where_a_write_does),
    };
    return cmocka_run_group_tests_name("gathered", tests, NULL, NULL);
}
