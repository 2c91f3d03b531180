/* SPDX-License-Identifier: MIT */
/*
 * What is said in plain text before TLS begins: our words and the replies, on a connected socket. Replies are read exactly to
 * their end, since what follows belongs to TLS, which must never hold a byte for its own that came unprotected. Nothing waits.
 */
#ifndef ADIEU_CLI_DIALOGUE_H
#define ADIEU_CLI_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

/* One reply, or one line of it; and all of them. What is longer is no sane peer's. */
#define DIALOGUE_REPLY 8192
#define DIALOGUE_ALL 65536
#define DIALOGUE_WORDS 2048
#define DIALOGUE_ERROR 160

enum dialogue_status {
    DIALOGUE_READ,  /* call again when the descriptor can be read */
    DIALOGUE_WRITE, /* or written */
    DIALOGUE_DONE,
    DIALOGUE_FAILED, /* error and os_error say why */
};

struct dialogue {
    enum dialogue_status status;
    const char *awaits; /* "the greeting" */
    int os_error;       /* an errno, or 0 */
    char error[DIALOGUE_ERROR];
    /* the rest is for those who lead the dialogue: starttls.c and its like */
    uint8_t reply[DIALOGUE_REPLY + 1]; /* with a NUL behind it */
    size_t length;
    const struct proxy *proxy; /* whom it is led with, and what it is asked for */
    const char *host;
    unsigned port;
    char self[80]; /* who we say that we are */
    int code;      /* of a reply that has several lines; 0: none of them has come */
    bool offered;  /* the peer has named TLS among what it can do */
    /* and this is dialogue.c's */
    void (*heard)(struct dialogue *);
    size_t wanted; /* so many bytes, or 0: up to stop */
    char stop;
    bool whole; /* reply is one, and the next begins afresh */
    bool agreed, tls_follows;
    size_t total;
    uint8_t words[DIALOGUE_WORDS];
    size_t words_start, words_end;
};

/* Goes on as far as possible without waiting. Once it is DONE or FAILED it stays so. */
enum dialogue_status dialogue_step(struct dialogue *dialogue, int descriptor);

/*
 * For who leads it. tls_follows: the last reply must be the last byte. heard is called with each whole reply, and again with
 * the next one of the same kind unless it has asked for something else, agreed or failed.
 */
void dialogue_begin(struct dialogue *dialogue, bool tls_follows);
void dialogue_say(struct dialogue *dialogue, const void *words, size_t size);
void dialogue_say_text(struct dialogue *dialogue, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* awaits: what is to come, as it stands in an error's text; NULL: as before. */
void dialogue_await_to(struct dialogue *dialogue, char stop, const char *awaits, void (*heard)(struct dialogue *));
void dialogue_await(struct dialogue *dialogue, size_t size, const char *awaits, void (*heard)(struct dialogue *));
/* What was heard is not whole yet: it is kept, and more is put behind it. */
void dialogue_more(struct dialogue *dialogue);
void dialogue_agree(struct dialogue *dialogue);
/* The first failure counts. */
void dialogue_fail(struct dialogue *dialogue, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A piece of what the peer said, made fit for a message: up to the end of its line, cut, tamed. Returns text. */
char *dialogue_quote(const void *said, size_t length, char *text, size_t size);

#endif
