/* SPDX-License-Identifier: MIT */
/*
 * Many connections closed at once in one loop, whose peers answer, are silent, reset, cut, trickle or block: each gets its own
 * right ending, all within one deadline, and then memory and descriptors are as before. ADIEU_CROWD says how many (1,000 unless
 * told; 17,000 is what 20,000 descriptors allow).
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/resource.h>

#include "counting.h"
#include "crowd_peers.h"
#include "talk.h"

enum { CROWD = 1000, AT_ONCE = 50, QUIET_MS = 1000, TOTAL_MS = 8000 };
/* The blocks that the pools of two configs keep for the next stream; and the bytes that may be kept, whatever the crowd. */
enum { POOLED = 2 * 6, GROWN = 1 << 20 };

struct one {
    enum kind kind;
    struct adieu_uv *uv;
    struct waiter shaken, write, bye;
};

static struct one *crowd;
static size_t crowd_size, told;

/* What the process takes. */
static struct took {
    int descriptors;
    size_t blocks, bytes, resident_kib;
} during;

/* ------------------------------------------------ how many */

/* One descriptor each, and a second for one who is blocked. */
static size_t how_many(void)
{
    const char *wanted = getenv("ADIEU_CROWD");
    size_t size = wanted ? (size_t)atol(wanted) : CROWD;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t room = ((size_t)limit.rlim_cur - 64) * KINDS / (KINDS + 1);
    if (size > room)
        (void)printf("# %zu connections instead of %zu: the limit is %zu descriptors\n", room, size,
                     (size_t)limit.rlim_cur);
    return size < room ? size : room;
}

/* Before the fork: the peers need as many. */
static void raise_limit(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ------------------------------------------------ what it takes */

/* OpenSSL's and libuv's blocks are counted with ours: calls from this file go to counting.c. */
static void *openssl_malloc(size_t size, const char *file, int place)
{
    (void)file, (void)place;
    return malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file, int place)
{
    (void)file, (void)place;
    return realloc(block, size);
}

static void openssl_free(void *block, const char *file, int place)
{
    (void)file, (void)place;
    free(block);
}

static bool count_everything(void)
{
    return CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) &&
           uv_replace_allocator(malloc, realloc, calloc, free) == 0;
}

/* A line of /proc/self/status, in KiB. */
static size_t process_kib(const char *name)
{
    char line[256];
    size_t found = 0;
    FILE *status = fopen("/proc/self/status", "re");
    assert_non_null(status);
    while (!found && fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0)
            found = strtoul(line + strlen(name) + 1, NULL, 10);
    (void)fclose(status);
    return found;
}

static struct took what_it_takes(void)
{
    return (struct took){.descriptors = open_descriptors(),
                         .blocks = counting_blocks(),
                         .bytes = counting_bytes(),
                         .resident_kib = process_kib("VmRSS:")};
}

static void print_took(const char *when, struct took took)
{
    (void)printf("# %s: %d descriptors, %zu blocks of %zu KiB, resident %zu KiB\n", when, took.descriptors, took.blocks,
                 took.bytes / 1024, took.resident_kib);
}

/* ------------------------------------------------ meeting */

static void meet(struct one *one, size_t index)
{
    int sockets[2];
    bool unix_socket = index / KINDS % 2, we_serve = index / 2 % 2;
    *one = (struct one){.kind = (enum kind)(index % KINDS)};
    connected_sockets(unix_socket ? CARRIER_SOCKETPAIR : CARRIER_TCP, sockets);
    peers_meet(one->kind, !we_serve, sockets[1]);
    one->uv = we_serve ? new_uv_server() : new_uv_client();
    assert_code(adieu_uv_open(one->uv, sockets[0]), 0);
    assert_code(adieu_uv_handshake(&one->shaken.request, one->uv, waiter_done), 0);
}

/* A few at a time, so that no handshake waits for all. */
static void meet_all(void)
{
    for (size_t i = 0; i < crowd_size + AT_ONCE; i++) {
        if (i < crowd_size)
            meet(&crowd[i], i);
        if (i >= AT_ONCE)
            ends_with(&crowd[i - AT_ONCE].shaken, 0);
    }
    peers_settle();
}

/* Before the goodbyes. Who resets a Unix socket leaves something unread. */
static void get_ready(struct one *one)
{
    const uv_buf_t word = pattern_buf(0, 5), much = pattern_buf(0, BIG);
    if (one->kind == BLOCKED)
        assert_code(adieu_uv_write(&one->write.request, one->uv, &much, 1, waiter_done), 0);
    else if (one->kind == RESETTING || one->kind == TRICKLING)
        assert_code(adieu_uv_write(&one->write.request, one->uv, &word, 1, waiter_done), 0);
}

/* ------------------------------------------------ the endings */

static void right_ending(const struct one *one)
{
    static const struct {
        const char *sending, *receiving;
        enum adieu_exit exit;
    } right[KINDS] = {
        [ANSWERING] = {"closed", "closed", ADIEU_EXIT_DELIVERED},
        [SILENT] = {"closed", "abandoned", ADIEU_EXIT_DEADLINE},
        [RESETTING] = {"closed", "reset", ADIEU_EXIT_LOST},
        [CUTTING] = {"closed", "truncated", ADIEU_EXIT_TRUNCATED},
        [TRICKLING] = {"closed", "abandoned", ADIEU_EXIT_DEADLINE},
        [BLOCKED] = {"aborted", "abandoned", ADIEU_EXIT_DEADLINE},
    };
    const struct adieu_ending *ending = &one->bye.ending;
    assert_int_equal(one->bye.calls, 1);
    assert_code(one->bye.status, 0);
    assert_true(ending->decided);
    assert_ends(*ending, right[one->kind].sending, right[one->kind].receiving);
    assert_int_equal(adieu_ending_exit(ending), right[one->kind].exit);
    if (one->kind == TRICKLING)
        assert_true(ending->discarded > 0);
    if (one->kind == BLOCKED)
        assert_code(one->write.status, UV_ETIMEDOUT);
}

static void one_told(struct adieu_uv_request *request, int status, const struct adieu_ending *ending)
{
    told++;
    waiter_closed(request, status, ending);
    adieu_uv_free(request->uv);
}

/*
 * All in one breath; then the peers act. The latest callback comes within the patience that all were given: longer for many, since
 * all their goodbyes leave before the first answer is read.
 */
static void close_all(void)
{
    const int64_t quiet_ms = QUIET_MS + (int64_t)crowd_size / 4;
    const struct adieu_uv_patience patience = {.quiet_ms = quiet_ms, .total_ms = TOTAL_MS};
    uv_update_time(&the_uv_loop);
    uint64_t begun = uv_now(&the_uv_loop);
    for (size_t i = 0; i < crowd_size; i++)
        assert_code(adieu_uv_close(&crowd[i].bye.request, crowd[i].uv, patience, one_told), 0);
    run_turn(run_bound()); /* close_notify has left */
    peers_break();
    run_until_that(told == crowd_size);
    uv_update_time(&the_uv_loop);
    (void)printf("# %zu goodbyes within %zu ms, %zu ms of patience\n", crowd_size,
                 (size_t)(uv_now(&the_uv_loop) - begun), (size_t)quiet_ms);
    assert_in_range(uv_now(&the_uv_loop) - begun, quiet_ms, TOTAL_MS + QUIET_MS);
}

static void crowd_comes_and_goes(size_t size)
{
    told = 0;
    crowd_size = size;
    crowd = calloc(crowd_size, sizeof *crowd);
    assert_non_null(crowd);
    meet_all();
    for (size_t i = 0; i < crowd_size; i++)
        get_ready(&crowd[i]);
    run_ms(50);
    during = what_it_takes();
    close_all();
    for (size_t i = 0; i < crowd_size; i++)
        right_ending(&crowd[i]);
    peers_leave();
    while (uv_loop_alive(&the_uv_loop))
        run_turn(run_bound());
    free(crowd);
    (void)malloc_trim(0);
}

/* A small one comes first, and what it leaves stays: so of what is made once only the pools and libuv's tables grow later. */
static void each_of_a_crowd_gets_its_own_ending(void **state)
{
    (void)state;
    crowd_comes_and_goes(60);
    struct took before = what_it_takes();
    crowd_comes_and_goes(how_many());
    struct took after = what_it_takes();
    print_took("before", before);
    print_took("during", during);
    print_took("after", after);
    (void)printf("# resident at most: %zu KiB\n", process_kib("VmHWM:"));
    assert_int_equal(after.descriptors, before.descriptors);
    assert_in_range(after.blocks, 1, before.blocks + POOLED);
    assert_in_range(after.bytes, 1, before.bytes + GROWN);
}

/* ------------------------------------------------ the peers */

static void its_peers_end_when_told_and_leave_nothing(void **state)
{
    (void)state;
    assert_int_equal(peers_end(), 0);
}

static int setup_crowd(void **state)
{
    raise_limit();
    (void)setup_talks(state);
    peers_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        uv_unit_test(each_of_a_crowd_gets_its_own_ending),
        cmocka_unit_test(its_peers_end_when_told_and_leave_nothing),
    };
    return count_everything() ? cmocka_run_group_tests_name("uv crowd", tests, setup_crowd, teardown_talks) : 1;
}
