/* SPDX-License-Identifier: MIT */
/*
 * adieu: TLS streams whose end is a result.
 *
 * This header is the specification. Five ideas carry it:
 *
 *   config     who we are and whom we trust; built, then frozen by its first stream
 *   stream     one TLS connection as two directions of plaintext; it has no socket, no clock, no thread
 *   transport  what carries a stream's bytes; it may call the adieu_wire_ functions and nothing else
 *   ending     how each direction stands or ended: a plain value
 *   error      why the last thing failed, in words and numbers
 *
 * Four words never blur: shutdown ends what I say; close ends the conversation (a transport does it, since
 * it takes waiting); abort breaks it off; cancel stops waiting.
 *
 * Threads: a config may be shared between threads once its first stream exists (its reference count always may). A
 * stream belongs to one thread at a time. Nothing here waits for a peer or a clock. The core makes no system call;
 * the engine reads the files that setters name, and the system's roots when a stream first needs them.
 *
 * OpenSSL: every call that reaches the engine empties the thread's OpenSSL error queue first, and leaves it empty, so
 * that entries left there by somebody else cannot be mistaken for ours; entries of your own are lost, and errno with
 * them. No global state of OpenSSL is changed.
 *
 * Not offered: early data (0-RTT), renegotiation, compression, DTLS, QUIC, kTLS, alerts of the application's
 * choice after the handshake.
 *
 * RFC 9846 is TLS 1.3, RFC 5246 is TLS 1.2; "6.1" alone means RFC 9846 section 6.1 (closure alerts).
 */
#ifndef ADIEU_H
#define ADIEU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ADIEU_API __attribute__((visibility("default")))
#define ADIEU_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ADIEU_API
#define ADIEU_MUST_CHECK
#endif

struct adieu_config;
struct adieu_stream;

/* ---------------------------------------------------------------- status */

/* What every verb answers. Five cases for ever, so a switch over them is complete. */
enum adieu_status {
    ADIEU_OK,     /* done */
    ADIEU_WAIT,   /* not yet: there is room to receive, or there are bytes to send: move the wire and call again (or the
                     application is to decide something, see adieu_awaited) */
    ADIEU_END,    /* the peer's authentic end: its close_notify came, and every byte before it has been delivered */
    ADIEU_FAIL,   /* it failed; adieu_error() says why. The same verb fails the same way for ever */
    ADIEU_MISUSE, /* not allowed now; nothing changed, the error neither */
};

/* ---------------------------------------------------------------- ending */

/*
 * How the direction from us to the peer stands. Open and closing live; the others are ends, and an end never changes.
 */
enum adieu_sending {
    ADIEU_SENDING_OPEN,    /* writes are accepted */
    ADIEU_SENDING_CLOSING, /* no more writes; close_notify waits behind the accepted bytes */
    ADIEU_SENDING_CLOSED,  /* the transport took every byte and close_notify; see acknowledged for what the peer took */
    ADIEU_SENDING_FAILED,  /* the transport or the peer stopped it; accepted bytes may be lost */
    ADIEU_SENDING_ABORTED, /* this side stopped it; the peer cannot take it for a clean end */
};

/* How the direction from the peer to us stands. Only open lives. */
enum adieu_receiving {
    ADIEU_RECEIVING_OPEN,      /* more may come */
    ADIEU_RECEIVING_CLOSED,    /* an authentic close_notify came: every byte that the peer sent was received */
    ADIEU_RECEIVING_TRUNCATED, /* the transport ended without one: the end may be missing */
    ADIEU_RECEIVING_RESET,     /* the transport failed: what is missing cannot be known */
    ADIEU_RECEIVING_ALERTED,   /* the peer gave up: a fatal alert, or close_notify before the handshake was done */
    ADIEU_RECEIVING_REJECTED,  /* what came broke the protocol, failed to authenticate, or is not whom we trust */
    ADIEU_RECEIVING_ABANDONED, /* this side aborted, or could not go on */
};

/* How far the conversation got. */
enum adieu_phase {
    ADIEU_PHASE_NONE,        /* nothing came from the peer, though our hello may have left */
    ADIEU_PHASE_HANDSHAKING, /* something came from the peer */
    ADIEU_PHASE_ESTABLISHED, /* the handshake is done here */
    ADIEU_PHASE_HEARD,       /* after that, something other than a fatal alert came under the application keys. It
                                proves nothing about the peer's opinion of our certificate */
};

/* Who ended first. A shutdown, an abort and a fault are ours; everything else is the peer's (or the network's). */
enum adieu_first { ADIEU_FIRST_NOBODY, ADIEU_FIRST_SELF, ADIEU_FIRST_PEER };

/* What the transport did that caused neither end, told once both have ended. A reset then can mean loss. */
enum adieu_after { ADIEU_AFTER_NOTHING, ADIEU_AFTER_EOF, ADIEU_AFTER_RESET };

/* Why this side broke the stream off. */
enum adieu_reason {
    ADIEU_REASON_NONE,
    ADIEU_REASON_REQUEST,  /* the program, or its user, wanted it */
    ADIEU_REASON_DEADLINE, /* time ran out */
    ADIEU_REASON_LOCAL_IO, /* where our data comes from or goes to failed */
    ADIEU_REASON_RELEASED, /* the stream was let go without a goodbye */
    ADIEU_REASON_FAULT,    /* this side could not go on (memory, the engine's internal_error). Not for adieu_abort */
};

/* An alert as it was on the wire. seen false: there was none, and the rest is 0. */
struct adieu_alert {
    bool seen;
    uint8_t level;  /* 1 warning, 2 fatal; TLS 1.3 gives it no meaning (6) */
    uint8_t number; /* see adieu_alert_name() */
};

/* A count that nobody knows. */
#define ADIEU_UNKNOWN UINT64_MAX

/* Which error. Names and texts are in docs/errors.md, which is made from src/core/error.def. */
enum adieu_error_code {
    ADIEU_ERR_NONE,
    /* the stream: what ended it */
    ADIEU_ERR_ALERTED,      /* the peer sent a fatal alert */
    ADIEU_ERR_CLOSED_EARLY, /* the peer sent close_notify before the handshake was done */
    ADIEU_ERR_VIOLATION,    /* what the peer sent broke the protocol or failed to authenticate */
    ADIEU_ERR_NOT_TLS,      /* what came is not TLS at all */
    ADIEU_ERR_REFUSED,      /* this side does not trust the peer */
    ADIEU_ERR_TRUNCATED,    /* the transport ended without close_notify */
    ADIEU_ERR_RESET,        /* the transport failed */
    ADIEU_ERR_SEND_FAILED,  /* the transport takes no more */
    ADIEU_ERR_ABORTED,      /* the program broke it off */
    ADIEU_ERR_DEADLINE,     /* time ran out */
    ADIEU_ERR_LOCAL_IO,     /* the program's own input or output failed */
    ADIEU_ERR_RELEASED,     /* let go without a goodbye */
    ADIEU_ERR_MEMORY,       /* no memory */
    ADIEU_ERR_ENGINE,       /* the TLS engine could not go on */
    /* the config, and the first handshake */
    ADIEU_ERR_FROZEN,       /* a setter after the first stream */
    ADIEU_ERR_ARGUMENT,     /* a value that cannot be */
    ADIEU_ERR_FILE,         /* a file or directory cannot be read */
    ADIEU_ERR_PEM,          /* no certificate or key in what was given */
    ADIEU_ERR_KEY_PASSWORD, /* the key is encrypted and the password is missing or wrong */
    ADIEU_ERR_KEY_MISMATCH, /* the key is not the certificate's */
    ADIEU_ERR_EMPTY_TRUST,  /* no certificate among the roots given */
    ADIEU_ERR_NO_IDENTITY,  /* a server without a certificate */
    ADIEU_ERR_NO_NAME,      /* a client without a server name */
    ADIEU_ERR_BAD_NAME,     /* a server name that cannot be one */
    /* transports */
    ADIEU_ERR_RESOLVE, /* the name could not be resolved */
    ADIEU_ERR_CONNECT, /* nobody took the connection */
    ADIEU_ERR_SOCKET,  /* the descriptor could not be made or used */
};

/*
 * How a stream stands, or ended: 128 bytes, copied out, never changed behind your back. A later version puts new
 * facts into unused, which is zero until then.
 */
struct adieu_ending {
    enum adieu_sending sending;
    enum adieu_receiving receiving;
    enum adieu_phase phase;
    enum adieu_first first;
    enum adieu_after after;
    enum adieu_reason reason;          /* of an abort or a fault, also of one that came after both ends */
    enum adieu_error_code error;       /* the best explanation; ADIEU_ERR_NONE for an orderly end */
    int os_error;                      /* the errno of the transport's failure, or 0 */
    struct adieu_alert alert_received; /* the one that ended receiving; an orderly close_notify is none */
    struct adieu_alert alert_sent;     /* our fatal alert, once the transport has taken it */
    bool user_canceled;                /* the peer sent user_canceled (6.1), which ends nothing */
    bool decided;                      /* both directions have ended */
    bool inside_record;                /* truncated in the middle of a record: what it held is lost for certain */
    uint64_t taken;                    /* plaintext bytes that adieu_write took */
    uint64_t sent;                     /* of these, in records wholly handed to the transport: never too many */
    uint64_t acknowledged;             /* of these, acknowledged by the peer's TCP, or ADIEU_UNKNOWN: never too many */
    uint64_t received;                 /* plaintext bytes delivered by adieu_read */
    uint64_t discarded;                /* plaintext bytes thrown away by adieu_discard */
    uint8_t unused[40];
};

/*
 * Exit statuses, which never change meaning. UNREACHED, USAGE and CONFIG are a program's own and come from no ending.
 */
enum adieu_exit {
    ADIEU_EXIT_DELIVERED = 0, /* both directions closed, and nothing is known or suspected to be lost */
    ADIEU_EXIT_OTHER = 1,     /* a fault of this side, or anything else */
    ADIEU_EXIT_TRUNCATED = 3,
    ADIEU_EXIT_LOST = 4, /* reset, or bytes of ours may be lost */
    ADIEU_EXIT_ALERTED = 5,
    ADIEU_EXIT_REJECTED = 6,
    ADIEU_EXIT_UNREACHED = 7, /* could not resolve or connect, or never got as far as TLS */
    ADIEU_EXIT_DEADLINE = 8,
    ADIEU_EXIT_LOCAL_IO = 9, /* standard input or output failed, or what stood in their place */
    ADIEU_EXIT_USAGE = 64,
    ADIEU_EXIT_CONFIG = 78, /* a file or value that the configuration names is wrong */
};
/*
 * What an ending is worth, by the table in docs/endings.md: DELIVERED only if both directions closed and the peer's
 * side is not suspected of having lost bytes of ours. A direction that still lives is OTHER. Final once the transport
 * has let go: a reset may come until then.
 */
ADIEU_API enum adieu_exit adieu_ending_exit(const struct adieu_ending *ending);

/*
 * Says the ending in one English sentence without a full stop, at most size - 1 bytes and a NUL. Returns text.
 * size 160 always suffices.
 */
ADIEU_API char *adieu_ending_text(const struct adieu_ending *ending, char *text, size_t size);

/* ---------------------------------------------------------------- error */

/* Room for an error's text with its NUL. */
#define ADIEU_ERROR_TEXT 232

/* Why the last thing failed. text is complete: who, what, in which phase, and what to do where that can be said. */
struct adieu_error {
    enum adieu_error_code code;
    int os_error;             /* an errno, or 0 */
    struct adieu_alert alert; /* the alert that explains it, received or ours; adieu_ending says whose */
    char text[ADIEU_ERROR_TEXT];
};

/* ---------------------------------------------------------------- names */

/*
 * The name of a value, as the report and the documentation write it ("truncated"); static, never NULL; a value
 * outside the enum is "?".
 */
ADIEU_API const char *adieu_status_name(enum adieu_status value);
ADIEU_API const char *adieu_sending_name(enum adieu_sending value);
ADIEU_API const char *adieu_receiving_name(enum adieu_receiving value);
ADIEU_API const char *adieu_phase_name(enum adieu_phase value);
ADIEU_API const char *adieu_first_name(enum adieu_first value);
ADIEU_API const char *adieu_after_name(enum adieu_after value);
ADIEU_API const char *adieu_reason_name(enum adieu_reason value);
ADIEU_API const char *adieu_error_code_name(enum adieu_error_code value);
/* The general text of a code, one sentence; what happened in one case is in struct adieu_error. */
ADIEU_API const char *adieu_error_code_text(enum adieu_error_code value);
/* The registered name of an alert ("unknown_ca"); a number without one is "unknown". */
ADIEU_API const char *adieu_alert_name(uint8_t number);

/* ---------------------------------------------------------------- config */

/* TLS versions, with their numbers on the wire. Older ones are not offered. */
enum adieu_version { ADIEU_TLS_1_2 = 0x0303, ADIEU_TLS_1_3 = 0x0304 };

/* What a server asks of its clients. */
enum adieu_client_auth {
    ADIEU_CLIENT_AUTH_NONE,     /* no certificate is asked for */
    ADIEU_CLIENT_AUTH_OPTIONAL, /* one is asked for, and verified if it comes */
    ADIEU_CLIENT_AUTH_REQUIRED, /* one is asked for, and must verify */
    ADIEU_CLIENT_AUTH_LATE,     /* none is asked for in the handshake; adieu_ask_certificate() may do it later */
};
ADIEU_API const char *adieu_client_auth_name(enum adieu_client_auth value);

/* The size of a pin: the SHA-256 of a certificate's SubjectPublicKeyInfo (as in RFC 7469). */
#define ADIEU_PIN_SIZE 32

/*
 * A new config with one reference, yours. It trusts the system's roots, verifies servers by name, speaks TLS 1.2
 * and 1.3 and has no identity. NULL: no memory.
 *
 * All setters: they copy what they are given, so nothing need be kept; OK: it is set; FAIL: adieu_config_error()
 * says why and the setting is as it was; after the first stream FAIL with ADIEU_ERR_FROZEN, since streams share
 * what they see. To change something make a new config; see adieu_config_carry(). Where a setter replaces or adds is
 * said there. Until frozen a config is one thread's.
 */
ADIEU_API struct adieu_config *adieu_config_new(void);
/* One more reference, for you to free; returns config. Any thread, any time. */
ADIEU_API struct adieu_config *adieu_config_ref(struct adieu_config *config);
/* Gives a reference back; the last one frees, and wipes the keys. Streams hold their own. NULL is allowed. */
ADIEU_API void adieu_config_free(struct adieu_config *config);
/*
 * Why the last setter failed; code ADIEU_ERR_NONE if none did. Lives until the next setter or the free. Setters on a
 * frozen config, which many threads may see, do not write it: there it says ADIEU_ERR_FROZEN and nothing else.
 */
ADIEU_API const struct adieu_error *adieu_config_error(const struct adieu_config *config);

/*
 * Our certificate chain (leaf first) and its private key, PEM. Replaces one with the same type of key; one of another
 * type (RSA beside EC) is added, and each peer is shown the one that it can use. password may be NULL: an encrypted
 * key then fails with ADIEU_ERR_KEY_PASSWORD; nobody is ever asked. The two may be the same file.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_identity_file(struct adieu_config *config,
                                                                        const char *chain_path, const char *key_path,
                                                                        const char *password);
/* The same from memory; the sizes are in bytes, a NUL is not needed. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_identity_pem(struct adieu_config *config, const void *chain,
                                                                       size_t chain_size, const void *key,
                                                                       size_t key_size, const char *password);
/*
 * An identity made on the spot: a new P-256 key and a certificate signed by itself, valid for 30 days, for name (a
 * host name or an IP address, at most 63 bytes). Nobody's root vouches for it: tell peers its pin.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_identity_throwaway(struct adieu_config *config,
                                                                             const char *name);
/*
 * Servers: the OCSP response (DER, at most 65,000 bytes) for a certificate of ours that was given before; it is sent
 * to clients that ask and are shown that certificate, until it is out of its time. Adds: one for each identity; a
 * later one for the same certificate is preferred. A fresher one takes a new config (see adieu_config_carry), and
 * on_name's choice shows its own. FAIL with ADIEU_ERR_ARGUMENT: it is none, is a failure, names no end (nextUpdate),
 * or is not about our certificates.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_staple(struct adieu_config *config, const void *der,
                                                                 size_t size);
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_staple_file(struct adieu_config *config, const char *path);
/* The pin of our identity, the last one given. FAIL: there is none. Frozen or not. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_identity_pin(const struct adieu_config *config,
                                                                       uint8_t pin[ADIEU_PIN_SIZE]);

/*
 * Whom to trust. Each call adds; the first one replaces the default, the system's roots. FAIL with
 * ADIEU_ERR_EMPTY_TRUST if no certificate is found.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_trust_pem(struct adieu_config *config, const void *pem,
                                                                    size_t size);
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_trust_file(struct adieu_config *config, const char *path);
/* Every certificate in the directory's files (PEM; hashed names are not needed; read once, now). */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_trust_directory(struct adieu_config *config,
                                                                          const char *path);
/* The system's roots, as OpenSSL finds them: SSL_CERT_FILE and SSL_CERT_DIR are honoured. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_trust_system(struct adieu_config *config);
/*
 * A peer whose key has this pin. Adds. Alone it is trust enough: no root, name or date is then asked for. Together
 * with roots named by the calls above, both must hold.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_trust_pin(struct adieu_config *config,
                                                                    const uint8_t pin[ADIEU_PIN_SIZE]);
/*
 * Revocation lists (RFC 5280 5), PEM, any number in one; what else is there is passed over. Adds. From the first one
 * on every certificate of a peer's chain is looked up, the leaf and all above it, of servers and of clients:
 * certificate_revoked tells the peer that one was found. Nobody is accepted who cannot be looked up: a missing or
 * expired list of any issuer of the chain, the root's own included, refuses. Lists that only name differences, and
 * those of somebody else than the issuer, are not understood.
 *
 * Nothing is fetched: a newer list takes a new config, with which sessions made under the older ones are not resumed;
 * nor are any once one of the lists has expired.
 *
 * With lists, or a required staple, a pin alone is not trust enough: both must hold, with the system's roots if none
 * are named. FAIL with ADIEU_ERR_PEM: there is none, or one is damaged, and none was added.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_crl_pem(struct adieu_config *config, const void *pem,
                                                                  size_t size);
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_crl_file(struct adieu_config *config, const char *path);
/*
 * Clients: ask for an OCSP response stapled to the handshake (RFC 6066 8, RFC 9846 4.4.2.1), and refuse a server,
 * bad_certificate_status_response, that sends none, or one that is not good, not about its certificate, not signed by
 * that certificate's issuer or a responder whom the issuer made one, out of its time (the clocks may differ by five
 * minutes) or without an end to it. Only the leaf is asked about; add CRLs for the rest. on_verify is asked before,
 * and cannot forgive it. A resumed session has none of its own: it was made with one, under a config that wanted it.
 * Again is safe. Servers ask for none.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_require_staple(struct adieu_config *config);
/*
 * No verification of the peer: whoever sits between can read and change everything. For tests. The certificate is
 * still there to be looked at. A pin that is set is still held against it; CRLs and a required staple are not.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_insecure_no_verify(struct adieu_config *config);

/* Servers: what is asked of clients, default NONE. Clients ignore it. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_client_auth(struct adieu_config *config,
                                                                      enum adieu_client_auth client_auth);
/*
 * The protocols we speak (RFC 7301), best first, 1 to 255 bytes each. Replaces; count 0: none. A server with
 * protocols that has none in common with a client that offers some refuses it: no_application_protocol.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_alpn(struct adieu_config *config, const char *const *names,
                                                               size_t count);
/* The lowest and highest version to speak, default 1.2 to 1.3. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status
adieu_config_versions(struct adieu_config *config, enum adieu_version lowest, enum adieu_version highest);
/*
 * Cipher suites in OpenSSL's notation, for TLS 1.3 and for TLS 1.2; NULL leaves a list as it is. OpenSSL passes over
 * names that it does not know; FAIL: it knows none. For lack of memory only tls13 may have been set.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_ciphers(struct adieu_config *config, const char *tls13,
                                                                  const char *tls12);
/* Key exchange groups in OpenSSL's notation, best first ("X25519:P-256"). */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_groups(struct adieu_config *config, const char *groups);

/*
 * Servers: how many session tickets follow a TLS 1.3 handshake, 0 to 16, default 2. 0 also ends tickets in TLS 1.2.
 * A client's ticket is passed over, so that it shows its certificate anew, once that certificate, or a CRL of the
 * config, has expired (RFC 9846 4.6.1).
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_tickets(struct adieu_config *config, unsigned count);
/* Servers: the 80 bytes that seal tickets, to be shared between processes. Secret. */
#define ADIEU_TICKET_KEYS_SIZE 80
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_ticket_keys(struct adieu_config *config,
                                                                      const uint8_t keys[ADIEU_TICKET_KEYS_SIZE]);
/*
 * Clients: keep up to so many sessions (4096 at most; at most 4 of one server) and try to resume one by itself in
 * each new stream for the same server name, the newest first. Default 0: none, which is the switch to turn it off;
 * each call begins with an empty cache. adieu_resumed() tells.
 *
 * A session is offered only to the name that it is of, and (where configs share a cache) by a config that trusts the
 * same, is the same and speaks the same protocols; streams without a name take none. The name alone counts, since a
 * stream knows no port. It is not offered once the server's certificate, or a CRL of the config, has expired. A
 * TLS 1.3 ticket is used once (RFC 9846 appendix C.4), a TLS 1.2 session again and again.
 *
 * A stream drops what it got, and what it resumed, if it ends with a fatal alert, a violation, a refusal or a fault
 * of the engine; it all stays after a clean end, a truncation, a reset or an abort (RFC 9846 6.2, RFC 5246 7.2.2).
 * adieu_resume() comes first; on_session is told of the same sessions, and who resumes those by hand uses a ticket
 * twice.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_session_cache(struct adieu_config *config, unsigned sessions);
/*
 * Takes over from another config what clients hold of it, the ticket keys, and what it holds of servers: its session
 * cache, which both then share. from may be frozen and is not changed.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_carry(struct adieu_config *config,
                                                                const struct adieu_config *from);

/*
 * Callbacks. They are called inside the verbs of a stream, on its thread, and may call no verb of that stream
 * (MISUSE); context is handed through and must outlive the config's streams. Each setter replaces; NULL takes it
 * away.
 *
 * on_verify decides about a peer. verified is what adieu found (it would accept if true, problem is then ""); the DER
 * certificate lives for the call; where no certificate came nobody is asked. ACCEPT holds against adieu's finding
 * too: that is insecure, hence the name. LATER stops the handshake: it WAITs, adieu_awaited() says VERIFY, until
 * adieu_decide() is called; meanwhile the peer is given nothing that tells whether it was accepted, and nothing that
 * it sends can be read. Behind the handshake (adieu_ask_certificate) nothing can be stopped: there LATER is REFUSE.
 *
 * A refusal is told to the peer by the alert that fits what was found, bad_certificate if nothing was; the others
 * name their alert. It cannot be told by a server that refuses who resumed a session of TLS 1.2, nor by a client that
 * refuses a server it resumed with.
 */
enum adieu_decision {
    ADIEU_REFUSE,
    ADIEU_ACCEPT,
    ADIEU_LATER,
    ADIEU_REFUSE_UNKNOWN_CA, /* unknown_ca (48) */
    ADIEU_REFUSE_REVOKED,    /* certificate_revoked (44) */
    ADIEU_REFUSE_EXPIRED,    /* certificate_expired (45) */
    ADIEU_REFUSE_UNKNOWN,    /* certificate_unknown (46) */
    ADIEU_REFUSE_ACCESS,     /* access_denied (49); behind the handshake bad_certificate (42) */
};
ADIEU_API const char *adieu_decision_name(enum adieu_decision value);
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_insecure_on_verify(
    struct adieu_config *config,
    enum adieu_decision (*function)(void *context, const struct adieu_stream *stream, bool verified,
                                    const char *problem, const uint8_t *leaf, size_t leaf_size),
    void *context);
/*
 * Servers: on_name chooses by the name that a client asks for (SNI; as it came, "" if it names none) whose identity,
 * staples, trust, CRLs, client_auth, ALPN, on_verify and on_key count; versions, ciphers, groups, tickets and limits
 * stay those of the stream's config. It is asked once in a handshake, before a session is resumed; where the chosen
 * config asks for certificates (client_auth) nobody is resumed.
 *
 * The config that it returns need live for the call only: the stream takes its own reference. One without an
 * identity is a fault. NULL refuses the client: unrecognized_name. adieu_config_later() decides later: the handshake
 * WAITs until adieu_choose() is called; adieu_awaited() says NAME, and adieu_server_name() which.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status
adieu_config_on_name(struct adieu_config *config, struct adieu_config *(*function)(void *context, const char *name),
                     void *context);
/* What on_name returns to decide later: a constant, not to be used for anything else. */
ADIEU_API struct adieu_config *adieu_config_later(void);
/*
 * Clients: on_session is given each session that can be resumed, as bytes to keep as a secret (they hold one) and to
 * give to adieu_resume() once; the bytes live for the call.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_on_session(
    struct adieu_config *config,
    void (*function)(void *context, const struct adieu_stream *stream, const uint8_t *session, size_t size),
    void *context);
/* Each line of a key log (SSLKEYLOGFILE format), without its newline. Who has them can read the traffic. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status
adieu_config_insecure_on_key(struct adieu_config *config, void (*function)(void *context, const char *line),
                             void *context);

/* How much sealed data a stream may queue, in records of 16,640 bytes, 1 to 1024, default 8. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_queue_limit(struct adieu_config *config, unsigned records);

/*
 * After how many records sealed under one key a stream makes a new one by itself, 1 to 2^24, default 2^24: a
 * KeyUpdate that asks for none of the peer's goes before the next write. There is no "never", since RFC 9846 5.5
 * bounds AES-GCM at 2^24.5 records. TLS 1.2 cannot: ignored.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_config_key_limit(struct adieu_config *config, uint64_t records);

/* ---------------------------------------------------------------- stream */

/*
 * A new stream; it takes its own reference to config and freezes it. server_name is the name or IP address that the
 * server's certificate must carry; a name is also sent (SNI), an address is not. It may be NULL only if the config
 * trusts by pin alone or does not verify. NULL only for lack of memory: whatever else is wrong (no identity, a bad
 * name) is the first handshake's FAIL.
 */
ADIEU_API struct adieu_stream *adieu_client(struct adieu_config *config, const char *server_name);
ADIEU_API struct adieu_stream *adieu_server(struct adieu_config *config);
/* Frees; sends nothing: freeing is no goodbye. NULL is allowed. Not inside a callback of the stream. */
ADIEU_API void adieu_free(struct adieu_stream *stream);

/*
 * Clients, before the first handshake call: try to resume this session (from on_session). OK even if the server will
 * not have it (adieu_resumed() tells). FAIL: the bytes are no session, or one of a config that trusted others, had
 * another identity or other protocols, or of a server of another name, or the server's certificate or a CRL of the
 * config has expired since; the stream goes on without. MISUSE: too late, a server, or a stream that cannot begin
 * (its first handshake says why).
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_resume(struct adieu_stream *stream, const void *session,
                                                          size_t size);

/*
 * The handshake. OK: done (again: OK, until the end of time, whatever happened since). WAIT: move the wire. FAIL: it
 * failed, for ever; a fatal alert may be queued and should still leave. Reading and writing never do it in secret.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_handshake(struct adieu_stream *stream);

/*
 * Reads plaintext. OK: 1..size bytes are in buf, *got says how many. END: the peer's authentic end, every byte
 * delivered; again and again. WAIT: nothing now. FAIL: receiving ended otherwise (truncated, reset, alerted,
 * rejected, abandoned); what came before was delivered before. MISUSE: the handshake is not done. *got is touched by
 * OK only. size 0 (buf may be NULL) consumes nothing and says what a read would say now; OK then leaves *got 0. After
 * adieu_shutdown() reading goes on (6.1: each direction closes by itself). Data after close_notify is ignored.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_read(struct adieu_stream *stream, void *buf, size_t size,
                                                        size_t *got);
/*
 * As adieu_read, but throws the bytes away and counts them as discarded; *count (may be NULL) says how many. For a
 * transport's goodbye, which must find the peer's end behind data that nobody wants.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_discard(struct adieu_stream *stream, size_t *count);

/*
 * Takes plaintext to send. OK: 1..size bytes were taken, *took says how many: they are sealed, the stream's, and
 * leave in order; buf is yours again. There is no rule to retry with the same arguments. size 0 (buf may be NULL):
 * OK, nothing is sent. WAIT: the queue is full: send; or half of a message of the peer's has come: receive the other.
 * FAIL: sending failed or was aborted. MISUSE: the handshake is not done, or adieu_shutdown() was called: then for
 * ever, whatever the peer does. *took is touched by OK only. A program that only writes learns of an alert, as a rule,
 * when it reads or closes.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_write(struct adieu_stream *stream, const void *buf, size_t size,
                                                         size_t *took);

/* A part of what is to be written. bytes may be NULL if size is 0. */
struct adieu_piece {
    const void *bytes;
    size_t size;
};
/*
 * As adieu_write, for what lies apart, a header and its body: the same bytes leave, in fewer records, since a record
 * goes across the borders of the pieces. *took counts over all of them, and may end inside one. What fills a record by
 * itself is sealed where it lies; what is put together is copied, and the copy wiped. count 0, or nothing in the
 * pieces: OK, and nothing is sent.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_writev(struct adieu_stream *stream, const struct adieu_piece *pieces,
                                                          size_t count, size_t *took);

/*
 * A new key for what is sent from here on (TLS 1.3, RFC 9846 4.7.3); ask_peer: the peer is to make one for its
 * direction, too. Whoever asks again before the peer has made one gets a new key, and one answer to both: 4.7.3
 * allows no second request. Again is safe: each call makes a new key.
 * OK: the KeyUpdate is sealed behind what was taken. WAIT: the queue is full, or half of a message of the peer's
 * came; nothing was done. FAIL: as adieu_write. MISUSE: the handshake is not done, adieu_shutdown() was called, or it
 * is TLS 1.2, which has none.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_key_update(struct adieu_stream *stream, bool ask_peer);

/*
 * Servers whose config is ADIEU_CLIENT_AUTH_LATE: asks the client for its certificate (TLS 1.3, RFC 9846 4.7.2).
 * OK: the request is sealed behind what was taken, and data goes on both ways. WAIT: the queue is full, or half of a
 * message of the peer's came; nothing was done. FAIL: as adieu_write. MISUSE: the handshake is not done,
 * adieu_shutdown() was called, the peer's direction has ended, a request is not answered yet, the config is not LATE,
 * it is a client's stream, it is TLS 1.2, or the client did not offer it.
 *
 * Reads find the answer: ADIEU_NEWS_CERTIFICATE tells of it, and afterwards it may be asked again. Until an answer is
 * whole and proved, nothing of it counts: adieu_verified() is NO from its beginning. A client may answer that it
 * shows none: then adieu_verified() stays NO, and the program may abort. A certificate that is not trusted is refused
 * by the read (FAIL, ADIEU_ERR_REFUSED), with its alert. Nobody has to answer: the deadline is the program's. What
 * was shown late is not remembered in sessions.
 *
 * Clients with an identity offer it, and answer inside adieu_read() by themselves; a server that asks more than four
 * times within one read is shown nothing any more.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_ask_certificate(struct adieu_stream *stream);

/*
 * Half-close: seals close_notify (6.1) behind what was taken, and nothing after it; reading goes on. OK at once,
 * twice is once; sending becomes closed when the transport has taken its last byte. FAIL: sending has failed or was
 * aborted, or the handshake failed. MISUSE: the handshake is not done (there is no plaintext close_notify, ever). In
 * TLS 1.2 too: RFC 5246 7.2.1 wants a peer's close_notify answered at once and the rest discarded; adieu answers
 * nothing by itself, so that both sides may say all they have.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_shutdown(struct adieu_stream *stream);

/*
 * Breaks off: the directions that still live end, visibly unclean; what is queued does not leave, least of all
 * close_notify. Twice is once. reason is remembered, also after both have ended, where it changes no end.
 * Any time, also before the handshake.
 */
ADIEU_API void adieu_abort(struct adieu_stream *stream, enum adieu_reason reason);

/* ---------------------------------------------------------------- wire */

/*
 * For transports. Readiness is derived: poll for reading while adieu_wire_in(s, NULL) is not 0, for writing while
 * adieu_wire_out(s, NULL) is not 0; if neither, leave the descriptor out of the poll set. After bytes were moved,
 * call the verb that waited again. A transport needs nothing else of a stream.
 */

/*
 * How many bytes may be received: at least one whole record, or 0 (with a place: also while a range is lent). at not
 * NULL: and where to put them; the place holds until adieu_wire_in_done(), which must follow. at NULL only asks, and
 * no memory appears.
 */
ADIEU_API size_t adieu_wire_in(struct adieu_stream *stream, uint8_t **at);
/* n of them were put there. 0 is allowed, and gives an unused buffer back. */
ADIEU_API void adieu_wire_in_done(struct adieu_stream *stream, size_t n);
/*
 * The n bytes (at most the room) stay the transport's, but are the stream's to read until adieu_wire_settle(). So one
 * large receive buffer serves a whole loop. Only one range is lent at a time (one that was read wholly is none any
 * more): MISUSE otherwise, or if n is too large.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_wire_lend(struct adieu_stream *stream, const uint8_t *bytes,
                                                             size_t n);
/*
 * Ends the loan; what is left of it is copied. Call it after the last read of a turn, never keep a loan across a
 * wait.
 */
ADIEU_API void adieu_wire_settle(struct adieu_stream *stream);

/*
 * How many bytes came behind the peer's close_notify, and (at may be NULL) where: they are not TLS's, but what the
 * peer says next on the same transport, plaintext or another session. 0 unless receiving is closed. From then on the
 * room is 0: a transport receives nothing more, so what it has not received is still in it, behind these. They are
 * one range, copied out of a loan as soon as the end is read, which stays where it is until adieu_free(); only a
 * place that was out before the end may add to it.
 */
ADIEU_API size_t adieu_wire_surplus(const struct adieu_stream *stream, const uint8_t **at);

/*
 * How many bytes wait to be sent, and (at not NULL) where; there may be more behind them. The place holds until done,
 * failed, reset or free, whatever verb is called in between, abort included. One range is out at a time: asked again
 * before done, the same range is shown. A transport that sends in the background says done for all that may have left
 * before the program may abort: or the peer may have taken for an end what counts as aborted here.
 */
ADIEU_API size_t adieu_wire_out(struct adieu_stream *stream, const uint8_t **at);
/* The transport took the first n bytes of the range. */
ADIEU_API void adieu_wire_out_done(struct adieu_stream *stream, size_t n);

/*
 * An idle stream holds no buffers of the engine's (34 KB): it gives them back at each WAIT, and takes them anew for the
 * next record, which costs as much as a fifth of a small one. A transport that notices by itself when nothing has moved
 * for a moment, and then says rest, says keep once: from then on the stream does not do it. Rest: any time, again is
 * safe; where something still waits they are given back as soon as nothing does.
 */
ADIEU_API void adieu_wire_keep(struct adieu_stream *stream);
ADIEU_API void adieu_wire_rest(struct adieu_stream *stream);

/*
 * A transport that can send at once may be given what a write seals before it is queued, so that it need not be copied:
 * function is called inside adieu_write, where nothing waits before these bytes and nothing follows them in this call.
 * It returns how many of them it took, as adieu_wire_out_done would be told; the rest is queued. It may call nothing
 * of the stream's, and leaves errno as it was. A failure waits until the transport sends what was queued. Set it at any
 * time outside of the stream's verbs; NULL takes it back; context is the transport's, and lives as long as it is set.
 */
ADIEU_API void adieu_wire_direct(struct adieu_stream *stream,
                                 size_t (*function)(void *context, const uint8_t *bytes, size_t size), void *context);

/* No more will be delivered (FIN). What was received before is read before it counts. */
ADIEU_API void adieu_wire_eof(struct adieu_stream *stream);
/* No more will be taken (os_error says why), though the peer's last words may still be delivered: read on. */
ADIEU_API void adieu_wire_out_failed(struct adieu_stream *stream, int os_error);
/* The transport is gone (RST, or any error that ends it). What was received before is read before it counts. */
ADIEU_API void adieu_wire_reset(struct adieu_stream *stream, int os_error);
/*
 * The peer's transport acknowledged the first n bytes ever sent here (a total, not a difference; more than was handed
 * over is clamped). The ending's acknowledged is known from the first call on.
 */
ADIEU_API void adieu_wire_acknowledged(struct adieu_stream *stream, uint64_t n);

/*
 * What is left for the transport to do once the conversation is to end (a half-closed one that goes on is nobody's to
 * end): asked by the transport's goodbye after each step. See docs/endings.md.
 */
enum adieu_last {
    ADIEU_LAST_GO_ON,     /* bytes wait to be sent, sending lives, or it failed and the peer's last words may come */
    ADIEU_LAST_END_WRITE, /* end the write side (FIN), drain with a bound, release */
    ADIEU_LAST_RESET,     /* reset: nothing that follows may look like an end */
};
ADIEU_API enum adieu_last adieu_wire_last(const struct adieu_stream *stream);
ADIEU_API const char *adieu_last_name(enum adieu_last value);

/* ---------------------------------------------------------------- asking */

/* How the stream stands, copied out. Never does I/O, never changes anything. */
ADIEU_API struct adieu_ending adieu_ending(const struct adieu_stream *stream);
/* Two of its facts, for who asks at each step. */
ADIEU_API enum adieu_sending adieu_sending(const struct adieu_stream *stream);
ADIEU_API enum adieu_receiving adieu_receiving(const struct adieu_stream *stream);
/*
 * Behind the handshake: false if adieu_read would say WAIT for certain, since nothing came that has not been read;
 * true if it may say something. Costs nothing: it does not look into what came.
 */
ADIEU_API bool adieu_readable(const struct adieu_stream *stream);
/*
 * Why something failed; code ADIEU_ERR_NONE while nothing has. Lives as long as the stream; it may improve until both
 * ended. Its text is written when it is asked for, so this, too, is for one thread at a time.
 */
ADIEU_API const struct adieu_error *adieu_error(const struct adieu_stream *stream);

/* Which decision of the application a WAIT waits for; NOTHING once receiving has ended. */
enum adieu_awaited {
    ADIEU_AWAITED_NOTHING, /* none: move the wire */
    ADIEU_AWAITED_VERIFY,  /* whether to accept the peer: on_verify said LATER */
    ADIEU_AWAITED_NAME,    /* which config to show: on_name said adieu_config_later() */
};
ADIEU_API const char *adieu_awaited_name(enum adieu_awaited value);
ADIEU_API enum adieu_awaited adieu_awaited(const struct adieu_stream *stream);
/* Gives it; call the verb again. MISUSE: none is awaited, or decision is LATER. */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_decide(struct adieu_stream *stream, enum adieu_decision decision);
/*
 * Gives the one for a name, as on_name would have returned it (NULL refuses); the stream takes its own reference.
 * Call the verb again. MISUSE: none is awaited, or config is adieu_config_later().
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_choose(struct adieu_stream *stream, struct adieu_config *config);

/* How the peer was verified. */
enum adieu_verified {
    ADIEU_VERIFIED_NO,        /* it was not */
    ADIEU_VERIFIED_NAME,      /* a trusted root vouches for it, and for the name that we asked for */
    ADIEU_VERIFIED_PIN,       /* by its key's pin */
    ADIEU_VERIFIED_AUTHORITY, /* a trusted root vouches for it (a client's certificate has no name to compare) */
};
ADIEU_API enum adieu_verified adieu_verified(const struct adieu_stream *stream);
ADIEU_API const char *adieu_verified_name(enum adieu_verified value);

/*
 * Facts of the handshake. Strings live as long as the stream; NULL if there is none, or until the handshake is done
 * (the server name: until the client has said it).
 */
ADIEU_API const char *adieu_version(const struct adieu_stream *stream); /* "TLSv1.3" */
ADIEU_API const char *adieu_cipher(const struct adieu_stream *stream);  /* "TLS_AES_256_GCM_SHA384" */
ADIEU_API const char *adieu_group(const struct adieu_stream *stream);   /* "x25519"; resumed in TLS 1.2: of then */
ADIEU_API const char *adieu_alpn(const struct adieu_stream *stream);
/*
 * That the client asked for; where on_name chooses, the one by which it did, and elsewhere, in a session that was
 * resumed in TLS 1.2, the one of then.
 */
ADIEU_API const char *adieu_server_name(const struct adieu_stream *stream);
ADIEU_API bool adieu_resumed(const struct adieu_stream *stream);
/*
 * Copies the peer's certificate (DER) to buf if it fits; returns its whole size, 0 if there is none. buf may be NULL.
 */
ADIEU_API size_t adieu_peer_certificate(const struct adieu_stream *stream, uint8_t *buf, size_t size);
/*
 * The same for the chain as the peer sent it: 0 is its own certificate, and 0 comes back behind the last one. Nobody
 * says that they belong together. In a resumed session there may be the first only.
 */
ADIEU_API size_t adieu_peer_chain(const struct adieu_stream *stream, size_t index, uint8_t *buf, size_t size);
/*
 * The same for our own certificate, if it was shown in this handshake: 0 if not, because nobody asked or there is
 * none, and in a resumed session. Where both certificates are there, both sides have proved who they are.
 */
ADIEU_API size_t adieu_own_certificate(const struct adieu_stream *stream, uint8_t *buf, size_t size);
/*
 * The pin of the peer's key. FAIL with nothing written if it showed no certificate; the stream's error stays as it
 * is.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_peer_pin(const struct adieu_stream *stream,
                                                            uint8_t pin[ADIEU_PIN_SIZE]);
/*
 * Keying material for the application (RFC 9846 7.5, RFC 5705), size bytes into out. MISUSE before the handshake is
 * done; FAIL if the engine refuses, with nothing written.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_export(const struct adieu_stream *stream, const char *label,
                                                          const void *context, size_t context_size, void *out,
                                                          size_t size);

/* What names this one connection, or its server, to an authentication above TLS (as in SCRAM-SHA-256-PLUS). */
enum adieu_binding {
    ADIEU_BINDING_TLS_EXPORTER,         /* RFC 9266: 32 bytes */
    ADIEU_BINDING_TLS_SERVER_END_POINT, /* RFC 5929 4: a hash of the server's certificate */
    ADIEU_BINDING_TLS_UNIQUE,           /* RFC 5929 3: the first Finished message. TLS 1.2 only */
};
ADIEU_API const char *adieu_binding_name(enum adieu_binding value);
/* Room for any of them. */
#define ADIEU_BINDING_SIZE 64
/*
 * The channel binding of this kind: both sides have the same, and nobody in between has. OK: *got bytes in out. FAIL:
 * there is none, or it does not fit, with nothing written; the stream's error stays as it is. There is none of
 * tls-unique in TLS 1.3; none of it nor of tls-exporter in TLS 1.2 without the extended master secret (RFC 7627: two
 * connections could have the same); none of tls-server-end-point where the certificate's signature has not one hash
 * (Ed25519), or in a session that was resumed with a ticket of somebody else's making. MISUSE: the handshake is not
 * done. In TLS 1.2 the exporter's context is there and empty, as RFC 9266 2 has it; there are peers that leave it
 * out, and get others.
 */
ADIEU_API ADIEU_MUST_CHECK enum adieu_status adieu_channel_binding(const struct adieu_stream *stream,
                                                                   enum adieu_binding kind, uint8_t *out, size_t size,
                                                                   size_t *got);

/* ---------------------------------------------------------------- watching */

enum adieu_news {
    ADIEU_NEWS_ESTABLISHED,    /* the handshake is done */
    ADIEU_NEWS_ALERT_RECEIVED, /* alert: any, close_notify and warnings too */
    ADIEU_NEWS_ALERT_SEALED,   /* alert: of ours, now behind what was queued */
    ADIEU_NEWS_SENDING,        /* sending has changed; adieu_ending() tells */
    ADIEU_NEWS_RECEIVING,      /* receiving has changed */
    ADIEU_NEWS_CERTIFICATE,    /* adieu_ask_certificate was answered; adieu_verified() tells how */
    ADIEU_NEWS_AWAITED,        /* the handshake waits for the program; adieu_awaited() says for what */
};
ADIEU_API const char *adieu_news_name(enum adieu_news value);

/* Called inside verbs and wire functions, on their thread; may ask, may call neither of them. alert may be NULL. */
/* One observer a stream; replaces; NULL takes it away. context is handed through. */
ADIEU_API void adieu_watch(struct adieu_stream *stream,
                           void (*function)(void *context, const struct adieu_stream *stream, enum adieu_news news,
                                            const struct adieu_alert *alert),
                           void *context);

#ifdef __cplusplus
}
#endif
#endif
