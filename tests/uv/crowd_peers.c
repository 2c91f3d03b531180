/* SPDX-License-Identifier: MIT */
#include "crowd_peers.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talk.h"

enum what { MEET, SETTLE, BREAK, LEAVE, END };

struct order {
    enum what what;
    enum kind kind;
    int serves; /* no bool, behind which bytes would be sent that nobody has set */
};

enum { BOUND_S = 30, PATIENCE_MS = 8000, TRICKLE_MS = 20 };

static int line = -1; /* to the other process */
static pid_t child;

/* ------------------------------------------------ what both say */

union control {
    struct cmsghdr header; /* aligns it */
    char room[CMSG_SPACE(sizeof(int))];
};

static void enclose(struct msghdr *message, union control *control, int descriptor)
{
    message->msg_control = control;
    message->msg_controllen = sizeof *control;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
}

static void tell(struct order order, int descriptor)
{
    union control control = {.room = {0}};
    struct iovec part = {.iov_base = &order, .iov_len = sizeof order};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0)
        enclose(&message, &control, descriptor);
    if (sendmsg(line, &message, MSG_NOSIGNAL) != sizeof order)
        fail_msg("the peers have died, or take no orders");
}

/* False: nobody is there to give one any more. */
static bool take_order(struct order *order, int *descriptor)
{
    union control control;
    struct iovec part = {.iov_base = order, .iov_len = sizeof *order};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(line, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0)
        return false;
    assert_int_equal(got, sizeof *order);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header)
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    return true;
}

/* ------------------------------------------------ the peers */

struct peer {
    enum kind kind;
    struct adieu_uv *uv;
    struct waiter shaken, bye;
    struct peer *next;
};

static struct peer *peers;
static uv_timer_t trickler;

static void answer(struct adieu_uv *uv, ssize_t nread, const uv_buf_t *buf)
{
    struct peer *peer = adieu_uv_data(uv);
    const struct adieu_uv_patience patience = {.quiet_ms = PATIENCE_MS, .total_ms = PATIENCE_MS};
    (void)buf;
    if (nread < 0)
        assert_code(adieu_uv_close(&peer->bye.request, uv, patience, waiter_closed), 0);
}

static void discard_alloc(struct adieu_uv *uv, size_t suggested, uv_buf_t *buf)
{
    static char room[65536];
    (void)uv, (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void trickle(uv_timer_t *timer)
{
    const uv_buf_t byte = pattern_buf(0, 1);
    (void)timer;
    for (const struct peer *peer = peers; peer; peer = peer->next)
        if (peer->kind == TRICKLING)
            (void)adieu_uv_try_write(peer->uv, &byte, 1);
}

static void meet(const struct order *order, int descriptor)
{
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->kind = order->kind;
    peer->uv = order->serves ? new_uv_server() : new_uv_client();
    peer->next = peers;
    peers = peer;
    adieu_uv_set_data(peer->uv, peer);
    assert_code(adieu_uv_open(peer->uv, descriptor), 0);
    assert_code(adieu_uv_handshake(&peer->shaken.request, peer->uv, waiter_done), 0);
}

static void settle(void)
{
    for (struct peer *peer = peers; peer; peer = peer->next) {
        ends_with(&peer->shaken, 0);
        if (peer->kind == ANSWERING)
            assert_code(adieu_uv_read_start(peer->uv, discard_alloc, answer), 0);
    }
    assert_int_equal(uv_timer_start(&trickler, trickle, TRICKLE_MS, TRICKLE_MS), 0);
}

static void break_off(void)
{
    for (struct peer *peer = peers; peer; peer = peer->next)
        if (peer->kind == RESETTING)
            reset_it(&peer->uv);
        else if (peer->kind == CUTTING)
            cut(peer->uv);
}

static void leave(void)
{
    assert_int_equal(uv_timer_stop(&trickler), 0);
    while (peers) {
        struct peer *peer = peers;
        if (peer->kind == ANSWERING) {
            ends_with(&peer->bye, 0);
            assert_ends(peer->bye.ending, "closed", "closed");
        }
        adieu_uv_free(peer->uv);
        peers = peer->next;
        free(peer);
    }
    while (uv_loop_alive(&the_uv_loop))
        run_turn(run_bound());
}

/* ------------------------------------------------ their process */

static void obey(const struct order *order, int descriptor)
{
    if (order->what == MEET)
        meet(order, descriptor);
    else if (order->what == SETTLE)
        settle();
    else if (order->what == BREAK)
        break_off();
    else if (order->what == LEAVE)
        leave();
    if (order->what == SETTLE || order->what == LEAVE)
        assert_int_equal(send(line, "", 1, MSG_NOSIGNAL), 1);
}

static void heard(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    *(bool *)poll->data = true;
    (void)uv_poll_stop(poll);
}

/* No order for so long as a run of the loop may take means that the other process hangs: then this one fails. */
static bool next_order(uv_poll_t *poll, struct order *order, int *descriptor)
{
    bool there = false;
    poll->data = &there;
    assert_int_equal(uv_poll_start(poll, UV_READABLE, heard), 0);
    run_until(&there);
    return take_order(order, descriptor);
}

/* Its close_loop() sees that no descriptor and no handle is left. */
static int live(void)
{
    uv_poll_t poll;
    struct order order = {.what = END};
    int descriptor = -1;
    (void)open_loop(NULL);
    assert_int_equal(uv_timer_init(&the_uv_loop, &trickler), 0);
    assert_int_equal(uv_poll_init(&the_uv_loop, &poll, line), 0);
    bool told = true;
    while ((told = next_order(&poll, &order, &descriptor)) && order.what != END)
        obey(&order, descriptor);
    if (!told)
        _exit(1);
    uv_close((uv_handle_t *)&poll, NULL);
    uv_close((uv_handle_t *)&trickler, NULL);
    (void)close_loop(NULL);
    return teardown_talks(NULL);
}

/* Outside of any test cmocka tells of a failure only if it may abort. */
static void become_the_peers(int ours, int theirs)
{
    (void)close(ours);
    line = theirs;
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
    exit(live());
}

/* ------------------------------------------------ who tells them */

static void await_answer(void)
{
    char byte;
    if (recv(line, &byte, 1, 0) != 1)
        fail_msg("the peers have died, or take too long");
}

void peers_start(void)
{
    int both[2];
    const struct timeval bound = {.tv_sec = BOUND_S};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), 0);
    (void)fflush(stdout); /* else both would print it */
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        become_the_peers(both[0], both[1]);
    (void)close(both[1]);
    line = both[0];
    assert_int_equal(setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound), 0);
    assert_int_equal(setsockopt(line, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound), 0);
}

void peers_meet(enum kind kind, bool serves, int descriptor)
{
    tell((struct order){.what = MEET, .kind = kind, .serves = serves}, descriptor);
    (void)close(descriptor);
}

void peers_settle(void)
{
    tell((struct order){.what = SETTLE}, -1);
    await_answer();
}

void peers_break(void)
{
    tell((struct order){.what = BREAK}, -1);
}

void peers_leave(void)
{
    tell((struct order){.what = LEAVE}, -1);
    await_answer();
}

/* Its end of the line closes when it is gone. */
int peers_end(void)
{
    const struct order end = {.what = END};
    int status = -1;
    char byte;
    (void)send(line, &end, sizeof end, MSG_NOSIGNAL);
    if (recv(line, &byte, 1, 0) != 0)
        (void)kill(child, SIGKILL);
    (void)close(line);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}
