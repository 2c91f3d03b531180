/* SPDX-License-Identifier: MIT */
/* The line from B's side: a socket, or two queues in memory. */
#include "scene.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* What may be under way in memory, as in a kernel. */
enum { LINE_ROOM = 65536 };

static BIO *queue_new(void)
{
    BIO *queue = BIO_new(BIO_s_mem());
    assert_non_null(queue);
    BIO_set_mem_eof_return(queue, -1);
    return queue;
}

void line_open(struct line *line)
{
    *line = (struct line){.descriptor = -1, .to_a = queue_new(), .to_b = queue_new(), .tape = queue_new()};
}

void line_free(struct line *line)
{
    if (line->tape && line->descriptor >= 0)
        (void)close(line->descriptor);
    BIO_free(line->to_a);
    BIO_free(line->to_b);
    BIO_free(line->tape);
    *line = (struct line){.descriptor = -1};
}

static size_t put(BIO *queue, const void *bytes, size_t size)
{
    size_t under_way = BIO_ctrl_pending(queue), room = under_way < LINE_ROOM ? LINE_ROOM - under_way : 0;
    size_t n = size < room ? size : room;
    return n > 0 && BIO_write(queue, bytes, (int)n) == (int)n ? n : 0;
}

size_t line_send(struct line *line, const void *bytes, size_t size)
{
    if (line->b_ended || line->b_reset || line->a_reset)
        return 0;
    if (line->descriptor < 0)
        return put(line->to_a, bytes, size);
    ssize_t n = send(line->descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

static size_t socket_receive(struct line *line, void *buf, size_t size)
{
    ssize_t n = recv(line->descriptor, buf, size, MSG_DONTWAIT);
    line->a_ended |= n == 0;
    line->a_reset |= n < 0 && errno != EAGAIN;
    return n > 0 ? (size_t)n : 0;
}

/* What was under way comes before the end. */
static size_t queue_receive(struct line *line, void *buf, size_t size)
{
    if (BIO_ctrl_pending(line->to_b) > 0)
        return (size_t)BIO_read(line->to_b, buf, (int)size);
    line->a_ended = line->fin_under_way;
    line->a_reset = line->reset_under_way;
    return 0;
}

size_t line_receive(struct line *line, void *buf, size_t size)
{
    size_t n;
    if (line->b_reset || line->a_ended || line->a_reset)
        return 0;
    n = line->descriptor >= 0 ? socket_receive(line, buf, size) : queue_receive(line, buf, size);
    if (n > 0)
        BIO_write(line->tape, buf, (int)n);
    return n;
}

void line_fin(struct line *line)
{
    line->b_ended = true;
    if (line->descriptor >= 0)
        assert_int_equal(shutdown(line->descriptor, SHUT_WR), 0);
}

/* As the end of a process: nothing is read any more. */
static void let_go(struct line *line, bool reset)
{
    const struct linger linger = {.l_onoff = reset};
    line->b_reset = true;
    if (line->descriptor < 0)
        return;
    assert_int_equal(setsockopt(line->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    (void)close(line->descriptor);
    line->descriptor = -1;
}

void line_hang_up(struct line *line)
{
    line->b_ended = true;
    let_go(line, false);
}

void line_reset(struct line *line)
{
    let_go(line, true);
}
