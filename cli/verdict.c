/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <errno.h>
#include <stdio.h>

#include "events.h"
#include "run.h"
#include "say.h"

/* Nobody was reached: the command's own error decides. */
static int unreached(const struct connection *connection)
{
    if (error_is_shortage(&connection->error))
        return ADIEU_EXIT_OTHER;
    switch (connection->error.code) {
    case ADIEU_ERR_RESOLVE:
    case ADIEU_ERR_CONNECT:
        return ADIEU_EXIT_UNREACHED;
    case ADIEU_ERR_DEADLINE:
        return ADIEU_EXIT_DEADLINE;
    case ADIEU_ERR_MEMORY:
    case ADIEU_ERR_ENGINE:
        return ADIEU_EXIT_OTHER;
    default:
        return ADIEU_EXIT_CONFIG;
    }
}

/* --accept-truncation: it would have been a clean end, had the peer said one. */
static bool only_truncated(const struct connection *connection)
{
    struct adieu_ending ending = connection->ending;
    if (ending.receiving != ADIEU_RECEIVING_TRUNCATED || ending.inside_record)
        return false;
    ending.receiving = ADIEU_RECEIVING_CLOSED;
    return adieu_ending_exit(&ending) == ADIEU_EXIT_DELIVERED;
}

static int status_of(const struct connection *connection)
{
    if (connection->run->signal)
        return 128 + connection->run->signal;
    if (connection->at.reached == 0)
        return unreached(connection);
    int status = (int)adieu_ending_exit(&connection->ending);
    if (status == ADIEU_EXIT_TRUNCATED && connection->options->accept_truncation && only_truncated(connection))
        status = ADIEU_EXIT_DELIVERED;
    /* After both directions ended well standard output can still fail, or take nothing for too long. */
    if (status == ADIEU_EXIT_DELIVERED && connection->pipe.failed)
        return ADIEU_EXIT_LOCAL_IO;
    if (status == ADIEU_EXIT_DELIVERED && connection->late)
        return ADIEU_EXIT_DEADLINE;
    return status;
}

/* Both ended in order, and yet something of ours may not have arrived. */
static struct adieu_error doubt(const struct connection *connection)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    char text[160];
    if (connection->exit == ADIEU_EXIT_DELIVERED)
        return error;
    error.code = connection->exit == ADIEU_EXIT_DEADLINE ? ADIEU_ERR_DEADLINE : ADIEU_ERR_RESET;
    error.os_error = connection->ending.os_error;
    snprintf(error.text, sizeof error.text,
             "the peer ended in order, but had not acknowledged all that we sent, which may be lost: %s",
             adieu_ending_text(&connection->ending, text, sizeof text));
    return error;
}

/* The error that explains the exit status. The command's own words are the more exact ones where they are about the same. */
static struct adieu_error explain(const struct connection *connection)
{
    const struct adieu_error *ours = &connection->error;
    if (connection->at.reached == 0)
        return *ours;
    struct adieu_error found = adieu_fd_error(connection->fd);
    if (ours->code != ADIEU_ERR_NONE && (found.code == ADIEU_ERR_NONE || found.code == ours->code))
        return *ours;
    return found.code != ADIEU_ERR_NONE ? found : doubt(connection);
}

void verdict(struct connection *connection)
{
    connection->exit = status_of(connection);
    connection->why = explain(connection);
}

/* What to do about it, where the error itself does not say so. */
static const char *hint(const struct connection *connection)
{
    switch (connection->exit) {
    case ADIEU_EXIT_TRUNCATED:
        return connection->ending.phase >= ADIEU_PHASE_ESTABLISHED
                   ? "; if the data is known to be whole, --accept-truncation"
                   : "";
    case ADIEU_EXIT_REJECTED:
        return connection->ending.error == ADIEU_ERR_REFUSED && connection->options->command == COMMAND_CONNECT &&
                       connection->options->end != END_ALERT
                   ? "; whom to trust is said with --ca, --name or --pin"
                   : "";
    case ADIEU_EXIT_UNREACHED:
        if (connection->error.code == ADIEU_ERR_RESOLVE)
            return "; is the name right?";
        return connection->error.os_error == ECONNREFUSED || connection->error.os_error == ENOENT
                   ? "; does anybody listen there?"
                   : "";
    case ADIEU_EXIT_DEADLINE:
        return connection->late || connection->at.reached == 0 ? "" : "; --timeout-close gives it more time";
    default:
        return "";
    }
}

/* Whether the error needs to be told whose it is: what failed before TLS mostly names whom it was said to, or tried. */
static bool wants_name(const struct connection *connection)
{
    return connection->at.reached != 0 || (connection->late && !connection->prelude);
}

static void say_bad(const struct connection *connection)
{
    char peer[160], text[160];
    bool explained = connection->why.code != ADIEU_ERR_NONE;
    connection_peer(connection, peer, sizeof peer);
    adieu_ending_text(&connection->ending, text, sizeof text);
    bool named = wants_name(connection) && peer[0] != '\0';
    say_error("%s%s%s%s", named ? peer : "", named ? ": " : "", explained ? connection->why.text : text,
              hint(connection));
}

void verdict_say(const struct connection *connection)
{
    char text[160];
    if (connection->exit != ADIEU_EXIT_DELIVERED)
        say_bad(connection);
    if (connection->at.reached != 0)
        events_say(connection, "ended: %s; exit %d", adieu_ending_text(&connection->ending, text, sizeof text),
                   connection->exit);
}
