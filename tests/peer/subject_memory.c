/* SPDX-License-Identifier: MIT */
/* Adieu in memory: a transport that knows the adieu_wire_ functions and nothing else. */
#include <errno.h>
#include <stdlib.h>

#include "play.h"

#define DEAF_ROOM 65536
/* How long the goodbye stays for the transport's end when nothing else can come, as on a descriptor. */
#define SETTLE_MS 100

struct memory {
    struct library library;
    struct adieu_stream *stream;
    struct wire *wire;
    struct link *link;
    unsigned fed; /* segments, every second of which is lent */
    bool told;    /* how the peer ended the transport */
    bool released;
    int64_t give_up_at; /* of the goodbye; 0: it has not begun */
    int64_t settled_at; /* the peer has said all and has all, but has not ended the transport; 0: not so */
};

/* ------------------------------------------------ to the peer */

static size_t room(const struct memory *memory)
{
    const struct wire *wire = memory->wire;
    size_t used = memory->link->to_peer.size;
    if (!wire->deaf)
        return SIZE_MAX;
    return wire->deaf_room > used ? wire->deaf_room - used : 0;
}

static void flush(struct memory *memory)
{
    const uint8_t *at;
    size_t n, most;
    while (!memory->released && (n = adieu_wire_out(memory->stream, &at)) > 0) {
        if (memory->link->peer_end == WIRE_RESET)
            adieu_wire_out_failed(memory->stream, ECONNRESET);
        if (memory->link->peer_end == WIRE_RESET || (most = room(memory)) == 0)
            return;
        n = n < most ? n : most;
        bytes_add(&memory->link->to_peer, at, n);
        adieu_wire_out_done(memory->stream, n);
    }
}

/* ------------------------------------------------ to adieu */

/* What the peer did to the transport follows its last byte. */
static bool tell_end(struct memory *memory)
{
    if (memory->told || memory->link->peer_end == WIRE_LIVES)
        return false;
    memory->told = true;
    if (memory->link->peer_end == WIRE_FIN)
        adieu_wire_eof(memory->stream);
    else
        adieu_wire_reset(memory->stream, ECONNRESET);
    return true;
}

/* n bytes of the first segment are the stream's: put where it says, or lent to it until they are settled. */
static size_t give(struct memory *memory, const uint8_t *from, size_t n)
{
    uint8_t *at;
    size_t space = adieu_wire_in(memory->stream, NULL);
    n = n < space ? n : space;
    if (n == 0)
        return 0;
    if (memory->fed++ % 2)
        return adieu_wire_lend(memory->stream, from, n) == ADIEU_OK ? n : 0;
    space = adieu_wire_in(memory->stream, &at);
    n = n < space ? n : space;
    for (size_t i = 0; i < n; i++)
        at[i] = from[i];
    adieu_wire_in_done(memory->stream, n);
    return n;
}

static void used_up(struct link *link, size_t n)
{
    bytes_drop(&link->to_adieu, n);
    link->segments[link->first] -= n;
    if (link->segments[link->first] == 0) {
        link->first = (link->first + 1) % SEGMENTS;
        link->count--;
    }
}

/* One segment, and the verb again, which is peek's to say; or the transport's end. False: there is nothing now. */
static bool feed(struct memory *memory, enum adieu_status (*verb)(struct memory *memory, enum adieu_status *status),
                 enum adieu_status *status)
{
    struct link *link = memory->link;
    if (link->count == 0) {
        bool told = tell_end(memory);
        if (told)
            verb(memory, status);
        return told;
    }
    size_t n = give(memory, link->to_adieu.at, link->segments[link->first]);
    verb(memory, status);
    adieu_wire_settle(memory->stream);
    used_up(link, n);
    return n > 0;
}

/* ------------------------------------------------ verbs */

static struct memory *memory_of(void *self)
{
    return self;
}

static enum adieu_status try_handshake(struct memory *memory, enum adieu_status *status)
{
    return *status = adieu_handshake(memory->stream);
}

static enum adieu_status peek(struct memory *memory, enum adieu_status *status)
{
    size_t got;
    return *status = adieu_read(memory->stream, NULL, 0, &got);
}

static enum adieu_status do_handshake(void *self)
{
    struct memory *memory = memory_of(self);
    enum adieu_status status;
    try_handshake(memory, &status);
    flush(memory);
    while (status == ADIEU_WAIT && feed(memory, try_handshake, &status))
        flush(memory);
    return status;
}

static enum adieu_status do_read(void *self, void *buf, size_t size, size_t *got)
{
    struct memory *memory = memory_of(self);
    enum adieu_status status;
    peek(memory, &status);
    while (status == ADIEU_WAIT && feed(memory, peek, &status))
        flush(memory);
    if (status == ADIEU_OK)
        status = adieu_read(memory->stream, buf, size, got);
    flush(memory);
    return status;
}

/* As a good transport does: the peer's last words explain why it takes no more. */
static enum adieu_status look_behind(struct memory *memory)
{
    enum adieu_status status;
    peek(memory, &status);
    while (status == ADIEU_WAIT && feed(memory, peek, &status))
        continue;
    return ADIEU_FAIL;
}

static enum adieu_status do_write(void *self, const void *buf, size_t size, size_t *took)
{
    struct memory *memory = memory_of(self);
    enum adieu_status status = adieu_write(memory->stream, buf, size, took);
    flush(memory);
    enum adieu_sending sending = adieu_ending(memory->stream).sending;
    bool failed = sending == ADIEU_SENDING_FAILED || sending == ADIEU_SENDING_ABORTED;
    return status == ADIEU_OK && failed ? look_behind(memory) : status;
}

static enum adieu_status do_shutdown(void *self)
{
    struct memory *memory = memory_of(self);
    enum adieu_status status = adieu_shutdown(memory->stream);
    flush(memory);
    return status == ADIEU_OK && adieu_ending(memory->stream).sending == ADIEU_SENDING_FAILED ? look_behind(memory)
                                                                                              : status;
}

/* ------------------------------------------------ the goodbye */

static void release(struct memory *memory, enum wire_end end)
{
    flush(memory);
    memory->released = true;
    if (memory->link->adieu_end == WIRE_LIVES || end == WIRE_RESET)
        memory->link->adieu_end = end;
}

static void break_off(struct memory *memory, enum adieu_reason reason)
{
    bool ended = adieu_ending(memory->stream).decided;
    if (ended)
        flush(memory);
    adieu_abort(memory->stream, reason);
    bool last_word = ended && adieu_wire_last(memory->stream) != ADIEU_LAST_RESET;
    release(memory, last_word ? WIRE_FIN : WIRE_RESET);
}

/* Everything that has come: to be thrown away by the stream or, where it does not listen any more, by us. */
static void drain(struct memory *memory)
{
    struct link *link = memory->link;
    enum adieu_status status = ADIEU_WAIT;
    while (adieu_ending(memory->stream).receiving == ADIEU_RECEIVING_OPEN) {
        while (adieu_discard(memory->stream, NULL) == ADIEU_OK)
            continue;
        if (!feed(memory, peek, &status))
            break;
        flush(memory);
    }
    if (adieu_ending(memory->stream).receiving == ADIEU_RECEIVING_OPEN)
        return;
    while (link->count > 0)
        used_up(link, link->segments[link->first]);
    tell_end(memory);
}

static void give_up(struct memory *memory)
{
    bool closed = adieu_ending(memory->stream).sending == ADIEU_SENDING_CLOSED;
    adieu_abort(memory->stream, ADIEU_REASON_DEADLINE);
    release(memory, closed ? WIRE_FIN : WIRE_RESET);
}

static bool settled(struct memory *memory)
{
    if (memory->settled_at == 0)
        memory->settled_at = adieu_fd_in(SETTLE_MS);
    return adieu_fd_now() >= memory->settled_at;
}

static void step_goodbye(struct memory *memory)
{
    flush(memory);
    drain(memory);
    flush(memory);
    struct adieu_ending ending = adieu_ending(memory->stream);
    bool said = ending.sending > ADIEU_SENDING_CLOSING && adieu_wire_out(memory->stream, NULL) == 0;
    bool heard = ending.receiving == ADIEU_RECEIVING_CLOSED || ending.receiving == ADIEU_RECEIVING_ALERTED;
    enum adieu_last last = adieu_wire_last(memory->stream);
    if (said && last != ADIEU_LAST_RESET && memory->link->adieu_end == WIRE_LIVES)
        memory->link->adieu_end = WIRE_FIN;
    if (last == ADIEU_LAST_RESET)
        release(memory, WIRE_RESET);
    else if (said && ending.decided && (memory->told || (heard && settled(memory))))
        release(memory, WIRE_FIN);
    else if (adieu_fd_now() >= memory->give_up_at)
        give_up(memory);
}

static enum adieu_status do_close(void *self, int64_t patience)
{
    struct memory *memory = memory_of(self);
    if (memory->give_up_at == 0 && !memory->released) {
        memory->give_up_at = adieu_fd_in(patience);
        enum adieu_status status = adieu_shutdown(memory->stream);
        enum adieu_sending sending = adieu_ending(memory->stream).sending;
        if (status == ADIEU_MISUSE || (status == ADIEU_FAIL && sending == ADIEU_SENDING_OPEN))
            break_off(memory, ADIEU_REASON_REQUEST);
    }
    if (!memory->released)
        step_goodbye(memory);
    return memory->released ? ADIEU_OK : ADIEU_WAIT;
}

static void do_abort(void *self)
{
    break_off(memory_of(self), ADIEU_REASON_REQUEST);
}

static void do_free(void *self)
{
    struct memory *memory = memory_of(self);
    bool ended = adieu_ending(memory->stream).decided;
    if (!memory->released)
        release(memory, ended ? WIRE_FIN : WIRE_RESET);
    adieu_free(memory->stream);
    memory->stream = NULL;
}

static bool unsent(void *self)
{
    return adieu_wire_out(memory_of(self)->stream, NULL) > 0;
}

static struct adieu_ending ending(void *self)
{
    return adieu_ending(memory_of(self)->stream);
}

static enum adieu_error_code error(void *self)
{
    return adieu_error(memory_of(self)->stream)->code;
}

static const struct verbs verbs = {do_handshake, do_read, do_write, do_shutdown, do_close,
                                   do_abort,     do_free, unsent,   ending,      error};

/* ------------------------------------------------ the subject */

static bool start(struct play *play)
{
    struct memory *memory = calloc(1, sizeof *memory);
    struct adieu_config *config = library_config(play);
    long buffers = play->script->settings.buffers;
    play->adieu = memory;
    play->wire = (struct wire){
        .descriptor = -1, .link = calloc(1, sizeof *memory->link), .deaf_room = buffers ? (size_t)buffers : DEAF_ROOM};
    memory->library.verbs = &verbs;
    memory->wire = &play->wire;
    memory->link = play->wire.link;
    memory->stream = play->choice.adieu_is_server ? adieu_server(config) : adieu_client(config, IDENTITY_NAME);
    adieu_config_free(config);
    return true;
}

/* Nothing but the peer and the clock of the goodbye can move it. */
static void await(struct play *play, struct pollfd *set, nfds_t *count, int *timeout)
{
    (void)set, (void)count;
    const struct memory *memory = play->adieu;
    if (play->act.over || play->act.kind != ACT_CLOSE)
        return;
    bool settles = memory->settled_at > 0 && memory->settled_at < memory->give_up_at;
    int64_t left = (settles ? memory->settled_at : memory->give_up_at) - adieu_fd_now();
    *timeout = left > 0 ? (int)left : 0;
}

static void stop(struct play *play)
{
    struct memory *memory = play->adieu;
    if (memory)
        adieu_free(memory->stream);
    free(memory);
}

const struct subject subject_memory = {start, library_step, await, library_outcome, stop};
