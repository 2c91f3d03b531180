/* SPDX-License-Identifier: MIT */
/* B: OpenSSL by hand, between two queues. It says what it is told to say, and remembers what it saw. */
#include "scene.h"

#include <openssl/err.h>

const char *b_sees_name(enum b_sees value)
{
    static const char *const names[] = {"nothing", "clean", "truncated", "reset", "alert", "garbage"};
    return names[value];
}

/* ------------------------------------------------ the wire */

/* What it has to say goes as far as the line takes it. */
static size_t speak(struct raw *b)
{
    char *at;
    size_t said = 0, most = b->piece ? b->piece : SIZE_MAX;
    for (size_t n, waits; !b->mute && said < most && (waits = (size_t)BIO_get_mem_data(b->out, &at)) > 0; said += n) {
        char gone[16384];
        n = waits < most - said ? waits : most - said;
        n = line_send(&b->line, at, n < sizeof gone ? n : sizeof gone);
        if (n == 0)
            break;
        (void)BIO_read(b->out, gone, (int)n);
    }
    return said;
}

static size_t listen_to_line(struct raw *b)
{
    char buf[16384];
    size_t came = 0;
    for (size_t n; !b->deaf && (n = line_receive(&b->line, buf, sizeof buf)) > 0; came += n)
        BIO_write(b->in, buf, (int)n);
    return came;
}

/* ------------------------------------------------ what it makes of it */

static void note(int write_p, int version, int content_type, const void *buf, size_t size, SSL *ssl, void *arg)
{
    (void)version, (void)ssl;
    struct raw *b = arg;
    if (write_p || content_type != SSL3_RT_ALERT || size != 2)
        return;
    b->alerts++;
    b->level = ((const uint8_t *)buf)[0];
    b->number = ((const uint8_t *)buf)[1];
}

/* The engine has nothing more: why? */
static enum b_sees judge(const struct raw *b, int error)
{
    if (error == SSL_ERROR_ZERO_RETURN)
        return b->alerts > 0 && b->number == SSL_AD_CLOSE_NOTIFY ? B_SEES_CLEAN : B_SEES_ALERT;
    if (error == SSL_ERROR_SSL)
        return b->alerts > 0 && b->number != SSL_AD_CLOSE_NOTIFY ? B_SEES_ALERT : B_SEES_GARBAGE;
    if (b->line.a_reset)
        return B_SEES_RESET;
    return b->line.a_ended ? B_SEES_TRUNCATED : B_SEES_NOTHING;
}

static int shake_once(struct raw *b)
{
    int result = SSL_do_handshake(b->ssl);
    b->established = result == 1;
    return result;
}

static int hear_once(struct raw *b)
{
    uint8_t buf[16384];
    int n = SSL_read(b->ssl, buf, sizeof buf);
    for (int i = 0; i < n; i++)
        b->garbled |= buf[i] != pattern(b->heard++);
    return n;
}

static void think(struct raw *b)
{
    int result = 1;
    while (result > 0 && b->sees == B_SEES_NOTHING) {
        ERR_clear_error();
        result = b->established ? hear_once(b) : shake_once(b);
    }
    if (b->sees == B_SEES_NOTHING)
        b->sees = judge(b, SSL_get_error(b->ssl, result));
    ERR_clear_error();
}

void raw_open(struct scene *s)
{
    struct raw *b = &s->b;
    b->ssl = SSL_new(b->context);
    b->in = BIO_new(BIO_s_mem());
    b->out = BIO_new(BIO_s_mem());
    assert_true(b->ssl && b->in && b->out);
    BIO_set_mem_eof_return(b->in, -1);
    SSL_set_bio(b->ssl, b->in, b->out);
    SSL_set_msg_callback(b->ssl, note);
    SSL_set_msg_callback_arg(b->ssl, b);
    if (s->server) {
        SSL_set_connect_state(b->ssl);
        if (s->name)
            assert_int_equal(SSL_set_tlsext_host_name(b->ssl, s->name), 1);
    } else {
        SSL_set_accept_state(b->ssl);
    }
}

void raw_reopen(struct scene *s)
{
    struct raw *b = &s->b;
    char unsent[16384];
    int n = BIO_read(b->out, unsent, sizeof unsent);
    SSL_free(b->ssl);
    b->established = false;
    b->sees = B_SEES_NOTHING;
    b->said = b->heard = 0;
    raw_open(s);
    if (n > 0)
        assert_int_equal(BIO_write(b->out, unsent, n), n);
}

void raw_free(struct raw *b)
{
    SSL_free(b->ssl);
    SSL_CTX_free(b->context);
    line_free(&b->line);
    *b = (struct raw){0};
}

bool b_moves(struct scene *s)
{
    struct raw *b = &s->b;
    size_t moved = speak(b) + listen_to_line(b);
    if (!b->idle && !b->line.b_reset)
        think(b);
    moved += speak(b);
    if (b->fin_due && !b->line.b_ended && BIO_ctrl_pending(b->out) == 0)
        line_fin(&b->line);
    return moved > 0;
}

/* ------------------------------------------------ what it is told to do */

void b_says(struct scene *s, size_t size)
{
    uint8_t buf[16384];
    for (size_t n; size > 0; size -= n) {
        n = size < sizeof buf ? size : sizeof buf;
        for (size_t i = 0; i < n; i++)
            buf[i] = pattern(s->b.said + i);
        assert_int_equal(SSL_write(s->b.ssl, buf, (int)n), (int)n);
        s->b.said += n;
    }
    (void)speak(&s->b);
}

void b_ends(struct scene *s)
{
    ERR_clear_error();
    assert_in_range(SSL_shutdown(s->b.ssl), 0, 1);
    (void)speak(&s->b);
}

void b_fin(struct scene *s)
{
    s->b.fin_due = true;
    (void)b_moves(s);
}

void b_says_plain(struct scene *s, const void *bytes, size_t size)
{
    assert_int_equal(BIO_write(s->b.out, bytes, (int)size), (int)size);
    (void)speak(&s->b);
}

void b_gives_up(struct scene *s)
{
    static const char nonsense[] = "\x17\x03\x03\x00\x20 this was not sealed with any key";
    enum b_sees before = s->b.sees;
    assert_int_equal(BIO_write(s->b.in, nonsense, 5 + 0x20), 5 + 0x20);
    think(&s->b);
    assert_int_equal(before, B_SEES_NOTHING);
    check_b_sees(s, B_SEES_GARBAGE);
    (void)speak(&s->b);
}

void b_hears(struct scene *s, size_t size)
{
    while (s->b.heard < size) {
        s->driver->tick(s);
        turn(s);
    }
    assert_int_equal(s->b.heard, size);
    assert_false(s->b.garbled);
}

void b_gets_to_see(struct scene *s, enum b_sees sees)
{
    while (s->b.sees == B_SEES_NOTHING) {
        s->driver->tick(s);
        turn(s);
    }
    check_b_sees(s, sees);
    assert_false(s->b.garbled);
}

bool b_finds_the_line_ended(struct scene *s)
{
    while (!s->b.line.a_ended && !s->b.line.a_reset) {
        s->driver->tick(s);
        turn(s);
    }
    return s->b.line.a_reset;
}

size_t taped(struct scene *s)
{
    return BIO_ctrl_pending(s->b.line.tape);
}
