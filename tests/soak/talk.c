/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* The pattern's period is odd to the sizes of records and buffers, so that a byte is known by its place. */
enum { PERIOD = 251 };

static uint8_t pattern[PERIOD + PIECE];

static void fill_pattern(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % PERIOD * 31 + 7);
}

const uint8_t *pattern_from(uint64_t at)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_pattern);
    return pattern + at % PERIOD;
}

int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void talk_heard(struct talk *talk, const void *bytes, size_t size)
{
    if (talk->known && memcmp(bytes, pattern_from(talk->heard), size) != 0)
        talk->damaged = true;
    talk->heard += size;
}

void talk_begin(struct talk *talk, const struct plan *plan, bool server)
{
    talk->plan = *plan;
    talk->server = server;
    talk->known = true;
    talk->at = plan_steps(plan, server);
}

bool talk_next(struct talk *talk)
{
    talk->step = next_step(&talk->at);
    talk->step_began = now_us();
    talk->due = talk->step.number;
    return talk->step.verb != 0;
}

void talk_done_shake(struct talk *talk)
{
    talk->shake_us = now_us() - talk->step_began;
}

void talk_done_echo(struct talk *talk)
{
    if (talk->echoes > 0)
        talk->echo_us = (now_us() - talk->step_began) / talk->echoes;
}

static long long known(uint64_t count)
{
    return count == ADIEU_UNKNOWN ? -1 : (long long)count;
}

void talk_report(const struct talk *talk, const struct adieu_ending *ending, const struct adieu_stream *stream)
{
    const struct plan *plan = &talk->plan;
    char trouble[] = "stuck_in_?";
    if (talk->stuck)
        trouble[sizeof trouble - 2] = talk->step.verb;
    else
        strcpy(trouble, talk->damaged ? "damaged" : "-");
    printf("end %s %u %d %d %d %u %" PRIu64 " %s/%s %s %s %s %s %s %d %d %lld %lld %lld %lld %lld %d %u %" PRId64
           " %" PRId64 " %" PRId64 " %s\n",
           talk->server ? "server" : "client", plan->target, talk->known ? (int)plan->story : -1, plan->swapped,
           plan->tls13, talk->port, plan->seed, adieu_sending_name(ending->sending),
           adieu_receiving_name(ending->receiving), adieu_phase_name(ending->phase), adieu_first_name(ending->first),
           adieu_after_name(ending->after), adieu_reason_name(ending->reason), adieu_error_code_name(ending->error),
           ending->alert_sent.seen ? ending->alert_sent.number : -1,
           ending->alert_received.seen ? ending->alert_received.number : -1, known(ending->taken), known(ending->sent),
           known(ending->acknowledged), known(ending->received), known(ending->discarded),
           stream ? adieu_resumed(stream) : false, talk->cancels, talk->shake_us, talk->echo_us, talk->close_us,
           trouble);
    fflush(stdout);
}

void below_tls(int descriptor, char verb)
{
    static const char nonsense[] = "\x17\x03\x03\x00\x20nonsense nonsense nonsense nonse";
    static const char letters[] = "HELO soak.test\r\nthis is not TLS at all\r\n";
    if (verb == 'F')
        shutdown(descriptor, SHUT_WR);
    else if (verb == 'V')
        shutdown(descriptor, SHUT_RDWR);
    else if (verb == 'g')
        (void)!send(descriptor, nonsense, sizeof nonsense - 1, MSG_NOSIGNAL);
    else
        (void)!send(descriptor, letters, sizeof letters - 1, MSG_NOSIGNAL);
}
