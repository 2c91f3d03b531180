/* SPDX-License-Identifier: MIT */
/* What the engine tells a stream, from inside its calls, and the decisions of the application that it asks for. */
#include "stream.h"

/* ------------------------------------------------ what the engine tells */

struct engine *stream_engine(const struct adieu_stream *stream)
{
    return stream->engine;
}

bool stream_established(const struct adieu_stream *stream)
{
    return stream->established;
}

bool stream_in_callback(const struct adieu_stream *stream)
{
    return stream->in_callback;
}

bool stream_enter_callback(struct adieu_stream *stream)
{
    bool before = stream->in_callback;
    stream->in_callback = true;
    engine_step_out(stream->engine);
    return before;
}

void stream_leave_callback(struct adieu_stream *stream, bool before)
{
    engine_step_in();
    stream->in_callback = before;
}

void stream_answered(struct adieu_stream *stream)
{
    stream_tell(stream, ADIEU_NEWS_CERTIFICATE, NULL);
}

void stream_heard(struct adieu_stream *stream)
{
    if (stream->established)
        stream->ending.phase = ADIEU_PHASE_HEARD;
}

bool stream_alert(struct adieu_stream *stream, bool sent, uint8_t level, uint8_t number)
{
    enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90, FATAL = 2 };
    const struct adieu_alert alert = {.seen = true, .level = level, .number = number};
    if (!sent) {
        if (number == USER_CANCELED)
            stream->ending.user_canceled = true;
        if (number == USER_CANCELED || number == CLOSE_NOTIFY)
            stream_heard(stream);
        stream_tell(stream, ADIEU_NEWS_ALERT_RECEIVED, &alert);
        return true;
    }
    if (stream->sealed) /* swallowed */
        return false;
    if (level == FATAL && number != CLOSE_NOTIFY) {
        stream->alert_sealed = alert;
        stream->alert_mark = stream->output.put;
    }
    stream_tell(stream, ADIEU_NEWS_ALERT_SEALED, &alert);
    return true;
}

/* ------------------------------------------------ decisions of the application */

enum adieu_decision stream_decided(struct adieu_stream *stream)
{
    enum adieu_decision decision = stream->decision;
    stream->decision = ADIEU_LATER;
    return decision;
}

enum adieu_decision stream_decision(struct adieu_stream *stream, enum adieu_decision (*ask)(void *arg), void *arg)
{
    enum adieu_decision decision = stream_decided(stream);
    if (decision == ADIEU_LATER) {
        bool before = stream_enter_callback(stream);
        decision = ask(arg);
        stream_leave_callback(stream, before);
    }
    if (decision == ADIEU_LATER && stream->established)
        decision = ADIEU_REFUSE;
    stream_await(stream, decision == ADIEU_LATER ? ADIEU_AWAITED_VERIFY : ADIEU_AWAITED_NOTHING);
    return decision;
}

void stream_await(struct adieu_stream *stream, enum adieu_awaited awaited)
{
    stream->awaited = awaited;
    if (awaited != ADIEU_AWAITED_NOTHING)
        stream_tell(stream, ADIEU_NEWS_AWAITED, NULL);
}

enum adieu_awaited adieu_awaited(const struct adieu_stream *stream)
{
    return stream->awaited;
}

enum adieu_status adieu_decide(struct adieu_stream *stream, enum adieu_decision decision)
{
    if (stream->in_callback || stream->awaited != ADIEU_AWAITED_VERIFY || decision == ADIEU_LATER)
        return ADIEU_MISUSE;
    stream->decision = decision;
    stream->awaited = ADIEU_AWAITED_NOTHING;
    return ADIEU_OK;
}
