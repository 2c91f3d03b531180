/* SPDX-License-Identifier: MIT */
#include "waits.h"

void *write_once(void *context)
{
    struct task *task = context;
    uint8_t *bytes = pattern_new(MUCH);
    task->status = adieu_fd_write(task->fd, bytes, MUCH, &task->moved, soon());
    task->why = adieu_fd_why(task->fd);
    free(bytes);
    return NULL;
}

void *read_once(void *context)
{
    struct task *task = context;
    uint8_t buf[16384];
    task->status = adieu_fd_read(task->fd, buf, sizeof buf, &task->moved, soon());
    task->why = adieu_fd_why(task->fd);
    return NULL;
}

void *shake_once(void *context)
{
    struct task *task = context;
    task->status = adieu_fd_handshake(task->fd, soon());
    task->why = adieu_fd_why(task->fd);
    return NULL;
}

void open_waiting(struct scene *s)
{
    s->waits = true;
    scene_prepare(s);
    scene_open(s);
}

void until_established(struct scene *s)
{
    while (!s->b.established || adieu_fd_ending(s->fd).phase < ADIEU_PHASE_ESTABLISHED)
        turn(s);
}

void meet_waiting(struct scene *s)
{
    open_waiting(s);
    struct task shaker = {.fd = s->fd};
    task_start(&shaker, task_handshake);
    until_established(s);
    task_join(&shaker);
    check_status(shaker.status, ADIEU_OK);
    turn(s);
}

void write_blocks(struct scene *s, struct task *writer)
{
    s->narrow = true;
    meet_waiting(s);
    s->b.deaf = true;
    *writer = (struct task){.fd = s->fd};
    task_start(writer, write_once);
    until_stuck(s->fd);
}
