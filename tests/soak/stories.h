/* SPDX-License-Identifier: MIT */
/* What the sides of a connection do: a table of stories, and the plan by which a seed chooses among them. */
#ifndef ADIEU_TESTS_SOAK_STORIES_H
#define ADIEU_TESTS_SOAK_STORIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The steps of a side, with a number where it says so:
 *
 *   h   the handshake                      H200  the handshake; aborts (deadline) if it takes longer
 *   w10 writes so many bytes of the pattern        m10  so many messages of 20 bytes, a write for each
 *   r10 reads so many bytes                R     reads to the end, whatever it is
 *   S10 as R, so many bytes at a time and a pause between
 *   D10 writes so many bytes and reads as many, both at once
 *   e3  so many questions of 64 bytes, each with its answer       o  answers (echo) until the end
 *   k   a new key                          K     and one of the peer's
 *   A   asks for a certificate             s     half-close
 *   p50 a pause, in ms                     x     what follows is cancelled once, while it waits, and begun again
 *   F   FIN below TLS                      V     both directions of the socket end below TLS
 *   g   a record of nonsense               i     what is not TLS at all
 *
 * and the last one: c close, q200 close with so much patience, a abort, f free without a goodbye, d200 reads for so
 * long and then aborts (deadline). A step that fails is over: the next one follows.
 */
struct step {
    char verb;
    bool cancelled;
    long number;
};

enum manner {
    MANNER_PLAIN,
    MANNER_KNOWN,
    MANNER_STRANGER,
    MANNER_UNSHOWN,
    MANNER_LATE,
    MANNER_PROTOCOL,
    MANNER_OTHER_PROTOCOL,
    MANNER_OTHER_ROOTS,
    MANNER_UNNAMED,
    MANNER_PIN,
    MANNERS
};

/* What a third party does between the two: see meddler.h. */
enum wire { WIRE_STRAIGHT, WIRE_DRIBBLE, WIRE_FLIP, WIRE_CUT, WIRE_CUT_EARLY, WIRE_RESET };

/* ONLY_CLIENT: the first side is the client. VANISHES: so early that the other side may not know of whom it was. */
enum { ONLY_1_3 = 1, ONLY_SWAPPED = 2, ONLY_1_2 = 4, ONLY_CLIENT = 8, VANISHES = 16 };

struct story {
    const char *name;
    enum manner manner;
    enum wire wire;
    int limits;
    const char *steps[2], *endings[2];
};

extern const struct story stories[];
extern const size_t story_count;

/* Takes the step at *at off; verb 0: there is none. */
struct step next_step(const char **at);

/* What a client does at its turn. All of it comes from the seed. */
struct plan {
    uint64_t seed;
    unsigned story;
    bool swapped;  /* the first side is the server */
    bool tls13;    /* the highest version */
    bool resuming; /* of a config that keeps sessions */
    unsigned target;
};
/* false: no story has this turn (it is for another version or role). */
bool plan_of(uint64_t seed, unsigned targets, struct plan *plan);
/* So many seeds in a row have every story in each version and role once. */
uint64_t plan_round(void);

/* The steps of a side of it. */
const char *plan_steps(const struct plan *plan, bool server);

/* The address from which a client calls tells the server which story it is: 127.1.STORY.FLAGS. */
void plan_address(const struct plan *plan, char text[32]);
/* "127.1.3.2:4711" to a plan (no seed, no target) and the port; false: somebody else. */
bool plan_of_address(const char *peer, struct plan *plan, unsigned *port);

/* The whole table, for the driver. */
void print_stories(void);

#endif
