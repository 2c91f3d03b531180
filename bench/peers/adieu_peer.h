/* SPDX-License-Identifier: MIT */
/* What the peers on adieu do alike. */
#ifndef ADIEU_PEER_H
#define ADIEU_PEER_H

#include <adieu.h>

#include "peer.h"

/* As the words say; ends the program where they are wrong. */
struct adieu_config *adieu_peer_config(const struct arguments *arguments);

#endif
