/* SPDX-License-Identifier: MIT */
/* A connection of two ends, which take turns; the turns of one side are counted, if anything is. */
#ifndef ADIEU_TURNS_H
#define ADIEU_TURNS_H

#include "figures.h"

enum side { SERVER, CLIENT, SIDES };

struct connection {
    struct end *ends[SIDES];
    int sockets[SIDES];
};

extern enum side counted_side;
extern bool turns_count;

/* From here on turns count; what was counted before is forgotten. */
void counting_begin(void);
/* What was counted is told under this name. */
void counting_end(const char *operation, unsigned times);

/* Two ends that nothing was done with yet; behind the last turn, what is left of them. */
void connection_begin(struct connection *connection);
void connection_end(struct connection *connection);

/* A turn of one end: see figures.h. */
void turn_begin(struct connection *connection, enum side side, bool resumes);
bool turn_handshake(struct connection *connection, enum side side);
size_t turn_write(struct connection *connection, enum side side, const char *bytes, size_t size);
size_t turn_read(struct connection *connection, enum side side);
size_t turn_echo(struct connection *connection, enum side side);
void turn_rest(struct connection *connection, enum side side);
bool turn_close(struct connection *connection, enum side side);
void turn_end(struct connection *connection, enum side side);

#endif
