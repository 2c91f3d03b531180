/* SPDX-License-Identifier: MIT */
/*
 * What both sides say in plaintext before TLS (as STARTTLS has it): not the stream's, and what is read too many is put
 * back.
 */
#include <string.h>

#include "actors.h"
#include "kernel.h"
#include "side.h"

enum { WORD = 'p', MOST = 8192 };

static bool has_words(void *context)
{
    const struct side *side = context;
    return tcp_unread(side->tcp) > 0 || side->tcp->hears_not;
}

/* The other's, and perhaps some of what follows; how many. */
static size_t hear(struct side *side, uint8_t *room)
{
    size_t heard = 0, want = (size_t)side->other->speaks, at_once = want + (size_t)side->reads_on;
    while (heard < want) {
        ssize_t n = kernel_receive(adieu_fd_descriptor(side->fd), room + heard, at_once - heard, MSG_DONTWAIT);
        heard += n > 0 ? (size_t)n : 0;
        if (n == 0 || (n < 0 && !actor_wait(has_words, side, now_us() + 20000000)))
            break;
    }
    return heard;
}

void side_speak(struct side *side)
{
    uint8_t room[2 * MOST];
    if (!side->tcp || !(side->speaks || side->other->speaks))
        return;
    memset(room, WORD, sizeof room);
    tcp_write(side->tcp, room, (size_t)side->speaks); /* as a program that waits until all of it was taken */
    if (side->reads_on)                               /* it looks so late that the other speaks TLS already */
        (void)actor_wait(NULL, NULL, now_us() + 1000000);
    size_t want = (size_t)side->other->speaks, heard = hear(side, room);
    side->broke_off |= heard < want; /* what is left of it is not TLS */
    if (heard > want && adieu_fd_put_back(side->fd, room + want, heard - want) != ADIEU_OK)
        broken("what was read too many can be put back", "%zu bytes cannot", heard - want);
}
