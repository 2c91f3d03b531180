/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <stdio.h>

/* A scene takes milliseconds; under valgrind and sanitizers on a busy machine a little more. */
enum { BOUND_MS = 30000 };

/* ------------------------------------------------ making one */

void scene_prepare(struct scene *s)
{
    s->name = HOST;
    s->config = s->server ? server_config(s->version) : client_config(s->version);
    s->b = (struct raw){.context = foreign_context(s->version)};
    line_open(&s->b.line);
    s->said = s->heard = 0;
}

void scene_open(struct scene *s)
{
    raw_open(s);
    s->driver->open(s);
}

void scene_shake(struct scene *s)
{
    enum adieu_status status = a_shakes(s);
    check_that(status == ADIEU_OK, "A's handshake: %s", s->driver->error(s).text);
    do { /* once more, so that B has the session tickets, too */
        s->driver->tick(s);
        turn(s);
    } while (!s->b.established);
}

void meet(struct scene *s)
{
    scene_prepare(s);
    scene_open(s);
    scene_shake(s);
}

static void scene_end(struct scene *s)
{
    if (s->stream)
        s->driver->free(s);
    s->stream = NULL;
    BIO_free(s->surplus);
    s->surplus = NULL;
    raw_free(&s->b);
    adieu_config_free(s->config);
    s->config = NULL;
}

void scene_again(struct scene *s)
{
    scene_end(s);
    scene_prepare(s);
}

void scene_reconnect(struct scene *s)
{
    struct adieu_config *config = adieu_config_ref(s->config);
    SSL_CTX *context = s->b.context;
    const char *name = s->name;
    assert_int_equal(SSL_CTX_up_ref(context), 1);
    scene_again(s);
    adieu_config_free(s->config);
    SSL_CTX_free(s->b.context);
    s->config = config;
    s->b.context = context;
    s->name = name;
    scene_open(s);
}

/* ------------------------------------------------ turns */

void turn(struct scene *s)
{
    check_that(adieu_fd_now() < s->deadline, "nothing more happens: A heard %zu of %zu bytes, B %zu of %zu", s->heard,
               s->b.said, s->b.heard, s->said);
    if (!b_moves(s))
        s->driver->idle(s);
}

void turns(struct scene *s, int64_t milliseconds)
{
    for (int64_t end = adieu_fd_in(milliseconds); adieu_fd_now() < end; rest_ms(1)) {
        s->driver->tick(s);
        turn(s);
    }
}

/* ------------------------------------------------ A */

enum adieu_status a_shakes(struct scene *s)
{
    enum adieu_status status;
    while ((status = s->driver->handshake(s, ADIEU_FD_FOREVER)) == ADIEU_WAIT)
        turn(s);
    return status;
}

void a_says(struct scene *s, size_t size)
{
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(s->said + i);
    for (size_t done = 0; done < size;) {
        size_t took = 0;
        enum adieu_status status = s->driver->write(s, bytes + done, size - done, &took);
        done += took;
        if (status == ADIEU_WAIT)
            turn(s);
        else
            check_status(status, ADIEU_OK);
    }
    s->said += size;
    free(bytes);
}

static enum adieu_status read_some(struct scene *s, size_t most)
{
    uint8_t buf[16384];
    size_t got = 0;
    enum adieu_status status = s->driver->read(s, buf, most < sizeof buf ? most : sizeof buf, &got);
    for (size_t i = 0; i < got; i++)
        if (buf[i] != pattern(s->heard++))
            fail_msg("A heard something else than B said");
    return status;
}

void a_hears(struct scene *s, size_t size)
{
    while (s->heard < size) {
        enum adieu_status status = read_some(s, size - s->heard);
        if (status == ADIEU_WAIT)
            turn(s);
        else
            check_status(status, ADIEU_OK);
    }
    assert_int_equal(s->heard, size);
}

enum adieu_status a_reads_all(struct scene *s)
{
    enum adieu_status status;
    while ((status = read_some(s, SIZE_MAX)) == ADIEU_OK)
        continue;
    return status;
}

enum adieu_status a_reads_to_end(struct scene *s)
{
    enum adieu_status status;
    while ((status = a_reads_all(s)) == ADIEU_WAIT)
        turn(s);
    return status;
}

void a_fills(struct scene *s)
{
    enum { ENOUGH = 6 };
    uint8_t piece[16384];
    for (int full = 0; full < ENOUGH;) {
        size_t took = 0;
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = pattern(s->said + i);
        enum adieu_status status = s->driver->write(s, piece, sizeof piece, &took);
        s->said += took;
        full = status == ADIEU_WAIT ? full + 1 : 0;
        if (status == ADIEU_WAIT)
            turn(s);
        else
            check_status(status, ADIEU_OK);
    }
}

void a_ends(struct scene *s)
{
    enum adieu_status status;
    while ((status = s->driver->shutdown(s)) == ADIEU_WAIT)
        turn(s);
    check_status(status, ADIEU_OK);
}

struct adieu_ending a_closes(struct scene *s, int64_t quiet_ms)
{
    struct adieu_ending ending;
    const struct adieu_fd_patience patience = {.quiet_ms = quiet_ms, .deadline = ADIEU_FD_FOREVER};
    enum adieu_status status;
    while ((status = s->driver->close(s, patience, &ending)) == ADIEU_WAIT)
        turn(s);
    check_status(status, ADIEU_OK);
    assert_true(ending.decided);
    assert_true(s->driver->released(s));
    return ending;
}

struct adieu_ending a_ending(struct scene *s)
{
    return s->driver->ending(s);
}

enum adieu_error_code a_error(struct scene *s)
{
    return s->driver->error(s).code;
}

/* ------------------------------------------------ one after the other */

enum { DRIVERS = 4, TURNS_OF_EACH = 4 * DRIVERS };

/* One of the ways in which a scenario is played. */
struct playing {
    const struct scenario *scenario;
    struct scene scene;
    char name[160];
    int descriptors;
};

static int begin(void **state)
{
    struct playing *playing = *state;
    if (playing->scene.driver->warm_up)
        playing->scene.driver->warm_up();
    playing->descriptors = open_descriptors();
    playing->scene.deadline = adieu_fd_in(BOUND_MS);
    return 0;
}

static void tell(void **state)
{
    struct playing *playing = *state;
    playing->scenario->tell(&playing->scene);
    scene_end(&playing->scene);
    assert_int_equal(open_descriptors(), playing->descriptors);
}

/* What a failed story left. */
static int end(void **state)
{
    struct playing *playing = *state;
    scene_end(&playing->scene);
    return 0;
}

/* The i-th way to play it, if it applies there. */
static bool plan(struct playing *playing, const struct scenario *scenario, int i)
{
    const struct driver *drivers[DRIVERS] = {&over_memory, &over_tcp, &over_unix, over_uv}, *driver = drivers[i / 4];
    enum adieu_version version = versions[i / 2 % 2];
    bool server = i % 2;
    if (!driver)
        return false;
    unsigned needed = driver->where | (version == ADIEU_TLS_1_2 ? ON_12 : ON_13) | (server ? AS_SERVER : AS_CLIENT);
    if ((scenario->where & needed) != needed)
        return false;
    *playing =
        (struct playing){.scenario = scenario, .scene = {.driver = driver, .version = version, .server = server}};
    (void)snprintf(playing->name, sizeof playing->name, "%s (%s, %s, %s)", scenario->name, driver->name,
                   version == ADIEU_TLS_1_2 ? "TLS 1.2" : "TLS 1.3", server ? "server" : "client");
    return true;
}

int play_scenarios(const struct scenario *scenarios, size_t count)
{
    struct playing *playings = calloc(count * TURNS_OF_EACH, sizeof *playings);
    struct CMUnitTest *tests = calloc(count * TURNS_OF_EACH, sizeof *tests);
    size_t planned = 0;
    for (size_t at = 0; at < count * TURNS_OF_EACH; at++) {
        struct playing *playing = &playings[planned];
        if (plan(playing, &scenarios[at / TURNS_OF_EACH], (int)(at % TURNS_OF_EACH)))
            tests[planned++] = (struct CMUnitTest){playing->name, tell, begin, end, playing};
    }
    cmocka_set_test_filter(getenv("ADIEU_SCENE"));
    int failed = _cmocka_run_group_tests("scenarios", tests, planned, setup_authority, teardown_authority);
    free(playings);
    free(tests);
    return failed;
}
