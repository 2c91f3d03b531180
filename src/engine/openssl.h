/* SPDX-License-Identifier: MIT */
/* The engine's inside: what a config and a stream are to OpenSSL. */
#ifndef ADIEU_ENGINE_OPENSSL_H
#define ADIEU_ENGINE_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "adieu_openssl.h"
#include "engine.h"

struct pin {
    uint8_t bytes[ADIEU_PIN_SIZE];
};

/* A channel binding; size 0: there is none. */
struct binding {
    uint8_t bytes[EVP_MAX_MD_SIZE];
    size_t size;
};

struct engine_config {
    SSL_CTX *context;
    BIO_METHOD *wire;
    bool adopted;
    bool has_identity;
    const X509 *end_point_of; /* our certificate that end_point is of; the context holds it */
    struct binding end_point;
    bool roots_named;          /* the caller named whom to trust; until then it is the system's roots */
    bool system_named;         /* the system's are among them */
    bool insecure;             /* adieu_config_insecure_no_verify */
    CRYPTO_RWLOCK *roots_lock; /* streams of several threads may be the first to need the system's roots, or the keys */
    bool roots_loaded;
    bool tells_keys;    /* OpenSSL does, see engine_want_keys */
    uint8_t trust[32];  /* a digest of whom we trust: sessions are resumed only under the same */
    bool trust_unknown; /* no memory to compute it: nothing is resumed */
    enum adieu_client_auth client_auth;
    uint64_t key_limit; /* records under one key; 0: the default */
    struct pin *pins;
    size_t pin_count;
    uint8_t *alpn; /* as on the wire: length, name, length, name … */
    size_t alpn_size;
    STACK_OF(X509_CRL) * crls; /* NULL: none was given, and revocation is not looked at */
    struct staple *staples;    /* servers: newest first */
    bool wants_staple;         /* clients */
    uint8_t self[32];          /* a digest of who we are: sessions are resumed only as the same */
    struct cache *cache;       /* clients' sessions; NULL: off */

    enum adieu_decision (*on_verify)(void *context, const struct adieu_stream *stream, bool verified,
                                     const char *problem, const uint8_t *leaf, size_t leaf_size);
    void *on_verify_context;
    struct adieu_config *(*on_name)(void *context, const char *name);
    void *on_name_context;
    void (*on_session)(void *context, const struct adieu_stream *stream, const uint8_t *session, size_t size);
    void *on_session_context;
    void (*on_key)(void *context, const char *line);
    void *on_key_context;
};

/* A refusal that waits for where it can be said, see refusal.c. */
struct refusal {
    bool due;
    bool swallowed; /* what OpenSSL handed over last */
    bool changes;   /* what was swallowed has a change_cipher_spec */
    uint8_t alert;
    size_t secret_size; /* 0: there is none */
    uint8_t secret[EVP_MAX_MD_SIZE];
};

/* A server's decision that comes later, see later.c. */
struct later {
    bool asked;                   /* and not decided */
    bool decided;                 /* for the client */
    bool holds;                   /* what OpenSSL writes */
    enum adieu_verified verified; /* what the client is, once it is accepted */
    uint8_t *bytes;
    size_t size;
};

/* A certificate that is asked for behind the handshake, see late_auth.c. */
struct late {
    bool offered;  /* by the client */
    bool asked;    /* and not answered */
    bool unproved; /* the answer's certificate has come, its proof has not */
    bool finished; /* the answer's last message has come */
    enum adieu_verified verified;
    unsigned answers; /* of a client, within one call */
};

/* How far a server's choice by name is, see server_name.c. */
enum naming { NAMING_NOT_YET, NAMING_AWAITED, NAMING_CHOSEN, NAMING_SHOWN };

/* How much the key of our direction has sealed, see keys.c. */
struct keys {
    uint64_t records;
    bool updated; /* a new one was made, since somebody wanted to know */
    bool asked;   /* the peer has been asked for a new one of its own, and has made none */
};

/* Where in a record OpenSSL was given the last byte, see bio.c. */
struct record {
    uint8_t header[SSL3_RT_HEADER_LENGTH];
    uint8_t given; /* of a header that is not whole yet */
    uint16_t left; /* of the body */
};

struct engine {
    struct adieu_stream *stream;
    struct engine_config *config;
    struct adieu_config *chosen; /* by on_name; a reference */
    enum naming naming;
    char *asked_for; /* the name that on_name was asked about */
    SSL *ssl;
    bool server;
    bool started;
    bool resting; /* its buffers were given back, and nothing was asked of it since */
    bool unwiped; /* plaintext that was read may still lie in its buffer */
    bool reads_ahead;
    struct record record;
    char *name; /* that the peer must prove; NULL: none is asked for */
    char *alpn;
    enum adieu_verified verified;
    char *problem; /* why the peer was refused; NULL: it was not, as most */
    int blame;     /* the chain's error that tells of it */
    /* what the message callback saw during the call in progress */
    struct adieu_alert alert_in, alert_out;
    bool told;          /* alert_out leaves */
    size_t record_size; /* of the last record that came; SIZE_MAX: none */
    bool starved;       /* an allocation failed, whatever OpenSSL made of it */
    /* what it saw since the beginning */
    bool understood; /* a handshake message: so it is TLS */
    bool peer_keyed; /* change_cipher_spec: what follows is protected, in TLS 1.2 */
    struct refusal refusal;
    struct later later;
    struct late late;
    struct keys keys;
    bool shown;               /* our certificate, to the peer */
    uint64_t cached, resumed; /* what the cache holds of this stream, and the session that it lent it; see cache.c */
};

/*
 * call.c: every call into the SSL is framed by these two. begin empties the error queue; end makes a verdict of the
 * answer.
 */
void engine_begin(struct engine *engine);
enum engine_verdict engine_end(struct engine *engine, int answer, struct adieu_error *error);
/*
 * The same for calls for which nothing is read, so that the peer has no part in what goes wrong; what it was that
 * could not be done.
 */
enum engine_verdict engine_can(struct engine *engine);
enum engine_verdict engine_cannot(struct engine *engine, struct adieu_error *error, const char *what);
/*
 * OpenSSL forgets now and then that it failed for lack of memory, and blames the peer's certificate instead. malloc()
 * leaves ENOMEM in errno: engine_begin clears it, and this looks, wherever OpenSSL calls us before it clears it, too.
 */
void engine_look_for_shortage(struct engine *engine);
/* Says, or (NULL) takes back, why the peer is refused. Without memory for it that is why. */
void engine_set_problem(struct engine *engine, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "": there is none. */
const char *engine_problem(const struct engine *engine);
/* Fills alert and text: why, and what the peer is told of it. */
void engine_explain(const struct engine *engine, struct adieu_error *error, const char *why);
/* The message callback: alerts and their direction come from here and nowhere else. */
void engine_saw_message(int sent, int version, int type, const void *bytes, size_t size, SSL *ssl, void *arg);

/* The same for setters: whether errno or the error queue, which is emptied, tells of a lack of memory. */
bool engine_lacked_memory(void);

/* engine.c */
bool engine_asks(const struct engine *engine);
/* Which certificate OpenSSL asks the peer for, by the config that is shown. */
void engine_set_verify(struct engine *engine);
/* Servers: which sessions may be resumed under the config that is shown. False: no memory. */
bool engine_bind_sessions(struct engine *engine);
bool is_address(const char *name);

/* identity.c: a password callback that never asks anybody; arg is a struct password, or NULL: there is none. */
struct password {
    const char *text; /* NULL: none was given */
    bool wanted;
};
int give_password(char *buf, int size, int writing, void *arg);
/*
 * The next certificate of a PEM. NULL: the end, or wrong is PEM (something that should be one and is not) or MEMORY.
 */
X509 *next_certificate(BIO *pem, enum adieu_error_code *wrong);
/* Adds it, which it then owns; false: it is freed, for lack of memory. */
bool push_certificate(STACK_OF(X509) * stack, X509 *certificate);

/* bio.c */
BIO_METHOD *engine_wire_method(void);
struct engine *engine_of(const SSL *ssl);
/* The handshake is done: the next byte is a record's first. */
void engine_read_ahead(struct engine *engine);

/* verify.c */
/* The context's verification of a peer's chain; arg is the engine_config. */
int engine_verify(X509_STORE_CTX *store, void *arg);
/* The last word on the peer, once OpenSSL's handshake is done. */
enum adieu_decision engine_trusts(struct engine *engine);
/* Whether the certificate is for the name that we ask for, if we do. */
bool engine_has_name(const struct engine *engine, X509 *leaf);
bool pin_of(const X509 *certificate, uint8_t pin[ADIEU_PIN_SIZE]);
/* The same for the application, whose error queue stays empty. certificate may be NULL: FAIL. */
enum adieu_status pin_told(const X509 *certificate, uint8_t pin[ADIEU_PIN_SIZE]);
/* Only pins decide: no root, name or date is asked for. */
bool trusts_pins_alone(const struct engine_config *config);
/* Makes the digest of whom we trust depend on this, too; and the one of who we are. */
void trust_note(struct engine_config *config, const void *bytes, size_t size);
void self_note(struct engine_config *config, const void *bytes, size_t size);
/*
 * What binds a session to streams like its own: whom they trust, who they are, which protocols they speak. False: no
 * memory.
 */
bool session_scope(const struct engine_config *config, uint8_t scope[32]);
/*
 * Loads the system's roots if this config trusts them and nobody has; they are large, so a config without need has
 * none.
 */
bool trust_load_system(struct engine_config *config);

/* server_name.c */
/*
 * The config whose identity, trust, client authentication and ALPN are shown: the stream's own, or on_name's choice.
 */
struct engine_config *engine_shown(const struct engine *engine);
/* OpenSSL's callback at each ClientHello. */
int engine_hello_came(SSL *ssl, int *alert, void *arg);

/* later.c */
/* Puts what OpenSSL writes, or holds it back. False: no memory. */
bool later_put(struct engine *engine, const void *bytes, size_t size);
/*
 * The client's Finished came: where a session is resumed, all that is written from here on waits for the last word.
 */
void later_saw_finished(struct engine *engine);
/* on_verify has said LATER; accepted, and how verified, is what was found. */
void later_begin(struct engine *engine, bool accepted, enum adieu_verified verified);
/* The decision that was asked for, once it is there; what was held then leaves. ACCEPT: none was. */
enum adieu_decision later_decided(struct engine *engine);
bool later_release(struct engine *engine);
/* Wipes what was held. */
void later_forget(struct engine *engine);

/* late_auth.c */
/* A client with an identity offers to show it late. */
void late_offer(struct engine *engine);
/* A handshake message passed. */
void late_saw(struct engine *engine, bool sent, uint8_t kind);
/* The chain of a late answer has been verified, which is not all of it. */
void late_verified(struct engine *engine);
/* Behind each call into OpenSSL: whether an answer is complete. */
void late_look(struct engine *engine, enum engine_verdict verdict);

/* refusal.c */
/* The alert that tells of this error of the chain. */
uint8_t refusal_alert(long chain_error);
/*
 * The alert that the application wants, 0: it leaves that to us. *chain_error: what makes OpenSSL choose it; 0:
 * nothing does.
 */
uint8_t refusal_wanted(enum adieu_decision decision, int *chain_error);
/* Whether the refusal that is due need not wait for anything more. */
bool refusal_can_be_said(const struct engine *engine);
/* Says this fatal alert in place of what OpenSSL has written and nobody got. */
void refusal_say_alert(struct engine *engine, uint8_t alert);
/* A line of the key log: keeps what an alert would be sealed with. */
void refusal_note_key(struct engine *engine, const char *line);
/* Whether this, which OpenSSL wants to send, is never to leave, because the peer has been refused. */
bool refusal_swallows(const struct engine *engine, const void *bytes, size_t size);
/* Puts the alert; OpenSSL's handshake is done. */
void refusal_say(struct engine *engine);
/* Wipes what is not needed behind the handshake. */
void refusal_forget(struct engine *engine);

/* revocation.c */
/* The CRLs that a verification is to look at, if there are any. */
void revocation_prepare(const struct engine_config *config, X509_STORE_CTX *store);
/* Whether no list has run out. */
bool revocation_is_current(const struct engine_config *config);
/* What this error of the chain has to do with CRLs, in words; NULL: nothing. */
const char *revocation_problem(long chain_error);

/* staple.c */
void staples_free(struct staple *staple);

/* binding.c */
/* This is our certificate. */
void binding_prepare(struct engine_config *config, X509 *leaf);
/* Servers' tickets remember which certificate was shown: OpenSSL's callback. */
int binding_ticket_made(SSL *ssl, void *arg);

/* cache.c */
/* One more reference, given back by cache_free; NULL is allowed. */
struct cache *cache_ref(struct cache *cache);
void cache_free(struct cache *cache);
/* Lends a client that has none its session, if one is kept for it. */
void cache_lend(struct engine *engine);
void cache_keep(struct engine *engine, const SSL_SESSION *session);
/* The conversation broke in a way after which its session is not to be used again. */
void cache_drop(struct engine *engine);

/* keys.c */
/* A record is sealed; a handshake message passed. */
void keys_saw_record(struct engine *engine);
void keys_saw(struct engine *engine, bool sent, uint8_t kind);
/*
 * Inside a call: the KeyUpdate that the peer asked for, which OpenSSL owes until it writes, and in place of what it
 * is to.
 */
enum engine_verdict keys_answer(struct engine *engine, struct adieu_error *error);
/* Inside a call: makes a new key first if the old one has sealed enough. FAULT: it could not be made. */
enum engine_verdict keys_before_write(struct engine *engine, struct adieu_error *error);

/* sessions.c */
/* OpenSSL tells of new sessions as far as somebody wants to know. */
void sessions_want(struct engine_config *config);
/* Whether what it says of the peer still counts: its certificate's time, and at clients its name. */
bool session_is_good(const struct engine *engine, const SSL_SESSION *session);
/* Servers: OpenSSL's callback about a ticket that a client would resume with. */
SSL_TICKET_RETURN session_ticket_came(SSL *ssl, SSL_SESSION *session, const uint8_t *key_name, size_t key_name_size,
                                      SSL_TICKET_STATUS status, void *arg);

/* wiping.c */
/* Before a read. */
void wiping_read(struct engine *engine);
/* Before the buffers are given back. */
void wiping_rest(struct engine *engine);
/* Before it is freed. */
void wiping_end(struct engine *engine);

/* callbacks.c */
/*
 * From now on OpenSSL tells of its keys. It prints them for that, a tenth of a handshake: so only where somebody may
 * want them, on_key, or a refusal, by clients or by servers that ask for certificates. False: no memory.
 */
bool engine_want_keys(struct engine_config *config);

/* settings.c */
/* Whether a setter may go on with an OpenSSL context that is ours to change; if not, the error is set. */
bool settings_open(struct adieu_config *config);
/* A file to read PEM from; NULL: the error is set. */
BIO *settings_open_file(struct adieu_config *config, const char *path);
/*
 * FAIL with the newest entry of OpenSSL's queue, which is emptied, as explanation; or with MEMORY if it tells of
 * that.
 */
enum adieu_status settings_refused(struct adieu_config *config, enum adieu_error_code code, const char *what);

#endif
