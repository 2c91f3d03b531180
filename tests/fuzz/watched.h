/* SPDX-License-Identifier: MIT */
/* A stream whose every answer is held against adieu.h. */
#ifndef ADIEU_TESTS_FUZZ_WATCHED_H
#define ADIEU_TESTS_FUZZ_WATCHED_H

#include <adieu.h>

#include "fuzz.h"

enum verb { VERB_HANDSHAKE, VERB_READ, VERB_DISCARD, VERB_WRITE, VERB_KEY_UPDATE, VERB_ASK, VERB_SHUTDOWN, VERBS };

struct watched {
    struct adieu_stream *stream;
    struct adieu_ending last;            /* as it was at the last look */
    enum adieu_error_code error;         /* likewise */
    enum adieu_status said[VERBS];       /* the last answer of each verb */
    bool final[VERBS];                   /* it was one that never changes */
    bool told;                           /* by the transport: nothing more comes */
    bool shut;                           /* shutdown said OK */
    uint64_t taken, received, discarded; /* as the verbs counted them */
};

/* Takes the stream. */
void watched_begin(struct watched *watched, struct adieu_stream *stream);
/* Frees it. */
void watched_end(struct watched *watched);
/* Looks at everything that can be asked, and at what must not have changed. */
void watched_look(struct watched *watched);

/* The verbs. */
enum adieu_status watched_handshake(struct watched *watched);
enum adieu_status watched_read(struct watched *watched, void *buf, size_t size, size_t *got);
enum adieu_status watched_discard(struct watched *watched);
enum adieu_status watched_write(struct watched *watched, const void *buf, size_t size, size_t *took);
enum adieu_status watched_key_update(struct watched *watched, bool ask);
enum adieu_status watched_ask(struct watched *watched);
enum adieu_status watched_shutdown(struct watched *watched);
void watched_eof(struct watched *watched);
void watched_reset(struct watched *watched);

#endif
