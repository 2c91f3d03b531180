/* SPDX-License-Identifier: MIT */
#include "bad_end.h"

#include <sys/socket.h>
#include <unistd.h>

#include "run.h"
#include "events.h"

/* How long a reset waits for the peer's TCP to acknowledge: after it nothing on its way would arrive any more. */
#define RESET_PATIENCE_MS 2000

/* The library has no call that ends a direction without close_notify; the socket has. */
static void cut(struct connection *connection)
{
    connection_error(connection, ADIEU_ERR_ABORTED, 0, "ended without close_notify, as --end=cut wants it");
    (void)shutdown(adieu_fd_descriptor(connection->fd), SHUT_WR);
}

static void reset(struct connection *connection)
{
    struct adieu_ending ending = adieu_fd_ending(connection->fd);
    bool arrived = ending.acknowledged == ADIEU_UNKNOWN || ending.acknowledged >= ending.taken;
    if (!arrived && adieu_fd_now() - connection->at.flushed < RESET_PATIENCE_MS)
        return;
    connection->pipe.said = true;
    connection_error(connection, ADIEU_ERR_ABORTED, 0, "reset, as --end=reset wants it");
    bool asked = connection->error.code != ADIEU_ERR_LOCAL_IO; /* otherwise it is a command's that failed */
    connection_abort(connection, asked ? ADIEU_REASON_REQUEST : ADIEU_REASON_LOCAL_IO);
}

void bad_end(struct connection *connection)
{
    struct adieu_ending ending = connection_ending(connection);
    if (ending.sent < ending.taken)
        return;
    if (connection->at.flushed == 0)
        connection->at.flushed = adieu_fd_now();
    if (connection->end == END_RESET) {
        reset(connection);
        return;
    }
    connection->pipe.said = true;
    if (connection->end == END_CUT)
        cut(connection);
    if (connection->end != END_CUT)
        events_say(connection, "%s from now on, as --end wants it",
                   connection_plays(connection, END_STALL) ? "stalled" : "mute");
}

/*
 * adieu_fd resets whatever ends otherwise than in order, so that nothing looks like an end. Here that is the aim: a
 * second descriptor keeps the socket from being reset, and then lets it go.
 */
void bad_end_release(struct connection *connection)
{
    struct linger linger = {0};
    uint8_t scratch[4096];
    int copy = dup(adieu_fd_descriptor(connection->fd));
    adieu_fd_abort(connection->fd, connection->late ? ADIEU_REASON_DEADLINE : ADIEU_REASON_REQUEST);
    if (copy >= 0) {
        (void)setsockopt(copy, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        while (recv(copy, scratch, sizeof scratch, MSG_DONTWAIT) > 0)
            continue; /* what is unread would make the kernel reset it */
        close(copy);
    }
    connection_close(connection, (struct adieu_fd_patience){0, ADIEU_FD_NOW});
}

/* ---------------------------------------------------------------- --end=alert */

static struct adieu_config *refuse_name(void *context, const char *name)
{
    (void)name;
    *(bool *)context = true;
    return NULL;
}

static enum adieu_decision refuse_peer(void *context, const struct adieu_stream *stream, bool verified,
                                       const char *problem, const uint8_t *leaf, size_t size)
{
    (void)stream, (void)verified, (void)problem, (void)leaf, (void)size;
    *(bool *)context = true;
    return ADIEU_REFUSE;
}

enum adieu_status bad_end_refuse(struct adieu_config *config, enum command command, bool *refused)
{
    return command == COMMAND_LISTEN ? adieu_config_on_name(config, refuse_name, refused)
                                     : adieu_config_insecure_on_verify(config, refuse_peer, refused);
}

void bad_end_explain(struct connection *connection)
{
    enum adieu_error_code code = adieu_fd_error(connection->fd).code;
    if (connection->run->refused && (code == ADIEU_ERR_REFUSED || code == ADIEU_ERR_VIOLATION))
        connection_error(connection, code, 0, "refused by a fatal alert, as --end=alert wants it");
}
