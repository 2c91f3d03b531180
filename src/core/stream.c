/* SPDX-License-Identifier: MIT */
/* The verbs. Each asks the engine, and what the engine finds becomes an event of the closure machine. */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "pieces.h"

/* ------------------------------------------------ life */

static struct adieu_stream *stream_new(struct adieu_config *config, bool server, const char *name)
{
    struct adieu_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    config_freeze(config);
    stream->config = adieu_config_ref(config);
    stream->dry = true;
    stream->decision = ADIEU_LATER;
    stream->ending.acknowledged = ADIEU_UNKNOWN;

    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    stream->engine = engine_new(stream, config, server, name, &error);
    if (!stream->engine && error.code == ADIEU_ERR_MEMORY) {
        adieu_free(stream);
        return NULL;
    }
    if (!stream->engine) {
        stream->error = error;
        stream->error_rank = (uint8_t)error_rank(error.code);
    }
    return stream;
}

struct adieu_stream *adieu_client(struct adieu_config *config, const char *server_name)
{
    return stream_new(config, false, server_name);
}

struct adieu_stream *adieu_server(struct adieu_config *config)
{
    return stream_new(config, true, NULL);
}

void adieu_free(struct adieu_stream *stream)
{
    if (!stream)
        return;
    struct pool *pool = config_pool(stream->config);
    engine_free(stream->engine);
    queue_release(&stream->output, pool);
    queue_drop(&stream->output, pool);
    stream->input.offered = false;
    input_clear(stream);
    adieu_config_free(stream->config);
    free(stream);
}

/* ------------------------------------------------ verdicts */

static enum adieu_status fail_by(struct adieu_stream *stream, struct adieu_error *error, enum ending_event event)
{
    stream_explain(stream, error);
    stream_raise(stream, event);
    return ADIEU_FAIL;
}

/* The engine's verdict as an event, once: no verb calls an engine again whose verdict was an end. */
static enum adieu_status judge(struct adieu_stream *stream, enum engine_verdict verdict, struct adieu_error *error)
{
    if (stream->no_memory) {
        stream_fault_memory(stream);
        return ADIEU_FAIL;
    }
    switch (verdict) {
    case ENGINE_DONE:
        return ADIEU_OK;
    case ENGINE_WAIT:
        stream->dry = !stream_waits(stream) && stream->awaited == ADIEU_AWAITED_NOTHING;
        stream_rest(stream);
        stream_transport_end(stream);
        return ending_receiving_lives(stream->ending.receiving) ? ADIEU_WAIT : ADIEU_FAIL;
    case ENGINE_CLOSE_NOTIFY:
        stream_raise(stream, EVENT_CLOSE_NOTIFY);
        return ADIEU_END;
    case ENGINE_CLOSE_FATAL:
        stream_raise(stream, EVENT_CLOSE_NOTIFY);
        fail_by(stream, error, EVENT_SEND_FAILED);
        return ADIEU_END;
    case ENGINE_ALERT:
        stream->ending.alert_received = error->alert;
        return fail_by(stream, error, EVENT_ALERT);
    case ENGINE_VIOLATION:
        return fail_by(stream, error, EVENT_VIOLATION);
    case ENGINE_FAULT:
        if (stream->ending.reason == ADIEU_REASON_NONE)
            stream->ending.reason = ADIEU_REASON_FAULT;
        return fail_by(stream, error, EVENT_FAULT);
    }
    return ADIEU_FAIL;
}

/* Reading and writing need a handshake: before it is done they are misuse, after it failed they fail. */
static enum adieu_status allowed(const struct adieu_stream *stream)
{
    if (stream->in_callback)
        return ADIEU_MISUSE;
    if (stream->established)
        return ADIEU_OK;
    return ending_receiving_lives(stream->ending.receiving) ? ADIEU_MISUSE : ADIEU_FAIL;
}

/* ------------------------------------------------ verbs */

enum adieu_status adieu_handshake(struct adieu_stream *stream)
{
    if (stream->in_callback)
        return ADIEU_MISUSE;
    if (stream->established)
        return ADIEU_OK;
    if (!ending_receiving_lives(stream->ending.receiving))
        return ADIEU_FAIL;
    if (!stream->engine)
        return judge(stream, ENGINE_FAULT, &stream->error);
    if (stream->awaited != ADIEU_AWAITED_NOTHING)
        return ADIEU_WAIT;
    struct adieu_error error;
    error_none(&error);
    enum engine_verdict verdict = engine_handshake(stream->engine, &error);
    enum adieu_status status = judge(stream, verdict, &error);
    if (status == ADIEU_OK) {
        stream->established = true;
        stream->dry = false;
        stream->ending.phase = ADIEU_PHASE_ESTABLISHED;
        stream_tell(stream, ADIEU_NEWS_ESTABLISHED, NULL);
    }
    return status;
}

/*
 * The engine says nothing while half of a message of the peer's has come. If the other half never will, it has become
 * mute: that is a fault, since the peer's end must not be taken for ours.
 */
static enum engine_verdict unless_mute(struct adieu_stream *stream, enum engine_verdict verdict,
                                       struct adieu_error *error)
{
    if (verdict != ENGINE_WAIT || ending_receiving_lives(stream->ending.receiving))
        return verdict;
    error->code = ADIEU_ERR_ENGINE;
    strcpy(error->text, "the peer ended inside a message, after which nothing can be sealed");
    return ENGINE_FAULT;
}

/* That other half may lie here already, where only a read would find it. True: ask the engine again. */
static bool looked_for_other_half(struct adieu_stream *stream)
{
    size_t got;
    if (stream->dry)
        return false;
    /* The transport may have ended behind it: that says nothing of our side. */
    (void)!adieu_read(stream, NULL, 0, &got);
    return stream->ending.sending == ADIEU_SENDING_OPEN;
}

/* For verbs that seal. WAIT says nothing about what can be read; what lay unread may have ended our side, too. */
static enum adieu_status judge_sealed(struct adieu_stream *stream, enum engine_verdict verdict,
                                      struct adieu_error *error)
{
    if (verdict == ENGINE_WAIT && stream->ending.sending != ADIEU_SENDING_OPEN)
        return ADIEU_FAIL;
    verdict = unless_mute(stream, verdict, error);
    return verdict == ENGINE_WAIT && !stream->no_memory ? ADIEU_WAIT : judge(stream, verdict, error);
}

/* Seals close_notify, or leaves it due until the other half of a message has come. */
static enum adieu_status seal_goodbye(struct adieu_stream *stream)
{
    struct adieu_error error;
    error_none(&error);
    enum engine_verdict verdict = unless_mute(stream, engine_shutdown(stream->engine, &error), &error);
    if (verdict == ENGINE_WAIT) {
        stream->goodbye_due = true;
        return ADIEU_OK;
    }
    enum adieu_status status = judge(stream, verdict, &error);
    stream->goodbye_due = false; /* only now: a fault drops nothing while it is due, since it was never sealed */
    return status;
}

void stream_try_goodbye(struct adieu_stream *stream)
{
    if (!stream->goodbye_due || stream->ending.sending != ADIEU_SENDING_CLOSING)
        return;
    if (seal_goodbye(stream) == ADIEU_OK)
        stream->sealed = !stream->goodbye_due;
}

/* What a read says when the peer's direction has ended. */
static enum adieu_status read_ended(const struct adieu_stream *stream)
{
    return stream->ending.receiving == ADIEU_RECEIVING_CLOSED ? ADIEU_END : ADIEU_FAIL;
}

/* A read has found that before, and done what there was to be done about it. */
static bool nothing_changed(const struct adieu_stream *stream)
{
    return stream->dry && stream->keeps && !stream->eof && !stream->reset && !stream->no_memory && !stream->goodbye_due;
}

/* Reads, or (size 0) peeks; does not count. */
static enum adieu_status read_plain(struct adieu_stream *stream, void *buf, size_t size, size_t *got)
{
    enum adieu_status status = allowed(stream);
    if (status != ADIEU_OK)
        return status;
    if (!ending_receiving_lives(stream->ending.receiving))
        return read_ended(stream);
    if (nothing_changed(stream))
        return ADIEU_WAIT;
    struct adieu_error error;
    error_none(&error);
    size_t n = 0;
    enum engine_verdict verdict = ENGINE_WAIT; /* a dry engine has nothing, and would take memory to find that out */
    if (!stream->dry)
        verdict = size ? engine_read(stream->engine, buf, size, &n, &error) : engine_peek(stream->engine, &error);
    if (verdict == ENGINE_DONE) {
        stream->dry = size && !stream_waits(stream) && !engine_holds(stream->engine);
        stream_heard(stream);
    }
    if (stream->dry && stream->rest_due)
        stream_rest(stream); /* nobody may read again for long */
    status = judge(stream, verdict, &error);
    if (status == ADIEU_OK)
        *got = n;
    stream_try_goodbye(stream);
    return status;
}

enum adieu_status adieu_read(struct adieu_stream *stream, void *buf, size_t size, size_t *got)
{
    enum adieu_status status = read_plain(stream, buf, size, got);
    if (status == ADIEU_OK)
        stream->ending.received += *got;
    return status;
}

/* memset on memory that is not read again may be left out by the compiler; this may not. */
static void wipe(void *bytes, size_t size)
{
    memset(bytes, 0, size);
    __asm__ __volatile__("" : : "r"(bytes) : "memory");
}

enum adieu_status adieu_discard(struct adieu_stream *stream, size_t *count)
{
    uint8_t scratch[4096];
    size_t got = 0;
    enum adieu_status status = read_plain(stream, scratch, sizeof scratch, &got);
    if (status != ADIEU_OK)
        return status;
    wipe(scratch, got);
    stream->ending.discarded += got;
    if (count)
        *count = got;
    return ADIEU_OK;
}

static bool room_for(const struct adieu_stream *stream, size_t plain)
{
    return stream->output.length + plain + RECORD_ADDS <= config_queue_limit(stream->config);
}

static enum engine_verdict seal(struct adieu_stream *stream, const uint8_t *from, size_t size,
                                struct adieu_error *error)
{
    stream->writing = true;
    enum engine_verdict verdict = engine_write(stream->engine, from, size, error);
    stream->writing = false;
    return verdict;
}

/* Seals one record. */
static enum adieu_status write_record(struct adieu_stream *stream, const uint8_t *from, size_t size)
{
    struct adieu_error error;
    error_none(&error);
    enum engine_verdict verdict = seal(stream, from, size, &error);
    if (verdict == ENGINE_WAIT && looked_for_other_half(stream))
        verdict = seal(stream, from, size, &error);
    enum adieu_status status = judge_sealed(stream, verdict, &error);
    if (status == ADIEU_OK) {
        stream->ending.taken += size;
        marks_add(&stream->marks, (struct mark){.wire = stream->output.put, .plain = stream->ending.taken});
    }
    if (stream->output.left == stream->output.put) /* it has left already */
        stream_account_sent(stream);
    return status;
}

/* One record out of several pieces. Plaintext does not stay behind on the stack. */
static enum adieu_status write_gathered(struct adieu_stream *stream, const struct pieces *pieces, size_t size)
{
    uint8_t record[RECORD_PLAIN];
    pieces_copy(pieces, record, size);
    enum adieu_status status = write_record(stream, record, size);
    wipe(record, size);
    return status;
}

enum adieu_status adieu_writev(struct adieu_stream *stream, const struct adieu_piece *pieces, size_t count,
                               size_t *took)
{
    enum adieu_status status = allowed(stream);
    if (status != ADIEU_OK)
        return status;
    if (stream->shut)
        return ADIEU_MISUSE;
    if (stream->ending.sending != ADIEU_SENDING_OPEN)
        return ADIEU_FAIL;
    struct pieces rest = {.next = pieces, .count = count};
    size_t size = pieces_size(&rest, config_queue_limit(stream->config)), taken = 0;
    while (status == ADIEU_OK && taken < size) {
        size_t n = size - taken < RECORD_PLAIN ? size - taken : RECORD_PLAIN;
        if (!room_for(stream, n))
            break;
        const uint8_t *from = pieces_together(&rest, n);
        stream->expected = size - taken - n;
        status = from ? write_record(stream, from, n) : write_gathered(stream, &rest, n);
        if (status == ADIEU_OK) {
            pieces_pass(&rest, n);
            taken += n;
        }
    }
    stream->expected = 0;
    if (!taken && size)
        return status == ADIEU_FAIL ? ADIEU_FAIL : ADIEU_WAIT;
    *took = taken;
    return ADIEU_OK;
}

enum adieu_status adieu_write(struct adieu_stream *stream, const void *buf, size_t size, size_t *took)
{
    return adieu_writev(stream, &(struct adieu_piece){.bytes = buf, .size = size}, 1, took);
}

enum adieu_status adieu_key_update(struct adieu_stream *stream, bool ask_peer)
{
    enum adieu_status status = allowed(stream);
    if (status != ADIEU_OK)
        return status;
    if (stream->shut || !engine_has_key_update(stream->engine))
        return ADIEU_MISUSE;
    if (stream->ending.sending != ADIEU_SENDING_OPEN)
        return ADIEU_FAIL;
    if (!room_for(stream, 0))
        return ADIEU_WAIT;
    struct adieu_error error;
    error_none(&error);
    enum engine_verdict verdict = engine_key_update(stream->engine, ask_peer, &error);
    if (verdict == ENGINE_WAIT && looked_for_other_half(stream))
        verdict = engine_key_update(stream->engine, ask_peer, &error);
    return judge_sealed(stream, verdict, &error);
}

enum adieu_status adieu_ask_certificate(struct adieu_stream *stream)
{
    enum adieu_status status = allowed(stream);
    if (status != ADIEU_OK)
        return status;
    if (stream->ending.sending != ADIEU_SENDING_OPEN && !stream->shut)
        return ADIEU_FAIL;
    if (stream->shut || !ending_receiving_lives(stream->ending.receiving) || !engine_may_ask(stream->engine))
        return ADIEU_MISUSE;
    if (!room_for(stream, 0))
        return ADIEU_WAIT;
    struct adieu_error error;
    error_none(&error);
    enum engine_verdict verdict = engine_ask_certificate(stream->engine, &error);
    if (verdict == ENGINE_WAIT && looked_for_other_half(stream))
        verdict = engine_ask_certificate(stream->engine, &error);
    return judge_sealed(stream, verdict, &error);
}

enum adieu_status adieu_shutdown(struct adieu_stream *stream)
{
    enum adieu_status status = allowed(stream);
    if (status != ADIEU_OK)
        return status;
    enum adieu_sending sending = stream->ending.sending;
    if (sending == ADIEU_SENDING_CLOSING || sending == ADIEU_SENDING_CLOSED)
        return ADIEU_OK;
    if (sending != ADIEU_SENDING_OPEN)
        return ADIEU_FAIL;
    stream->shut = true;
    status = seal_goodbye(stream);
    if (status != ADIEU_OK)
        return status;
    stream_raise(stream, EVENT_SHUTDOWN);
    if (stream->goodbye_due)
        (void)looked_for_other_half(stream); /* then it was said on the way */
    return ADIEU_OK;
}

static enum adieu_error_code reason_error(enum adieu_reason reason)
{
    switch (reason) {
    case ADIEU_REASON_DEADLINE:
        return ADIEU_ERR_DEADLINE;
    case ADIEU_REASON_LOCAL_IO:
        return ADIEU_ERR_LOCAL_IO;
    case ADIEU_REASON_RELEASED:
        return ADIEU_ERR_RELEASED;
    case ADIEU_REASON_NONE:
    case ADIEU_REASON_REQUEST:
    case ADIEU_REASON_FAULT:
        break;
    }
    return ADIEU_ERR_ABORTED;
}

void adieu_abort(struct adieu_stream *stream, enum adieu_reason reason)
{
    if (stream->in_callback)
        return;
    if (reason == ADIEU_REASON_NONE || reason == ADIEU_REASON_FAULT)
        reason = ADIEU_REASON_REQUEST;
    if (stream->ending.reason == ADIEU_REASON_NONE)
        stream->ending.reason = reason;
    stream_explain_code(stream, reason_error(reason), 0);
    stream_raise(stream, EVENT_ABORT);
}
