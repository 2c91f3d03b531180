/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4 */
#include "stage.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What blocking verbs get: no conversation takes so long, on a clock that jumps. */
enum { PATIENCE_MS = 60000 };

static struct stage *on; /* for callbacks */

const char *carrier_name(enum carrier carrier)
{
    static const char *const names[CARRIERS] = {"a Unix socket", "TCP", "TCP, by name"};
    return names[carrier];
}

bool stage_carries(const struct setting *setting, int me, enum carrier carrier)
{
    if (carrier == CARRIER_NAME)
        return me == 0 && setting->kind == &kinds[0];
    return carrier == CARRIER_UNIX || setting->kind == &kinds[0] || branch_all();
}

static void mine(bool begins)
{
    if (on->mine)
        on->mine(begins);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    for (int i = 0; i < 64; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

/* A resolver's thread that was left behind lets go of its own when it is done. */
static size_t descriptors_left(size_t wanted)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    size_t left = open_descriptors();
    for (int look = 0; look < 200 && left != wanted && on->carrier != CARRIER_UNIX; look++) {
        (void)nanosleep(&pause, NULL);
        left = open_descriptors();
    }
    return left;
}

/* ------------------------------------------------ opening */

static enum adieu_status open_pair(struct side *side, int64_t deadline)
{
    (void)deadline;
    int *descriptor = &on->pair[side->server];
    enum adieu_status status = side->way->adopt(side, *descriptor);
    *descriptor = -1;
    return status;
}

/* The server's part: a listener, once, and then the next connection. */
static enum adieu_status open_listening(struct side *side, int64_t deadline)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    const struct adieu_fd_address address = {.host = "127.0.0.1", .port = "0"};
    if (on->listener < 0) {
        on->listener = adieu_fd_listen(&address, 5, ADIEU_FD_NOW, &error);
        demand(on->listener >= 0 || error.text[0], "listen failed without words");
    }
    return on->listener < 0 ? ADIEU_FAIL : adieu_fd_accept(side->fd, on->listener, deadline);
}

static bool listening(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (on->listener < 0 || getsockname(on->listener, (struct sockaddr *)&address, &size) < 0)
        return false;
    (void)snprintf(on->port, sizeof on->port, "%u", (unsigned)ntohs(address.sin_port));
    return true;
}

static enum adieu_status open_connecting(struct side *side, int64_t deadline)
{
    const char *host = on->carrier == CARRIER_NAME ? "localhost" : "127.0.0.1";
    const struct adieu_fd_address address = {.host = host, .port = on->port};
    if (!on->port[0] && !listening())
        return ADIEU_WAIT;
    return adieu_fd_connect(side->fd, &address, deadline);
}

/* Whether both sides are given their sockets. */
static bool paired(const struct stage *stage)
{
    return stage->carrier == CARRIER_UNIX || stage->make;
}

static bool tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listens = bind(listener, any, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, any, &size) == 0;
    bool connected = listens && connect(pair[0], any, size) == 0;
    pair[1] = connected ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    (void)close(listener);
    return pair[1] >= 0;
}

/* A listener of the well side's is there from the beginning: nobody could wait for one. */
static bool prepare(struct stage *stage)
{
    if (stage->carrier == CARRIER_UNIX)
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stage->pair) == 0;
    if (paired(stage))
        return tcp_pair(stage->pair);
    if (stage->me == 1)
        return true;
    const struct adieu_fd_address address = {.host = "127.0.0.1", .port = "0"};
    stage->listener = adieu_fd_listen(&address, 5, ADIEU_FD_NOW, NULL);
    return stage->listener >= 0 && listening();
}

static struct side make_side(struct stage *stage, int i)
{
    bool mine_of_its_own = i == stage->me && stage->make;
    int64_t patience = stage->blocking && i == stage->me ? PATIENCE_MS : 0;
    return (mine_of_its_own ? stage->make : side_new_fd)(stage->setting, i == 1, patience);
}

bool stage_begin(struct stage *stage)
{
    on = stage;
    stage->descriptors = open_descriptors();
    stage->pair[0] = stage->pair[1] = stage->listener = -1;
    calls_set_lag(stage->carrier == CARRIER_UNIX ? 0 : 1);
    demand(prepare(stage), "no sockets to be had");
    for (int i = 0; i < 2; i++) {
        if (i == stage->me)
            mine(true);
        stage->side[i] = make_side(stage, i);
        if (i == stage->me)
            mine(false);
        stage->side[i].open = paired(stage) ? open_pair : i ? open_listening : open_connecting;
    }
    return stage->side[stage->me].s;
}

/* ------------------------------------------------ running */

static int interest(struct side *side, struct pollfd *what)
{
    int ms = -1;
    *what = (struct pollfd){.fd = -1};
    if (side->s && !side_done(side))
        *what = side->way->interest(side, &ms);
    return ms;
}

/* My poll() waits: the other side has its turn. */
static int other_turn(void)
{
    struct side *other = &on->side[!on->me];
    struct pollfd what;
    mine(false);
    side_turn(other);
    int again = interest(other, &what);
    mine(true);
    return again;
}

static bool my_turn(struct stage *stage)
{
    mine(true);
    bool further = side_turn(&stage->side[stage->me]);
    mine(false);
    return further;
}

/*
 * A socket that took no more but lives: the other side waits for what did not leave, and mine for an answer. That is the
 * program's to end, when its deadline has passed.
 */
static bool lost_patience(struct side *me)
{
    if (side_done(me) || adieu_ending(me->s).sending != ADIEU_SENDING_FAILED)
        return false;
    side_give_up(me);
    return true;
}

/* Nobody got further. Either the kernel has something for one of them, or one wants to look again later. */
static void pass_time(struct stage *stage, int *spins)
{
    enum { SPINS = 200 };
    struct pollfd set[2];
    int mine_ms = interest(&stage->side[0], &set[0]), other_ms = interest(&stage->side[1], &set[1]);
    int ms = mine_ms < 0 || (other_ms >= 0 && other_ms < mine_ms) ? other_ms : mine_ms;
    struct pollfd look[2] = {set[0], set[1]};
    if (calls_pass_time(look, 2, ms) > 0) {
        demand(++*spins < SPINS, "a poll loop would spin: ready is %#x, %#x", (unsigned)look[0].revents,
               (unsigned)look[1].revents);
        return;
    }
    demand(ms >= 0 || lost_patience(&stage->side[stage->me]),
           "both wait for nothing: \"%s\" is left of the client, \"%s\" of the server", stage->side[0].at,
           stage->side[1].at);
}

void stage_run(struct stage *stage)
{
    enum { ROUNDS = 200000 };
    struct side *me = &stage->side[stage->me];
    int spins = 0;
    calls_meanwhile(other_turn);
    for (int round = 0; !side_done(&stage->side[0]) || !side_done(&stage->side[1]); round++) {
        demand(round < ROUNDS, "no end after %d rounds", round);
        unsigned long before = calls_moved();
        bool further = my_turn(stage);
        demand(!stage->blocking || side_done(me) || lost_patience(me), "a verb gave up waiting: \"%s\" is left",
               me->at);
        if (side_done(me) && me->opened != ADIEU_OK)
            break; /* there is nobody to talk to */
        further |= side_turn(&stage->side[!stage->me]);
        if (further || calls_moved() != before)
            spins = 0;
        else
            pass_time(stage, &spins);
    }
    calls_meanwhile(NULL);
}

void stage_end(struct stage *stage)
{
    for (int i = 0; i < 2; i++) {
        if (i == stage->me)
            mine(true);
        side_free(&stage->side[i]);
        mine(false);
        if (stage->pair[i] >= 0)
            (void)close(stage->pair[i]);
    }
    if (stage->listener >= 0)
        (void)close(stage->listener);
    size_t left = descriptors_left(stage->descriptors);
    demand(left == stage->descriptors, "%zu descriptors were open, now %zu are", stage->descriptors, left);
}
