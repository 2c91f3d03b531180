/* SPDX-License-Identifier: MIT */
#include "threads.h"

#include <sys/socket.h>

void task_start(struct task *task, void *(*run)(void *))
{
    task->intact = true;
    assert_int_equal(pthread_create(&task->thread, NULL, run, task), 0);
}

void task_join(struct task *task)
{
    assert_int_equal(pthread_join(task->thread, NULL), 0);
}

/* ------------------------------------------------ what a task runs */

static void line_up(const struct task *task)
{
    if (task->together)
        (void)pthread_barrier_wait(task->together);
}

/* Whether a task that was told this goes on. */
static bool again(struct task *task, enum adieu_status status)
{
    task->status = status;
    if (status == ADIEU_WAIT)
        task->why = adieu_fd_why(task->fd);
    if (status != ADIEU_WAIT || !task->stubborn || task->why == ADIEU_FD_WHY_CLOSING)
        return status == ADIEU_OK;
    task->waits++;
    return true;
}

void *task_handshake(void *context)
{
    struct task *task = context;
    line_up(task);
    do
        task->status = adieu_fd_handshake(task->fd, soon());
    while (task->status == ADIEU_WAIT && again(task, ADIEU_WAIT));
    return NULL;
}

void *task_read(void *context)
{
    struct task *task = context;
    uint8_t piece[30011];
    line_up(task);
    for (;;) {
        size_t got = 0;
        if (!again(task, adieu_fd_read(task->fd, piece, sizeof piece, &got, soon())))
            return NULL;
        for (size_t i = 0; i < got; i++)
            task->intact &= piece[i] == pattern(task->moved + i);
        task->moved += got;
    }
}

void *task_write(void *context)
{
    struct task *task = context;
    uint8_t piece[40009];
    line_up(task);
    while (task->moved < task->size) {
        size_t took = 0, size = task->size - task->moved < sizeof piece ? task->size - task->moved : sizeof piece;
        for (size_t i = 0; i < size; i++)
            piece[i] = pattern(task->moved + i);
        if (!again(task, adieu_fd_write(task->fd, piece, size, &took, soon())))
            return NULL;
        task->moved += took;
    }
    return NULL;
}

void *task_shutdown(void *context)
{
    struct task *task = context;
    line_up(task);
    task->status = adieu_fd_shutdown(task->fd, soon());
    return NULL;
}

void *task_close(void *context)
{
    struct task *task = context;
    line_up(task);
    int64_t begun = adieu_fd_now();
    do
        task->status = adieu_fd_close(task->fd, patience_ms(task->patience_ms), &task->ending);
    while (task->status == ADIEU_WAIT && again(task, ADIEU_WAIT));
    task->took_ms = adieu_fd_now() - begun;
    return NULL;
}

void *task_ask(void *context)
{
    struct task *task = context;
    char text[100];
    uint64_t taken = 0, received = 0;
    while (!atomic_load(task->stop)) {
        struct adieu_ending ending = adieu_fd_ending(task->fd);
        task->intact &= ending.taken >= taken && ending.received >= received && ending.sent <= ending.taken;
        taken = ending.taken;
        received = ending.received;
        task->intact &= adieu_fd_error(task->fd).code == ADIEU_ERR_NONE;
        task->moved += adieu_fd_progress(task->fd) + strlen(adieu_fd_peer(task->fd, text, sizeof text));
        task->why = adieu_fd_why(task->fd);
        (void)adieu_fd_descriptor(task->fd);
        (void)adieu_fd_interest(task->fd, NULL);
        rest_ms(1);
    }
    return NULL;
}

/* ------------------------------------------------ waiting for the others */

void until_reading(struct adieu_fd *fd)
{
    size_t got;
    for (int64_t deadline = soon(); adieu_fd_read(fd, NULL, 0, &got, ADIEU_FD_NOW) != ADIEU_MISUSE; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
}

/* A thread is in a write, and waits there: a second one is then misuse. */
static bool somebody_writes(struct adieu_fd *fd)
{
    size_t took;
    return adieu_fd_write(fd, "", 0, &took, ADIEU_FD_NOW) == ADIEU_MISUSE;
}

/* Once is not enough: the kernel may just be making room. */
void until_stuck(struct adieu_fd *fd)
{
    enum { LOOKS = 4, PAUSE_MS = 10 };
    uint64_t before = UINT64_MAX;
    int64_t deadline = soon();
    for (int looks = 0; looks < LOOKS; rest_ms(PAUSE_MS)) {
        struct adieu_ending ending = adieu_fd_ending(fd);
        bool stuck = ending.taken == before && ending.sent < ending.taken && somebody_writes(fd);
        looks = stuck ? looks + 1 : 0;
        before = ending.taken;
        assert_true(adieu_fd_now() < deadline);
    }
}

void until_shaking(struct adieu_fd *fd)
{
    for (int64_t deadline = soon(); adieu_fd_handshake(fd, ADIEU_FD_NOW) != ADIEU_MISUSE; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
}

void until_received(struct adieu_fd *fd, uint64_t bytes)
{
    for (int64_t deadline = soon(); adieu_fd_ending(fd).received < bytes; rest_ms(1))
        assert_true(adieu_fd_now() < deadline);
}

void narrow(struct adieu_fd *fd)
{
    const int size = 16384;
    assert_int_equal(setsockopt(adieu_fd_descriptor(fd), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    assert_int_equal(setsockopt(adieu_fd_descriptor(fd), SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

void stuck_writer(struct task *writer, struct adieu_fd *peer)
{
    narrow(writer->fd);
    narrow(peer);
    task_start(writer, task_write);
    until_stuck(writer->fd);
}

/* ------------------------------------------------ both sides */

static void (*the_story)(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair);

static void of_the_client(struct pair *pair)
{
    the_story(pair->client, pair->server, pair);
}

static void of_the_server(struct pair *pair)
{
    the_story(pair->server, pair->client, pair);
}

void each_side(void (*story)(struct adieu_fd *me, struct adieu_fd *peer, struct pair *pair))
{
    the_story = story;
    each_pair(of_the_client);
    each_pair(of_the_server);
}
