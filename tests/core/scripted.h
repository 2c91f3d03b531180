/* SPDX-License-Identifier: MIT */
/* A stream on the fake engine, and a peer played by the test: what it says, and what it got. */
#ifndef ADIEU_TESTS_SCRIPTED_H
#define ADIEU_TESTS_SCRIPTED_H

#include "check.h"
#include "fake_engine.h"

/* A stream that has done nothing yet. The caller frees it. */
struct adieu_stream *fresh(bool server);
/* The same, with a queue of so many records. */
struct adieu_stream *fresh_with_queue(bool server, unsigned records);
/* Does the handshake; afterwards nothing waits in either direction. */
void establish(struct adieu_stream *s);
/* A client behind its handshake. */
struct adieu_stream *established(void);

/* Hands the stream received bytes, in as many pieces as its room asks for; fails the test if there is none. */
void receive(struct adieu_stream *s, const void *bytes, size_t size);
/* The peer says one frame: see fake_engine.h. */
void say(struct adieu_stream *s, char tag, const void *payload, size_t size);
void say_data(struct adieu_stream *s, const char *text);
/* A frame without a payload, or with one byte. */
void say_tag(struct adieu_stream *s, char tag);
void say_number(struct adieu_stream *s, char tag, uint8_t number);

/* The transport takes all that waits; the tags of the frames it got, in order ("DDC"). Valid until the next call. */
const char *flush(struct adieu_stream *s);
/* The same, up to most bytes, which it keeps to itself; returns how many it took. */
size_t flush_some(struct adieu_stream *s, size_t most);

/* Calls whose only interest is their status. */
enum adieu_status read_status(struct adieu_stream *s); /* a read of up to 64 bytes */
enum adieu_status write_text(struct adieu_stream *s, const char *text);
/* Writes size bytes, as far as they are taken; how many were. */
size_t write_much(struct adieu_stream *s, size_t size);
/* Reads until it is not OK; that status. */
enum adieu_status read_out(struct adieu_stream *s, size_t *total);
/* Reads exactly this text. */
void check_reads(struct adieu_stream *s, const char *text);
/* Every verb's answer is the same three times. */
void check_stable(struct adieu_stream *s);

#endif
