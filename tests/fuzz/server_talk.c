/* SPDX-License-Identifier: MIT */
/* The wire of a server behind its handshake; see wire.c. */
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return talk_fuzz(data, size, true, true);
}
