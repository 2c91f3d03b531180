/* SPDX-License-Identifier: MIT */
/* The kinds of conversations, and what those of one kind share. */
#ifndef ADIEU_TESTS_SWEEP_KINDS_H
#define ADIEU_TESTS_SWEEP_KINDS_H

#include "joined.h"

/* What a refusal is told as, and the alert that it sends in each of the versions; NONE: nobody refuses. */
struct refusal {
    enum adieu_error_code error;
    bool by_server;
    uint8_t alert[VERSIONS];
};

/*
 * Steps: w writes a line, L some records; r and R wait until the same has come; k updates the keys, K and asks the peer to;
 * s shuts down; e reads until the end.
 */
struct kind {
    const char *name, *client, *server;
    bool own_handshake; /* not the same as others' */
    bool only_tls13;
    bool certificate; /* the client must show one */
    bool resumed;
    unsigned tickets;
    struct refusal refusal;
    const char *host;         /* that the client asks for, if another */
    bool unvouched;           /* the server shows what no authority has signed */
    bool asks_client;         /* for a certificate that it does not show */
    const char *protocols[2]; /* the client's, the server's */
};

extern const struct kind kinds[];

/* What a kind's conversations share: made once. */
struct setting {
    const struct kind *kind;
    enum adieu_version version;
    struct adieu_config *client, *server;
    struct kept session;
};
struct setting setting_new(const struct kind *kind, enum adieu_version version);
/* Another like it, whose server takes the sessions of the first, with nothing in its pools yet. */
struct setting setting_again(const struct setting *like);
void setting_free(struct setting *setting);
const char *version_name(enum adieu_version version);
/* The name that clients ask for. */
const char *setting_host(const struct setting *setting);
/* Of a refused kind: one side must refuse, and this is the alert that it then sends. */
bool is_refused(const struct setting *setting);
bool must_refuse(const struct setting *setting, bool server);
int setting_alert(const struct setting *setting);
/* Each kind that ends well, in each version that it exists in. */
void for_settings(void (*check)(struct setting *setting));
/* Each kind that is refused, in each version. */
void for_refused_settings(void (*check)(struct setting *setting));

#endif
