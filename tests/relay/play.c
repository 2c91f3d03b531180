/* SPDX-License-Identifier: MIT */
#include "play.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* No wait of a test lasts longer; what is measured is far below. */
#define BOUND_MS 60000

/* ------------------------------------------------ what is said */

/* Its period is prime, so that a lost, doubled or moved record shows; twice, so that a whole piece lies behind any place. */
#define PATTERN ((size_t)65521)
#define PIECE ((size_t)65536 - 16384)

static uint8_t pattern[2 * PATTERN];

static void pattern_fill(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)((i % PATTERN) * 7 + (i % PATTERN) / 251);
}

/* ------------------------------------------------ stories */

struct story story_of(enum adieu_version version, void (*client)(struct end *), void (*server)(struct end *))
{
    struct story story = {.client_config = adieu_config_new(),
                          .server_config = adieu_config_new(),
                          .client = client,
                          .server = server,
                          .quiet_ms = 10000};
    uint8_t pin[ADIEU_PIN_SIZE];
    assert_int_equal(adieu_config_identity_throwaway(story.server_config, "localhost"), ADIEU_OK);
    assert_int_equal(adieu_config_identity_pin(story.server_config, pin), ADIEU_OK);
    assert_int_equal(adieu_config_trust_pin(story.client_config, pin), ADIEU_OK);
    assert_int_equal(adieu_config_versions(story.client_config, version, version), ADIEU_OK);
    return story;
}

void story_free(struct story *story)
{
    adieu_config_free(story->client_config);
    adieu_config_free(story->server_config);
}

/* ------------------------------------------------ the stage */

struct stage {
    const struct field *field;
    const struct story *story;
    struct play *plays;
    int count, next;
    pthread_mutex_t lock;
};

static void end_free(struct end *end)
{
    if (end->fd) {
        (void)snprintf(end->error, sizeof end->error, "%s", adieu_fd_error(end->fd).text);
        (void)adieu_fd_peer(end->fd, end->peer, sizeof end->peer);
    }
    adieu_fd_free(end->fd);
    end->fd = NULL;
}

/* The server's listener, and in port where it listens. */
static int listen_there(const struct field *field, char *port, size_t size)
{
    struct adieu_error error;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    field_enter(field, SIDE_B);
    int listener =
        adieu_fd_listen(&(struct adieu_fd_address){.host = field->host, .port = "0"}, 1, ADIEU_FD_NOW, &error);
    field_enter(field, SIDE_A);
    if (listener >= 0 && getsockname(listener, (struct sockaddr *)&address, &length) == 0)
        (void)snprintf(port, size, "%u", (unsigned)ntohs(address.sin_port));
    return listener;
}

static int64_t bound(const struct end *end)
{
    return adieu_fd_in(end->story->part_ms ? end->story->part_ms : BOUND_MS);
}

struct waiter {
    struct end *end;
    int listener;
};

static void *serve(void *context)
{
    const struct waiter *waiter = context;
    struct end *end = waiter->end;
    int64_t began = adieu_fd_now();
    if (end->fd && adieu_fd_accept(end->fd, waiter->listener, bound(end)) == ADIEU_OK)
        end->story->server(end);
    end->whole_ms = adieu_fd_now() - began;
    return NULL;
}

static void call(struct end *end, const char *host, const char *port)
{
    const struct adieu_fd_address where = {.host = host, .port = port};
    int64_t began = adieu_fd_now();
    if (end->fd && adieu_fd_connect(end->fd, &where, bound(end)) == ADIEU_OK)
        end->story->client(end);
    end->whole_ms = adieu_fd_now() - began;
}

static void perform(const struct stage *stage, struct play *play)
{
    char port[8] = "";
    const struct story *story = stage->story;
    play->client = (struct end){.story = story, .fd = adieu_fd_client(story->client_config, "localhost")};
    play->server = (struct end){.story = story, .server = true, .fd = adieu_fd_server(story->server_config)};
    struct waiter waiter = {.end = &play->server, .listener = listen_there(stage->field, port, sizeof port)};
    pthread_t thread;
    if (waiter.listener >= 0 && pthread_create(&thread, NULL, serve, &waiter) == 0) {
        call(&play->client, stage->field->host, port);
        (void)pthread_join(thread, NULL);
    }
    if (waiter.listener >= 0)
        (void)close(waiter.listener);
    end_free(&play->client);
    end_free(&play->server);
}

static void *work(void *context)
{
    struct stage *stage = context;
    for (;;) {
        (void)pthread_mutex_lock(&stage->lock);
        int mine = stage->next++;
        (void)pthread_mutex_unlock(&stage->lock);
        if (mine >= stage->count)
            return NULL;
        perform(stage, &stage->plays[mine]);
    }
}

static void perform_all(struct stage *stage, int at_once)
{
    pthread_t threads[256];
    assert_in_range(at_once, 1, 256);
    (void)pthread_mutex_init(&stage->lock, NULL);
    for (int i = 0; i < at_once; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, stage), 0);
    for (int i = 0; i < at_once; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_mutex_destroy(&stage->lock);
}

/* ------------------------------------------------ what is told */

static void tell(FILE *out, const char *who, const struct end *end)
{
    char text[160];
    const struct adieu_ending *e = &end->ending;
    int in = e->alert_received.seen ? e->alert_received.number : -1,
        sent = e->alert_sent.seen ? e->alert_sent.number : -1;
    (void)fprintf(out, "\n%s (its peer %s): exit %d, %s; %s", who, end->peer, (int)adieu_ending_exit(e),
                  adieu_ending_text(e, text, sizeof text), end->error);
    (void)fprintf(out, "\n  handshake %s, write %s, read %s; sending %s, receiving %s, after %s, alert %d in, %d out",
                  adieu_status_name(end->handshake), adieu_status_name(end->last_write),
                  adieu_status_name(end->last_read), adieu_sending_name(e->sending), adieu_receiving_name(e->receiving),
                  adieu_after_name(e->after), in, sent);
    (void)fprintf(out,
                  "\n  taken %" PRIu64 ", sent %" PRIu64 ", acknowledged %" PRIi64
                  ", received %zu%s, discarded %" PRIu64 "; %" PRIi64 " ms, goodbye %" PRIi64 " ms",
                  e->taken, e->sent, (int64_t)e->acknowledged, end->got, end->damaged ? " DAMAGED" : "", e->discarded,
                  end->whole_ms, end->closing_ms);
}

static void complain(const struct play *bad, int good, int count)
{
    static char text[4096];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    (void)fprintf(out, "%d of %d went as they should; the first that did not:", good, count);
    tell(out, "client", &bad->client);
    tell(out, "server", &bad->server);
    (void)fclose(out);
    fail_msg("%s", text);
}

void play(const struct field *field, const struct story *story, int count, int at_once,
          bool (*wanted)(const struct play *play))
{
    struct stage stage = {.field = field, .story = story, .count = count};
    stage.plays = calloc((size_t)count, sizeof *stage.plays);
    assert_non_null(stage.plays);
    pattern_fill();
    perform_all(&stage, at_once < count ? at_once : count);
    const struct play *bad = NULL;
    int good = 0;
    for (int i = count - 1; i >= 0; i--) {
        if (wanted(&stage.plays[i]))
            good++;
        else
            bad = &stage.plays[i];
    }
    if (bad)
        complain(bad, good, count);
    free(stage.plays);
}

/* ------------------------------------------------ parts */

bool part_handshake(struct end *end)
{
    end->handshake = adieu_fd_handshake(end->fd, bound(end));
    if (end->handshake == ADIEU_WAIT)
        adieu_fd_abort(end->fd, ADIEU_REASON_DEADLINE);
    return end->handshake == ADIEU_OK;
}

bool part_write(struct end *end, size_t size)
{
    size_t done = 0, took;
    int64_t deadline = bound(end);
    end->last_write = ADIEU_OK;
    while (done < size && end->last_write == ADIEU_OK) {
        size_t piece = size - done < PIECE ? size - done : PIECE;
        end->last_write = adieu_fd_write(end->fd, pattern + done % PATTERN, piece, &took, deadline);
        if (end->last_write == ADIEU_OK)
            done += took;
    }
    end->explained = end->last_write == ADIEU_FAIL && adieu_fd_ending(end->fd).alert_received.seen;
    return done == size;
}

bool part_read_to_end(struct end *end)
{
    uint8_t piece[PIECE];
    size_t got;
    int64_t deadline = bound(end);
    while ((end->last_read = adieu_fd_read(end->fd, piece, sizeof piece, &got, deadline)) == ADIEU_OK) {
        end->damaged |= memcmp(piece, pattern + end->got % PATTERN, got) != 0;
        end->got += got;
    }
    return end->last_read == ADIEU_END;
}

void part_close(struct end *end)
{
    const struct adieu_fd_patience patience = {.quiet_ms = end->story->quiet_ms, .deadline = adieu_fd_in(BOUND_MS)};
    int64_t began = adieu_fd_now();
    (void)!adieu_fd_close(end->fd, patience, &end->ending); /* not OK: nothing is decided, and no test wants that */
    end->closing_ms = adieu_fd_now() - began;
}

static size_t words(const struct end *end)
{
    return end->server ? end->story->down : end->story->up;
}

void shake_and_close(struct end *end)
{
    (void)part_handshake(end);
    part_close(end);
}

void push_and_close(struct end *end)
{
    if (part_handshake(end))
        (void)part_write(end, words(end));
    part_close(end);
}

void push_and_read(struct end *end)
{
    if (part_handshake(end)) {
        (void)part_write(end, words(end));
        (void)part_read_to_end(end);
    }
    part_close(end);
}

static bool say_all(struct end *end)
{
    return part_write(end, words(end)) && adieu_fd_shutdown(end->fd, bound(end)) == ADIEU_OK;
}

void half_close_and_read(struct end *end)
{
    if (part_handshake(end)) {
        (void)say_all(end);
        (void)part_read_to_end(end);
    }
    part_close(end);
}

void read_and_reply(struct end *end)
{
    if (part_handshake(end) && part_read_to_end(end))
        (void)part_write(end, words(end));
    part_close(end);
}

static void *say(void *context)
{
    (void)say_all(context);
    return NULL;
}

void read_and_write_at_once(struct end *end)
{
    pthread_t thread;
    if (part_handshake(end) && pthread_create(&thread, NULL, say, end) == 0) {
        (void)part_read_to_end(end);
        (void)pthread_join(thread, NULL);
    }
    part_close(end);
}

/* Waits until the kernel holds nothing that has not been on the wire: a reset would take it away. */
static void let_leave(int descriptor)
{
    const struct timespec a_while = {.tv_nsec = 1000000};
    int unsent = 0;
    for (int turn = 0; turn < 1000 && ioctl(descriptor, SIOCOUTQNSD, &unsent) == 0 && unsent > 0; turn++)
        (void)nanosleep(&a_while, NULL);
}

/* Linux: to connect a TCP socket to nobody breaks its connection off with a reset. */
void part_reset(struct end *end)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    let_leave(adieu_fd_descriptor(end->fd));
    (void)connect(adieu_fd_descriptor(end->fd), &nobody, sizeof nobody);
}

bool is_whole(const struct end *end, size_t said, size_t heard)
{
    const struct adieu_ending *e = &end->ending;
    return e->decided && adieu_ending_exit(e) == ADIEU_EXIT_DELIVERED && e->sending == ADIEU_SENDING_CLOSED &&
           e->receiving == ADIEU_RECEIVING_CLOSED && e->after != ADIEU_AFTER_RESET && e->taken == said &&
           e->sent == said && e->acknowledged == said && e->received + e->discarded == heard &&
           end->got == e->received && !end->damaged;
}
