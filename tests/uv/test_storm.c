/* SPDX-License-Identifier: MIT */
/*
 * Two handles that do at random what can be done, and go at any moment, from inside any callback of theirs or of their
 * stream. What a request's memory is worth once its handle has gone, the sanitizers tell. ADIEU_STORM_ROUNDS says how often.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

enum { ROUNDS = 4000, REQUESTS = 8 };

struct party {
    struct adieu_uv *uv; /* NULL: freed, or the library's */
    struct party *other;
    struct adieu_uv_request *requests[REQUESTS]; /* NULL: not pending */
    bool farewell;                               /* who may still be called back for it */
    unsigned inside;                             /* callbacks of its stream */
    char room[4096];
};

static struct party parties[2];
static struct adieu_config *storm_client, *storm_server;
static char storm_port[8];
static int storm_listener;
static uint32_t seed;
static unsigned fuse;     /* so many callbacks on something happens in one; 0: nothing does */
static unsigned happened; /* in all */

static unsigned below(unsigned limit)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % limit;
}

/* ------------------------------------------------ requests */

static struct adieu_uv_request *request_new(struct party *party)
{
    for (int i = 0; i < REQUESTS; i++)
        if (!party->requests[i]) {
            struct adieu_uv_request *request = malloc(sizeof *request);
            request->data = &party->requests[i];
            return party->requests[i] = request;
        }
    return NULL;
}

static void request_free(struct adieu_uv_request *request)
{
    if (request)
        *(struct adieu_uv_request **)request->data = NULL;
    free(request);
}

static struct party *party_of(const struct adieu_uv_request *request)
{
    struct adieu_uv_request **place = request->data;
    return place < parties[1].requests ? &parties[0] : &parties[1];
}

static void requests_free(struct party *party)
{
    for (int i = 0; i < REQUESTS; i++)
        request_free(party->requests[i]);
}

/* ------------------------------------------------ what can be done */

static void something(struct party *party);

/* A callback ran: now, perhaps, something happens in it. */
static void burn(struct party *party)
{
    if (!fuse || --fuse)
        return;
    happened++;
    for (unsigned n = 1 + below(3); n > 0; n--)
        something(below(4) ? party : party->other);
    fuse = below(3) ? 1 + below(6) : 0;
}

static void done(struct adieu_uv_request *request, int status)
{
    struct party *party = party_of(request);
    (void)status;
    assert_true(party->uv || party->farewell);
    request_free(request);
    burn(party);
}

static void closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    assert_true(status != 0 || ending->decided || party_of(request)->farewell);
    done(request, status);
}

static void alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct party *party = adieu_uv_data(uv);
    (void)suggested;
    assert_ptr_equal(party->uv, uv);
    *buf = uv_buf_init(party->room, below(8) ? sizeof party->room : 0);
    burn(party);
}

static void heard(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct party *party = adieu_uv_data(uv);
    assert_ptr_equal(party->uv, uv);
    assert_true(nread <= (ssize_t)buf->len && buf->len <= sizeof party->room);
    burn(party);
}

static void silent(struct adieu_uv *uv)
{
    struct party *party = adieu_uv_data(uv);
    assert_ptr_equal(party->uv, uv);
    burn(party);
}

static void watched(void *context, const struct adieu_stream *stream, enum adieu_news news,
                    const struct adieu_alert *alert)
{
    (void)stream, (void)news, (void)alert;
    struct party *party = context;
    party->inside++;
    if (party->uv)
        burn(party);
    party->inside--;
}

static enum adieu_decision verified(void *context, const struct adieu_stream *stream, bool good, const char *problem,
                                    const uint8_t *leaf, size_t leaf_size)
{
    (void)context, (void)stream, (void)good, (void)problem, (void)leaf, (void)leaf_size;
    unsigned decision = below(8);
    parties[0].inside++;
    if (parties[0].uv)
        burn(&parties[0]);
    parties[0].inside--;
    return decision == 0 ? ADIEU_REFUSE : decision < 3 ? ADIEU_LATER : ADIEU_ACCEPT;
}

/* ------------------------------------------------ one thing */

static void leave(struct party *party)
{
    adieu_uv_free(party->uv);
    party->uv = NULL;
    requests_free(party); /* they are ours at once */
}

static void ask(struct party *party, struct adieu_uv_request *request)
{
    static char words[60000];
    const struct adieu_uv_patience patience = {.quiet_ms = (int64_t)below(4) * 2 - 1, .total_ms = 5};
    uv_buf_t bufs[6];
    unsigned count = below(7);
    int code = -1;
    for (unsigned i = 0; i < count; i++)
        bufs[i] = uv_buf_init(words, below(3) ? below(200) : (unsigned)sizeof words);
    switch (request ? below(6) : 6) {
    case 0:
        code = adieu_uv_handshake(request, party->uv, done);
        break;
    case 1:
    case 2:
        code = adieu_uv_write(request, party->uv, bufs, count, done);
        break;
    case 3:
        code = adieu_uv_shutdown(request, party->uv, done);
        break;
    case 4:
        code = adieu_uv_close(request, party->uv, patience, closed);
        break;
    case 5:
        code = adieu_uv_connect(request, party->uv,
                                &(struct adieu_uv_address){.host = "127.0.0.1", .port = below(3) ? storm_port : "1"},
                                done);
        break;
    }
    if (code)
        request_free(request);
}

static void bid_farewell(struct party *party)
{
    const struct adieu_uv_patience patience = {.quiet_ms = 5, .total_ms = below(2) ? 5 : -1};
    struct adieu_uv_request *request = request_new(party);
    if (!request)
        return;
    party->farewell = true;
    assert_code(adieu_uv_farewell(request, party->uv, patience, closed), 0);
    party->uv = NULL;
}

static void something(struct party *party)
{
    struct adieu_uv_request *request = party->requests[below(REQUESTS)];
    char word[3] = "hi";
    const uv_buf_t buf = uv_buf_init(word, 2);
    if (!party->uv)
        return;
    switch (below(16)) {
    case 0:
        leave(party);
        break;
    case 1:
        adieu_uv_abort(party->uv, ADIEU_REASON_REQUEST);
        break;
    case 2:
        bid_farewell(party);
        break;
    case 3:
        assert_code(adieu_uv_read_stop(party->uv), 0);
        break;
    case 4:
        assert_code(adieu_uv_read_start(party->uv, alloc, heard), 0);
        break;
    case 5:
        adieu_uv_on_idle(party->uv, below(3), silent);
        break;
    case 6:
    case 7:
        if (request)
            (void)adieu_uv_cancel(request);
        break;
    case 8: {
        int taken = adieu_uv_try_write(party->uv, &buf, 1);
        assert_true(!party->inside || taken < 0);
        break;
    }
    default:
        ask(party, request_new(party));
    }
}

/* ------------------------------------------------ one round */

static void begin(struct party *party, struct party *other, struct adieu_uv *uv)
{
    *party = (struct party){.uv = uv, .other = other};
    adieu_uv_set_data(uv, party);
    adieu_watch(adieu_uv_stream(uv), watched, party);
    adieu_uv_handshake_timeout(uv, 20);
}

static void start(struct party *party, int descriptor)
{
    if (descriptor >= 0)
        assert_code(adieu_uv_open(party->uv, descriptor), 0);
    struct adieu_uv_request *request = request_new(party);
    if (below(8) == 0 || adieu_uv_handshake(request, party->uv, done) != 0)
        request_free(request);
    if (below(4))
        assert_code(adieu_uv_read_start(party->uv, alloc, heard), 0);
    for (unsigned n = below(4); n > 0; n--)
        ask(party, request_new(party));
}

static void decide(void)
{
    struct adieu_uv *uv = parties[0].uv;
    if (!uv || adieu_awaited(adieu_uv_stream(uv)) == ADIEU_AWAITED_NOTHING || below(3))
        return;
    (void)!adieu_decide(adieu_uv_stream(uv), below(4) ? ADIEU_ACCEPT : ADIEU_REFUSE);
    if (parties[0].uv)
        adieu_uv_wake(parties[0].uv);
}

static void play_round(void)
{
    int sockets[2] = {-1, -1};
    uint32_t first_seed = seed;
    unsigned kind = below(8);
    if (kind > 1)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    else if (kind == 1)
        connected_sockets(CARRIER_TCP, sockets);
    begin(&parties[0], &parties[1], adieu_uv_client(the_loop, storm_client, "localhost"));
    begin(&parties[1], &parties[0], adieu_uv_server(the_loop, storm_server));
    fuse = 1 + below(12);
    start(&parties[0], sockets[0]);
    start(&parties[1], sockets[1]);
    for (unsigned turns = below(30); turns > 0; turns--) {
        (void)uv_run(&the_uv_loop, UV_RUN_NOWAIT);
        decide();
        if (below(5) == 0)
            something(&parties[below(2)]);
    }
    for (int i = 0; i < 2; i++)
        if (parties[i].uv)
            leave(&parties[i]);
    fuse = 0;
    while (uv_loop_alive(&the_uv_loop))
        run_turn(run_bound());
    for (int i = 0; i < 2 * REQUESTS; i++) { /* each farewell was told */
        const struct adieu_uv_request *left = parties[i / REQUESTS].requests[i % REQUESTS];
        if (left)
            fail_msg("round %u: a request of kind %d was never told", first_seed, left->kind);
    }
}

/* Who connected to the listener has gone. */
static void empty_the_queue(void)
{
    struct pollfd who = {.fd = storm_listener, .events = POLLIN};
    while (poll(&who, 1, 0) > 0)
        (void)close(accept(storm_listener, NULL, NULL));
}

static void handles_go_at_any_moment(void **state)
{
    const char *wanted = getenv("ADIEU_STORM_ROUNDS");
    long rounds = wanted ? atol(wanted) : ROUNDS;
    (void)state;
    make_configs(ADIEU_TLS_1_3, &storm_client, &storm_server);
    assert_status(adieu_config_insecure_on_verify(storm_client, verified, NULL), ADIEU_OK);
    storm_listener = raw_listener(storm_port, 4096);
    int descriptors = open_descriptors();
    for (long i = 0; i < rounds; i++) {
        seed = (uint32_t)i;
        play_round();
        if (open_descriptors() != descriptors)
            fail_msg("round %ld left a descriptor", i);
        empty_the_queue();
    }
    (void)printf("# in %ld rounds, %u times something happened inside a callback\n", rounds, happened);
    assert_true(happened > (unsigned long)rounds / 4);
    (void)close(storm_listener);
    adieu_config_free(storm_client);
    adieu_config_free(storm_server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(handles_go_at_any_moment),
    };
    return cmocka_run_group_tests_name("uv storm", tests, setup_talks, teardown_talks);
}
