/* SPDX-License-Identifier: MIT */
/*
 * One config in many threads: each makes streams of it, shakes hands, resumes what any of them was given, ends in every way, takes
 * references and gives them back; who is last frees. Every stream has its own verdict, whatever the others do.
 */
#include "joined.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 6, ROUNDS = 42, REFERENCES = 20000 };

/* ------------------------------------------------ what the threads share */

/* The last session that any stream of a config was given. */
struct store {
    pthread_mutex_t lock;
    size_t size;
    uint8_t bytes[8000];
};

struct shared {
    struct adieu_config *client[VERSIONS], *server, *chosen;
    struct store stores[VERSIONS];
    pthread_barrier_t together;
    atomic_uint resumed, named;
};

/* In the thread of whichever stream it came to. */
static void store_session(void *context, const struct adieu_stream *s, const uint8_t *session, size_t size)
{
    (void)s;
    struct store *store = context;
    pthread_mutex_lock(&store->lock);
    store->size = size <= sizeof store->bytes ? size : 0;
    memcpy(store->bytes, session, store->size);
    pthread_mutex_unlock(&store->lock);
}

static void resume_from(struct store *store, struct adieu_stream *client)
{
    pthread_mutex_lock(&store->lock);
    if (store->size)
        (void)!adieu_resume(client, store->bytes, store->size);
    pthread_mutex_unlock(&store->lock);
}

static struct adieu_config *choose(void *context, const char *name)
{
    struct shared *shared = context;
    shared->named += strcmp(name, HOST) == 0;
    return shared->chosen;
}

/* Every config has had its first stream when the threads begin: from then on it may be shared. */
static void freeze(struct adieu_config *config, bool server)
{
    adieu_free(server ? adieu_server(config) : adieu_client(config, HOST));
}

static void share(struct shared *shared)
{
    memset(shared, 0, sizeof *shared);
    shared->server = server_config(0);
    shared->chosen = server_config(0);
    check_status(adieu_config_on_name(shared->server, choose, shared), ADIEU_OK);
    freeze(shared->server, true);
    freeze(shared->chosen, true);
    for (int i = 0; i < VERSIONS; i++) {
        assert_int_equal(pthread_mutex_init(&shared->stores[i].lock, NULL), 0);
        shared->client[i] = client_config(versions[i]);
        check_status(adieu_config_on_session(shared->client[i], store_session, &shared->stores[i]), ADIEU_OK);
        freeze(shared->client[i], false);
    }
    assert_int_equal(pthread_barrier_init(&shared->together, NULL, THREADS), 0);
}

static void unshare(struct shared *shared)
{
    for (int i = 0; i < VERSIONS; i++)
        pthread_mutex_destroy(&shared->stores[i].lock);
    pthread_barrier_destroy(&shared->together);
}

/* ------------------------------------------------ every ending */

static bool stands(const struct adieu_stream *s, enum adieu_sending sending, enum adieu_receiving receiving,
                   enum adieu_error_code error)
{
    struct adieu_ending ending = adieu_ending(s);
    return ending.sending == sending && ending.receiving == receiving && ending.error == error;
}

static bool in_order(struct joined *joined)
{
    bool said = adieu_shutdown(joined->client) == ADIEU_OK && carry(joined->client, joined->server) > 0 &&
                listen_once(joined->server) == ADIEU_END && adieu_shutdown(joined->server) == ADIEU_OK &&
                carry(joined->server, joined->client) > 0 && listen_once(joined->client) == ADIEU_END;
    return said && stands(joined->client, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED, ADIEU_ERR_NONE) &&
           stands(joined->server, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED, ADIEU_ERR_NONE);
}

static bool cut(struct joined *joined)
{
    adieu_wire_eof(joined->server);
    return listen_once(joined->server) == ADIEU_FAIL &&
           stands(joined->server, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_TRUNCATED, ADIEU_ERR_TRUNCATED);
}

static bool torn(struct joined *joined)
{
    adieu_wire_reset(joined->client, 104);
    return listen_once(joined->client) == ADIEU_FAIL &&
           stands(joined->client, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_RESET, ADIEU_ERR_RESET);
}

static bool broken_off(struct joined *joined)
{
    adieu_abort(joined->server, ADIEU_REASON_REQUEST);
    return stands(joined->server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED, ADIEU_ERR_ABORTED);
}

/* The error queue belongs to the thread: one stream's violation is nobody else's. */
static bool bent(struct joined *joined)
{
    size_t took;
    if (adieu_write(joined->client, "word", 4, &took) != ADIEU_OK)
        return false;
    carry_bent(joined->client, joined->server);
    bool found = listen_once(joined->server) == ADIEU_FAIL &&
                 stands(joined->server, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED, ADIEU_ERR_VIOLATION);
    carry(joined->server, joined->client);
    return found && listen_once(joined->client) == ADIEU_FAIL &&
           stands(joined->client, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED, ADIEU_ERR_ALERTED);
}

static bool forgotten(struct joined *joined)
{
    return stands(joined->client, ADIEU_SENDING_OPEN, ADIEU_RECEIVING_OPEN, ADIEU_ERR_NONE);
}

static bool (*const endings[])(struct joined *joined) = {in_order, cut, torn, broken_off, bent, forgotten};
enum { ENDINGS = sizeof endings / sizeof *endings };

/* ------------------------------------------------ a thread */

struct worker {
    pthread_t thread;
    struct shared *shared;
    unsigned number;
    /* its own references */
    struct adieu_config *client[VERSIONS], *server;
    const char *wrong; /* what did not come out right */
};

static bool both_established(struct joined *joined)
{
    shake(joined);
    return adieu_handshake(joined->client) == ADIEU_OK && adieu_handshake(joined->server) == ADIEU_OK &&
           listen_once(joined->client) == ADIEU_WAIT && listen_once(joined->server) == ADIEU_WAIT;
}

/* What does not come out right, or NULL. */
static const char *converse(struct shared *shared, struct joined *joined, unsigned which, unsigned how)
{
    if (!both_established(joined))
        return "a handshake";
    if (strcmp(adieu_version(joined->client), which ? "TLSv1.3" : "TLSv1.2") != 0)
        return "a version";
    shared->resumed += adieu_resumed(joined->client);
    return endings[how](joined) ? NULL : "an ending";
}

static void one_round(struct worker *worker, unsigned round)
{
    struct shared *shared = worker->shared;
    unsigned which = (round + worker->number) % VERSIONS, how = (round / VERSIONS + worker->number) % ENDINGS;
    struct joined joined = {adieu_client(worker->client[which], HOST), adieu_server(worker->server)};
    if (round % 3)
        resume_from(&shared->stores[which], joined.client);
    if (round % 7 == 6)
        (void)!adieu_handshake(joined.client); /* and no more: freed in the middle of it */
    else
        worker->wrong = converse(shared, &joined, which, how);
    part(&joined);
}

static void *work(void *context)
{
    struct worker *worker = context;
    pthread_barrier_wait(&worker->shared->together);
    for (int i = 0; i < REFERENCES; i++) /* none may be lost, or somebody frees too early or never */
        adieu_config_free(adieu_config_ref(worker->server));
    for (unsigned round = 0; round < ROUNDS && !worker->wrong; round++) {
        struct adieu_config *another = adieu_config_ref(worker->server);
        one_round(worker, round);
        adieu_config_free(another);
    }
    for (int i = 0; i < VERSIONS; i++)
        adieu_config_free(worker->client[i]);
    adieu_config_free(worker->server);
    return NULL;
}

static void start(struct worker *worker, struct shared *shared, unsigned number)
{
    *worker = (struct worker){.shared = shared, .number = number, .server = adieu_config_ref(shared->server)};
    for (int i = 0; i < VERSIONS; i++)
        worker->client[i] = adieu_config_ref(shared->client[i]);
    assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
}

static void each_stream_of_a_shared_config_has_its_own_verdict(void **state)
{
    (void)state;
    struct shared shared;
    struct worker workers[THREADS];
    share(&shared);
    for (unsigned i = 0; i < THREADS; i++)
        start(&workers[i], &shared, i);
    for (int i = 0; i < VERSIONS; i++)
        adieu_config_free(shared.client[i]);
    adieu_config_free(shared.server); /* whoever is done last frees it */
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        check_that(!workers[i].wrong, "%s of thread %d", workers[i].wrong, i);
    assert_true(shared.resumed > 0);
    assert_true(shared.named > 0);
    adieu_config_free(shared.chosen);
    unshare(&shared);
}

/* ------------------------------------------------ the system's roots */

struct asker {
    pthread_t thread;
    pthread_barrier_t *together;
    struct adieu_config *config;
    bool trusted;
};

static void *trust_the_system(void *context)
{
    struct asker *asker = context;
    pthread_barrier_wait(asker->together);
    struct joined joined = {adieu_client(asker->config, HOST), adieu_server(asker->config)};
    asker->trusted = both_established(&joined) && adieu_verified(joined.client) == ADIEU_VERIFIED_NAME;
    part(&joined);
    return NULL;
}

/* A server that asks for no certificate needs no roots; then many clients at once are the first that do. */
static void many_threads_may_be_the_first_to_need_the_systems_roots(void **state)
{
    (void)state;
    enum { TIMES = 4 };
    authority_becomes_the_systems();
    for (int time = 0; time < TIMES; time++) {
        pthread_barrier_t together;
        struct asker askers[THREADS];
        struct adieu_config *config = server_config(0);
        freeze(config, true);
        assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
        for (int i = 0; i < THREADS; i++) {
            askers[i] = (struct asker){.together = &together, .config = config};
            assert_int_equal(pthread_create(&askers[i].thread, NULL, trust_the_system, &askers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        for (int i = 0; i < THREADS; i++)
            assert_true(askers[i].trusted);
        pthread_barrier_destroy(&together);
        adieu_config_free(config);
    }
    authority_is_not_the_systems();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stream_of_a_shared_config_has_its_own_verdict),
        cmocka_unit_test(many_threads_may_be_the_first_to_need_the_systems_roots),
    };
    return cmocka_run_group_tests_name("engine shared config", tests, setup_authority, teardown_authority);
}
