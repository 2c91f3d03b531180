/* SPDX-License-Identifier: MIT */
#include "fd_talk.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

/* What a slow reader rests between two reads. */
enum { REST_US = 2000 };

void sleep_us(int64_t us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* ------------------------------------------------ what all steps need */

static int64_t by(const struct fd_talk *t)
{
    return t->polled ? ADIEU_FD_NOW : adieu_fd_in(STEP_MS);
}

/* A verb said WAIT: whether its step is over all the same, because it has had its time. */
static bool out_of_time(struct fd_talk *t)
{
    if (!t->polled && adieu_fd_why(t->fd) == ADIEU_FD_WHY_CANCELLED) {
        t->talk.cancels++;
        return false;
    }
    if (t->polled && now_us() - t->talk.step_began < STEP_MS * INT64_C(1000))
        return false;
    t->talk.stuck = true;
    return true;
}

/* Steps that wait for a moment, and no verb. */
static bool rested(struct fd_talk *t, int64_t us)
{
    if (!t->polled) {
        sleep_us(us);
        return true;
    }
    if (t->until_us == 0)
        t->until_us = now_us() + us;
    if (now_us() < t->until_us)
        return false;
    t->until_us = 0;
    return true;
}

/* ------------------------------------------------ steps */

static bool connect_step(struct fd_talk *t)
{
    struct adieu_fd_address peer = {.host = "127.0.0.1", .port = t->port, .bind_host = t->host};
    enum adieu_status status = adieu_fd_connect(t->fd, &peer, by(t));
    if (status == ADIEU_WAIT)
        return out_of_time(t);
    struct sockaddr_in us;
    socklen_t size = sizeof us;
    if (status == ADIEU_OK && getsockname(adieu_fd_descriptor(t->fd), (struct sockaddr *)&us, &size) == 0)
        t->talk.port = ntohs(us.sin_port);
    return true;
}

static bool shake_step(struct fd_talk *t)
{
    enum adieu_status status = adieu_fd_handshake(t->fd, by(t));
    if (status == ADIEU_OK)
        talk_done_shake(&t->talk);
    return status != ADIEU_WAIT || out_of_time(t);
}

/* What is said next: who answers says what it heard, which need not be the pattern. */
static const uint8_t *words(const struct fd_talk *t)
{
    return t->talk.step.verb == 'o' ? t->room + t->answered : pattern_from(t->talk.said);
}

static bool write_step(struct fd_talk *t, size_t most)
{
    struct talk *talk = &t->talk;
    while (talk->due > 0) {
        size_t took = 0, size = (size_t)talk->due < most ? (size_t)talk->due : most;
        enum adieu_status status = adieu_fd_write(t->fd, words(t), size, &took, by(t));
        if (status == ADIEU_WAIT)
            return out_of_time(t);
        if (status != ADIEU_OK)
            return true;
        talk->said += took;
        t->answered += took;
        talk->due -= (long)took;
    }
    return true;
}

/* Reads at most so much; *got is 0 unless something came. */
static enum adieu_status hear(struct fd_talk *t, size_t most, size_t *got)
{
    *got = 0;
    enum adieu_status status = adieu_fd_read(t->fd, t->room, most < PIECE ? most : PIECE, got, by(t));
    if (status == ADIEU_OK)
        talk_heard(&t->talk, t->room, *got);
    return status;
}

static bool read_step(struct fd_talk *t, long *left)
{
    while (*left > 0) {
        size_t got;
        enum adieu_status status = hear(t, (size_t)*left, &got);
        if (status == ADIEU_WAIT)
            return out_of_time(t);
        if (status != ADIEU_OK)
            return true;
        *left -= (long)got;
    }
    return true;
}

static bool read_all_step(struct fd_talk *t)
{
    size_t got;
    enum adieu_status status;
    do
        status = hear(t, PIECE, &got);
    while (status == ADIEU_OK);
    return status != ADIEU_WAIT || out_of_time(t);
}

static bool read_slowly_step(struct fd_talk *t)
{
    size_t got;
    while (rested(t, REST_US)) {
        enum adieu_status status = hear(t, (size_t)t->talk.step.number, &got);
        if (status == ADIEU_WAIT)
            return out_of_time(t);
        if (status != ADIEU_OK)
            return true;
        t->talk.step_began = now_us(); /* slow, not stuck */
    }
    return false;
}

static void *writing(void *context)
{
    struct fd_talk *t = context;
    while (!write_step(t, PIECE))
        ;
    return NULL;
}

static bool both_ways_step(struct fd_talk *t)
{
    if (t->polled) {
        bool said = write_step(t, PIECE), heard = read_step(t, &t->want);
        return said && heard;
    }
    pthread_t writer;
    if (pthread_create(&writer, NULL, writing, t) != 0)
        return true;
    while (!read_step(t, &t->want))
        ;
    pthread_join(writer, NULL);
    return true;
}

static bool ask_step(struct fd_talk *t)
{
    struct talk *talk = &t->talk;
    for (;;) {
        if (!write_step(t, QUESTION) || !read_step(t, &t->awaited))
            return false;
        if (talk->due > 0 || t->awaited > 0) /* it failed */
            return true;
        if (talk->echoes++ == (unsigned)talk->step.number)
            break;
        talk->due = t->awaited = QUESTION;
    }
    talk->echoes--;
    talk_done_echo(talk);
    return true;
}

static bool answer_step(struct fd_talk *t)
{
    struct talk *talk = &t->talk;
    for (;;) {
        if (!write_step(t, PIECE))
            return false;
        if (talk->due > 0)
            return true;
        size_t got;
        enum adieu_status status = hear(t, PIECE, &got);
        /* Who asks may take its time: a foreign client does. */
        if (status == ADIEU_WAIT && !t->talk.known && now_us() - talk->step_began < STEP_MS * INT64_C(1000))
            return false;
        if (status == ADIEU_WAIT)
            return out_of_time(t);
        if (status != ADIEU_OK)
            return true;
        talk->due = (long)got;
        t->answered = 0;
    }
}

/* Waits with a bound, and breaks off if it was not enough. */
static bool or_abort(struct fd_talk *t, enum adieu_status (*verb)(struct fd_talk *t, int64_t deadline))
{
    int64_t left = t->talk.step.number - (now_us() - t->talk.step_began) / 1000;
    enum adieu_status status = verb(t, t->polled ? ADIEU_FD_NOW : adieu_fd_in(left));
    if (status == ADIEU_WAIT && t->polled && left > 0)
        return false;
    if (status == ADIEU_WAIT)
        adieu_fd_abort(t->fd, ADIEU_REASON_DEADLINE);
    return true;
}

static enum adieu_status await_word(struct fd_talk *t, int64_t deadline)
{
    return adieu_fd_read(t->fd, NULL, 0, &(size_t){0}, deadline);
}

static enum adieu_status await_hello(struct fd_talk *t, int64_t deadline)
{
    return adieu_fd_handshake(t->fd, deadline);
}

static bool close_step(struct fd_talk *t)
{
    struct adieu_fd_patience patience = ADIEU_FD_PATIENCE;
    if (t->talk.step.verb == 'q')
        patience.quiet_ms = t->talk.step.number;
    enum adieu_status status = adieu_fd_close(t->fd, patience, NULL);
    if (status == ADIEU_WAIT)
        return out_of_time(t);
    t->talk.close_us = now_us() - t->talk.step_began;
    return true;
}

static bool other_step(struct fd_talk *t)
{
    enum adieu_status status = ADIEU_OK;
    switch (t->talk.step.verb) {
    case 'k':
    case 'K':
        status = adieu_fd_key_update(t->fd, t->talk.step.verb == 'K', by(t));
        break;
    case 'A':
        status = adieu_fd_ask_certificate(t->fd, by(t));
        break;
    case 's':
        status = adieu_fd_shutdown(t->fd, by(t));
        break;
    case 'a':
        adieu_fd_abort(t->fd, ADIEU_REASON_REQUEST);
        break;
    case 'f':
        break;
    default:
        below_tls(adieu_fd_descriptor(t->fd), t->talk.step.verb);
    }
    return status != ADIEU_WAIT || out_of_time(t);
}

bool fd_step(struct fd_talk *t)
{
    switch (t->talk.step.verb) {
    case '@':
        return connect_step(t);
    case 'h':
        return shake_step(t);
    case 'H':
        return or_abort(t, await_hello);
    case 'w':
        return write_step(t, PIECE);
    case 'm':
        return write_step(t, MESSAGE);
    case 'r':
        return read_step(t, &t->talk.due);
    case 'R':
        return read_all_step(t);
    case 'S':
        return read_slowly_step(t);
    case 'D':
        return both_ways_step(t);
    case 'e':
        return ask_step(t);
    case 'o':
        return answer_step(t);
    case 'p':
        return rested(t, t->talk.step.number * 1000);
    case 'd':
        return or_abort(t, await_word);
    case 'c':
    case 'q':
        return close_step(t);
    default:
        return other_step(t);
    }
}
