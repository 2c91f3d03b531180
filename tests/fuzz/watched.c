/* SPDX-License-Identifier: MIT */
#include "watched.h"

#include <errno.h>
#include <string.h>

#include "ending.h"

static const char *const verb_names[VERBS] = {"handshake", "read", "discard", "write", "key_update", "ask", "shutdown"};

void watched_begin(struct watched *watched, struct adieu_stream *stream)
{
    *watched = (struct watched){.stream = stream};
    claim(stream != NULL, "there is a stream");
    watched->last = adieu_ending(stream);
    watched_look(watched);
}

void watched_end(struct watched *watched)
{
    watched_look(watched);
    adieu_free(watched->stream);
}

/* ------------------------------------------------ looking */

static void check_error(const struct watched *watched, const struct adieu_ending *ending)
{
    const struct adieu_error *error = adieu_error(watched->stream);
    bool failed = ending->receiving > ADIEU_RECEIVING_CLOSED || ending->sending > ADIEU_SENDING_CLOSED;
    claim(memchr(error->text, '\0', sizeof error->text) != NULL, "an error's text ends");
    claim(error->code == ending->error, "the error is the ending's: %s, %s", adieu_error_code_name(error->code),
          adieu_error_code_name(ending->error));
    claim(error->code == ADIEU_ERR_NONE || error->text[0] != '\0', "an error has a text");
    claim(!failed || error->code != ADIEU_ERR_NONE, "what failed has an error: %s, %s",
          adieu_sending_name(ending->sending), adieu_receiving_name(ending->receiving));
    claim(watched->error == ADIEU_ERR_NONE || error->code != ADIEU_ERR_NONE, "an error has been forgotten");
    for (const char *at = error->text; *at != '\0'; at++)
        claim((unsigned char)*at >= 0x20 && *at != 0x7f, "an error's text steers no terminal");
}

static void check_counts(const struct watched *watched, const struct adieu_ending *ending)
{
    claim(ending->taken == watched->taken, "as much is taken as was said");
    claim(ending->received == watched->received, "as much is received as was given");
    claim(ending->discarded == watched->discarded, "as much is discarded as was said");
}

void watched_look(struct watched *watched)
{
    struct adieu_ending ending = adieu_ending(watched->stream);
    ending_check(&ending);
    ending_follows(&watched->last, &ending);
    check_counts(watched, &ending);
    check_error(watched, &ending);
    claim(adieu_sending(watched->stream) == ending.sending && adieu_receiving(watched->stream) == ending.receiving,
          "both ways of asking say the same");
    claim(ending.receiving == ADIEU_RECEIVING_OPEN || adieu_wire_in(watched->stream, NULL) == 0,
          "nothing is received behind the end");
    claim(ending.receiving == ADIEU_RECEIVING_CLOSED || adieu_wire_surplus(watched->stream, NULL) == 0,
          "a surplus is behind close_notify");
    watched->last = ending;
    watched->error = ending.error;
}

/* ------------------------------------------------ answers */

/* Somebody can do something about a WAIT. */
static void check_wait(const struct watched *watched, enum verb verb)
{
    bool in = adieu_wire_in(watched->stream, NULL) > 0, out = adieu_wire_out(watched->stream, NULL) > 0;
    bool decision = adieu_awaited(watched->stream) != ADIEU_AWAITED_NOTHING;
    claim(in || out || decision, "%s waits, and nothing can be done about it", verb_names[verb]);
    bool hears = verb == VERB_READ || verb == VERB_DISCARD || verb == VERB_HANDSHAKE;
    claim(!hears || !watched->told || out || decision, "%s waits for a transport that has ended", verb_names[verb]);
}

static void check_failed(const struct watched *watched, enum verb verb)
{
    const struct adieu_error *error = adieu_error(watched->stream);
    claim(error->code != ADIEU_ERR_NONE && error->text[0] != '\0', "%s fails, and says why", verb_names[verb]);
}

static void check_misuse(const struct watched *watched, enum verb verb)
{
    struct adieu_ending ending = adieu_ending(watched->stream);
    claim(memcmp(&ending, &watched->last, sizeof ending) == 0, "a misuse of %s changes nothing", verb_names[verb]);
}

static enum adieu_status judge(struct watched *watched, enum verb verb, enum adieu_status status)
{
    bool hears = verb == VERB_READ || verb == VERB_DISCARD;
    claim(status <= ADIEU_MISUSE, "%s says a status", verb_names[verb]);
    claim(status != ADIEU_END || (hears && adieu_receiving(watched->stream) == ADIEU_RECEIVING_CLOSED),
          "%s says the end of what is closed", verb_names[verb]);
    claim(!watched->final[verb] || status == watched->said[verb], "%s said %s, and then %s", verb_names[verb],
          adieu_status_name(watched->said[verb]), adieu_status_name(status));
    if (status == ADIEU_WAIT)
        check_wait(watched, verb);
    if (status == ADIEU_FAIL)
        check_failed(watched, verb);
    if (status == ADIEU_MISUSE)
        check_misuse(watched, verb);
    watched->said[verb] = status;
    /* Writes are a misuse behind a shutdown, for ever; before it a failed one may become that. */
    watched->final[verb] = status == ADIEU_END || (status == ADIEU_FAIL && (hears || verb == VERB_HANDSHAKE)) ||
                           (verb == VERB_HANDSHAKE && status == ADIEU_OK);
    return status;
}

/* ------------------------------------------------ verbs */

enum adieu_status watched_handshake(struct watched *watched)
{
    watched_look(watched);
    return judge(watched, VERB_HANDSHAKE, adieu_handshake(watched->stream));
}

enum adieu_status watched_read(struct watched *watched, void *buf, size_t size, size_t *got)
{
    watched_look(watched);
    size_t n = SIZE_MAX;
    enum adieu_status status = adieu_read(watched->stream, buf, size, &n);
    claim(status == ADIEU_OK ? n <= size && (n > 0 || size == 0) : n == SIZE_MAX, "read says how much it has read");
    *got = status == ADIEU_OK ? n : 0;
    watched->received += *got;
    return judge(watched, VERB_READ, status);
}

enum adieu_status watched_discard(struct watched *watched)
{
    watched_look(watched);
    size_t n = 0;
    enum adieu_status status = adieu_discard(watched->stream, &n);
    claim(status == ADIEU_OK || n == 0, "discard counts what it has thrown away");
    watched->discarded += n;
    return judge(watched, VERB_DISCARD, status);
}

enum adieu_status watched_write(struct watched *watched, const void *buf, size_t size, size_t *took)
{
    watched_look(watched);
    size_t n = SIZE_MAX;
    enum adieu_status status = adieu_write(watched->stream, buf, size, &n);
    claim(status == ADIEU_OK ? n <= size && (n > 0 || size == 0) : n == SIZE_MAX, "write says how much it has taken");
    claim(status != ADIEU_OK || !watched->shut, "nothing is taken behind a shutdown");
    *took = status == ADIEU_OK ? n : 0;
    watched->taken += *took;
    return judge(watched, VERB_WRITE, status);
}

enum adieu_status watched_key_update(struct watched *watched, bool ask)
{
    watched_look(watched);
    return judge(watched, VERB_KEY_UPDATE, adieu_key_update(watched->stream, ask));
}

enum adieu_status watched_ask(struct watched *watched)
{
    watched_look(watched);
    return judge(watched, VERB_ASK, adieu_ask_certificate(watched->stream));
}

enum adieu_status watched_shutdown(struct watched *watched)
{
    watched_look(watched);
    enum adieu_status status = judge(watched, VERB_SHUTDOWN, adieu_shutdown(watched->stream));
    watched->shut = watched->shut || status == ADIEU_OK;
    return status;
}

void watched_eof(struct watched *watched)
{
    adieu_wire_eof(watched->stream);
    watched->told = true;
}

void watched_reset(struct watched *watched)
{
    adieu_wire_reset(watched->stream, ECONNRESET);
    watched->told = true;
}
