/* SPDX-License-Identifier: MIT */
/*
 * A full data queue never stops reading, or two sides that both write would wait for each other for ever. The queue is
 * counted in plaintext to come; what it is sealed into depends on the peer: with fragments of 512 bytes there are 32
 * headers and tags where one was expected.
 */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

enum { PADDING = 4096 };

/* A pair that talks in fragments of 512 bytes, the server with a queue of this many records. */
static struct joined in_fragments(enum adieu_version version, unsigned records, bool padded)
{
    SSL_CTX *context = foreign_context(version), *padding = foreign_context(version);
    SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512);
    SSL_CTX_set_block_padding(padding, PADDING);
    struct adieu_config *client = adieu_config_adopt(context);
    struct adieu_config *server = padded ? adieu_config_adopt(padding) : server_config(version);
    check_status(adieu_config_queue_limit(client, records), ADIEU_OK);
    check_status(adieu_config_queue_limit(server, records), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    SSL_CTX_free(context);
    SSL_CTX_free(padding);
    return joined;
}

/* Writes until it is told to wait: at last single bytes. Returns how many bytes were taken. */
static size_t fill(struct adieu_stream *s, size_t size)
{
    static uint8_t zeros[16384];
    size_t took = 0, total = 0;
    for (;; total += took) {
        enum adieu_status status = adieu_write(s, zeros, size, &took);
        if (status != ADIEU_OK) {
            took = 0;
            check_status(status, ADIEU_WAIT);
            if (size == 1)
                return total;
            size = size / 2;
        }
    }
}

static size_t read_all(struct adieu_stream *s)
{
    uint8_t buf[20000];
    size_t got = 0, total = 0;
    enum adieu_status status;
    while ((status = adieu_read(s, buf, sizeof buf, &got)) == ADIEU_OK)
        total += got;
    check_status(status, ADIEU_WAIT);
    return total;
}

/* All that one side has to say; the other says nothing meanwhile, so its queue stays as it is. */
static size_t hear_all(struct adieu_stream *from, struct adieu_stream *to)
{
    size_t total = 0;
    for (size_t moved = 1; moved > 0;) {
        moved = carry(from, to);
        total += read_all(to);
    }
    return total;
}

static void check_reads_while_full(enum adieu_version version, unsigned records, size_t size, bool padded)
{
    struct joined joined = in_fragments(version, records, padded);
    size_t by_client = fill(joined.client, size), by_server = fill(joined.server, size);
    assert_true(by_client > 0);
    assert_true(by_server > 0);
    size_t queued = adieu_wire_out(joined.server, NULL);
    assert_int_equal(hear_all(joined.client, joined.server), by_client);
    assert_int_equal(adieu_wire_out(joined.server, NULL), queued);
    fill(joined.client, size);
    assert_int_equal(hear_all(joined.server, joined.client), by_server);
    part(&joined);
}

static void a_full_queue_never_stops_reading(void **state)
{
    (void)state;
    static const unsigned records[] = {1, 2, 8};
    static const size_t sizes[] = {16384, 15000, 512, 1};
    for (int i = 0; i < VERSIONS; i++)
        for (size_t r = 0; r < sizeof records / sizeof *records; r++)
            for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
                for (int padded = 0; padded < 2; padded++)
                    check_reads_while_full(versions[i], records[r], sizes[k], padded);
}

static void two_sides_that_only_write_until_they_must_wait_both_get_on(void **state)
{
    (void)state;
    enum { ENOUGH = 200000, TURNS = 2000 };
    for (int i = 0; i < VERSIONS; i++) {
        struct joined joined = in_fragments(versions[i], 1, false);
        size_t to_client = 0, to_server = 0;
        for (int turn = 0; turn < TURNS && (to_client < ENOUGH || to_server < ENOUGH); turn++) {
            fill(joined.client, 16384);
            fill(joined.server, 16384);
            carry_some(joined.client, joined.server, 5000); /* a narrow wire: neither queue runs empty */
            carry_some(joined.server, joined.client, 5000);
            to_server += read_all(joined.server);
            to_client += read_all(joined.client);
        }
        assert_true(to_server >= ENOUGH);
        assert_true(to_client >= ENOUGH);
        part(&joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_never_stops_reading),
        cmocka_unit_test(two_sides_that_only_write_until_they_must_wait_both_get_on),
    };
    return cmocka_run_group_tests_name("engine full queue", tests, setup_authority, teardown_authority);
}
