/* SPDX-License-Identifier: MIT */
/* Adieu on a descriptor, polled, over TCP. */
#include <stdlib.h>

#include "play.h"

struct descriptor {
    struct library library;
    struct adieu_fd *fd;
};

static struct adieu_fd *fd_of(void *self)
{
    return ((struct descriptor *)self)->fd;
}

/* ------------------------------------------------ verbs */

static enum adieu_status do_handshake(void *self)
{
    return adieu_fd_handshake(fd_of(self), ADIEU_FD_NOW);
}

static enum adieu_status do_read(void *self, void *buf, size_t size, size_t *got)
{
    return adieu_fd_read(fd_of(self), buf, size, got, ADIEU_FD_NOW);
}

static enum adieu_status do_write(void *self, const void *buf, size_t size, size_t *took)
{
    return adieu_fd_write(fd_of(self), buf, size, took, ADIEU_FD_NOW);
}

static enum adieu_status do_shutdown(void *self)
{
    return adieu_fd_shutdown(fd_of(self), ADIEU_FD_NOW);
}

static enum adieu_status do_close(void *self, int64_t patience)
{
    struct adieu_ending ending;
    return adieu_fd_close(fd_of(self), (struct adieu_fd_patience){patience, ADIEU_FD_FOREVER}, &ending);
}

static void do_abort(void *self)
{
    adieu_fd_abort(fd_of(self), ADIEU_REASON_REQUEST);
}

static void do_free(void *self)
{
    adieu_fd_free(fd_of(self));
    ((struct descriptor *)self)->fd = NULL;
}

static bool unsent(void *self)
{
    return adieu_wire_out(adieu_fd_stream(fd_of(self)), NULL) > 0;
}

static struct adieu_ending ending(void *self)
{
    return adieu_fd_ending(fd_of(self));
}

static enum adieu_error_code error(void *self)
{
    return adieu_fd_error(fd_of(self)).code;
}

static const struct verbs verbs = {do_handshake, do_read, do_write, do_shutdown, do_close,
                                   do_abort,     do_free, unsent,   ending,      error};

/* ------------------------------------------------ the subject */

static bool start(struct play *play)
{
    struct descriptor *adieu = calloc(1, sizeof *adieu);
    struct adieu_config *config = library_config(play);
    play->adieu = adieu;
    adieu->library.verbs = &verbs;
    adieu->fd = play->choice.adieu_is_server ? adieu_fd_server(config) : adieu_fd_client(config, IDENTITY_NAME);
    adieu_config_free(config);
    adieu_fd_set_polled(adieu->fd);
    return adieu_fd_adopt(adieu->fd, library_connect(play), ADIEU_FD_OWNED) == ADIEU_OK ||
           play_fail(play, "adieu did not take the descriptor");
}

static void await(struct play *play, struct pollfd *set, nfds_t *count, int *timeout)
{
    struct descriptor *adieu = play->adieu;
    if (!play->act.over)
        set[(*count)++] = adieu_fd_interest(adieu->fd, timeout);
}

static void stop(struct play *play)
{
    struct descriptor *adieu = play->adieu;
    if (adieu)
        adieu_fd_free(adieu->fd);
    free(adieu);
}

const struct subject subject_fd = {start, library_step, await, library_outcome, stop};
