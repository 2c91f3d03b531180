/* SPDX-License-Identifier: MIT */
#include "scripted.h"

#include <string.h>

struct adieu_stream *fresh_with_queue(bool server, unsigned records)
{
    struct adieu_config *config = adieu_config_new();
    assert_non_null(config);
    check_status(adieu_config_queue_limit(config, records), ADIEU_OK);
    struct adieu_stream *s = server ? adieu_server(config) : adieu_client(config, "peer.example");
    adieu_config_free(config); /* the stream holds its own reference */
    assert_non_null(s);
    return s;
}

struct adieu_stream *fresh(bool server)
{
    return fresh_with_queue(server, 8);
}

void establish(struct adieu_stream *s)
{
    bool server = fake_of(s)->server;
    check_status(adieu_handshake(s), ADIEU_WAIT);
    assert_string_equal(flush(s), server ? "" : "H");
    say(s, 'H', "peer", 4);
    check_status(adieu_handshake(s), ADIEU_OK);
    assert_string_equal(flush(s), server ? "H" : "");
}

struct adieu_stream *established(void)
{
    struct adieu_stream *s = fresh(false);
    establish(s);
    return s;
}

/* ------------------------------------------------ the peer */

void receive(struct adieu_stream *s, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        uint8_t *at = NULL;
        size_t room = adieu_wire_in(s, &at);
        check_that(room > 0, "no room for what the peer says");
        size_t n = room < size ? room : size;
        memcpy(at, from, n);
        adieu_wire_in_done(s, n);
        from += n;
        size -= n;
    }
}

void say(struct adieu_stream *s, char tag, const void *payload, size_t size)
{
    static uint8_t frame[FAKE_OVERHEAD + FAKE_PAYLOAD];
    receive(s, frame, fake_frame(frame, tag, payload, size));
}

void say_data(struct adieu_stream *s, const char *text)
{
    say(s, 'D', text, strlen(text));
}

void say_tag(struct adieu_stream *s, char tag)
{
    say(s, tag, NULL, 0);
}

void say_number(struct adieu_stream *s, char tag, uint8_t number)
{
    say(s, tag, &number, 1);
}

/* ------------------------------------------------ the transport */

/* What the peer's end of the wire holds: enough for the largest queue of these tests. */
static uint8_t wire[4 << 20];

static size_t take_all(struct adieu_stream *s)
{
    size_t have = 0;
    const uint8_t *at = NULL;
    for (size_t n; (n = adieu_wire_out(s, &at)) > 0; have += n) {
        check_that(have + n <= sizeof wire, "more was queued than any test expects");
        memcpy(wire + have, at, n);
        adieu_wire_out_done(s, n);
    }
    return have;
}

const char *flush(struct adieu_stream *s)
{
    static char tags[1 << 18];
    size_t have = take_all(s), count = 0;
    for (size_t i = 0; i < have;) {
        size_t size = FAKE_OVERHEAD + ((size_t)wire[i + 1] << 8 | wire[i + 2]);
        check_that(i + size <= have, "half a frame left the stream");
        check_that(count + 1 < sizeof tags, "more frames left than any test expects");
        tags[count++] = (char)wire[i];
        i += size;
    }
    tags[count] = 0;
    return tags;
}

size_t flush_some(struct adieu_stream *s, size_t most)
{
    size_t took = 0;
    const uint8_t *at = NULL;
    for (size_t n; took < most && (n = adieu_wire_out(s, &at)) > 0; took += n) {
        if (n > most - took)
            n = most - took;
        adieu_wire_out_done(s, n);
    }
    return took;
}

/* ------------------------------------------------ the application */

enum adieu_status read_status(struct adieu_stream *s)
{
    char buf[64];
    size_t got = 77;
    enum adieu_status status = adieu_read(s, buf, sizeof buf, &got);
    if (status == ADIEU_OK)
        assert_in_range(got, 1, sizeof buf);
    else
        assert_int_equal(got, 77);
    return status;
}

enum adieu_status write_text(struct adieu_stream *s, const char *text)
{
    size_t took = 77;
    enum adieu_status status = adieu_write(s, text, strlen(text), &took);
    assert_int_equal(took, status == ADIEU_OK ? strlen(text) : 77);
    return status;
}

size_t write_much(struct adieu_stream *s, size_t size)
{
    static const uint8_t zeros[1 << 16];
    size_t total = 0, took = 0;
    while (total < size) {
        size_t n = size - total < sizeof zeros ? size - total : sizeof zeros;
        if (adieu_write(s, zeros, n, &took) != ADIEU_OK)
            break;
        assert_in_range(took, 1, n);
        total += took;
    }
    return total;
}

enum adieu_status read_out(struct adieu_stream *s, size_t *total)
{
    static uint8_t buf[20000];
    size_t got = 0;
    enum adieu_status status = ADIEU_OK;
    for (*total = 0; (status = adieu_read(s, buf, sizeof buf, &got)) == ADIEU_OK; *total += got)
        assert_in_range(got, 1, sizeof buf);
    return status;
}

void check_reads(struct adieu_stream *s, const char *text)
{
    for (size_t left = strlen(text), got = 0; left > 0; left -= got, text += got) {
        char buf[64] = "";
        check_status(adieu_read(s, buf, left < sizeof buf ? left : sizeof buf, &got), ADIEU_OK);
        assert_memory_equal(buf, text, got);
    }
}

void check_stable(struct adieu_stream *s)
{
    size_t n = 0;
    enum adieu_status handshake = adieu_handshake(s), read = read_status(s);
    enum adieu_status write = adieu_write(s, NULL, 0, &n), shut = ADIEU_OK;
    struct adieu_ending before = adieu_ending(s);
    if (write != ADIEU_OK)
        shut = adieu_shutdown(s);
    for (int i = 0; i < 3; i++) {
        check_status(adieu_handshake(s), handshake);
        check_status(read_status(s), read);
        check_status(adieu_read(s, NULL, 0, &n), read);
        check_status(adieu_discard(s, &n), read);
        check_status(adieu_write(s, NULL, 0, &n), write);
        if (write != ADIEU_OK)
            check_status(adieu_shutdown(s), shut);
    }
    struct adieu_ending after = adieu_ending(s);
    assert_memory_equal(&before, &after, sizeof before);
}
