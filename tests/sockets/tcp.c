/* SPDX-License-Identifier: MIT */
/* What an end does with what comes, and when a timer rings. tcp_program.c has what its program asks for. */
#include "tcp.h"

#include <errno.h>

#include "actors.h"
#include "wire.h"

#define MS 1000
#define RTO_LEAST (200 * MS)
#define RTO_MOST (120 * 1000 * MS)
#define DELAYED_ACK (40 * MS)
enum { TCPS = 24, RETRIES = 15, ORPHAN_RETRIES = 8, SYN_RETRIES = 6 };

static struct tcp tcps[TCPS];
static int used;

uint64_t tcp_end(const struct tcp *tcp)
{
    return tcp->written + tcp->fin;
}

static void timers_off(struct tcp *tcp)
{
    tcp->resend_at = tcp->ack_at = tcp->probe_at = NEVER;
}

void tcp_reset_all(void)
{
    for (int i = 0; i < used; i++) {
        uint8_t *log = tcps[i].log;
        size_t size = tcps[i].log_size;
        tcps[i] = (struct tcp){.log = log, .log_size = size};
    }
    used = 0;
    wire_clear();
}

struct tcp *tcp_new(int side, size_t send_room, size_t receive_room)
{
    if (used == TCPS) {
        broken("the model has room", "more than %d sockets", TCPS);
        return NULL;
    }
    struct tcp *tcp = &tcps[used++];
    tcp->side = side;
    tcp->send_room = send_room;
    tcp->receive_room = receive_room;
    tcp->una = tcp->at = 0;
    tcp->nxt = tcp->written = tcp->read_at = tcp->rcv_nxt = 1;
    tcp->rto = RTO_LEAST;
    tcp->probe_delay = RTO_LEAST;
    timers_off(tcp);
    return tcp;
}

/* ------------------------------------------------ saying */

uint64_t tcp_window(struct tcp *tcp)
{
    size_t unread = tcp_unread(tcp);
    uint64_t edge = tcp->rcv_nxt + (unread < tcp->receive_room ? tcp->receive_room - unread : 0);
    if (edge > tcp->advertised)
        tcp->advertised = edge;
    return tcp->advertised;
}

void tcp_say(struct tcp *tcp, struct segment segment)
{
    segment.from = tcp;
    segment.to = tcp->other;
    segment.ack = tcp->state == TCP_SYN_SENT ? 0 : tcp->rcv_nxt;
    segment.window_end = tcp_window(tcp);
    tcp->ack_at = NEVER;
    tcp->unacknowledged = 0;
    wire_put(segment);
}

void tcp_say_ack(struct tcp *tcp)
{
    tcp_say(tcp, (struct segment){.seq = tcp->nxt});
}

void tcp_say_reset(struct tcp *tcp, uint64_t seq, enum reset_cause cause)
{
    tcp->resets[cause]++;
    tcp_say(tcp, (struct segment){.seq = seq, .rst = true});
}

/* Not more than the wire's window, the peer's, and what there is; sets *fin. */
static uint64_t next_size(const struct tcp *tcp, bool *fin)
{
    uint64_t flight = tcp->at - tcp->una, size = tcp->at < tcp->written ? tcp->written - tcp->at : 0;
    uint64_t room = tcp->window_end > tcp->at ? tcp->window_end - tcp->at : 0;
    uint64_t wire = (uint64_t)network.window > flight ? (uint64_t)network.window - flight : 0;
    size = size < room ? size : room;
    size = size < wire ? size : wire;
    size = size < (uint64_t)network.mss ? size : (uint64_t)network.mss;
    *fin = tcp->fin && tcp->at + size == tcp->written && room > size && wire > 0;
    return size;
}

void tcp_push(struct tcp *tcp)
{
    bool fin;
    uint64_t size;
    if (tcp->state != TCP_OPEN)
        return;
    while (size = next_size(tcp, &fin), size > 0 || fin) {
        tcp_say(tcp, (struct segment){.seq = tcp->at, .size = (uint32_t)size, .fin = fin});
        tcp->at += size + fin;
        if (tcp->at > tcp->nxt)
            tcp->nxt = tcp->at;
    }
    if (tcp->una < tcp->at && tcp->resend_at == NEVER)
        tcp->resend_at = now_us() + tcp->rto;
    bool stuck = tcp->una == tcp->at && tcp->at < tcp_end(tcp);
    if (!stuck)
        tcp->probe_at = NEVER;
    else if (tcp->probe_at == NEVER)
        tcp->probe_at = now_us() + tcp->probe_delay;
}

/* ------------------------------------------------ ending */

void tcp_gone(struct tcp *tcp, int error)
{
    tcp->state = TCP_GONE;
    if (error)
        tcp->error = error;
    tcp->hears_not = tcp->says_not = true;
    tcp->activity_at = tcp->gone_at = now_us();
    timers_off(tcp);
}

/* Both FINs were exchanged: nothing is left to do. */
static void end_if_over(struct tcp *tcp)
{
    if (tcp->state != TCP_OPEN || !tcp->fin || !tcp->fin_came || tcp->una <= tcp->written)
        return;
    tcp->time_wait = !tcp->last_ack;
    tcp_gone(tcp, 0);
}

static void reset_came(struct tcp *tcp)
{
    bool close_wait = tcp->fin_came && !tcp->fin;
    tcp_gone(tcp, tcp->state == TCP_SYN_SENT ? ECONNREFUSED : close_wait ? EPIPE : ECONNRESET);
}

/* ------------------------------------------------ what comes */

static void took(struct tcp *tcp, const struct segment *segment)
{
    if (segment->window_end > tcp->window_end)
        tcp->window_end = segment->window_end;
    if (segment->ack <= tcp->una || segment->ack > tcp->nxt)
        return;
    tcp->bytes_acked += segment->ack - tcp->una;
    tcp->una = segment->ack;
    if (tcp->at < tcp->una)
        tcp->at = tcp->una;
    tcp->activity_at = now_us();
    tcp->progress_at = now_us();
    tcp->retries = 0;
    tcp->rto = RTO_LEAST + 2 * (network.path[0].delay + network.path[1].delay);
    tcp->probe_delay = RTO_LEAST;
    tcp->resend_at = tcp->una < tcp->at ? now_us() + tcp->rto : NEVER;
}

static void ack_sometime(struct tcp *tcp, bool now)
{
    if (now || ++tcp->unacknowledged >= 2 || !dice_hit(&network.dice, network.delayed_acks))
        tcp_say_ack(tcp);
    else if (tcp->ack_at == NEVER)
        tcp->ack_at = now_us() + DELAYED_ACK;
}

/* Data or FIN. False: the end is no more. */
static bool hear(struct tcp *tcp, const struct segment *segment)
{
    uint64_t end = segment->seq + segment->size;
    bool is_new = end > tcp->rcv_nxt;
    if (segment->size && is_new && tcp->hears_not && tcp->fin) {
        tcp_say_reset(tcp, segment->ack, RESET_LATE);
        tcp_gone(tcp, ECONNRESET);
        return false;
    }
    if (segment->seq > tcp->rcv_nxt || (!is_new && !segment->fin) || tcp->fin_came) {
        ack_sometime(tcp, true);
        return true;
    }
    uint64_t most = tcp->read_at + tcp->receive_room;
    uint64_t upto = end < most ? end : most;
    if (upto > tcp->rcv_nxt)
        tcp->rcv_nxt = upto;
    if (segment->fin && tcp->rcv_nxt == end) {
        tcp->rcv_nxt++;
        tcp->fin_came = tcp->hears_not = true;
        tcp->fin_at = now_us();
    }
    tcp->activity_at = now_us();
    ack_sometime(tcp, false);
    return true;
}

static void open_up(struct tcp *tcp, const struct segment *segment)
{
    tcp->state = TCP_OPEN;
    tcp->window_end = segment->window_end;
    tcp->activity_at = now_us();
    tcp->resend_at = NEVER;
    tcp->retries = 0;
}

static void syn_came(struct tcp *listener, const struct segment *segment)
{
    struct tcp *caller = segment->from;
    if (listener->queued == TCP_BACKLOG || caller->other != listener)
        return;
    struct tcp *child = tcp_new(listener->side, listener->send_room, listener->receive_room);
    child->state = TCP_SYN_RECEIVED;
    child->other = caller;
    caller->other = child;
    child->una = child->at = 1; /* Linux does not count this SYN */
    child->window_end = segment->window_end;
    listener->queue[listener->queued++] = child; /* it shows when it is open */
    tcp_say(child, (struct segment){.seq = 0, .syn = true});
    child->resend_at = now_us() + child->rto;
}

static void syn_ack_came(struct tcp *tcp, const struct segment *segment)
{
    tcp->bytes_acked++;
    tcp->una = tcp->at = 1;
    open_up(tcp, segment);
    tcp_say_ack(tcp);
    tcp_push(tcp);
}

/* For one that is no more. */
static void stray_came(struct tcp *tcp, const struct segment *segment)
{
    if (segment->rst)
        return;
    if (tcp->time_wait) {
        if (segment->fin || segment->size)
            tcp_say_ack(tcp);
        return;
    }
    tcp->other = segment->from;
    tcp_say_reset(tcp, segment->ack, RESET_STRAY);
}

static void arrived(struct tcp *tcp, const struct segment *segment)
{
    if (segment->rst) {
        if (segment->seq == tcp->rcv_nxt || tcp->state == TCP_SYN_SENT)
            reset_came(tcp);
        else
            tcp_say_ack(tcp); /* a challenge */
        return;
    }
    if (tcp->state == TCP_SYN_RECEIVED && !segment->syn) {
        open_up(tcp, segment);
        tcp->other = segment->from;
    }
    took(tcp, segment);
    if (segment->syn || segment->probe)
        tcp_say_ack(tcp);
    else if ((segment->size || segment->fin) && !hear(tcp, segment))
        return;
    end_if_over(tcp);
    tcp_push(tcp);
}

void tcp_arrived(const struct segment *segment)
{
    struct tcp *tcp = segment->to;
    if (tcp->state == TCP_LISTENS && segment->syn)
        syn_came(tcp, segment);
    else if (tcp->state == TCP_LISTENS)
        return;
    else if (tcp->state == TCP_SYN_SENT && segment->syn)
        syn_ack_came(tcp, segment);
    else if (tcp->state == TCP_GONE || tcp->state == TCP_NONE)
        stray_came(tcp, segment);
    else
        arrived(tcp, segment);
}

/* ------------------------------------------------ timers */

static void resend(struct tcp *tcp)
{
    int most = tcp->state != TCP_OPEN ? SYN_RETRIES : tcp->orphan ? ORPHAN_RETRIES : RETRIES;
    if (++tcp->retries > most) {
        tcp_gone(tcp, ETIMEDOUT);
        return;
    }
    tcp->rto = tcp->rto * 2 < RTO_MOST ? tcp->rto * 2 : RTO_MOST;
    tcp->resend_at = NEVER;
    if (tcp->state == TCP_OPEN) {
        tcp->at = tcp->una;
        tcp_push(tcp);
        return;
    }
    tcp_say(tcp, (struct segment){.seq = 0, .syn = true});
    tcp->resend_at = now_us() + tcp->rto;
}

static void probe(struct tcp *tcp)
{
    tcp->probe_at = NEVER;
    if (tcp->orphan && ++tcp->retries > ORPHAN_RETRIES) {
        tcp_gone(tcp, ETIMEDOUT);
        return;
    }
    tcp->probe_delay = tcp->probe_delay * 2 < RTO_MOST ? tcp->probe_delay * 2 : RTO_MOST;
    tcp_say(tcp, (struct segment){.seq = tcp->una - 1, .probe = true});
    tcp_push(tcp);
}

static int64_t earliest(const struct tcp *tcp)
{
    int64_t first = tcp->resend_at < tcp->ack_at ? tcp->resend_at : tcp->ack_at;
    return first < tcp->probe_at ? first : tcp->probe_at;
}

int64_t tcp_next(void)
{
    int64_t next = wire_next();
    for (int i = 0; i < used; i++)
        next = earliest(&tcps[i]) < next ? earliest(&tcps[i]) : next;
    return next;
}

bool tcp_quiet(void)
{
    return tcp_next() == NEVER;
}

static void ring(struct tcp *tcp, int64_t now)
{
    if (tcp->ack_at <= now)
        tcp_say_ack(tcp);
    if (tcp->resend_at <= now)
        resend(tcp);
    if (tcp->probe_at <= now)
        probe(tcp);
}

void tcp_run(int64_t now)
{
    while (tcp_next() <= now) {
        wire_run(now);
        for (int i = 0; i < used; i++)
            ring(&tcps[i], now);
    }
}

void tcp_inject_reset(struct tcp *tcp)
{
    if (tcp->state != TCP_OPEN)
        return;
    tcp->other->resets[RESET_INJECTED]++;
    reset_came(tcp);
}
