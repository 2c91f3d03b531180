/* SPDX-License-Identifier: MIT */
/* adieu on descriptors, polled. */
#include "figures.h"

#include "adieu_fd.h"
#include "configs.h"

struct end {
    struct adieu_fd *fd;
};

static char room[READ_SIZE];

static void check(enum adieu_status status)
{
    if (status != ADIEU_OK)
        give_up("adieu");
}

void subject_begin(const char *cert, const char *key)
{
    configs_begin(cert, key);
}

void subject_end(void)
{
    configs_end();
}

/* ------------------------------------------------ ends */

const size_t end_size = sizeof(struct end);

void end_begin(struct end *end, bool server, bool resumes, int descriptor)
{
    end->fd = server ? adieu_fd_server(server_config)
                     : adieu_fd_client(resumes ? resuming_config : client_config, "localhost");
    if (!end->fd)
        give_up("memory");
    adieu_fd_set_polled(end->fd);
    check(adieu_fd_adopt(end->fd, descriptor, ADIEU_FD_OWNED));
}

void end_end(struct end *end)
{
    adieu_fd_free(end->fd);
}

static void look(const struct end *end)
{
    int timeout_ms; /* this program's loop never comes to wait */
    struct pollfd what = adieu_fd_interest(end->fd, &timeout_ms);
    (void)poll(&what, 1, 0);
}

bool end_handshake(struct end *end)
{
    look(end);
    enum adieu_status status = adieu_fd_handshake(end->fd, ADIEU_FD_NOW);
    if (status != ADIEU_WAIT)
        check(status);
    return status == ADIEU_OK;
}

bool end_resumed(const struct end *end)
{
    return adieu_resumed(adieu_fd_stream(end->fd));
}

size_t end_write(struct end *end, const char *bytes, size_t size)
{
    size_t n = 0;
    enum adieu_status status = adieu_fd_write(end->fd, bytes, size, &n, ADIEU_FD_NOW);
    if (status == ADIEU_WAIT)
        return 0;
    check(status);
    return n;
}

size_t end_read(struct end *end)
{
    size_t heard = 0, n;
    enum adieu_status status;
    look(end);
    while ((status = adieu_fd_read(end->fd, room, sizeof room, &n, ADIEU_FD_NOW)) == ADIEU_OK)
        heard += n;
    if (status != ADIEU_WAIT && status != ADIEU_END)
        give_up("adieu_fd_read");
    return heard;
}

size_t end_echo(struct end *end)
{
    size_t n = end_read(end);
    return n ? end_write(end, room, n) : 0;
}

void end_rest(struct end *end)
{
    int wait, left = MOST_RESTS;
    while ((void)adieu_fd_interest(end->fd, &wait), wait >= 0) {
        if (left-- == 0)
            give_up("it has no rest");
        time_passes(wait);
    }
}

bool end_close(struct end *end)
{
    struct adieu_ending ending;
    look(end);
    enum adieu_status status = adieu_fd_close(end->fd, (struct adieu_fd_patience)ADIEU_FD_PATIENCE, &ending);
    if (status == ADIEU_WAIT)
        return false;
    check(status);
    if (adieu_ending_exit(&ending) != ADIEU_EXIT_DELIVERED)
        give_up("a graceful end");
    return true;
}
