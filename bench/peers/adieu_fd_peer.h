/* SPDX-License-Identifier: MIT */
#ifndef ADIEU_FD_PEER_H
#define ADIEU_FD_PEER_H

#include <adieu_fd.h>

#include "adieu_peer.h"

/* Says what the talk has to say. OK: it could go on, and it is another's turn. WAIT: that was all, or the kernel is full. */
enum adieu_status adieu_peer_say(struct adieu_fd *fd, struct talk *talk);
/* The server: returns at the end of its orders. */
int adieu_peer_serve(const struct arguments *arguments, struct adieu_config *config);

#endif
