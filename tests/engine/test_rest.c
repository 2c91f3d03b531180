/* SPDX-License-Identifier: MIT */
/*
 * What an engine does when nothing is to be done: it gives back the buffers of records, at once or when the transport says
 * so, and no plaintext stays in them. Whatever OpenSSL frees is looked through here.
 */
#include "joined.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

/* A buffer for records is as large as one. */
enum { RECORD = 16384 };

static const char secret[] = "nobody may find this";
static size_t buffers, found;

static bool is_buffer(void *block)
{
    return block && malloc_usable_size(block) >= RECORD;
}

static bool has_secret(const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while ((at = memchr(at, secret[0], size - (size_t)(at - bytes))) != NULL) {
        if (size - (size_t)(at - bytes) >= sizeof secret && !memcmp(at, secret, sizeof secret))
            return true;
        at++;
    }
    return false;
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *block = calloc(1, size); /* so that all of it can be looked through */
    buffers += is_buffer(block);
    return block;
}

static void *openssl_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(block, size);
}

static void openssl_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    if (is_buffer(block)) {
        buffers--;
        found += has_secret(block, RECORD);
    }
    free(block);
}

/* ------------------------------------------------ talking */

static void fill_with_secrets(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + sizeof secret <= size; i += sizeof secret)
        memcpy(bytes + i, secret, sizeof secret);
}

/* So much, written at once and read in portions of this size; then the reader finds nothing more. */
static void tell(struct joined *joined, size_t size, size_t portion)
{
    static uint8_t bytes[100000], heard[100000];
    size_t took = 0, got = 0, total = 0;
    fill_with_secrets(bytes, size);
    check_status(adieu_write(joined->client, bytes, size, &took), ADIEU_OK);
    assert_int_equal(took, size);
    carry(joined->client, joined->server);
    for (; adieu_read(joined->server, heard, portion, &got) == ADIEU_OK; total += got)
        OPENSSL_cleanse(heard, got);
    assert_int_equal(total, size);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

static void nothing_read_stays(enum adieu_version version)
{
    static const size_t sizes[] = {21, 1000, RECORD, RECORD + 21, 100000, 42};
    struct joined joined = joined_by(version);
    found = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tell(&joined, sizes[i], 100000);
        tell(&joined, sizes[i], 777);
    }
    part(&joined);
    assert_int_equal(found, 0);
}

static void no_plaintext_stays_in_what_is_given_back(void **state)
{
    (void)state;
    for_versions(nothing_read_stays);
}

/* The same where the transport decides: with and without a rest before the end. */
static void nothing_kept_stays(enum adieu_version version)
{
    for (int rests = 0; rests < 2; rests++) {
        struct joined joined = joined_by(version);
        adieu_wire_keep(joined.server);
        found = 0;
        tell(&joined, 100000, 5000);
        tell(&joined, 42, 5000);
        if (rests)
            adieu_wire_rest(joined.server);
        part(&joined);
        assert_int_equal(found, 0);
    }
}

static void nor_in_what_was_kept(void **state)
{
    (void)state;
    for_versions(nothing_kept_stays);
}

/* A record is decrypted whole: who leaves in the middle of it leaves the rest unread. */
static void nothing_unread_stays(enum adieu_version version)
{
    for (int peeks = 0; peeks < 2; peeks++) {
        static uint8_t bytes[RECORD];
        struct joined joined = joined_by(version);
        size_t took = 0, got = 0;
        found = 0;
        fill_with_secrets(bytes, sizeof bytes);
        check_status(adieu_write(joined.client, bytes, sizeof bytes, &took), ADIEU_OK);
        OPENSSL_cleanse(bytes, sizeof bytes);
        carry(joined.client, joined.server);
        check_status(adieu_read(joined.server, bytes, peeks ? 0 : 10, &got), ADIEU_OK);
        adieu_abort(joined.server, ADIEU_REASON_REQUEST);
        part(&joined);
        assert_int_equal(found, 0);
    }
}

static void nor_in_what_was_not_read(void **state)
{
    (void)state;
    for_versions(nothing_unread_stays);
}

/* ------------------------------------------------ keeping */

static void by_itself(enum adieu_version version)
{
    struct joined joined = joined_by(version);
    tell(&joined, 1000, 1000);
    size_t idle = buffers;
    tell(&joined, 100000, 1000);
    assert_int_equal(buffers, idle);
    part(&joined);
}

static void an_idle_stream_gives_its_buffers_back(void **state)
{
    (void)state;
    for_versions(by_itself);
}

static void when_told(enum adieu_version version)
{
    struct joined joined = joined_by(version);
    tell(&joined, 1000, 1000);
    size_t idle = buffers;
    adieu_wire_keep(joined.server);
    tell(&joined, 1000, 1000);
    assert_true(buffers > idle);
    size_t kept = buffers;
    tell(&joined, 100000, 1000);
    assert_int_equal(buffers, kept);
    for (int i = 0; i < 2; i++) {
        adieu_wire_rest(joined.server);
        assert_int_equal(buffers, idle);
    }
    tell(&joined, 1000, 1000);
    part(&joined);
}

static void told_to_keep_them_it_waits_for_rest(void **state)
{
    (void)state;
    for_versions(when_told);
}

static void while_something_waits(enum adieu_version version)
{
    struct joined joined = joined_by(version);
    char buf[10];
    size_t n;
    say(joined.client, "a word and another");
    carry(joined.client, joined.server);
    check_status(adieu_read(joined.server, buf, 6, &n), ADIEU_OK);
    adieu_wire_rest(joined.server); /* the rest of the record is in its buffer */
    check_hears(joined.server, " and another");
    say(joined.client, "half");
    carry_some(joined.client, joined.server, 7);
    check_status(adieu_read(joined.server, buf, 6, &n), ADIEU_WAIT);
    adieu_wire_rest(joined.server);
    carry(joined.client, joined.server);
    check_hears(joined.server, "half");
    part(&joined);
}

static void while_something_waits_nothing_is_given_back(void **state)
{
    (void)state;
    for_versions(while_something_waits);
}

/* The transport says it once: nothing may move again for long. */
static void later(enum adieu_version version)
{
    for (size_t portion = 3; portion <= 4; portion++) { /* of "four": with the rest of a record, and without */
        struct joined joined = joined_by(version);
        char buf[10];
        size_t n;
        tell(&joined, 1000, 1000);
        size_t idle = buffers;
        adieu_wire_keep(joined.server);
        say(joined.client, "four");
        if (portion == 4)
            say(joined.client, "more");
        carry(joined.client, joined.server);
        size_t before = buffers;
        check_status(adieu_read(joined.server, buf, portion, &n), ADIEU_OK);
        adieu_wire_rest(joined.server);
        assert_true(buffers > before);
        check_status(adieu_read(joined.server, buf, sizeof buf, &n), ADIEU_OK);
        assert_int_equal(buffers, idle);
        part(&joined);
    }
}

static void it_is_given_back_when_nothing_waits_any_more(void **state)
{
    (void)state;
    for_versions(later);
}

static void before_the_handshake(enum adieu_version version)
{
    struct joined joined = join(client_config(version), server_config(version), HOST);
    adieu_wire_rest(joined.client);
    check_status(adieu_handshake(joined.client), ADIEU_WAIT);
    adieu_wire_rest(joined.client);
    shake_hands(&joined);
    part(&joined);
}

static void before_the_handshake_is_done_rest_does_nothing(void **state)
{
    (void)state;
    for_versions(before_the_handshake);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_plaintext_stays_in_what_is_given_back),
        cmocka_unit_test(nor_in_what_was_kept),
        cmocka_unit_test(nor_in_what_was_not_read),
        cmocka_unit_test(an_idle_stream_gives_its_buffers_back),
        cmocka_unit_test(told_to_keep_them_it_waits_for_rest),
        cmocka_unit_test(while_something_waits_nothing_is_given_back),
        cmocka_unit_test(it_is_given_back_when_nothing_waits_any_more),
        cmocka_unit_test(before_the_handshake_is_done_rest_does_nothing),
    };
    return cmocka_run_group_tests_name("rest", tests, setup_authority, teardown_authority);
}
