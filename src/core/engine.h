/* SPDX-License-Identifier: MIT */
/*
 * What the core asks of a TLS engine, and what it offers one. Bound at link time: src/engine implements it on
 * OpenSSL, tests/core/fake_engine.c by a script.
 *
 * An engine never waits and never does I/O: it takes what the core has received and puts what must leave. Its answers
 * are verdicts; the core latches the first one that is not DONE or WAIT and does not call that way again.
 */
#ifndef ADIEU_CORE_ENGINE_H
#define ADIEU_CORE_ENGINE_H

#include "adieu.h"

struct engine;
struct engine_config;

enum engine_verdict {
    ENGINE_DONE,
    ENGINE_WAIT,         /* nothing more can be made of what was received */
    ENGINE_CLOSE_NOTIFY, /* authentic, after the handshake; writing goes on */
    ENGINE_CLOSE_FATAL,  /* the same, but the engine cannot write any more (level fatal, TLS 1.2) */
    ENGINE_ALERT,        /* the peer gave up */
    ENGINE_VIOLATION,    /* the peer's doing; a fatal alert may have been put */
    ENGINE_FAULT,        /* ours; a fatal alert may have been put */
};

/* ------------------------------------------------ implemented by the engine */

/* The engine's part of a config. NULL: no memory. Its setters are public functions, in src/engine. */
struct engine_config *engine_config_new(void);
void engine_config_free(struct engine_config *config);

/*
 * An engine for one stream, which outlives it. name may be NULL. NULL: *error says why (ADIEU_ERR_MEMORY or what is
 * wrong with the config for this role).
 */
struct engine *engine_new(struct adieu_stream *stream, struct adieu_config *config, bool server, const char *name,
                          struct adieu_error *error);
void engine_free(struct engine *engine);

/*
 * Each fills *error for every verdict but DONE, WAIT and CLOSE_NOTIFY: code, alert, and in text what it knows more.
 */
enum engine_verdict engine_handshake(struct engine *engine, struct adieu_error *error);
/*
 * No more will come, and the handshake said WAIT: whether the peer has been refused nevertheless, which only could
 * not be said yet. It is then said as well as may be, and *error filled.
 */
bool engine_refused(struct engine *engine, struct adieu_error *error);
/* DONE: 1..size bytes, in *got. size is not 0. */
enum engine_verdict engine_read(struct engine *engine, void *buf, size_t size, size_t *got, struct adieu_error *error);
/* Whether something is left of what the engine has taken, so that a read may answer without any more. */
bool engine_holds(const struct engine *engine);
/* As engine_read would answer, but nothing is consumed. */
enum engine_verdict engine_peek(struct engine *engine, struct adieu_error *error);
/*
 * Seals one record; size is 1 to 16,384. It never waits for output, which is always accepted; WAIT means that half of
 * a message of the peer's has come, and the engine cannot say anything before the other half: nothing was sealed.
 */
enum engine_verdict engine_write(struct engine *engine, const void *buf, size_t size, struct adieu_error *error);
/* Seals close_notify. DONE: it was really put. WAIT: as for engine_write, ask again after a read. */
enum engine_verdict engine_shutdown(struct engine *engine, struct adieu_error *error);
/* Whether what was negotiated has it: TLS 1.3 (RFC 9846 4.7.3). */
bool engine_has_key_update(const struct engine *engine);
/*
 * Seals a KeyUpdate, and takes the next key: what is sealed later is under it. ask_peer: the peer is to do the same.
 * DONE: it was really put. WAIT: as for engine_write.
 */
enum engine_verdict engine_key_update(struct engine *engine, bool ask_peer, struct adieu_error *error);
/*
 * Whether the peer may be asked for its certificate now: a server of TLS 1.3 whose config is LATE and whose client
 * offered it.
 */
bool engine_may_ask(const struct engine *engine);
/* Seals the request; stream_answered tells of the answer. WAIT: as for engine_write. */
enum engine_verdict engine_ask_certificate(struct engine *engine, struct adieu_error *error);
/* Whether a part of a record has come, and the rest has not. */
bool engine_inside_record(const struct engine *engine);
/*
 * Nothing waits in the core, in either direction, perhaps for long: buffers may be given back. Only after the
 * handshake.
 */
void engine_rest(struct engine *engine);
/*
 * Frame the application's code, inside a call of the engine or not: it may leave anything in errno and in what the engine
 * keeps for the thread. engine may be NULL.
 */
void engine_step_out(struct engine *engine);
void engine_step_in(void);

/* ------------------------------------------------ implemented by the core */

/* Received bytes, at most size; 0: none now (never an end: the engine is not shown one). */
size_t stream_take(struct adieu_stream *stream, void *buf, size_t size);
/* How many there are: none of what lies behind the peer's end. */
size_t stream_waits(const struct adieu_stream *stream);
/* Bytes to send. All are taken, or swallowed where nothing may leave any more. false: no memory. */
bool stream_put(struct adieu_stream *stream, const void *bytes, size_t size);
/* An alert passed, in the direction told; ours stands behind what was put so far. False: it does not leave. */
bool stream_alert(struct adieu_stream *stream, bool sent, uint8_t level, uint8_t number);
/* A message other than an alert came from the peer after the handshake. */
void stream_heard(struct adieu_stream *stream);
/* The stream's engine, for the asking functions; NULL if it could not be made. */
struct engine *stream_engine(const struct adieu_stream *stream);
bool stream_established(const struct adieu_stream *stream);
/* While the application's callbacks run, verbs are MISUSE; enter answers what to give back to leave. */
bool stream_enter_callback(struct adieu_stream *stream);
void stream_leave_callback(struct adieu_stream *stream, bool before);
/* Used by a stream: no setter changes it any more. */
void config_freeze(struct adieu_config *config);

/*
 * The application's answer to a question that may be answered later. ask is called for the first answer; LATER in
 * return means: stop, answer WAIT, and ask here again when called again. Behind the handshake nothing can wait: there
 * LATER is REFUSE.
 */
enum adieu_decision stream_decision(struct adieu_stream *stream, enum adieu_decision (*ask)(void *arg), void *arg);
/* The answer that was given since; LATER: none. It is good for one question. */
enum adieu_decision stream_decided(struct adieu_stream *stream);
/* Says what a WAIT waits for. */
void stream_await(struct adieu_stream *stream, enum adieu_awaited awaited);
bool stream_in_callback(const struct adieu_stream *stream);
/* The client has answered engine_ask_certificate. */
void stream_answered(struct adieu_stream *stream);

/* The engine's part of the config. */
struct engine_config *config_engine(const struct adieu_config *config);
/* Whether a setter may go on; if not (frozen), the error is set. */
bool config_may_change(struct adieu_config *config);
/*
 * Sets the config's error: its code, its general text and what, formatted, behind it (NULL: nothing). Returns FAIL.
 */
enum adieu_status config_fail(struct adieu_config *config, enum adieu_error_code code, int os_error, const char *format,
                              ...) __attribute__((format(printf, 4, 5)));
/* A config around an engine part that exists already (adopted). NULL: no memory; engine is then freed. */
struct adieu_config *config_around(struct engine_config *engine);
/* Fills an error: the same rules. */
void error_set(struct adieu_error *error, enum adieu_error_code code, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
