/* SPDX-License-Identifier: MIT */
/*
 * Conversations at random: two handles in one loop or in two, over TCP or a socket pair, opened, adopted, or connected and accepted;
 * they write, read, shut down, close, cancel, break off and go, from the loop and from inside callbacks, and their transport is cut or
 * given nonsense. Whatever happens, each request is over once, nothing is called behind free or close, the counts agree, what
 * was heard is the beginning of what was said, and all of it where the end is authentic.
 * ADIEU_RANDOM_SECONDS says for how long; ADIEU_RANDOM_SEED with which round to begin.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "talk.h"

enum { JOBS = 40, SECONDS = 3, MOST = 1 << 21, TURNS = 60 };

struct side;

/* A request, and for a write where its bytes stand in the words that are said. */
struct job {
    struct adieu_uv_request request;
    struct side *side;
    bool pending;
    bool last;   /* the close at the end: nobody cancels it */
    size_t said; /* its place among what was said */
};

struct said {
    size_t from, size, taken;
};

struct side {
    struct adieu_uv *uv; /* NULL: freed, or the library's */
    struct side *other;
    uv_loop_t *loop;
    struct adieu_uv_loop *handles;
    uv_stream_t *lent;       /* the transport, if it is ours to close */
    bool farewell, detached; /* the handle is the library's; its transport is ours */
    bool last;               /* the close at the end, for which a job is kept */
    unsigned inside;         /* callbacks of the stream */
    struct job jobs[JOBS];
    struct said said[2 * JOBS];
    size_t job_count, said_count, pending;
    uint64_t told;        /* as sent, by requests */
    size_t got, got_late; /* read; and behind something that was discarded */
    struct adieu_ending ending;
    bool ended; /* and that is the last word */
    uint8_t *heard;
    char room[65536];
};

static struct side sides[2];
static uint8_t *words;
static struct adieu_config *versions[2][2];
static uv_loop_t loops[2];
static struct adieu_uv_loop *handles[2];
static uint32_t seed, round_seed;

static unsigned below(unsigned limit)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % limit;
}

#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("round %u: not so: %s", round_seed, #condition);                                                  \
    } while (0)

/* ------------------------------------------------ callbacks */

static void act(struct side *side);

static void perhaps_act(struct side *side, unsigned one_in)
{
    if (below(one_in) == 0)
        act(below(4) ? side : side->other);
}

static struct job *job_new(struct side *side)
{
    if (side->job_count + !side->last >= JOBS)
        return NULL;
    struct job *job = &side->jobs[side->job_count++];
    *job = (struct job){.side = side, .last = side->last, .said = SIZE_MAX};
    return job;
}

static void asked(struct job *job, int code)
{
    job->pending = code == 0;
    job->side->pending += code == 0;
    if (code && job->said != SIZE_MAX)
        job->side->said[job->said].size = 0;
}

static void over(struct job *job)
{
    must(job->pending);
    job->pending = false;
    job->side->pending--;
    if (job->said != SIZE_MAX)
        job->side->said[job->said].taken = job->request.taken;
}

static void done(struct adieu_uv_request *request, int status)
{
    struct job *job = (struct job *)request;
    struct side *side = job->side;
    must(side->farewell || (side->uv && side->uv == request->uv));
    over(job);
    if (job->said != SIZE_MAX) {
        const struct said *said = &side->said[job->said];
        must(request->taken <= said->size && request->sent <= request->taken);
        must(status != 0 || request->sent == said->size);
        side->told += request->sent;
        must(!side->uv || side->told <= adieu_uv_ending(side->uv).sent);
    }
    perhaps_act(side, 3);
}

static void closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct job *job = (struct job *)request;
    struct side *side = job->side;
    must(side->farewell || (side->uv && side->uv == request->uv));
    must(status != 0 || ending->decided || side->farewell);
    over(job);
    perhaps_act(side, 3);
}

static void alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct side *side = adieu_uv_data(uv);
    must(side->uv == uv && suggested == sizeof side->room);
    *buf = uv_buf_init(side->room, below(16) ? 1 + below(sizeof side->room) : 0);
    perhaps_act(side, 60);
}

static void hear_it(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct side *side = adieu_uv_data(uv);
    must(side->uv == uv);
    must(nread <= (ssize_t)buf->len && nread != UV_EALREADY);
    if (nread > 0 && adieu_uv_ending(uv).discarded == 0) {
        must(side->got + (size_t)nread <= MOST);
        memcpy(side->heard + side->got, buf->base, (size_t)nread);
        side->got += (size_t)nread;
    } else if (nread > 0) {
        side->got_late += (size_t)nread;
    }
    perhaps_act(side, 12);
}

static void watched(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert)
{
    (void)stream, (void)news, (void)alert;
    struct side *side = context;
    side->inside++;
    if (side->uv)
        perhaps_act(side, 12);
    side->inside--;
}

static void silent(struct adieu_uv *uv)
{
    struct side *side = adieu_uv_data(uv);
    must(side->uv == uv);
    perhaps_act(side, 2);
}

/* ------------------------------------------------ what is done */

static void free_it(uv_handle_t *handle)
{
    free(handle);
}

/* The handle is no longer: its requests are ours, and so is a transport that was. */
static void forget(struct side *side)
{
    for (size_t i = 0; i < side->job_count; i++)
        if (side->jobs[i].pending)
            over(&side->jobs[i]);
    side->uv = NULL;
}

static void leave(struct side *side)
{
    if (!side->ended)
        side->ending = adieu_uv_ending(side->uv);
    side->ended =
        side->ending.decided && !side->inside; /* inside, something may just be read that nobody will be told */
    adieu_uv_free(side->uv);
    forget(side);
}

static size_t say_of(struct side *side, uv_buf_t *bufs, unsigned *count, size_t limit)
{
    size_t size = 0, from = below(MOST / 2);
    *count = below(7);
    for (unsigned i = 0; i < *count; i++) {
        size_t part = below(3) ? below(500) : below((unsigned)limit);
        bufs[i] = uv_buf_init((char *)words + from + size, (unsigned)part);
        size += part;
    }
    side->said[side->said_count] = (struct said){.from = from, .size = size};
    return side->said_count++;
}

static void write_some(struct side *side)
{
    uv_buf_t bufs[6];
    unsigned count;
    struct job *job = job_new(side);
    if (!job)
        return;
    job->said = say_of(side, bufs, &count, 30000);
    asked(job, adieu_uv_write(&job->request, side->uv, bufs, count, done));
}

static void try_some(struct side *side)
{
    uv_buf_t bufs[6];
    unsigned count;
    if (side->said_count + JOBS >= 2 * JOBS + side->job_count)
        return; /* the others are the requests' */
    size_t said = say_of(side, bufs, &count, 60000);
    int taken = adieu_uv_try_write(side->uv, bufs, count);
    must(!side->inside || taken <= 0);
    side->said[said].taken = taken > 0 ? (size_t)taken : 0;
}

static void bid_farewell(struct side *side)
{
    const struct adieu_uv_patience patience = {.quiet_ms = 10, .total_ms = 20};
    struct job *job = side->lent ? NULL : job_new(side); /* nobody tells when it is ours to close */
    if (!job)
        return;
    side->farewell = true;
    asked(job, adieu_uv_farewell(&job->request, side->uv, patience, closed));
    side->uv = NULL;
}

static void close_it(struct side *side, int64_t quiet, int64_t total)
{
    struct job *job = job_new(side);
    if (job)
        asked(job, adieu_uv_close(&job->request, side->uv, (struct adieu_uv_patience){quiet, total}, closed));
}

static void give_back(struct side *side)
{
    uv_stream_t *stream;
    const uint8_t *surplus;
    size_t size;
    if (adieu_uv_detach(side->uv, &stream, &surplus, &size) != 0)
        return;
    must(side->inside == 0 && side->pending == 0);
    must(!side->lent || side->lent == stream);
    must(size == 0 || surplus);
    side->lent = stream;
    side->detached = true;
    leave(side);
}

/* What a network or a bad peer does. */
static void hurt(struct side *side)
{
    uv_stream_t *transport = adieu_uv_transport(side->uv);
    if (!transport || below(6))
        return;
    switch (below(3)) {
    case 0:
        (void)shutdown(descriptor_of(transport), SHUT_WR);
        break;
    case 1:
        (void)send(descriptor_of(transport), "\x17\x03\x03\x00\x20", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case 2:
        (void)shutdown(descriptor_of(transport), SHUT_RDWR);
        break;
    }
}

static void ask(struct side *side)
{
    struct job *job = job_new(side);
    if (!job)
        return;
    asked(job, below(2) ? adieu_uv_handshake(&job->request, side->uv, done)
                        : adieu_uv_shutdown(&job->request, side->uv, done));
}

static void act(struct side *side)
{
    struct adieu_uv *uv = side->uv;
    if (!uv)
        return;
    switch (below(24)) {
    case 0:
        if (below(3) == 0)
            leave(side);
        break;
    case 1:
        if (below(3) == 0)
            adieu_uv_abort(uv, below(2) ? ADIEU_REASON_REQUEST : ADIEU_REASON_DEADLINE);
        break;
    case 2:
        if (below(3) == 0)
            bid_farewell(side);
        break;
    case 3:
        (void)adieu_uv_read_stop(uv);
        break;
    case 4:
    case 5:
    case 6:
        (void)adieu_uv_read_start(uv, alloc, hear_it);
        break;
    case 7:
        adieu_uv_on_idle(uv, below(4), silent);
        break;
    case 8:
    case 9:
        if (side->job_count) {
            struct job *job = &side->jobs[below((unsigned)side->job_count)];
            if (job->pending && !job->last)
                (void)adieu_uv_cancel(&job->request);
        }
        break;
    case 10:
        try_some(side);
        break;
    case 11:
        give_back(side);
        break;
    case 12:
        hurt(side);
        break;
    case 13:
    case 14:
        ask(side);
        break;
    case 15:
        close_it(side, (int64_t)below(20) - 1, below(2) ? -1 : (int64_t)below(20));
        break;
    default:
        write_some(side);
    }
}

/* ------------------------------------------------ the loops */

static int64_t milliseconds(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void run_both(void)
{
    for (int i = 0; i < 2; i++)
        (void)uv_run(&loops[i], UV_RUN_NOWAIT);
}

/* Until one of them has something to do. */
static void wait_for_both(void)
{
    struct pollfd set[2];
    int timeout = 1000;
    for (int i = 0; i < 2; i++) {
        int wait = uv_backend_timeout(&loops[i]);
        timeout = wait >= 0 && wait < timeout ? wait : timeout;
        set[i] = (struct pollfd){.fd = uv_backend_fd(&loops[i]), .events = POLLIN};
    }
    (void)poll(set, 2, timeout);
    run_both();
}

/* ------------------------------------------------ one round */

static void begin(struct side *side, struct side *other, unsigned loop, bool serves, unsigned version)
{
    uint8_t *heard = side->heard;
    memset(side, 0, offsetof(struct side, room));
    side->heard = heard;
    side->other = other;
    side->loop = &loops[loop];
    side->handles = handles[loop];
    side->uv = serves ? adieu_uv_server(side->handles, versions[version][1])
                      : adieu_uv_client(side->handles, versions[version][0], "localhost");
    must(side->uv);
    adieu_uv_set_data(side->uv, side);
    adieu_watch(adieu_uv_stream(side->uv), watched, side);
    adieu_uv_handshake_timeout(side->uv, 100);
}

static void take_socket(struct side *side, int descriptor, bool tcp)
{
    if (below(2)) {
        must(adieu_uv_open(side->uv, descriptor) == 0);
        return;
    }
    side->lent = calloc(1, uv_handle_size(tcp ? UV_TCP : UV_NAMED_PIPE));
    if (tcp) {
        must(uv_tcp_init(side->loop, (uv_tcp_t *)side->lent) == 0);
        must(uv_tcp_open((uv_tcp_t *)side->lent, descriptor) == 0);
    } else {
        must(uv_pipe_init(side->loop, (uv_pipe_t *)side->lent, 0) == 0);
        must(uv_pipe_open((uv_pipe_t *)side->lent, descriptor) == 0);
    }
    must(adieu_uv_adopt(side->uv, side->lent) == 0);
}

static uv_stream_t *listener;

static void came(uv_stream_t *server, int status)
{
    must(status == 0 && server == listener);
    if (!sides[1].uv || adieu_uv_accept(sides[1].uv, server) != 0) { /* it has gone, or was aborted */
        adieu_uv_unlisten(listener);
        listener = NULL;
    }
}

/* It listens, and the client connects. */
static void meet(void)
{
    const struct adieu_uv_address any = {.host = "127.0.0.1", .port = "0"};
    char port[8];
    must(adieu_uv_listen(sides[1].loop, &any, 1, came, NULL, &listener) == 0);
    port_of(descriptor_of(listener), port);
    struct job *job = job_new(&sides[0]);
    const struct adieu_uv_address there = {.host = "127.0.0.1", .port = port};
    asked(job, adieu_uv_connect(&job->request, sides[0].uv, &there, done));
}

static void open_sides(void)
{
    int sockets[2];
    unsigned loop = below(2), version = below(2), way = below(3);
    begin(&sides[0], &sides[1], loop, false, version);
    begin(&sides[1], &sides[0], below(2), true, version);
    if (way == 0) {
        meet();
        return;
    }
    connected_sockets(way == 1 ? CARRIER_TCP : CARRIER_SOCKETPAIR, sockets);
    for (int i = 0; i < 2; i++)
        take_socket(&sides[i], sockets[i], way == 1);
}

static void shake(struct side *side)
{
    struct job *job = job_new(side);
    asked(job, adieu_uv_handshake(&job->request, side->uv, done));
    if (below(3))
        (void)adieu_uv_read_start(side->uv, alloc, hear_it);
}

/* Every handle comes to its end, and every request with it. */
static void end_both(void)
{
    int64_t bound = milliseconds() + 5000;
    for (int i = 0; i < 2; i++) {
        sides[i].last = true;
        if (sides[i].uv)
            close_it(&sides[i], 20, 60);
        sides[i].last = false;
    }
    while (sides[0].pending || sides[1].pending) {
        wait_for_both();
        must(milliseconds() < bound);
    }
}

static size_t said_by(const struct side *side)
{
    size_t size = 0;
    for (size_t i = 0; i < side->said_count; i++)
        size += side->said[i].taken;
    return size;
}

/* What this one heard is the beginning of what the other one said. */
static void heard_the_beginning(const struct side *side)
{
    size_t at = 0;
    for (size_t i = 0; i < side->other->said_count && at < side->got; i++) {
        const struct said *said = &side->other->said[i];
        size_t n = said->taken < side->got - at ? said->taken : side->got - at;
        must(memcmp(side->heard + at, words + said->from, n) == 0);
        at += n;
    }
    must(at == side->got);
}

static void check(const struct side *side)
{
    const struct adieu_ending *ending = &side->ending;
    heard_the_beginning(side);
    if (side->farewell || !side->ended)
        return;
    must(ending->received == side->got + side->got_late);
    must(ending->taken == said_by(side));
    must(ending->sent <= ending->taken);
    must(ending->sending != ADIEU_SENDING_CLOSED || ending->sent == ending->taken);
    if (ending->receiving == ADIEU_RECEIVING_CLOSED)
        must(ending->received + ending->discarded == said_by(side->other));
}

static unsigned whole; /* conversations that ended authentically on both sides, with something said */

static void play_round(void)
{
    open_sides();
    shake(&sides[0]);
    shake(&sides[1]);
    for (unsigned turns = below(TURNS); turns > 0; turns--) {
        perhaps_act(&sides[below(2)], 2);
        run_both();
    }
    end_both();
    for (int i = 0; i < 2; i++)
        if (sides[i].uv)
            leave(&sides[i]);
    adieu_uv_unlisten(listener);
    listener = NULL;
    for (int i = 0; i < 2; i++)
        if (sides[i].lent)
            uv_close((uv_handle_t *)sides[i].lent, free_it);
    int64_t bound = milliseconds() + 5000;
    while (uv_loop_alive(&loops[0]) || uv_loop_alive(&loops[1])) {
        wait_for_both();
        must(milliseconds() < bound);
    }
    check(&sides[0]);
    check(&sides[1]);
    whole += sides[0].ending.receiving == ADIEU_RECEIVING_CLOSED && sides[0].got > 0 &&
             sides[1].ending.receiving == ADIEU_RECEIVING_CLOSED;
}

/* ------------------------------------------------ many rounds */

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static void open_both(void)
{
    for (int i = 0; i < 2; i++) {
        must(uv_loop_init(&loops[i]) == 0);
        handles[i] = adieu_uv_loop_new(&loops[i]);
        must(handles[i]);
        make_configs(i ? ADIEU_TLS_1_3 : ADIEU_TLS_1_2, &versions[i][0], &versions[i][1]);
        sides[i].heard = malloc(MOST);
    }
    words = pattern_new(MOST);
}

static void close_both_loops(void)
{
    for (int i = 0; i < 2; i++) {
        adieu_uv_loop_free(handles[i]);
        (void)uv_run(&loops[i], UV_RUN_DEFAULT);
        must(uv_loop_close(&loops[i]) == 0);
        adieu_config_free(versions[i][0]);
        adieu_config_free(versions[i][1]);
        free(sides[i].heard);
    }
    free(words);
}

static void whatever_happens_what_is_told_is_true(void **state)
{
    (void)state;
    int before = open_descriptors();
    open_both();
    int64_t until = milliseconds() + 1000 * number("ADIEU_RANDOM_SECONDS", SECONDS);
    unsigned rounds = 0;
    for (round_seed = (uint32_t)number("ADIEU_RANDOM_SEED", 0); milliseconds() < until; round_seed++, rounds++) {
        seed = round_seed * 2654435761U;
        play_round();
    }
    close_both_loops();
    (void)printf("# %u rounds, of which %u ended cleanly on both sides\n", rounds, whole);
    assert_int_equal(open_descriptors(), before);
    assert_true(whole > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_what_is_told_is_true),
    };
    return cmocka_run_group_tests_name("uv random", tests, setup_uv, teardown_configs);
}
