/* SPDX-License-Identifier: MIT */
#include "fake_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum adieu_error_code fake_refuses = ADIEU_ERR_NONE;
int fake_outside;

struct engine_config {
    int nothing;
};

/* The core broke engine.h: no test can go on. */
static void hold(bool kept, const char *rule)
{
    if (kept)
        return;
    fprintf(stderr, "the core broke engine.h: %s\n", rule);
    abort();
}

size_t fake_frame(uint8_t *at, char tag, const void *payload, size_t size)
{
    hold(size <= FAKE_PAYLOAD, "a frame has at most 16,384 bytes");
    at[0] = (uint8_t)tag;
    at[1] = (uint8_t)(size >> 8);
    at[2] = (uint8_t)size;
    if (size > 0)
        memcpy(at + FAKE_HEAD, payload, size);
    at[FAKE_HEAD + size] = '.';
    return FAKE_OVERHEAD + size;
}

struct engine_config *engine_config_new(void)
{
    return calloc(1, sizeof(struct engine_config));
}

void engine_config_free(struct engine_config *config)
{
    free(config);
}

struct engine *engine_new(struct adieu_stream *stream, struct adieu_config *config, bool server, const char *name,
                          struct adieu_error *error)
{
    (void)config;
    (void)name;
    if (fake_refuses != ADIEU_ERR_NONE) {
        error_set(error, fake_refuses, 0, "as the test wanted");
        fake_refuses = ADIEU_ERR_NONE;
        return NULL;
    }
    struct engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        error_set(error, ADIEU_ERR_MEMORY, 0, NULL);
        return NULL;
    }
    engine->stream = stream;
    engine->server = server;
    return engine;
}

void engine_free(struct engine *engine)
{
    free(engine);
}

/* ------------------------------------------------ putting */

static bool put(struct engine *engine, char tag, const void *payload, size_t size)
{
    uint8_t frame[FAKE_OVERHEAD + FAKE_PAYLOAD];
    return stream_put(engine->stream, frame, fake_frame(frame, tag, payload, size));
}

/* Every verdict but DONE and WAIT is the last that this way gives. What is not known is left as the core made it. */
static enum engine_verdict fail(struct engine *engine, enum engine_verdict verdict, struct adieu_error *error,
                                enum adieu_error_code code, uint8_t number)
{
    engine->dead = true;
    error->code = code;
    if (number)
        error->alert = (struct adieu_alert){.seen = true, .level = 2, .number = number};
    return verdict;
}

/* As OpenSSL: an alert of our own is put, unless close_notify was. */
static enum engine_verdict fail_aloud(struct engine *engine, enum engine_verdict verdict, struct adieu_error *error,
                                      enum adieu_error_code code, uint8_t number)
{
    if (engine->plan.silent)
        number = 0;
    if (number != 0 && !engine->shut && put(engine, 'A', &number, 1))
        stream_alert(engine->stream, true, 2, number);
    return fail(engine, verdict, error, code, number);
}

static enum engine_verdict no_memory(struct engine *engine, struct adieu_error *error)
{
    return fail(engine, ENGINE_FAULT, error, ADIEU_ERR_MEMORY, 0);
}

/* ------------------------------------------------ taking */

static size_t payload_size(const struct engine *engine)
{
    return (size_t)engine->frame[1] << 8 | engine->frame[2];
}

static bool take(struct engine *engine, size_t want)
{
    while (engine->have < want) {
        size_t n = stream_take(engine->stream, engine->frame + engine->have, want - engine->have);
        hold(n <= want - engine->have, "stream_take gives at most what was asked for");
        if (n == 0)
            return false;
        engine->have += n;
    }
    return true;
}

/* A whole frame is there; false: not yet. One that is too long counts as whole, and is found out by its tail. */
static bool take_frame(struct engine *engine)
{
    if (!take(engine, FAKE_HEAD))
        return false;
    size_t size = payload_size(engine);
    return size > FAKE_PAYLOAD || take(engine, FAKE_OVERHEAD + size);
}

static bool frame_is_sound(const struct engine *engine)
{
    size_t size = payload_size(engine);
    return size <= FAKE_PAYLOAD && engine->frame[FAKE_HEAD + size] == '.';
}

static void drop_frame(struct engine *engine)
{
    engine->have = 0;
    engine->delivered = 0;
}

static enum engine_verdict on_close_notify(struct engine *engine, struct adieu_error *error)
{
    bool fatal = payload_size(engine) > 0 && engine->frame[FAKE_HEAD] == 2;
    stream_alert(engine->stream, false, fatal ? 2 : 1, 0);
    if (!engine->established)
        return fail(engine, ENGINE_ALERT, error, ADIEU_ERR_CLOSED_EARLY, 0);
    engine->read_latched = true;
    if (fatal)
        return fail(engine, ENGINE_CLOSE_FATAL, error, ADIEU_ERR_SEND_FAILED, 0);
    return ENGINE_CLOSE_NOTIFY;
}

/* Whether the answer found memory is not looked at: real engines forget it too, and the core must know by itself. */
static enum engine_verdict on_key_update(struct engine *engine)
{
    engine->key_updates++;
    stream_heard(engine->stream);
    put(engine, 'k', "12345678", 8);
    return ENGINE_DONE;
}

static enum engine_verdict on_hello(struct engine *engine, struct adieu_error *error)
{
    if (engine->established)
        return fail_aloud(engine, ENGINE_VIOLATION, error, ADIEU_ERR_VIOLATION, 10);
    engine->established = true;
    if (engine->server && !put(engine, 'H', "server", 6))
        return no_memory(engine, error);
    return ENGINE_DONE;
}

/* What the frame means, if it is not data. DONE: go on. */
static enum engine_verdict judge(struct engine *engine, struct adieu_error *error)
{
    uint8_t number = payload_size(engine) > 0 ? engine->frame[FAKE_HEAD] : 0;
    switch (frame_is_sound(engine) ? engine->frame[0] : '?') {
    case 'H':
        return on_hello(engine, error);
    case 'C':
        return on_close_notify(engine, error);
    case 'A':
        stream_alert(engine->stream, false, 2, number);
        return fail(engine, ENGINE_ALERT, error, ADIEU_ERR_ALERTED, number);
    case 'W':
        stream_alert(engine->stream, false, 1, number);
        return ENGINE_DONE;
    case 'K':
        return on_key_update(engine);
    case 'U':
        if (number)
            return on_key_update(engine);
        stream_heard(engine->stream);
        return ENGINE_DONE;
    case 'M':
    case 'm':
        engine->mute = engine->frame[0] == 'M';
        stream_heard(engine->stream);
        return ENGINE_DONE;
    case 'T':
    case 'k':
        stream_heard(engine->stream);
        return ENGINE_DONE;
    case 'V':
        return fail_aloud(engine, ENGINE_VIOLATION, error, ADIEU_ERR_VIOLATION, number);
    case 'F':
        return fail_aloud(engine, ENGINE_FAULT, error, ADIEU_ERR_ENGINE, number);
    default:
        return fail_aloud(engine, ENGINE_VIOLATION, error, ADIEU_ERR_VIOLATION, 20);
    }
}

/* DONE: there is data in the frame. */
static enum engine_verdict next_data(struct engine *engine, struct adieu_error *error)
{
    engine->asked++;
    for (;;) {
        if (!take_frame(engine))
            return ENGINE_WAIT;
        if (engine->frame[0] == 'D' && frame_is_sound(engine) && engine->established) {
            if (engine->delivered < payload_size(engine))
                return ENGINE_DONE;
        } else {
            enum engine_verdict verdict = judge(engine, error);
            if (verdict != ENGINE_DONE)
                return verdict;
        }
        drop_frame(engine);
    }
}

/* ------------------------------------------------ what the core calls */

enum engine_verdict engine_handshake(struct engine *engine, struct adieu_error *error)
{
    hold(!engine->dead, "handshake after a verdict");
    if (!engine->server && !engine->hello_put && !put(engine, 'H', "client", 6))
        return no_memory(engine, error);
    engine->hello_put = true;
    while (!engine->established) {
        bool whole = take_frame(engine);
        if (engine->plan.awaits)
            stream_await(engine->stream, ADIEU_AWAITED_VERIFY);
        if (!whole || engine->plan.awaits) {
            engine->plan.awaits = false;
            return ENGINE_WAIT;
        }
        enum engine_verdict verdict = judge(engine, error);
        if (verdict != ENGINE_DONE)
            return verdict;
        drop_frame(engine);
    }
    return ENGINE_DONE;
}

/* A script that says so has been refused as soon as the handshake has begun. */
bool engine_refused(struct engine *engine, struct adieu_error *error)
{
    hold(!engine->dead && !engine->established, "refused after a verdict or the handshake");
    if (!engine->plan.refused)
        return false;
    (void)fail_aloud(engine, ENGINE_VIOLATION, error, ADIEU_ERR_REFUSED, 42);
    return true;
}

bool engine_holds(const struct engine *engine)
{
    return engine->have > 0;
}

enum engine_verdict engine_peek(struct engine *engine, struct adieu_error *error)
{
    hold(engine->established, "peek before the handshake is done");
    hold(!engine->dead && !engine->read_latched, "peek after a verdict");
    return next_data(engine, error);
}

enum engine_verdict engine_read(struct engine *engine, void *buf, size_t size, size_t *got, struct adieu_error *error)
{
    hold(size > 0, "read of size 0");
    hold(engine->established, "read before the handshake is done");
    hold(!engine->dead && !engine->read_latched, "read after a verdict");
    enum engine_verdict verdict = next_data(engine, error);
    if (verdict != ENGINE_DONE)
        return verdict;
    size_t left = payload_size(engine) - engine->delivered;
    *got = size < left ? size : left;
    memcpy(buf, engine->frame + FAKE_HEAD + engine->delivered, *got);
    engine->delivered += *got;
    if (engine->delivered == payload_size(engine))
        drop_frame(engine);
    return ENGINE_DONE;
}

enum engine_verdict engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error)
{
    hold(size > 0 && size <= FAKE_PAYLOAD, "write of 1 to 16,384 bytes");
    hold(engine->established, "write before the handshake is done");
    hold(!engine->dead && !engine->shut, "write after a verdict or shutdown");
    if (engine->mute)
        return ENGINE_WAIT;
    if (engine->plan.write_faults)
        return fail_aloud(engine, ENGINE_FAULT, error, ADIEU_ERR_ENGINE, 80);
    return put(engine, 'D', buf, size) ? ENGINE_DONE : no_memory(engine, error);
}

bool engine_has_key_update(const struct engine *engine)
{
    return !engine->plan.old;
}

enum engine_verdict engine_key_update(struct engine *engine, bool ask_peer, struct adieu_error *error)
{
    const uint8_t asks = ask_peer;
    hold(engine->established && !engine->plan.old, "key update where there is none");
    hold(!engine->dead && !engine->shut, "key update after a verdict or shutdown");
    if (engine->mute)
        return ENGINE_WAIT;
    if (engine->plan.update_faults)
        return fail_aloud(engine, ENGINE_FAULT, error, ADIEU_ERR_ENGINE, 80);
    return put(engine, 'U', &asks, 1) ? ENGINE_DONE : no_memory(engine, error);
}

bool engine_may_ask(const struct engine *engine)
{
    return engine->plan.may_ask;
}

enum engine_verdict engine_ask_certificate(struct engine *engine, struct adieu_error *error)
{
    hold(engine->established && engine->plan.may_ask, "a certificate is asked for where none may be");
    hold(!engine->dead && !engine->shut, "a certificate is asked for after a verdict or shutdown");
    if (engine->mute)
        return ENGINE_WAIT;
    if (engine->plan.ask_faults)
        return fail_aloud(engine, ENGINE_FAULT, error, ADIEU_ERR_ENGINE, 80);
    return put(engine, 'Q', NULL, 0) ? ENGINE_DONE : no_memory(engine, error);
}

bool engine_inside_record(const struct engine *engine)
{
    return engine->have > 0;
}

void engine_rest(struct engine *engine)
{
    hold(engine->established, "rest before the handshake is done");
    engine->rests++;
}

void engine_step_out(struct engine *engine)
{
    (void)engine;
    fake_outside++;
}

void engine_step_in(void)
{
    fake_outside--;
}

enum engine_verdict engine_shutdown(struct engine *engine, struct adieu_error *error)
{
    hold(engine->established, "shutdown before the handshake is done");
    hold(!engine->dead && !engine->shut, "shutdown after a verdict or shutdown");
    if (engine->mute)
        return ENGINE_WAIT;
    engine->shut = true;
    if (engine->plan.shutdown_faults)
        return fail(engine, ENGINE_FAULT, error, ADIEU_ERR_ENGINE, 0);
    if (!put(engine, 'C', "\1", 1))
        return no_memory(engine, error);
    stream_alert(engine->stream, true, 1, 0);
    return ENGINE_DONE;
}
