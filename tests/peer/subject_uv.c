/* SPDX-License-Identifier: MIT */
/* Adieu on libuv, over TCP. */
#include <stdlib.h>

#include "looped.h"
#include "play.h"

struct loop {
    struct library library;
    struct looped *looped;
};

static struct looped *looped_of(void *self)
{
    return ((struct loop *)self)->looped;
}

/* ------------------------------------------------ verbs */

static enum adieu_status do_handshake(void *self)
{
    return looped_handshake(looped_of(self));
}

static enum adieu_status do_read(void *self, void *buf, size_t size, size_t *got)
{
    return looped_read(looped_of(self), buf, size, got);
}

static enum adieu_status do_write(void *self, const void *buf, size_t size, size_t *took)
{
    return looped_write(looped_of(self), buf, size, took);
}

static enum adieu_status do_shutdown(void *self)
{
    return looped_shutdown(looped_of(self));
}

static enum adieu_status do_close(void *self, int64_t patience)
{
    return looped_close(looped_of(self), patience);
}

static void do_abort(void *self)
{
    looped_abort(looped_of(self));
}

static void do_free(void *self)
{
    looped_release(looped_of(self));
}

static bool unsent(void *self)
{
    return adieu_wire_out(adieu_uv_stream(looped_uv(looped_of(self))), NULL) > 0;
}

static struct adieu_ending ending(void *self)
{
    return adieu_uv_ending(looped_uv(looped_of(self)));
}

static enum adieu_error_code error(void *self)
{
    return adieu_uv_error(looped_uv(looped_of(self)))->code;
}

static const struct verbs verbs = {do_handshake, do_read, do_write, do_shutdown, do_close,
                                   do_abort,     do_free, unsent,   ending,      error};

/* ------------------------------------------------ the subject */

static bool start(struct play *play)
{
    struct loop *adieu = calloc(1, sizeof *adieu);
    struct adieu_config *config = library_config(play);
    play->adieu = adieu;
    adieu->library.verbs = &verbs;
    adieu->looped = looped_new(config, play->choice.adieu_is_server, IDENTITY_NAME);
    adieu_config_free(config);
    return adieu_uv_open(looped_uv(adieu->looped), library_connect(play)) == 0 ||
           play_fail(play, "adieu did not take the descriptor");
}

static void await(struct play *play, struct pollfd *set, nfds_t *count, int *timeout)
{
    const struct loop *adieu = play->adieu;
    if (!play->act.over)
        set[(*count)++] = looped_interest(adieu->looped, timeout);
}

static void stop(struct play *play)
{
    struct loop *adieu = play->adieu;
    const char *complaint = adieu ? looped_free(adieu->looped) : NULL;
    if (complaint)
        play_fail(play, "%s", complaint);
    free(adieu);
}

const struct subject subject_uv = {start, library_step, await, library_outcome, stop};
