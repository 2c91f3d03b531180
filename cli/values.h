/* SPDX-License-Identifier: MIT */
/* The values of options: text to meaning. Each returns false, with its result untouched, for what cannot be one. */
#ifndef ADIEU_CLI_VALUES_H
#define ADIEU_CLI_VALUES_H

#include <adieu.h>

/* A host with its NUL, and a port. */
#define HOST_SIZE 256
#define PORT_SIZE 64

/* "10", "0.5", "never"; rounded up to milliseconds. */
bool value_seconds(const char *text, int64_t *milliseconds);
bool value_bytes(const char *text, uint64_t *bytes);
/* 64 hexadecimal digits, with or without colons; or sha256// and base64. */
bool value_pin(const char *text, uint8_t pin[ADIEU_PIN_SIZE]);
/* The 64 digits again. Returns text. */
#define PIN_TEXT (2 * ADIEU_PIN_SIZE + 1)
char *value_pin_text(const uint8_t pin[ADIEU_PIN_SIZE], char text[PIN_TEXT]);
/* One of the words, which stand as "a|b|c"; its index. */
bool value_word(const char *text, const char *words, unsigned *index);
/* The N of "fd:N". */
bool value_descriptor(const char *text, int *descriptor);
/* A port's number, or the name of a TCP service. zero: 0 is allowed. */
bool value_port(const char *text, bool zero);
/* The number, in this machine's order, of what is one of those. */
unsigned value_port_number(const char *text);
/* 0 to 15, or -1. */
int value_hex_digit(char c);

/*
 * [HOST:]PORT into host and port, an IPv6 address in brackets. NULL: done; otherwise what is wrong with it, as the end of
 * a sentence. host is "" if there is none, and "*" stays.
 */
const char *value_address(const char *text, bool listening, char host[HOST_SIZE], char port[PORT_SIZE]);

/* An address that needs no resolving. */
bool value_numeric_address(const char *text);
/* A path that a Unix socket can have. */
bool value_socket_path(const char *text);

/* What was a secret is no more. */
void value_wipe(void *secret, size_t size);

#endif
