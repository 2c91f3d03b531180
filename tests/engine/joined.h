/* SPDX-License-Identifier: MIT */
/*
 * Two streams on real TLS, joined in memory. A wire can be cut after any byte, bytes can be withheld or bent, and there is
 * no socket, no clock and no waiting.
 */
#ifndef ADIEU_TESTS_JOINED_H
#define ADIEU_TESTS_JOINED_H

#include "authority.h"
#include "check.h"

#define HOST "localhost"

/* One authority, and an identity of HOST and of 127.0.0.1, for all tests of a program; see setup_authority. */
extern struct authority the_authority;
extern struct issued the_identity;
int setup_authority(void **state);
int teardown_authority(void **state);

/* Configs that get along: the client trusts the authority, the server shows the identity. Only this version, 0: any. */
struct adieu_config *client_config(enum adieu_version version);
struct adieu_config *server_config(enum adieu_version version);
void identify(struct adieu_config *config, const struct issued *issued);
void trust(struct adieu_config *config, const struct authority *authority);

/* Gives an SSL_CTX the identity. */
void identify_context(struct ssl_ctx_st *context);
/* An SSL_CTX of this version (0: any) as its owner would bring it: with the identity, and trusting the authority. */
struct ssl_ctx_st *foreign_context(enum adieu_version version);

/* Makes the authority the system's root, in a file of its own; afterwards it is none, and the file is gone. */
void authority_becomes_the_systems(void);
void authority_is_not_the_systems(void);

/* The last session that came, for adieu_config_on_session. */
struct kept {
    unsigned came;
    size_t size;
    uint8_t bytes[8000];
};
void keep_session(void *context, const struct adieu_stream *s, const uint8_t *session, size_t size);

struct joined {
    struct adieu_stream *client, *server;
};

/* Gives both references to the streams. */
struct joined join(struct adieu_config *client, struct adieu_config *server, const char *name);
/* The usual pair, which has done nothing yet. */
struct joined joined_fresh(enum adieu_version version);
/* The usual pair, behind its handshake; nothing waits in either direction. */
struct joined joined_by(enum adieu_version version);
/* A first pair shakes hands and parts, for the sake of its session; the second, which is returned, is about to resume it. */
struct joined joined_again(struct adieu_config *client, struct adieu_config *server, struct kept *kept);
void part(struct joined *joined);

/* Carries up to most bytes of what waits; what the receiver has no use for any more is lost. Returns how many. */
size_t carry_some(struct adieu_stream *from, struct adieu_stream *to, size_t most);
/* Carries all; the receiver is not run. */
size_t carry(struct adieu_stream *from, struct adieu_stream *to);
/* Carries all, but with the last byte bent. */
void carry_bent(struct adieu_stream *from, struct adieu_stream *to);

/* Runs both handshakes until neither gets further. */
void shake(struct joined *joined);
/* The same, and both must succeed; tickets are read. */
void shake_hands(struct joined *joined);
/* Both handshakes, of which this side's fails with this code; alert: the number that explains it, 0: any. */
void check_refused(struct adieu_stream *s, enum adieu_error_code code, int alert);

/* The client refuses with this alert, and the server hears why. */
void check_client_refuses(struct joined *joined, int alert);
/* They shake hands, the server is verified in this way, and they say goodbye. */
void check_trusts(struct adieu_config *client, struct adieu_config *server, const char *name, enum adieu_verified how);
void for_versions(void (*check)(enum adieu_version version));
void identity_pin(const struct issued *issued, uint8_t pin[ADIEU_PIN_SIZE]);

/* Small things to say. */
void say(struct adieu_stream *s, const char *text);
void check_hears(struct adieu_stream *s, const char *text);
/* Exactly these bytes wait to be sent. */
void check_waits(struct adieu_stream *s, const uint8_t *wanted, size_t size);
enum adieu_status listen_once(struct adieu_stream *s); /* a read's status, its bytes forgotten */

/* Both sides shut down and read each other's end: closed, closed. */
void say_goodbye(struct joined *joined);

static const enum adieu_version versions[] = {ADIEU_TLS_1_2, ADIEU_TLS_1_3};
enum { VERSIONS = 2 };

#endif
