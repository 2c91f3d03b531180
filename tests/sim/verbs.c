/* SPDX-License-Identifier: MIT */
/* The program of a side: it calls verbs, knows what it got, and notes each answer for the invariants. */
#include <string.h>

#include "backend.h"
#include "stream.h"

/* What *got and *took hold beforehand: only OK touches them. */
enum { UNTOUCHED = 777777 };

static void begin(struct world *w, struct side *s, enum verb verb)
{
    w->calls++;
    s->call = (struct call){
        .verb = verb,
        .before = adieu_ending(s->s),
        .room = adieu_wire_in(s->s, NULL),
        .out = adieu_wire_out(s->s, NULL),
        .awaited = adieu_awaited(s->s),
        .readable = adieu_readable(s->s),
    };
}

static enum adieu_status end(struct world *w, struct side *s, enum adieu_status status)
{
    s->call.status = status;
    s->called = true;
    hold_all(w, s);
    s->called = false;
    return status;
}

/* *n as a verb left it; false: it is not what the contract says. */
static void check_count(struct world *w, struct side *s, enum adieu_status status, size_t n, size_t size)
{
    bool right = status == ADIEU_OK ? (size ? n >= 1 && n <= size : n == 0) : n == UNTOUCHED;
    if (!right)
        broken(w, s, "count_by_ok_only", "OK with 1..size bytes; *got and *took are touched by OK only");
}

enum adieu_status verb_handshake(struct world *w, struct side *s)
{
    begin(w, s, VERB_HANDSHAKE);
    enum adieu_status status = adieu_handshake(s->s);
    s->established |= status == ADIEU_OK;
    return end(w, s, status);
}

enum adieu_status verb_read(struct world *w, struct side *s, size_t size)
{
    static uint8_t buf[40000];
    size_t got = UNTOUCHED;
    begin(w, s, VERB_READ);
    enum adieu_status status = adieu_read(s->s, size ? buf : NULL, size, &got);
    check_count(w, s, status, got, size);
    if (status == ADIEU_OK) {
        s->wrong_bytes |= memcmp(buf, said_at(!s->number, s->read + s->discarded), got) != 0;
        s->read += got;
    }
    return end(w, s, status);
}

enum adieu_status verb_discard(struct world *w, struct side *s)
{
    size_t got = UNTOUCHED;
    begin(w, s, VERB_READ);
    enum adieu_status status = adieu_discard(s->s, &got);
    if (status == ADIEU_OK)
        s->discarded += got;
    return end(w, s, status);
}

/* The same bytes in several pieces that lie apart, one of them empty. */
static enum adieu_status write_pieces(struct side *s, const uint8_t *bytes, size_t size, unsigned pieces, size_t *took)
{
    static uint8_t apart_by_one[50000 + 8];
    struct adieu_piece list[8];
    size_t apart = size / pieces, count = 0;
    list[count++] = (struct adieu_piece){NULL, 0};
    for (unsigned i = 0; i < pieces; i++) {
        size_t n = i + 1 == pieces ? size - i * apart : apart;
        uint8_t *copy = apart_by_one + i * (apart + 1);
        if (n)
            memcpy(copy, bytes + i * apart, n);
        list[count++] = (struct adieu_piece){copy, n};
    }
    return adieu_writev(s->s, list, count, took);
}

enum adieu_status verb_write(struct world *w, struct side *s, size_t size, unsigned pieces)
{
    size_t took = UNTOUCHED;
    const uint8_t *bytes = said_at(s->number, s->took);
    w->writes = s->number;
    begin(w, s, VERB_WRITE);
    enum adieu_status status =
        pieces ? write_pieces(s, bytes, size, pieces, &took) : adieu_write(s->s, bytes, size, &took);
    check_count(w, s, status, took, size);
    if (status == ADIEU_OK && took) {
        s->took += took;
        s->last_took = took;
        s->last_put = s->s->output.put;
    }
    return end(w, s, status);
}

enum adieu_status verb_shutdown(struct world *w, struct side *s)
{
    begin(w, s, VERB_SHUTDOWN);
    enum adieu_status status = adieu_shutdown(s->s);
    s->shut |= status == ADIEU_OK;
    s->shutdown_called |= status != ADIEU_MISUSE;
    return end(w, s, status);
}

void verb_abort(struct world *w, struct side *s, enum adieu_reason reason)
{
    s->aborted = true;
    s->ended_shown |= s->shown != NULL;
    begin(w, s, VERB_OTHER);
    adieu_abort(s->s, reason);
    end(w, s, ADIEU_OK);
}

/* ------------------------------------------------ verbs that are called by their step only */

static void key_update(struct world *w, struct side *s, bool ask_peer)
{
    begin(w, s, VERB_KEY_UPDATE);
    end(w, s, adieu_key_update(s->s, ask_peer));
}

static void ask_certificate(struct world *w, struct side *s)
{
    begin(w, s, VERB_ASK_CERTIFICATE);
    end(w, s, adieu_ask_certificate(s->s));
}

void verb_decide(struct world *w, struct side *s, enum adieu_decision decision)
{
    begin(w, s, VERB_OTHER);
    enum adieu_status status = adieu_decide(s->s, decision);
    if (status == ADIEU_OK && decision != ADIEU_ACCEPT)
        s->refused = w->hurt = true;
    end(w, s, status);
}

static void resume(struct world *w, struct side *s, size_t size)
{
    begin(w, s, VERB_OTHER);
    enum adieu_status status = backend_resume(s, said_at(s->number, 0), size);
    if (status == ADIEU_OK)
        broken(w, s, "no_session", "adieu_resume: FAIL: the bytes are no session");
    end(w, s, status);
}

/* Asking changes nothing, whenever it is done. */
static void ask(struct world *w, struct side *s)
{
    char text[160];
    uint8_t pin[ADIEU_PIN_SIZE];
    const struct adieu_stream *stream = s->s;
    struct adieu_ending before = adieu_ending(stream);
    const struct adieu_error *error = adieu_error(stream);
    if ((error->code == ADIEU_ERR_NONE) != (before.error == ADIEU_ERR_NONE) || error->code != before.error)
        broken(w, s, "one_error", "adieu_ending and adieu_error tell the same error");
    if (!memchr(error->text, 0, sizeof error->text) || strlen(adieu_ending_text(&before, text, sizeof text)) >= 159)
        broken(w, s, "texts_fit", "size 160 always suffices");
    (void)adieu_wire_last(stream);
    (void)adieu_wire_surplus(stream, NULL);
    backend_ask(stream, pin);
    struct adieu_ending after = adieu_ending(stream);
    if (memcmp(&before, &after, sizeof before) != 0)
        broken(w, s, "asking_changes_nothing", "adieu_ending: never does I/O, never changes anything");
    hold_all(w, s);
}

static void release_by_force(struct world *w, struct side *s)
{
    w->hurt = true;
    s->last = adieu_ending(s->s);
    bool ended = s->last.decided && adieu_wire_last(s->s) != ADIEU_LAST_RESET && !adieu_wire_out(s->s, NULL);
    adieu_free(s->s);
    s->s = NULL;
    s->shown = NULL;
    s->place = NULL;
    way_release(w, s, !ended);
}

void verb_step(struct world *w, struct side *s, const struct sim_step *step)
{
    switch (step->does) {
    case SIM_HANDSHAKE:
        verb_handshake(w, s);
        break;
    case SIM_READ:
        verb_read(w, s, step->size);
        break;
    case SIM_DISCARD:
        verb_discard(w, s);
        break;
    case SIM_WRITE:
        verb_write(w, s, step->size, 0);
        break;
    case SIM_WRITEV:
        verb_write(w, s, step->size, step->how + 1U);
        break;
    case SIM_SHUTDOWN:
        verb_shutdown(w, s);
        break;
    case SIM_ABORT:
        w->hurt = true;
        verb_abort(w, s, (enum adieu_reason)step->how);
        break;
    case SIM_KEY_UPDATE:
        key_update(w, s, step->how);
        break;
    case SIM_ASK_CERTIFICATE:
        ask_certificate(w, s);
        break;
    case SIM_DECIDE:
        verb_decide(w, s, (enum adieu_decision)step->how);
        break;
    case SIM_RESUME:
        resume(w, s, step->size);
        break;
    case SIM_WATCH:
        observer_set(s, step->how);
        break;
    case SIM_FREE:
        release_by_force(w, s);
        break;
    default:
        ask(w, s);
    }
}
