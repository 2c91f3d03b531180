/* SPDX-License-Identifier: MIT */
/* What adieu is told, done by the verbs of the library: of a descriptor, of libuv, or of a stream in memory. */
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* ------------------------------------------------ its config */

static bool set_words(struct adieu_config *config, const struct settings *settings)
{
    bool good = true;
    if (settings->versions) {
        enum adieu_version only = strcmp(settings->versions, "1.2") == 0 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3;
        good &= adieu_config_versions(config, only, only) == ADIEU_OK;
    }
    if (settings->alpn)
        good &= adieu_config_alpn(config, &settings->alpn, 1) == ADIEU_OK;
    return good;
}

struct adieu_config *library_config(const struct play *play)
{
    static const uint8_t nobody[ADIEU_PIN_SIZE];
    const struct settings *settings = &play->script->settings;
    const char *pem = play->stage->identities[IDENTITY_KNOWN].pem;
    struct adieu_config *config = adieu_config_new();
    bool good = config != NULL;
    if (play->choice.adieu_is_server)
        good &= adieu_config_identity_pem(config, pem, strlen(pem), pem, strlen(pem), NULL) == ADIEU_OK;
    if (settings->untrusted)
        good &= adieu_config_trust_pin(config, nobody) == ADIEU_OK;
    else
        good &= adieu_config_trust_pem(config, pem, strlen(pem)) == ADIEU_OK;
    if (settings->client_auth)
        good &= adieu_config_client_auth(config, ADIEU_CLIENT_AUTH_REQUIRED) == ADIEU_OK;
    if (settings->queue)
        good &= adieu_config_queue_limit(config, (unsigned)settings->queue) == ADIEU_OK;
    if (!good || !set_words(config, settings))
        abort();
    return config;
}

/* ------------------------------------------------ its socket */

int library_connect(struct play *play)
{
    int adieu = tcp_connect(play->stage->port);
    play->wire = (struct wire){.descriptor = tcp_accept(play->stage->listener, 1000)};
    if (play->script->settings.buffers) {
        tcp_buffers(adieu, (int)play->script->settings.buffers);
        tcp_buffers(play->wire.descriptor, (int)play->script->settings.buffers);
    }
    return adieu;
}

/* ------------------------------------------------ what came of it */

static struct library *library(const struct play *play)
{
    return play->adieu;
}

static bool surprise(struct play *play, enum adieu_status status)
{
    struct library *adieu = library(play);
    return play_fail(play, "adieu said %s (%s) and not %s", adieu_status_name(status),
                     adieu_error_code_name(adieu->verbs->error(adieu)), adieu_status_name(play->act.wanted));
}

/* A status that ends the act, as wanted or not. */
static void settle(struct play *play, enum adieu_status status)
{
    struct library *adieu = library(play);
    enum adieu_error_code code = adieu->verbs->error(adieu);
    play->act.over = true;
    if (play->act.implied)
        return;
    if (status != play->act.wanted)
        surprise(play, status);
    else if (status == ADIEU_FAIL && play->act.code && !word_among(play->act.code, adieu_error_code_name(code)))
        play_fail(play, "adieu failed with %s and not %s", adieu_error_code_name(code), play->act.code);
}

/* ------------------------------------------------ the acts */

static bool step_handshake(struct play *play)
{
    struct library *adieu = library(play);
    enum adieu_status status = adieu->verbs->handshake(adieu);
    bool sent = status != ADIEU_OK || !adieu->verbs->unsent(adieu);
    if (status != ADIEU_WAIT && sent)
        settle(play, status);
    return false;
}

/* What was read is what was to be read. */
static void compare(struct play *play, const uint8_t *got, size_t n)
{
    char found[40], wanted[40];
    const struct act *act = &play->act;
    if (act->wanted != ADIEU_OK)
        play_fail(play, "adieu read data, \"%s\", and not %s", bytes_show(got, n, found, sizeof found),
                  adieu_status_name(act->wanted));
    else if (memcmp(got, act->bytes.at + act->done, n) != 0)
        play_fail(play, "adieu read \"%s\" and not \"%s\" at %zu", bytes_show(got, n, found, sizeof found),
                  bytes_show(act->bytes.at + act->done, n, wanted, sizeof wanted), act->done);
}

static bool step_read(struct play *play)
{
    static uint8_t buf[32768];
    struct act *act = &play->act;
    struct library *adieu = library(play);
    size_t left = act->wanted == ADIEU_OK ? act->bytes.size - act->done : sizeof buf, got = 0;
    enum adieu_status status = adieu->verbs->read(adieu, buf, left < sizeof buf ? left : sizeof buf, &got);
    if (status == ADIEU_OK) {
        compare(play, buf, got);
        act->done += got;
        act->over = act->done == act->bytes.size;
        return true;
    }
    if (status != ADIEU_WAIT || act->wanted == ADIEU_WAIT)
        settle(play, status);
    return false;
}

/* OK means all of it, handed over; anything else is the answer to one byte. */
static bool step_write(struct play *play)
{
    struct act *act = &play->act;
    struct library *adieu = library(play);
    size_t took = 0;
    bool all = act->wanted == ADIEU_OK;
    enum adieu_status status = adieu->verbs->write(adieu, all ? act->bytes.at + act->done : (const void *)"x",
                                                   all ? act->bytes.size - act->done : 1, &took);
    act->done += took;
    if (!all || (status != ADIEU_OK && status != ADIEU_WAIT))
        settle(play, status);
    else if (act->done == act->bytes.size && (act->kind == ACT_QUEUE || !adieu->verbs->unsent(adieu)))
        act->over = true;
    return took > 0;
}

static bool step_shutdown(struct play *play)
{
    struct library *adieu = library(play);
    enum adieu_status status = adieu->verbs->shutdown(adieu);
    if (status != ADIEU_WAIT && (status != ADIEU_OK || !adieu->verbs->unsent(adieu)))
        settle(play, status);
    return false;
}

static bool step_close(struct play *play)
{
    struct library *adieu = library(play);
    enum adieu_status status = adieu->verbs->close(adieu, play->act.patience);
    if (status != ADIEU_WAIT)
        settle(play, status);
    return false;
}

static bool step_abort(struct play *play)
{
    struct library *adieu = library(play);
    adieu->verbs->abort(adieu);
    return play->act.over = true;
}

static bool step_free(struct play *play)
{
    struct library *adieu = library(play);
    adieu->last = adieu->verbs->ending(adieu);
    adieu->verbs->free(adieu);
    adieu->freed = true;
    return play->act.over = true;
}

/* ------------------------------------------------ again */

enum { VERB_READ, VERB_WRITE, VERB_SHUTDOWN, VERB_CLOSE };

static enum adieu_status call(const struct play *play, int verb)
{
    struct library *adieu = library(play);
    uint8_t buf[64];
    size_t n = 0;
    switch (verb) {
    case VERB_READ:
        return adieu->verbs->read(adieu, buf, sizeof buf, &n);
    case VERB_WRITE:
        return adieu->verbs->write(adieu, "x", 1, &n);
    case VERB_SHUTDOWN:
        return adieu->verbs->shutdown(adieu);
    default:
        return adieu->verbs->close(adieu, 0);
    }
}

/* Only what has ended may be called: the others would do something. */
static bool has_ended(const struct play *play, int verb, const struct adieu_ending *ending)
{
    bool sending = ending->sending == ADIEU_SENDING_OPEN || ending->sending == ADIEU_SENDING_CLOSING;
    if (verb == VERB_READ)
        return ending->receiving != ADIEU_RECEIVING_OPEN;
    return verb == VERB_CLOSE ? play->left : !sending;
}

static bool is_stable(struct play *play, int verb, const struct adieu_ending *before)
{
    static const char *const names[] = {"read", "write", "shutdown", "close"};
    struct library *adieu = library(play);
    enum adieu_error_code code = adieu->verbs->error(adieu);
    enum adieu_status first = call(play, verb);
    for (int i = 2; i <= play->act.times; i++) {
        enum adieu_status status = call(play, verb);
        struct adieu_ending now = adieu->verbs->ending(adieu);
        now.acknowledged = before->acknowledged; /* the peer's TCP goes on */
        if (status != first)
            return play_fail(play, "%s number %d says %s, the first one said %s", names[verb], i,
                             adieu_status_name(status), adieu_status_name(first));
        if (memcmp(&now, before, sizeof now) != 0 || adieu->verbs->error(adieu) != code)
            return play_fail(play, "%s number %d changed the ending or its error", names[verb], i);
    }
    play_trace(play, "= %s says %s, asked %d times", names[verb], adieu_status_name(first), play->act.times);
    return true;
}

static bool step_again(struct play *play)
{
    struct library *adieu = library(play);
    bool stable = true;
    if (adieu->freed) /* nobody is there to be asked */
        return play->act.over = true;
    struct adieu_ending ending = adieu->verbs->ending(adieu);
    for (int verb = VERB_READ; verb <= VERB_CLOSE; verb++)
        stable = stable && (!has_ended(play, verb, &ending) || is_stable(play, verb, &ending));
    return play->act.over = true;
}

/* ------------------------------------------------ all of it */

bool library_step(struct play *play)
{
    static bool (*const steps[ACTS])(struct play * play) = {
        [ACT_HANDSHAKE] = step_handshake, [ACT_READ] = step_read,         [ACT_WRITE] = step_write,
        [ACT_QUEUE] = step_write,         [ACT_SHUTDOWN] = step_shutdown, [ACT_CLOSE] = step_close,
        [ACT_ABORT] = step_abort,         [ACT_FREE] = step_free,         [ACT_AGAIN] = step_again,
    };
    return !play->act.over && steps[play->act.kind](play);
}

bool library_outcome(struct play *play, struct outcome *outcome)
{
    struct library *adieu = library(play);
    struct adieu_ending ending = adieu->freed ? adieu->last : adieu->verbs->ending(adieu);
    outcome_of(&ending, outcome);
    return true;
}
