/* SPDX-License-Identifier: MIT */
/*
 * figures_… CERT KEY: does each operation and has it counted, first on the server's side, then on the client's. Under callgrind
 * each is a dump of its instructions; with libcounts.so in LD_PRELOAD, a line of JSON.
 */
#include "turns.h"

/* How often before anything is counted, and then. */
enum { WARM = 3, MANY = 6, OFTEN = 50 };
enum { KILOBYTE = 1024, IDLE_SIZE = 16384, MEGABYTE = 1 << 20 };
/* Nothing here waits, so nothing takes longer than this. */
enum { MOST_TURNS = 10000 };

static char bytes[MEGABYTE];

/* ------------------------------------------------ connections */

static void shake(struct connection *connection, bool resumes)
{
    bool done[SIDES] = {false};
    for (enum side side = SERVER; side < SIDES; side++)
        turn_begin(connection, side, resumes);
    for (int turn = 0; turn < MOST_TURNS && !(done[CLIENT] && done[SERVER]); turn++) {
        enum side side = turn % 2 ? SERVER : CLIENT;
        if (!done[side])
            done[side] = turn_handshake(connection, side);
    }
    if (!done[CLIENT] || !done[SERVER])
        give_up("the handshake takes for ever");
}

/* One side begins, the other has read the end when it answers. */
static void part(struct connection *connection, enum side first)
{
    bool done[SIDES] = {false};
    for (int turn = 0; turn < MOST_TURNS && !(done[CLIENT] && done[SERVER]); turn++) {
        enum side side = turn % 2 ? !first : first;
        if (turn == 1)
            turn_read(connection, side);
        if (!done[side])
            done[side] = turn_close(connection, side);
        time_passes(1); /* a goodbye looks up now and then */
    }
    if (!done[CLIENT] || !done[SERVER])
        give_up("the goodbye takes for ever");
    for (enum side side = SERVER; side < SIDES; side++)
        turn_end(connection, side);
    connection_end(connection);
}

/* Which part of a connection's life is counted. */
enum counted { NOTHING, SHAKING, PARTING };

static void live(enum counted counted, bool resumes, enum side first, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct connection connection;
        connection_begin(&connection);
        turns_count = counted == SHAKING;
        shake(&connection, resumes);
        turns_count = counted == PARTING;
        if (counted != NOTHING && end_resumed(connection.ends[SERVER]) != resumes)
            give_up("it was resumed, or not, as it should not be");
        part(&connection, first);
    }
}

static void lives(const char *operation, enum counted counted, bool resumes, enum side first)
{
    live(NOTHING, resumes, first, WARM);
    counting_begin();
    live(counted, resumes, first, MANY);
    counting_end(operation, MANY);
}

/* ------------------------------------------------ bytes */

static void echo(struct connection *connection, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        for (enum side side = SERVER; side < SIDES; side++)
            if (turn_echo(connection, side) != 1)
                give_up("the ping is lost");
}

static void ping(void)
{
    struct connection connection;
    connection_begin(&connection);
    shake(&connection, false);
    if (turn_read(&connection, CLIENT) != 0 || turn_write(&connection, CLIENT, bytes, 1) != 1) /* read were tickets */
        give_up("the first ping");
    echo(&connection, OFTEN);
    counting_begin();
    echo(&connection, OFTEN);
    counting_end("ping", OFTEN);
    part(&connection, CLIENT);
}

/* So much in each turn. */
static void say(struct connection *connection, enum side from, size_t total, size_t each)
{
    size_t said = 0, heard = 0;
    for (int turn = 0; turn < MOST_TURNS && heard < total; turn++) {
        if (said < total)
            said += turn_write(connection, from, bytes + said, total - said < each ? total - said : each);
        heard += turn_read(connection, !from);
    }
    if (heard != total)
        give_up("the bytes are lost");
}

static void flow(const char *operation, enum side from, size_t total, size_t each, unsigned times)
{
    struct connection connection;
    connection_begin(&connection);
    shake(&connection, false);
    say(&connection, CLIENT, total, each);
    say(&connection, SERVER, total, each);
    counting_begin();
    for (unsigned i = 0; i < times; i++)
        say(&connection, from, total, each);
    counting_end(operation, times);
    part(&connection, CLIENT);
}

/* What a connection holds that has said and heard something, and waits. */
static void idle(void)
{
    struct connection connection;
    connection_begin(&connection);
    counting_begin();
    shake(&connection, false);
    say(&connection, CLIENT, IDLE_SIZE, IDLE_SIZE);
    say(&connection, SERVER, IDLE_SIZE, IDLE_SIZE);
    turn_read(&connection, counted_side);
    turn_rest(&connection, counted_side);
    counting_end("idle", 1);
    part(&connection, CLIENT);
}

int main(int count, char **words)
{
    if (count != 3)
        give_up("usage: figures CERT KEY");
    subject_begin(words[1], words[2]);
    for (counted_side = SERVER; counted_side < SIDES; counted_side++) {
        ping();
        flow("kilobyte said", counted_side, KILOBYTE, KILOBYTE, OFTEN);
        flow("kilobyte heard", !counted_side, KILOBYTE, KILOBYTE, OFTEN);
        flow("megabyte said", counted_side, MEGABYTE, READ_SIZE, 1);
        flow("megabyte heard", !counted_side, MEGABYTE, READ_SIZE, 1);
        lives("full handshake", SHAKING, false, CLIENT);
        lives("resumed handshake", SHAKING, true, CLIENT);
        lives("answered close", PARTING, false, CLIENT);
        lives("begun close", PARTING, false, SERVER);
        idle();
    }
    subject_end();
    return 0;
}
