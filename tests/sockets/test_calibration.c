/* SPDX-License-Identifier: MIT */
/*
 * The model against this machine's kernel: each story is told to both, on loopback and simulated, and what the two ends
 * see of it must be the same: what each call answers, and after each step what poll() says of both ends.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "../core/check.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors.h"
#include "calls.h"
#include "kernel.h"

enum { STEPS = 16, ROOM = 4 << 20, WAIT_MS = 3000 };

/* Two connected sockets, the first of which has connected; -1: closed. */
struct pair {
    bool simulated;
    int ends[2];
};

/* What one step looked like. */
struct view {
    char call[64];
    short ready[2];
};

/* ------------------------------------------------ pairs */

static struct pair real_pair(void)
{
    struct pair pair = {.simulated = false};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(listener, 1), 0);
    pair.ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(pair.ends[0], (struct sockaddr *)&address, size), 0);
    pair.ends[1] = accept4(listener, NULL, NULL, 0);
    assert_true(pair.ends[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++)
        assert_int_equal(setsockopt(pair.ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    return pair;
}

static struct pair simulated_pair(void)
{
    struct pair pair = {.simulated = true};
    struct tcp *tcps[2];
    actors_reset(1);
    tcp_reset_all();
    kernel_reset(1);
    network = (struct network){.mss = 65483, .window = 65536, .delayed_acks = 500, .dice = random_from(1)};
    for (int i = 0; i < 2; i++) {
        network.path[i] = (struct path){.delay = 10, .hole_at = NEVER};
        defaults.send_room[i] = defaults.receive_room[i] = 200000;
    }
    kernel_pair(tcps, pair.ends);
    return pair;
}

/* ------------------------------------------------ steps */

static const char *error_name(int error)
{
    switch (error) {
    case EAGAIN:
        return "EAGAIN";
    case ECONNRESET:
        return "ECONNRESET";
    case EPIPE:
        return "EPIPE";
    case ENOTCONN:
        return "ENOTCONN";
    case 0:
        return "nothing";
    default:
        return strerror(error);
    }
}

static void say(struct view *view, const char *what, ssize_t n, int error)
{
    if (n < 0)
        snprintf(view->call, sizeof view->call, "%s: %s", what, error_name(error));
    else
        snprintf(view->call, sizeof view->call, "%s: %zd", what, n);
}

static uint64_t acked(int end)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    assert_int_equal(getsockopt(end, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_bytes_acked;
}

static void pass(const struct pair *pair, int ms)
{
    if (pair->simulated)
        for (int64_t until = now_us() + ms * 1000; tcp_next() <= until;)
            time_jump(tcp_next());
    else
        nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* Until it stays full. */
static ssize_t send_all(const struct pair *pair, int end, uint8_t *room, size_t *said)
{
    ssize_t n = 0;
    for (int quiet = 0; quiet < 5; quiet++) {
        while ((n = send(end, room, 65536, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
            *said += (size_t)n, quiet = 0;
        if (errno != EAGAIN)
            break;
        pass(pair, 20);
    }
    return n;
}

/* Reads until there is no more for a while; how the last read answered. */
static ssize_t receive_all(const struct pair *pair, int end, uint8_t *room, size_t *heard)
{
    ssize_t n;
    for (int quiet = 0; quiet < 15; quiet++) {
        while ((n = recv(end, room, ROOM, MSG_DONTWAIT)) > 0)
            *heard += (size_t)n, quiet = 0;
        if (n == 0 || errno != EAGAIN)
            break;
        pass(pair, 20);
    }
    return n;
}

static void close_end(struct pair *pair, int who, bool reset)
{
    const struct linger linger = {.l_onoff = reset};
    assert_int_equal(setsockopt(pair->ends[who], SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(pair->ends[who]);
    pair->ends[who] = -1;
}

/*
 * One letter, of which the capital is the second end's: w write 100, r read 200, f shutdown(WR), s shutdown(RDWR), c
 * close, l close with SO_LINGER 0, e SO_ERROR, a the count of what was acknowledged, q what is not, p write until it is
 * full, d read all that comes and compare with what was said.
 */
static void step(struct pair *pair, char letter, struct view *view)
{
    static uint8_t room[ROOM];
    static size_t said[2], heard[2];
    const int who = letter < 'a';
    const int end = pair->ends[who];
    int error = 0, count = 0;
    socklen_t size = sizeof error;
    ssize_t n = 0;
    errno = 0;
    switch (letter | 32) {
    case '.': /* it begins */
        memset(said, 0, sizeof said);
        memset(heard, 0, sizeof heard);
        return;
    case 'w':
        n = send(end, room, 100, MSG_DONTWAIT | MSG_NOSIGNAL);
        say(view, "write", n, errno);
        return;
    case 'r':
        n = recv(end, room, 200, MSG_DONTWAIT);
        say(view, "read", n, errno);
        return;
    case 'f':
    case 's':
        n = shutdown(end, (letter | 32) == 'f' ? SHUT_WR : SHUT_RDWR);
        say(view, "shutdown", n, errno);
        return;
    case 'c':
    case 'l':
        close_end(pair, who, (letter | 32) == 'l');
        say(view, "close", 0, 0);
        return;
    case 'e':
        assert_int_equal(getsockopt(end, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        say(view, "SO_ERROR", -1, error);
        return;
    case 'a':
        say(view, "acknowledged", (ssize_t)acked(end), 0);
        return;
    case 'q':
        assert_int_equal(ioctl(end, SIOCOUTQ, &count), 0);
        say(view, "held", count, 0);
        return;
    case 'p':
        n = send_all(pair, end, room, &said[who]);
        say(view, "write until", n, errno);
        return;
    default:
        n = receive_all(pair, end, room, &heard[who]);
        error = errno;
        snprintf(view->call, sizeof view->call, "read %s of it, then %s", heard[who] == said[!who] ? "all" : "a part",
                 n == 0 ? "the end" : error_name(error));
    }
}

static void look(const struct pair *pair, struct view *view)
{
    for (int i = 0; i < 2; i++) {
        struct pollfd ready = {.fd = pair->ends[i], .events = POLLIN | POLLOUT | POLLRDHUP};
        view->ready[i] = 0;
        if (pair->ends[i] >= 0 && pair->simulated)
            view->ready[i] = kernel_ready(pair->ends[i], ready.events);
        else if (pair->ends[i] >= 0 && poll(&ready, 1, 0) > 0)
            view->ready[i] = ready.revents;
    }
}

/* ------------------------------------------------ stories */

static void end(const struct pair *pair)
{
    for (int i = 0; i < 2; i++)
        if (pair->ends[i] >= 0)
            close(pair->ends[i]);
}

/*
 * What can be asked again is asked until it is as expected: the kernel takes its time (40 ms for an acknowledgement).
 */
static void step_until(struct pair *pair, char letter, const struct view *want, struct view *got)
{
    bool again = letter == 'a' || letter == 'A' || letter == 'q' || letter == 'Q';
    step(pair, letter, got);
    for (int ms = 0; again && ms < WAIT_MS && strcmp(got->call, want->call) != 0; ms += 10) {
        pass(pair, 10);
        step(pair, letter, got);
    }
    look(pair, got);
    for (int ms = 0; ms < WAIT_MS && memcmp(got->ready, want->ready, sizeof got->ready) != 0; ms += 10) {
        pass(pair, 10);
        look(pair, got);
    }
}

static void tell_both(const char *story)
{
    struct view want[STEPS], got;
    struct pair pair = simulated_pair();
    memset(want, 0, sizeof want);
    step(&pair, '.', want);
    for (size_t i = 0; story[i]; i++) {
        step(&pair, story[i], &want[i]);
        pass(&pair, 100);
        look(&pair, &want[i]);
    }
    end(&pair);
    pair = real_pair();
    step(&pair, '.', &got);
    for (size_t i = 0; story[i]; i++) {
        memset(&got, 0, sizeof got);
        step_until(&pair, story[i], &want[i], &got);
        if (strcmp(got.call, want[i].call) != 0)
            fail_msg("%s, step %zu: the model says \"%s\", the kernel \"%s\"", story, i, want[i].call, got.call);
        for (int who = 0; who < 2; who++)
            check_that(got.ready[who] == want[i].ready[who],
                       "%s, behind step %zu (%s): end %d is ready for 0x%x in the model, for 0x%x in the kernel", story,
                       i, got.call, who, (unsigned)want[i].ready[who], (unsigned)got.ready[who]);
    }
    end(&pair);
}

static void tell_all(const char *const *stories)
{
    for (; *stories; stories++)
        tell_both(*stories);
}

static void ends_come_in_order(void **state)
{
    static const char *const stories[] = {"wRfRrW", "fFrRwWfF", "WfrFr", "wfRRR", "fWWrr", "sRWrR", "wsRR", NULL};
    (void)state;
    tell_all(stories);
}

/* What had come before stays readable; the error is told once, to whoever asks first. */
static void a_reset_leaves_what_had_come(void **state)
{
    static const char *const stories[] = {"wlRRRW", "wlWRRW", "lWRW", "wlERW", "lERRW", NULL};
    (void)state;
    tell_all(stories);
}

static void close_with_something_unread_resets(void **state)
{
    static const char *const stories[] = {"WcRWE", "wWcRRRW", "WfcRE", "WwfcRRRE", "FWcE", "Wc", NULL};
    (void)state;
    tell_all(stories);
}

static void what_comes_for_a_closed_socket_is_answered_by_a_reset(void **state)
{
    static const char *const stories[] = {"cRWEW", "cWRRW", "wcWRRE", "cWFR", "fcWER", NULL};
    (void)state;
    tell_all(stories);
}

/* Behind the peer's FIN the error is EPIPE, and a reader sees the end. */
static void a_reset_behind_fin(void **state)
{
    static const char *const stories[] = {"flRWRW", "flEW", "FlRE", "fFlRE", "wflRRW", "FwlRRE", NULL};
    (void)state;
    tell_all(stories);
}

static void acknowledgements_count_syn_and_fin(void **state)
{
    static const char *const stories[] = {"aA",    "waA",  "WaA", "wfaq", "wFfaA", "wlA",
                                          "wWlAQ", "wWcA", "wq",  "fq",   NULL};
    (void)state;
    tell_all(stories);
}

static void full_buffers(void **state)
{
    static const char *const stories[] = {"pD", "pDpD", "pfD", "pcD", NULL};
    (void)state;
    tell_all(stories);
}

/* The hazard that a goodbye is there for: all was said and closed, and something of the peer's destroys it. */
static void late_words_destroy_what_was_not_read(void **state)
{
    static const char *const stories[] = {"pcWD", "WpcD", "plD", NULL};
    (void)state;
    tell_all(stories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_come_in_order),
        cmocka_unit_test(a_reset_leaves_what_had_come),
        cmocka_unit_test(close_with_something_unread_resets),
        cmocka_unit_test(what_comes_for_a_closed_socket_is_answered_by_a_reset),
        cmocka_unit_test(a_reset_behind_fin),
        cmocka_unit_test(acknowledgements_count_syn_and_fin),
        cmocka_unit_test(full_buffers),
        cmocka_unit_test(late_words_destroy_what_was_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
