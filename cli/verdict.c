/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <errno.h>
#include <stdio.h>

#include "say.h"

/* This machine has run out of something, whatever was to be done with it. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

/* Nobody was reached: the command's own error decides. */
static int unreached(const struct run *run)
{
    if (is_shortage(run->error.os_error))
        return ADIEU_EXIT_OTHER;
    switch (run->error.code) {
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
static bool only_truncated(const struct run *run)
{
    struct adieu_ending ending = run->ending;
    if (ending.receiving != ADIEU_RECEIVING_TRUNCATED)
        return false;
    ending.receiving = ADIEU_RECEIVING_CLOSED;
    return adieu_ending_exit(&ending) == ADIEU_EXIT_DELIVERED;
}

int verdict(const struct run *run)
{
    if (run->signal)
        return 128 + run->signal;
    if (run->at.reached == 0)
        return unreached(run);
    int status = (int)adieu_ending_exit(&run->ending);
    if (status == ADIEU_EXIT_TRUNCATED && run->options->accept_truncation && only_truncated(run))
        status = ADIEU_EXIT_DELIVERED;
    /* After both directions ended well standard output can still fail, or take nothing for too long. */
    if (status == ADIEU_EXIT_DELIVERED && run->pipe.failed)
        return ADIEU_EXIT_LOCAL_IO;
    if (status == ADIEU_EXIT_DELIVERED && run->late)
        return ADIEU_EXIT_DEADLINE;
    return status;
}

/* Both ended in order, and yet something of ours may not have arrived. */
static bool explain_doubt(const struct run *run, struct adieu_error *error)
{
    char text[160];
    if (run->exit == ADIEU_EXIT_DELIVERED)
        return false;
    error->code = run->exit == ADIEU_EXIT_DEADLINE ? ADIEU_ERR_DEADLINE : ADIEU_ERR_RESET;
    error->os_error = run->ending.os_error;
    snprintf(error->text, sizeof error->text,
             "the peer ended in order, but had not acknowledged all that we sent, which may be lost: %s",
             adieu_ending_text(&run->ending, text, sizeof text));
    return true;
}

/* The command's own words are the more exact ones where they are about the same. */
bool verdict_error(const struct run *run, struct adieu_error *error)
{
    *error = run->error;
    if (run->at.reached == 0)
        return error->code != ADIEU_ERR_NONE;
    struct adieu_error found = adieu_fd_error(run->fd);
    bool ours = run->error.code != ADIEU_ERR_NONE && (found.code == ADIEU_ERR_NONE || found.code == run->error.code);
    if (ours)
        return true;
    *error = found;
    return found.code != ADIEU_ERR_NONE || explain_doubt(run, error);
}

/* What to do about it, where the error itself does not say so. */
static const char *hint(const struct run *run)
{
    switch (run->exit) {
    case ADIEU_EXIT_TRUNCATED:
        return run->ending.phase >= ADIEU_PHASE_ESTABLISHED ? "; if the data is known to be whole, --accept-truncation"
                                                            : "";
    case ADIEU_EXIT_REJECTED:
        return run->ending.error == ADIEU_ERR_REFUSED && run->options->command == COMMAND_CONNECT
                   ? "; whom to trust is said with --ca, --name or --pin"
                   : "";
    case ADIEU_EXIT_UNREACHED:
        if (run->error.code == ADIEU_ERR_RESOLVE)
            return "; is the name right?";
        return run->error.os_error == ECONNREFUSED || run->error.os_error == ENOENT ? "; does anybody listen there?"
                                                                                    : "";
    case ADIEU_EXIT_DEADLINE:
        return run->late || run->at.reached == 0 ? "" : "; --timeout-close gives it more time";
    default:
        return "";
    }
}

static void say_bad(const struct run *run)
{
    struct adieu_error error;
    char peer[160], text[160];
    run_peer(run, peer, sizeof peer);
    if (!verdict_error(run, &error))
        snprintf(error.text, sizeof error.text, "%s", adieu_ending_text(&run->ending, text, sizeof text));
    bool named = run->at.reached != 0 && peer[0] != '\0';
    say_error("%s%s%s%s", named ? peer : "", named ? ": " : "", error.text, hint(run));
}

void verdict_say(const struct run *run)
{
    char text[160];
    if (run->exit != ADIEU_EXIT_DELIVERED)
        say_bad(run);
    if (run->at.reached != 0)
        say_event("ended: %s; exit %d", adieu_ending_text(&run->ending, text, sizeof text), run->exit);
}
