/* SPDX-License-Identifier: MIT */
/* adieu on descriptors: the client, in the polled form too, since it says and hears at the same time. */
#include <stdio.h>

#include "adieu_fd_peer.h"

enum adieu_status adieu_peer_say(struct adieu_fd *fd, struct talk *talk)
{
    const uint8_t *at;
    size_t n, size;
    for (size_t said = 0; said < TURN; said += n) {
        if (!(size = talk_next(talk, &at)))
            return ADIEU_WAIT;
        enum adieu_status status = adieu_fd_write(fd, at, size, &n, ADIEU_FD_NOW);
        if (status != ADIEU_OK)
            return status;
        talk_said(talk, n);
    }
    return ADIEU_OK;
}

static void wait_for(struct adieu_fd *fd)
{
    int timeout;
    struct pollfd what = adieu_fd_interest(fd, &timeout);
    (void)poll(&what, 1, timeout);
}

static enum adieu_status hear_answer(struct adieu_fd *fd, struct talk *talk)
{
    enum adieu_status status = ADIEU_OK;
    size_t n;
    while (status == ADIEU_OK) {
        status = adieu_fd_read(fd, incoming, talk->write, &n, ADIEU_FD_NOW);
        if (status == ADIEU_OK && n > talk->to_hear)
            return ADIEU_FAIL;
        talk->to_hear -= status == ADIEU_OK ? n : 0;
    }
    return status;
}

/* Both directions at the same time. */
static void exchange(struct adieu_fd *fd, const struct arguments *arguments)
{
    struct talk talk;
    talk_ask(&talk, arguments);
    for (;;) {
        enum adieu_status said = adieu_peer_say(fd, &talk), heard = hear_answer(fd, &talk);
        if (!talk.to_say && !talk.to_hear)
            return;
        if (said > ADIEU_WAIT || heard > ADIEU_WAIT)
            peer_failed("the server ended before all was said and heard");
        if (said == ADIEU_WAIT)
            wait_for(fd);
    }
}

static int ask(const struct arguments *arguments, struct adieu_config *config)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", arguments->port);
    const struct adieu_fd_address address = {.host = "127.0.0.1", .port = port};
    const struct adieu_fd_patience patience = {.quiet_ms = 10000, .deadline = ADIEU_FD_FOREVER};
    struct adieu_ending ending;
    struct adieu_fd *fd = adieu_fd_client(config, "localhost");
    enum adieu_status status;
    if (!fd)
        peer_failed("no memory");
    adieu_fd_set_polled(fd);
    while ((status = adieu_fd_connect(fd, &address, ADIEU_FD_NOW)) == ADIEU_WAIT)
        wait_for(fd);
    if (status == ADIEU_OK)
        while ((status = adieu_fd_handshake(fd, ADIEU_FD_NOW)) == ADIEU_WAIT)
            wait_for(fd);
    if (status != ADIEU_OK)
        peer_failed(adieu_fd_error(fd).text);
    for (unsigned long i = 0; i < arguments->requests; i++)
        exchange(fd, arguments);
    while (adieu_fd_close(fd, patience, &ending) == ADIEU_WAIT)
        wait_for(fd);
    adieu_fd_free(fd);
    return ending.receiving == ADIEU_RECEIVING_CLOSED ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct arguments arguments = arguments_read(argc, argv);
    struct adieu_config *config = adieu_peer_config(&arguments);
    int status = arguments.serves ? adieu_peer_serve(&arguments, config) : ask(&arguments, config);
    adieu_config_free(config);
    return status;
}
