/* SPDX-License-Identifier: MIT */
/* One record: made as told, right or wrong, and read. */
#ifndef ADIEU_TESTS_PEER_RECORD_H
#define ADIEU_TESTS_PEER_RECORD_H

#include "bytes.h"
#include "keys.h"

enum record_type { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum message_type {
    MESSAGE_NEW_SESSION_TICKET = 4,
    MESSAGE_FINISHED = 20,
    MESSAGE_KEY_UPDATE = 24,
};
#define RECORD_HEADER 5
#define RECORD_MOST 16384 /* plaintext of one record */
#define AS_IT_IS (-1)

/* What is to be made. What is AS_IT_IS is as an honest peer would have it. */
struct recipe {
    uint8_t type;
    const uint8_t *content;
    size_t size;
    size_t pad;
    int outer, version, length;
};
/* keys NULL: not sealed. Adds the record to out. */
void record_make(const struct keys *keys, uint64_t sequence, const struct recipe *recipe, struct bytes *out);

/* What came. */
struct record {
    uint8_t type; /* the true one */
    bool sealed;
    bool opened; /* or not sealed */
    struct bytes content;
};
/* Takes one whole record from the front; false: there is none yet. */
bool record_split(struct bytes *from, struct bytes *raw);
void record_read(const struct keys *keys, uint64_t sequence, const struct bytes *raw, struct record *record);
/* "alert fatal bad_record_mac, sealed", for people. Returns text. */
char *record_show(const struct record *record, char *text, size_t size);

/* Names: of handshake messages, and of alerts. -1: no such name; a number is a name. */
int message_number(const char *name);
const char *message_name(int number, char *text, size_t size);
int level_number(const char *name);
const char *level_name(int number, char *text, size_t size);
int alert_number(const char *name);
const char *alert_text(int number, char *text, size_t size);

#endif
