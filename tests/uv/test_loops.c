/* SPDX-License-Identifier: MIT */
/* Two threads with a loop each, which share one config and its sessions. For the thread sanitizer, above all. */
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

enum { TALKS = 60, WORD = 50000 };

/* One end of a conversation: says a word, reads to the end, and closes. */
struct end {
    struct adieu_uv *uv;
    struct adieu_uv_request handshake, write, close;
    size_t got;
    bool failed;
    char room[16384];
};

static struct adieu_config *client_config, *server_config;
static char word[WORD];
static atomic_int resumed, clean;

static void done(struct adieu_uv_request *request, int status)
{
    struct end *end = request->data;
    end->failed |= status != 0;
}

static void closed(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    struct end *end = request->data;
    bool delivered = adieu_ending_exit(ending) == ADIEU_EXIT_DELIVERED;
    end->failed |= status != 0 || end->got != WORD || !delivered;
    clean += !end->failed;
    resumed += adieu_resumed(adieu_uv_stream(end->uv));
    adieu_uv_free(end->uv);
    free(end);
}

static void give_room(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    struct end *end = adieu_uv_data(uv);
    (void)suggested;
    *buf = uv_buf_init(end->room, sizeof end->room);
}

static void hear(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    const struct adieu_uv_patience patience = {.quiet_ms = 5000, .total_ms = 20000};
    struct end *end = adieu_uv_data(uv);
    (void)buf;
    if (nread > 0)
        end->got += (size_t)nread;
    if (end->got == WORD || nread < 0) {
        (void)adieu_uv_read_stop(uv);
        end->close.data = end;
        end->failed |= adieu_uv_close(&end->close, uv, patience, closed) != 0;
    }
}

static void begin(struct adieu_uv *uv, int descriptor)
{
    struct end *end = calloc(1, sizeof *end);
    const uv_buf_t buf = uv_buf_init(word, WORD);
    end->uv = uv;
    end->handshake.data = end->write.data = end;
    adieu_uv_set_data(uv, end);
    end->failed |= adieu_uv_open(uv, descriptor) != 0;
    end->failed |= adieu_uv_handshake(&end->handshake, uv, done) != 0;
    end->failed |= adieu_uv_write(&end->write, uv, &buf, 1, done) != 0;
    end->failed |= adieu_uv_read_start(uv, give_room, hear) != 0;
}

/* In rounds, so that sessions of the first can be resumed by the next, in either thread. */
static void *talk(void *context)
{
    bool *ran = context;
    uv_loop_t uv;
    if (uv_loop_init(&uv) != 0)
        return NULL;
    struct adieu_uv_loop *loop = adieu_uv_loop_new(&uv);
    for (int round = 0; round < TALKS / 10; round++) {
        for (int i = 0; i < 10; i++) {
            int sockets[2];
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
                return NULL;
            begin(adieu_uv_client(loop, client_config, "localhost"), sockets[0]);
            begin(adieu_uv_server(loop, server_config), sockets[1]);
        }
        (void)uv_run(&uv, UV_RUN_DEFAULT);
    }
    adieu_uv_loop_free(loop);
    (void)uv_run(&uv, UV_RUN_DEFAULT);
    *ran = uv_loop_close(&uv) == 0;
    return NULL;
}

static void two_loops_share_a_config(enum adieu_version version)
{
    pthread_t threads[2];
    bool ran[2] = {false, false};
    int descriptors = open_descriptors();
    resumed = clean = 0;
    make_configs(version, &client_config, &server_config);
    assert_status(adieu_config_session_cache(client_config, 100), ADIEU_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &ran[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(ran[0] && ran[1]);
    assert_int_equal(clean, 2 * 2 * TALKS);
    assert_in_range(resumed, 4, 4 * TALKS); /* how many depends on who is first */
    adieu_config_free(client_config);
    adieu_config_free(server_config);
    assert_int_equal(open_descriptors(), descriptors);
}

static void two_threads_with_a_loop_each_share_a_config(void **state)
{
    (void)state;
    two_loops_share_a_config(ADIEU_TLS_1_3);
    two_loops_share_a_config(ADIEU_TLS_1_2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads_with_a_loop_each_share_a_config),
    };
    return cmocka_run_group_tests_name("uv loops", tests, setup_uv, teardown_configs);
}
