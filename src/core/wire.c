/* SPDX-License-Identifier: MIT */
/* The transport's side of a stream: bytes in, bytes out, and how the transport ended. */
#include <string.h>

#include "stream.h"

/* ------------------------------------------------ input */

static size_t own_size(const struct input *input)
{
    return input->own ? input->own->end - input->own->start : 0;
}

static size_t input_size(const struct input *input)
{
    return own_size(input) + input->lent_size;
}

static void own_release(struct adieu_stream *stream)
{
    block_give(config_pool(stream->config), stream->input.own);
    stream->input.own = NULL;
}

void input_clear(struct adieu_stream *stream)
{
    stream->input.lent = NULL;
    stream->input.lent_size = 0;
    if (stream->input.offered) /* a transport may be writing there */
        stream->input.own->start = stream->input.own->end;
    else
        own_release(stream);
}

/*
 * What lies behind the peer's authentic end is not TLS's any more: it is kept for the program, and never given to the
 * engine.
 */
static bool is_surplus(const struct adieu_stream *stream)
{
    return stream->ending.receiving == ADIEU_RECEIVING_CLOSED;
}

size_t stream_waits(const struct adieu_stream *stream)
{
    return ending_receiving_lives(stream->ending.receiving) ? input_size(&stream->input) : 0;
}

size_t adieu_wire_surplus(const struct adieu_stream *stream, const uint8_t **at)
{
    size_t size = is_surplus(stream) ? own_size(&stream->input) : 0;
    if (at)
        *at = size ? stream->input.own->bytes + stream->input.own->start : NULL;
    return size;
}

static size_t take_own(struct adieu_stream *stream, void *buf, size_t size)
{
    struct block *own = stream->input.own;
    size_t n = own_size(&stream->input);
    if (n > size)
        n = size;
    if (n) {
        memcpy(buf, own->bytes + own->start, n);
        own->start += n;
    }
    if (own && own->start == own->end && !stream->input.offered)
        own_release(stream);
    return n;
}

static size_t take_lent(struct input *input, void *buf, size_t size)
{
    size_t n = input->lent_size < size ? input->lent_size : size;
    if (n) {
        memcpy(buf, input->lent, n);
        input->lent += n;
        input->lent_size -= n;
    }
    return n;
}

/*
 * Behind full data the engine's own words wait in the reserve. Once they fill half of it, the engine must not be made
 * to say still more; before that a single KeyUpdate behind full data does not stop reading, or two such sides would
 * wait for each other.
 */
static bool reserve_used_up(const struct adieu_stream *stream)
{
    return stream->output.length > config_queue_limit(stream->config) + RESERVE / 2;
}

size_t stream_take(struct adieu_stream *stream, void *buf, size_t size)
{
    if (reserve_used_up(stream) || is_surplus(stream))
        return 0;
    size_t n = take_own(stream, buf, size);
    return n + take_lent(&stream->input, (uint8_t *)buf + n, size - n);
}

/* Room is what a large block can still take behind what is there; less than a record is no room. */
static size_t input_room(const struct adieu_stream *stream)
{
    const struct input *input = &stream->input;
    if (!ending_receiving_lives(stream->ending.receiving) || stream->eof || stream->reset)
        return 0;
    size_t used = input_size(input);
    return used + BLOCK_SMALL <= BLOCK_LARGE ? BLOCK_LARGE - used : 0;
}

/* Makes own a block that holds what is there and can take size more behind it. */
static bool own_grow(struct adieu_stream *stream, size_t size)
{
    struct block *own = stream->input.own;
    size_t used = own_size(&stream->input);
    if (own && own->start) {
        memmove(own->bytes, own->bytes + own->start, used);
        own->start = 0;
        own->end = used;
    }
    if (own && own->size - used >= size)
        return true;
    struct block *grown = block_take(config_pool(stream->config), used + size);
    if (!grown)
        return false;
    if (used)
        memcpy(grown->bytes, own->bytes, used);
    grown->end = used;
    own_release(stream);
    stream->input.own = grown;
    return true;
}

size_t adieu_wire_in(struct adieu_stream *stream, uint8_t **at)
{
    size_t room = input_room(stream);
    if (!at || !room || stream->input.lent_size)
        return at && stream->input.lent_size ? 0 : room;
    if (!stream->input.offered && !own_grow(stream, room)) {
        stream_fault_memory(stream);
        return 0;
    }
    struct block *own = stream->input.own;
    stream->input.offered = true;
    *at = own->bytes + own->end;
    return own->size - own->end;
}

/* n more bytes came. */
static void received(struct adieu_stream *stream, size_t n)
{
    if (!n)
        return;
    stream->dry = false;
    if (stream->ending.phase == ADIEU_PHASE_NONE)
        stream->ending.phase = ADIEU_PHASE_HANDSHAKING;
}

void adieu_wire_in_done(struct adieu_stream *stream, size_t n)
{
    struct block *own = stream->input.own;
    if (!stream->input.offered)
        return;
    stream->input.offered = false;
    if (!ending_receiving_lives(stream->ending.receiving) && !is_surplus(stream))
        n = 0;
    own->end += n < own->size - own->end ? n : own->size - own->end;
    received(stream, n);
    if (own->start == own->end)
        own_release(stream);
}

enum adieu_status adieu_wire_lend(struct adieu_stream *stream, const uint8_t *bytes, size_t n)
{
    if (stream->input.lent_size || stream->input.offered || n > input_room(stream))
        return ADIEU_MISUSE;
    stream->input.lent = bytes;
    stream->input.lent_size = n;
    received(stream, n);
    return ADIEU_OK;
}

void adieu_wire_settle(struct adieu_stream *stream)
{
    struct input *input = &stream->input;
    const uint8_t *rest = input->lent;
    size_t n = input->lent_size;
    input->lent = NULL;
    input->lent_size = 0;
    if (!n)
        return;
    if (!own_grow(stream, n)) {
        stream_fault_memory(stream);
        return;
    }
    memcpy(input->own->bytes + input->own->end, rest, n);
    input->own->end += n;
}

/* ------------------------------------------------ output */

void adieu_wire_direct(struct adieu_stream *stream,
                       size_t (*function)(void *context, const uint8_t *bytes, size_t size), void *context)
{
    stream->direct = function;
    stream->direct_context = context;
}

/*
 * One record that is all that a write has, and for which nobody waits, is handed over at once. Several are put
 * together: a copy costs less than a system call for each.
 */
static size_t put_directly(struct adieu_stream *stream, const void *bytes, size_t size)
{
    if (!stream->direct || !stream->writing || stream->expected || stream->output.length)
        return 0;
    size_t n = stream->direct(stream->direct_context, bytes, size);
    if (n > size)
        n = size;
    stream->output.put += n;
    stream->output.left += n;
    return n;
}

bool stream_put(struct adieu_stream *stream, const void *bytes, size_t size)
{
    if (stream->sealed || !size)
        return true;
    size_t n = put_directly(stream, bytes, size);
    if (n == size ||
        queue_put(&stream->output, config_pool(stream->config), (const uint8_t *)bytes + n, size - n, stream->expected))
        return true;
    stream->no_memory = true;
    stream->sealed = true;
    return false;
}

size_t adieu_wire_out(struct adieu_stream *stream, const uint8_t **at)
{
    return queue_show(&stream->output, at);
}

void stream_account_sent(struct adieu_stream *stream)
{
    uint64_t left = stream->output.left;
    struct mark mark;
    while (marks_pass(&stream->marks, left, &mark))
        stream->ending.sent = mark.plain;
    if (stream->alert_sealed.seen && left >= stream->alert_mark) {
        stream->ending.alert_sent = stream->alert_sealed;
        stream->alert_sealed.seen = false;
    }
}

void adieu_wire_keep(struct adieu_stream *stream)
{
    stream->keeps = true;
}

void adieu_wire_rest(struct adieu_stream *stream)
{
    if (!stream->established)
        return;
    bool waits = stream->in_callback || stream_waits(stream) || stream->output.length;
    stream->rest_due = stream->keeps && (waits || engine_holds(stream->engine));
    if (!waits)
        engine_rest(stream->engine);
}

void stream_rest(struct adieu_stream *stream)
{
    if (!stream->keeps || stream->rest_due)
        adieu_wire_rest(stream);
}

void adieu_wire_out_done(struct adieu_stream *stream, size_t n)
{
    if (!n)
        return;
    bool waited = stream->output.length > 0;
    queue_done(&stream->output, config_pool(stream->config), n);
    stream_account_sent(stream);
    stream_rest(stream);
    bool closing = stream->ending.sending == ADIEU_SENDING_CLOSING && !stream->goodbye_due;
    if (closing && waited && !stream->output.length) /* else it says nothing */
        stream_raise(stream, EVENT_FLUSHED);
}

void adieu_wire_acknowledged(struct adieu_stream *stream, uint64_t n)
{
    struct adieu_ending *ending = &stream->ending;
    if (ending->acknowledged == ADIEU_UNKNOWN)
        ending->acknowledged = 0;
    if (n > stream->output.left)
        n = stream->output.left;
    struct mark mark;
    while (marks_take(&stream->marks, n, &mark))
        ending->acknowledged = mark.plain;
}

/* ------------------------------------------------ the transport's end */

void adieu_wire_eof(struct adieu_stream *stream)
{
    stream->eof |= !stream->reset;
    stream_transport_end(stream);
}

static void send_failed(struct adieu_stream *stream, int os_error)
{
    queue_release(&stream->output, config_pool(stream->config));
    if (ending_sending_lives(stream->ending.sending))
        stream_explain_code(stream, ADIEU_ERR_SEND_FAILED, os_error);
    if (!stream->ending.os_error)
        stream->ending.os_error = os_error;
    stream_raise(stream, EVENT_SEND_FAILED);
    stream->sealed = true;
    queue_drop(&stream->output, config_pool(stream->config)); /* a last word too, which outlives its half */
}

void adieu_wire_out_failed(struct adieu_stream *stream, int os_error)
{
    send_failed(stream, os_error);
}

void adieu_wire_reset(struct adieu_stream *stream, int os_error)
{
    if (!stream->reset) {
        stream->reset = true;
        stream->reset_error = os_error;
        stream->reset_ended_sending = ending_sending_lives(stream->ending.sending);
        stream->ending.os_error = os_error;
    }
    send_failed(stream, os_error);
    stream_transport_end(stream);
}

enum adieu_last adieu_wire_last(const struct adieu_stream *stream)
{
    return stream->output.length ? ADIEU_LAST_GO_ON : ending_last(&stream->ending);
}
