/* SPDX-License-Identifier: MIT */
/*
 * A scene: A, which is adieu over some transport, and B, a raw OpenSSL at the other end of it that can do anything. Nobody has a
 * thread: a story moves both by turns, and every wait has a bound. What is said is the pattern of tests/fd/support.h, byte by byte,
 * so that sizes are all that a story needs to name.
 */
#ifndef ADIEU_TESTS_SCENE_H
#define ADIEU_TESTS_SCENE_H

#include <openssl/ssl.h>

#include "../engine/joined.h"
#include "../fd/support.h"

/* ------------------------------------------------ where a scenario applies */

enum {
    ON_12 = 1,
    ON_13 = 2,
    AS_CLIENT = 4, /* A's role */
    AS_SERVER = 8,
    IN_MEMORY = 16,
    OVER_TCP = 32,
    OVER_UNIX = 64,
    OVER_UV = 128,
    OVER_SOCKETS = OVER_TCP | OVER_UNIX | OVER_UV,
    EVERYWHERE = 255,
};

struct scene;

/* One test: its name begins with the numbers of its scenarios. */
struct scenario {
    const char *name;
    void (*tell)(struct scene *s);
    unsigned where;
};
/* What is left out of a table says why beside it. */
#define SCENARIO(name, where)                                                                                          \
    {                                                                                                                  \
#name, name, where                                                                                             \
    }

/* Plays each wherever it applies, as a test of its own. The program's exit status. */
int play_scenarios(const struct scenario *scenarios, size_t count);

/* ------------------------------------------------ the line between A and B */

struct line {
    int descriptor;                      /* B's end; -1: none, or in memory */
    BIO *to_a, *to_b;                    /* in memory: what is under way, */
    bool fin_under_way, reset_under_way; /* and what A's transport did behind it */
    bool b_ended, b_reset;               /* what B did to the transport */
    bool a_ended, a_reset;               /* what A did, once B has noticed */
    BIO *tape;                           /* everything that B took */
};

void line_open(struct line *line);
void line_free(struct line *line);
/* B's side. How many bytes were taken; how many came. */
size_t line_send(struct line *line, const void *bytes, size_t size);
size_t line_receive(struct line *line, void *buf, size_t size);
/* B ends its write side; ends both without a reset; resets. */
void line_fin(struct line *line);
void line_hang_up(struct line *line);
void line_reset(struct line *line);

/* ------------------------------------------------ B */

/* How A's direction ended, as B sees it. */
enum b_sees { B_SEES_NOTHING, B_SEES_CLEAN, B_SEES_TRUNCATED, B_SEES_RESET, B_SEES_ALERT, B_SEES_GARBAGE };

struct raw {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    struct line line;
    bool deaf;    /* takes nothing off the line */
    bool idle;    /* takes it, but does not look at it */
    bool mute;    /* what it says stays in out */
    size_t piece; /* it sends at most so much in a turn; 0: no matter */
    bool fin_due; /* its write side ends behind what is in out */
    bool established;
    enum b_sees sees;
    size_t said, heard; /* plaintext */
    bool garbled;       /* what was heard is not what was said */
    unsigned alerts;    /* of A, and the last of them */
    int level, number;
};

void raw_open(struct scene *s);
void raw_free(struct raw *b);
/* Another SSL over the same line; what it had still to say comes before. */
void raw_reopen(struct scene *s);
const char *b_sees_name(enum b_sees value);
#define check_b_sees(s, want) CHECK_NAMED(b_sees_name, (s)->b.sees, want)

/* ------------------------------------------------ A's transport */

/* A's verbs, none of which waits; they are adieu_fd's, and the statuses, too. */
struct driver {
    const char *name;
    unsigned where;
    void (*warm_up)(void); /* once, before descriptors are counted; may be NULL */
    void (*open)(struct scene *s);
    enum adieu_status (*handshake)(struct scene *s, int64_t deadline); /* when it has passed it is broken off */
    enum adieu_status (*read)(struct scene *s, void *buf, size_t size, size_t *got);
    enum adieu_status (*write)(struct scene *s, const void *buf, size_t size, size_t *took);
    enum adieu_status (*shutdown)(struct scene *s);
    enum adieu_status (*close)(struct scene *s, struct adieu_fd_patience patience, struct adieu_ending *ending);
    void (*abort)(struct scene *s, enum adieu_reason reason);
    void (*tick)(struct scene *s);         /* moves what can be moved, and changes nothing else */
    void (*idle)(struct scene *s);         /* waits until something can move, a few milliseconds at most */
    void (*cut)(struct scene *s, int how); /* A's own end of the line is shut behind its back: SHUT_RD, SHUT_WR, … */
    bool (*released)(struct scene *s);     /* the transport was let go */
    struct adieu_ending (*ending)(struct scene *s);
    struct adieu_error (*error)(struct scene *s);
    void (*free)(struct scene *s);
    /*
     * S54. Both ends being closed, the transport is given back: what came behind the peer's end is read, and words are
     * said, in plaintext; and another stream begins over it, to which all that was not read by then is put back.
     */
    void (*give_back)(struct scene *s);
    size_t (*plain_read)(struct scene *s, void *buf, size_t size);
    void (*plain_say)(struct scene *s, const void *bytes, size_t size);
    void (*restart)(struct scene *s);
};
extern const struct driver over_memory, over_tcp, over_unix;
extern const struct driver *const over_uv; /* NULL: there is no libuv */
/* A's end and B's. */
void join_by_tcp(const struct scene *s, int ends[2]);

struct scene {
    const struct driver *driver;
    enum adieu_version version;
    bool server;   /* A is */
    bool narrow;   /* before scene_open: the kernel's buffers are small; in memory A's bytes leave one by one */
    bool waits;    /* before scene_open: A's verbs wait, in threads that the story has */
    bool borrowed; /* before scene_open: A's descriptor stays the test's */
    int64_t deadline;
    /* A */
    struct adieu_config *config;
    const char *name; /* the server's, as the client sees it */
    struct adieu_stream *stream;
    struct adieu_fd *fd;
    void *own;      /* the driver's */
    int given_back; /* a descriptor, or -1 */
    BIO *surplus;   /* what came with it */
    size_t said, heard;
    /* B */
    struct raw b;
};

/* ------------------------------------------------ stories */

/* Configs of both sides that get along, for a story to change; the two themselves; their handshake. meet: all of it. */
void scene_prepare(struct scene *s);
void scene_open(struct scene *s);
void scene_shake(struct scene *s);
void meet(struct scene *s);
/* Lets A go and B too, and prepares the scene anew: for a story that needs more than one connection. */
void scene_again(struct scene *s);
/* The same with the configs of both sides as they are, and opens it. */
void scene_reconnect(struct scene *s);

/* One turn: B moves, and if nothing did, time passes. Fails when the scene takes too long. */
void turn(struct scene *s);
/* So many milliseconds of turns, in which A's transport moves, too. */
void turns(struct scene *s, int64_t milliseconds);

/* A, until it is done. */
enum adieu_status a_shakes(struct scene *s);
void a_says(struct scene *s, size_t size);
void a_hears(struct scene *s, size_t size);
/* Reads what there is now; the last status, WAIT or an end. */
enum adieu_status a_reads_all(struct scene *s);
/* Reads to the end, whatever comes before it. */
enum adieu_status a_reads_to_end(struct scene *s);
/* Writes until neither the kernel nor the stream takes more. */
void a_fills(struct scene *s);
void a_ends(struct scene *s); /* close_notify has left */
struct adieu_ending a_closes(struct scene *s, int64_t quiet_ms);
struct adieu_ending a_ending(struct scene *s);
enum adieu_error_code a_error(struct scene *s);
#define check_a_error(s, want) CHECK_NAMED(adieu_error_code_name, a_error(s), want)
#define check_a_ends(s, sending, receiving) assert_ends(a_ending(s), sending, receiving)

/* B; what it says is under way when they return, as far as the line takes it. */
void b_says(struct scene *s, size_t size);
void b_ends(struct scene *s); /* close_notify, once */
void b_fin(struct scene *s);  /* the end of its write side, behind all that */
void b_says_plain(struct scene *s, const void *bytes, size_t size);
/* It gets a record that is none, and says by an alert what it thinks of it. */
void b_gives_up(struct scene *s);
/* Until so much was heard in all; until it sees this. A's transport moves meanwhile, its program does nothing. */
void b_hears(struct scene *s, size_t size);
void b_gets_to_see(struct scene *s, enum b_sees sees);
/* Until A has ended the transport; true: by a reset. */
bool b_finds_the_line_ended(struct scene *s);
bool b_moves(struct scene *s);

/* How many bytes B took in all, for "nothing more has left". */
size_t taped(struct scene *s);

#endif
