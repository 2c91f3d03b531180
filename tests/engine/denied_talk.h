/* SPDX-License-Identifier: MIT */
/* Conversations in which a call into OpenSSL fails: each of the client's, then each of the server's. */
#ifndef ADIEU_TESTS_DENIED_TALK_H
#define ADIEU_TESTS_DENIED_TALK_H

#include "../sweep/talk.h"

/*
 * A conversation like this for each call, in what again makes. Who is without the call has a fault, or goes on without, or refuses the
 * peer; the peer is blamed for nothing, both ends are true, and nobody is welcomed whom one must refuse.
 */
void deny_both(const struct setting *like, struct setting (*again)(const struct setting *like));

#endif
