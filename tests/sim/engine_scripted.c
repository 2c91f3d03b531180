/* SPDX-License-Identifier: MIT */
/*
 * The scripted engine of tests/core: no cryptography, and so very fast; whoever tampers is believed, and therefore says
 * whole frames only. A step "inject" says, by its how:
 *
 *     0 garbage   1 close_notify   2 the same at level fatal   3 a fatal alert   4 a warning   5 user_canceled
 *     6 a ticket   7 asks for a key update, size times   8 an empty data frame   9 half of a message   10 its other half
 *     11 a violation   12 a fault of the receiver's
 *
 * and "fault": 0 shutdown faults   1 write faults   2 the peer is refused   3 key updates fault
 */
#include <string.h>

#include "backend.h"
#include "counting.h"
#include "fake_engine.h"

const char *const backend_name = "scripted";
const bool backend_authenticates = false;

/* One for each size of the queue, and one that lives for a conversation. */
static struct adieu_config *shared[9];
static struct adieu_config *own;

void backend_begin(void)
{
}

void backend_end(void)
{
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        adieu_config_free(shared[i]);
    memset(shared, 0, sizeof shared);
}

void backend_seed(uint64_t seed)
{
    (void)seed;
}

static struct adieu_config *config_of(const struct sim_setup *setup)
{
    struct adieu_config **config = setup->own_config ? &own : &shared[setup->queue];
    if (!*config) {
        *config = adieu_config_new();
        (void)!adieu_config_queue_limit(*config, setup->queue);
    }
    return *config;
}

struct adieu_stream *backend_stream(const struct sim_setup *setup, unsigned side)
{
    struct adieu_config *config = config_of(setup);
    struct adieu_stream *s = side == SIM_SERVER ? adieu_server(config) : adieu_client(config, "peer.example");
    if (s)
        fake_of(s)->plan.old = setup->tls12;
    return s;
}

void backend_over(void)
{
    adieu_config_free(own);
    own = NULL;
}

enum adieu_status backend_resume(struct side *s, const uint8_t *bytes, size_t size)
{
    (void)s, (void)bytes, (void)size;
    return ADIEU_MISUSE;
}

void backend_ask(const struct adieu_stream *stream, uint8_t *pin)
{
    (void)stream, (void)pin;
}

bool backend_secret(const struct adieu_stream *stream, uint8_t secret[32])
{
    (void)stream, (void)secret;
    return false;
}

bool backend_fault(struct side *s, unsigned how)
{
    struct fake_plan *plan = &fake_of(s->s)->plan;
    bool *faults[] = {&plan->shutdown_faults, &plan->write_faults, &plan->refused, &plan->update_faults};
    *faults[how] = true;
    return true;
}

/* ------------------------------------------------ lies */

static size_t many(uint8_t at[], size_t room, char tag, size_t times)
{
    size_t n = 0;
    for (size_t i = 0; i < times && n + FAKE_OVERHEAD <= room; i++)
        n += fake_frame(at + n, tag, NULL, 0);
    return n;
}

size_t backend_lie(uint8_t at[], size_t room, unsigned how, size_t size)
{
    uint8_t number = (uint8_t)(40 + size % 10);
    static const char tags[] = "?CCAWWTKDMmVF";
    switch (how) {
    case 0:
        for (size_t i = 0; i < size + 4; i++)
            at[i] = (uint8_t)(i ? 200 + i * 7 : '?');
        return size + 4;
    case 2:
        number = 2;
        break;
    case 5:
        number = 90;
        break;
    case 7:
        return many(at, room, 'K', 1 + size);
    case 11:
    case 12:
        return size % 2 ? many(at, room, tags[how], 1) : fake_frame(at, tags[how], &number, 1);
    default:
        break;
    }
    bool numbered = how >= 2 && how <= 5;
    return fake_frame(at, tags[how], &number, numbered);
}

bool backend_between(const struct frames *frames)
{
    return frames->have == 0;
}

/* ------------------------------------------------ following */

static void close_frame(struct frames *frames, uint8_t tail)
{
    uint8_t tag = frames->head[0];
    bool hello = tag == 'H', data = tag == 'D';
    frames->have = 0;
    frames->bad = tail != '.' || tag == 0 || !strchr("HDCATWKUkMmVF", tag);
    frames->bad |= (hello && frames->hello) || (data && !frames->hello);
    frames->bad |= tag == 'V';
    frames->fault = tag == 'F';
    frames->hello |= hello;
    frames->close = tag == 'C' && !frames->bad;
    frames->alert = tag == 'A' && !frames->bad;
    frames->split |= frames->half && data;
    frames->half = tag == 'M' || (frames->half && tag != 'm');
    if (frames->alert)
        frames->alert_number = frames->size ? frames->number : 0;
    if (data && !frames->bad)
        frames->plain += frames->size;
}

/* One step of the frame at hand: a byte, or as much of the payload as there is. Returns how many bytes. */
static size_t follow_some(struct frames *frames, const uint8_t *bytes, size_t size)
{
    if (frames->have < FAKE_HEAD) {
        frames->head[frames->have++] = *bytes;
        frames->size = (uint32_t)frames->head[1] << 8 | frames->head[2];
        frames->bad = frames->have == FAKE_HEAD && frames->size > FAKE_PAYLOAD;
        return 1;
    }
    size_t done = frames->have - FAKE_HEAD, left = frames->size - done;
    if (!left) {
        close_frame(frames, *bytes);
        return 1;
    }
    size_t n = size < left ? size : left;
    if (!done)
        frames->number = *bytes;
    frames->have += (uint32_t)n;
    return n;
}

void backend_follow(struct frames *frames, const uint8_t *bytes, size_t size)
{
    for (size_t n; size; bytes += n, size -= n) {
        if (frames->close || frames->alert || frames->bad || frames->fault) {
            frames->bytes += size; /* and nothing of it counts */
            return;
        }
        n = follow_some(frames, bytes, size);
        frames->bytes += n;
        frames->end_at = frames->bytes;
    }
}

/* ------------------------------------------------ memory */

void backend_starve(size_t nth, bool for_ever)
{
    counting_fail(nth, for_ever);
}

void backend_relent(void)
{
    counting_relent();
}

size_t backend_blocks(void)
{
    return counting_blocks();
}
