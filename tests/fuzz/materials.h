/* SPDX-License-Identifier: MIT */
/* What can be given to a config: certificates, keys, lists, responses, sessions, all good; or as an input bends them. */
#ifndef ADIEU_TESTS_FUZZ_MATERIALS_H
#define ADIEU_TESTS_FUZZ_MATERIALS_H

#include <adieu.h>

#include "edits.h"

#define MATERIAL_HOST "localhost"

/* In this order for ever: it is what the inputs in the corpus mean. */
enum material {
    MATERIAL_NOTHING,
    MATERIAL_ROOT,
    MATERIAL_CHAIN, /* of MATERIAL_HOST, from the root */
    MATERIAL_KEY,
    MATERIAL_LOCKED_KEY, /* the same, by the password "secret" */
    MATERIAL_OTHER_CHAIN,
    MATERIAL_OTHER_KEY,
    MATERIAL_OTHER_ROOT,
    MATERIAL_CRL,
    MATERIAL_CRL_REVOKES, /* the chain's certificate */
    MATERIAL_STAPLE,      /* DER */
    MATERIAL_STAPLE_REVOKED,
    MATERIAL_SESSION_12, /* with MATERIAL_HOST, whom the root vouches for */
    MATERIAL_SESSION_13,
    MATERIALS
};

const struct bytes *material(enum material which);
/* Which the input names, and what it does to it. PEM may be bent in what it encodes. The caller frees it. */
struct bytes material_take(struct input *input);
/* The server that all of it is about. Not to be freed. */
struct adieu_config *material_server(void);
/*
 * Whether there is a certificate with the key of this one in a PEM: that is what is trusted, whatever else of it is bent, since
 * nobody has to have signed a root.
 */
bool material_has_key_of(const struct bytes *pem, enum material certificate);

#endif
