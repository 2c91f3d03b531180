/* SPDX-License-Identifier: MIT */
/*
 * Events: how the stream follows the closure machine, how the best explanation of an ending is kept, and how it is
 * told of both.
 */
#include <stdio.h>
#include <string.h>

#include "stream.h"

bool stream_both_ended(const struct adieu_stream *stream)
{
    return !ending_sending_lives(stream->ending.sending) && !ending_receiving_lives(stream->ending.receiving);
}

void stream_tell(struct adieu_stream *stream, enum adieu_news news, const struct adieu_alert *alert)
{
    if (!stream->watch)
        return;
    bool before = stream_enter_callback(stream);
    stream->watch(stream->watch_context, stream, news, alert);
    stream_leave_callback(stream, before);
}

static void act(struct adieu_stream *stream, enum ending_action action)
{
    switch (action) {
    case ACTION_NONE:
        return;
    case ACTION_DROP:
        queue_drop(&stream->output, config_pool(stream->config));
        break;
    case ACTION_SEAL: /* adieu_shutdown has sealed it, or will */
        stream->sealed = !stream->goodbye_due;
        return;
    case ACTION_LAST_WORD: /* the engine has put it, if it had one */
        break;
    }
    stream->sealed = true;
}

/* What waits is dropped since nothing may follow close_notify; but one that is still due was never sealed: our alert leaves. */
static enum ending_action unless_unsaid(const struct adieu_stream *stream, enum ending_action action,
                                        enum ending_event event)
{
    bool engine_spoke = event == EVENT_VIOLATION || event == EVENT_FAULT;
    return action == ACTION_DROP && engine_spoke && stream->goodbye_due ? ACTION_LAST_WORD : action;
}

void stream_raise(struct adieu_stream *stream, enum ending_event event)
{
    struct adieu_ending *ending = &stream->ending;
    enum ending_action action;
    enum adieu_sending sending = ending_sending_after(ending->sending, event, &action);
    enum adieu_receiving receiving = ending_receiving_after(ending->receiving, event);
    bool sending_changed = sending != ending->sending, receiving_changed = receiving != ending->receiving;

    if ((sending_changed || receiving_changed) && ending->first == ADIEU_FIRST_NOBODY)
        ending->first = ending_event_first(event);
    ending->sending = sending;
    ending->receiving = receiving;
    act(stream, unless_unsaid(stream, action, event));
    if (receiving_changed)
        stream->awaited = ADIEU_AWAITED_NOTHING;
    if (receiving_changed && receiving != ADIEU_RECEIVING_CLOSED)
        input_clear(stream);
    if (receiving_changed && receiving == ADIEU_RECEIVING_CLOSED)
        adieu_wire_settle(stream); /* the surplus is one range, and ours, before anybody is told of it */
    if (sending_changed)
        stream_tell(stream, ADIEU_NEWS_SENDING, NULL);
    if (receiving_changed)
        stream_tell(stream, ADIEU_NEWS_RECEIVING, NULL);
}

/* An abort or a fault explains an ending better than what the transport did, unless something had ended before it. */
static unsigned rank_now(const struct adieu_stream *stream, enum adieu_error_code code)
{
    enum { RANK_ABORT = 5, RANK_LATE_ABORT = 1 };
    unsigned rank = error_rank(code);
    bool something_ended =
        !ending_sending_lives(stream->ending.sending) || !ending_receiving_lives(stream->ending.receiving);
    return rank == RANK_ABORT && something_ended ? RANK_LATE_ABORT : rank;
}

/* In which phase, and after how much. What was sent is not told: it may still grow. */
static void note_place(struct adieu_stream *stream)
{
    stream->error_after = stream->ending.received + stream->ending.discarded;
    if (stream->established)
        stream->error_place = PLACE_AFTER;
    else
        stream->error_place = stream->awaited == ADIEU_AWAITED_NOTHING ? PLACE_HANDSHAKE : PLACE_DECISION;
}

static const char *place_text(const struct adieu_stream *stream, char *text, size_t size)
{
    if (stream->error_place == PLACE_HANDSHAKE)
        return "in the handshake";
    if (stream->error_place == PLACE_DECISION)
        return "in the handshake, which waited for the program's decision";
    snprintf(text, size, "after %llu bytes received", (unsigned long long)stream->error_after);
    return text;
}

static void complete_text(struct adieu_stream *stream)
{
    const struct adieu_error found = stream->error;
    char place[80];
    error_set(&stream->error, found.code, found.os_error, "%s%s%s", found.text, found.text[0] ? ", " : "",
              place_text(stream, place, sizeof place));
    stream->error.alert = found.alert;
    stream->error_place = PLACE_TOLD;
}

void stream_explain(struct adieu_stream *stream, const struct adieu_error *found)
{
    unsigned rank = rank_now(stream, found->code);
    if (stream_both_ended(stream) || rank <= stream->error_rank)
        return;
    int os_error = found->os_error ? found->os_error : stream->error.os_error;
    stream->error = *found;
    stream->error.os_error = os_error;
    stream->error_rank = (uint8_t)rank;
    note_place(stream);
    if (stream->error_asked)
        complete_text(stream);
}

void stream_explain_code(struct adieu_stream *stream, enum adieu_error_code code, int os_error)
{
    struct adieu_error error;
    error_none(&error);
    error.code = code;
    error.os_error = os_error;
    stream_explain(stream, &error);
}

static void truncated(struct adieu_stream *stream)
{
    struct adieu_error error = {.code = ADIEU_ERR_TRUNCATED};
    stream->ending.inside_record = stream->engine && engine_inside_record(stream->engine);
    if (stream->ending.inside_record)
        strcpy(error.text, "inside a record");
    stream_explain(stream, &error);
    stream_raise(stream, EVENT_EOF);
}

/* What ended already, and only could not be told yet, is not ended by the transport. */
static bool was_refused(struct adieu_stream *stream)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    if (stream->established || !stream->engine || !engine_refused(stream->engine, &error))
        return false;
    stream_explain(stream, &error);
    stream_raise(stream, EVENT_VIOLATION);
    return true;
}

void stream_transport_end(struct adieu_stream *stream)
{
    if (!stream->dry || stream_waits(stream) || !ending_receiving_lives(stream->ending.receiving))
        return;
    if ((stream->eof || stream->reset) && was_refused(stream))
        return;
    if (stream->eof) { /* seen in stream order: a reset behind it is told as what came after */
        truncated(stream);
    } else if (stream->reset) {
        stream_explain_code(stream, ADIEU_ERR_RESET, stream->reset_error);
        stream_raise(stream, EVENT_RESET);
    }
    stream_try_goodbye(stream);
}

void stream_fault_memory(struct adieu_stream *stream)
{
    stream_explain_code(stream, ADIEU_ERR_MEMORY, 0);
    if (!stream_both_ended(stream) && stream->ending.reason == ADIEU_REASON_NONE)
        stream->ending.reason = ADIEU_REASON_FAULT;
    stream_raise(stream, EVENT_FAULT);
}

/* ------------------------------------------------ asking */

/* What the transport did beyond the ends that it caused. */
static enum adieu_after after(const struct adieu_stream *stream)
{
    if (!stream_both_ended(stream))
        return ADIEU_AFTER_NOTHING;
    if (stream->reset && !stream->reset_ended_sending && stream->ending.receiving != ADIEU_RECEIVING_RESET)
        return ADIEU_AFTER_RESET;
    if (stream->eof && stream->ending.receiving != ADIEU_RECEIVING_TRUNCATED)
        return ADIEU_AFTER_EOF;
    return ADIEU_AFTER_NOTHING;
}

struct adieu_ending adieu_ending(const struct adieu_stream *stream)
{
    struct adieu_ending ending = stream->ending;
    ending.decided = stream_both_ended(stream);
    ending.error = stream->error.code;
    ending.after = after(stream);
    return ending;
}

enum adieu_sending adieu_sending(const struct adieu_stream *stream)
{
    return stream->ending.sending;
}

enum adieu_receiving adieu_receiving(const struct adieu_stream *stream)
{
    return stream->ending.receiving;
}

bool adieu_readable(const struct adieu_stream *stream)
{
    return !stream->dry || stream->eof || stream->reset || !ending_receiving_lives(stream->ending.receiving);
}

const struct adieu_error *adieu_error(const struct adieu_stream *stream)
{
    struct adieu_stream *own = (struct adieu_stream *)stream; /* every stream was allocated: none is really const */
    own->error_asked = true;
    if (own->error_place != PLACE_TOLD)
        complete_text(own);
    return &own->error;
}

void adieu_watch(struct adieu_stream *stream,
                 void (*function)(void *context, const struct adieu_stream *stream, enum adieu_news news,
                                  const struct adieu_alert *alert),
                 void *context)
{
    stream->watch = function;
    stream->watch_context = context;
}
