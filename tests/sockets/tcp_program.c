/* SPDX-License-Identifier: MIT */
/* What an end does at its program's wish. */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "wire.h"

#define FIRST_RTO 1000000

void tcp_join(struct tcp *one, struct tcp *other)
{
    struct tcp *both[2] = {one, other};
    for (int i = 0; i < 2; i++) {
        both[i]->state = TCP_OPEN;
        both[i]->other = both[!i];
        both[i]->una = both[i]->at = 1;
        both[i]->bytes_acked = i == 0;
        both[i]->window_end = tcp_window(both[!i]);
    }
}

void tcp_connect(struct tcp *tcp, struct tcp *listener)
{
    tcp->state = TCP_SYN_SENT;
    tcp->other = listener;
    tcp_say(tcp, (struct segment){.seq = 0, .syn = true});
    tcp->rto = FIRST_RTO;
    tcp->resend_at = now_us() + tcp->rto;
}

void tcp_write(struct tcp *tcp, const void *bytes, size_t size)
{
    size_t end = (size_t)(tcp->written - 1) + size;
    if (end > tcp->log_size) {
        tcp->log_size = 2 * end;
        tcp->log = realloc(tcp->log, tcp->log_size);
    }
    memcpy(tcp->log + tcp->written - 1, bytes, size);
    tcp->written += size;
    tcp_push(tcp);
}

size_t tcp_unread(const struct tcp *tcp)
{
    return (size_t)(tcp->rcv_nxt - tcp->fin_came - tcp->read_at);
}

size_t tcp_held(const struct tcp *tcp)
{
    return tcp->state == TCP_GONE ? 0 : (size_t)(tcp->written - (tcp->una ? tcp->una : 1));
}

size_t tcp_room(const struct tcp *tcp)
{
    size_t held = tcp_held(tcp);
    return held < tcp->send_room ? tcp->send_room - held : 0;
}

bool tcp_writable(const struct tcp *tcp)
{
    return tcp_room(tcp) >= tcp_held(tcp) / 2 + 1;
}

size_t tcp_read(struct tcp *tcp, void *bytes, size_t size)
{
    size_t unread = tcp_unread(tcp);
    size = size < unread ? size : unread;
    memcpy(bytes, tcp->other->log + tcp->read_at - 1, size);
    tcp->read_at += size;
    size_t opened = (size_t)(tcp->rcv_nxt + tcp->receive_room - tcp_unread(tcp) - tcp->advertised);
    size_t worth = 2 * (size_t)network.mss < tcp->receive_room / 2 ? 2 * (size_t)network.mss : tcp->receive_room / 2;
    if (tcp->state == TCP_OPEN && opened >= worth && !tcp->fin_came)
        tcp_say_ack(tcp);
    return size;
}

void tcp_end_write(struct tcp *tcp)
{
    tcp->says_not = true;
    if (tcp->state != TCP_OPEN || tcp->fin)
        return;
    tcp->fin = true;
    tcp->last_ack = tcp->fin_came;
    tcp_push(tcp);
}

static void close_listener(struct tcp *listener)
{
    listener->state = TCP_GONE;
    for (int i = 0; i < listener->queued; i++)
        tcp_close(listener->queue[i]);
    listener->queued = 0;
}

void tcp_close(struct tcp *tcp)
{
    tcp->closed_by_program = tcp->state != TCP_GONE;
    tcp->orphan = true;
    tcp->hears_not = true;
    if (tcp->state == TCP_LISTENS) {
        close_listener(tcp);
    } else if (tcp->state == TCP_SYN_SENT || tcp->state == TCP_NONE) {
        tcp_gone(tcp, 0);
    } else if (tcp->state != TCP_GONE && (tcp_unread(tcp) || tcp->linger_0)) {
        tcp_say_reset(tcp, tcp->nxt, tcp_unread(tcp) ? RESET_UNREAD : RESET_LINGER);
        tcp_gone(tcp, 0);
    } else if (tcp->state != TCP_GONE) {
        tcp_end_write(tcp);
    }
}
