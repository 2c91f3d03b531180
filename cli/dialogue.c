/* SPDX-License-Identifier: MIT */
#include "dialogue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "values.h"

void dialogue_begin(struct dialogue *dialogue, bool tls_follows)
{
    *dialogue = (struct dialogue){.tls_follows = tls_follows};
}

static bool is_over(const struct dialogue *dialogue)
{
    return dialogue->status == DIALOGUE_DONE || dialogue->status == DIALOGUE_FAILED;
}

/* ---------------------------------------------------------------- what we say */

void dialogue_say(struct dialogue *dialogue, const void *words, size_t size)
{
    if (size > sizeof dialogue->words - dialogue->words_end) {
        dialogue_fail(dialogue, "what is to be said to it is too long");
        return;
    }
    memcpy(dialogue->words + dialogue->words_end, words, size);
    dialogue->words_end += size;
}

void dialogue_say_text(struct dialogue *dialogue, const char *format, ...)
{
    size_t room = sizeof dialogue->words - dialogue->words_end;
    va_list values;
    va_start(values, format);
    int length = vsnprintf((char *)dialogue->words + dialogue->words_end, room, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= room)
        dialogue_fail(dialogue, "what is to be said to it is too long");
    else
        dialogue->words_end += (size_t)length;
}

/* There may be a password in them. */
static void forget_words(struct dialogue *dialogue)
{
    value_wipe(dialogue->words, sizeof dialogue->words);
    dialogue->words_start = dialogue->words_end = 0;
}

/* ---------------------------------------------------------------- what is to come */

static void await(struct dialogue *dialogue, const char *awaits, void (*heard)(struct dialogue *))
{
    dialogue->heard = heard;
    dialogue->code = 0;
    if (awaits)
        dialogue->awaits = awaits;
}

void dialogue_await_to(struct dialogue *dialogue, char stop, const char *awaits, void (*heard)(struct dialogue *))
{
    await(dialogue, awaits, heard);
    dialogue->stop = stop;
    dialogue->wanted = 0;
}

void dialogue_await(struct dialogue *dialogue, size_t size, const char *awaits, void (*heard)(struct dialogue *))
{
    await(dialogue, awaits, heard);
    dialogue->wanted = size;
    if (size == 0 || size > DIALOGUE_REPLY)
        dialogue_fail(dialogue, "%s has an impossible length", dialogue->awaits);
}

void dialogue_more(struct dialogue *dialogue)
{
    dialogue->whole = false;
}

/* ---------------------------------------------------------------- how it ends */

void dialogue_agree(struct dialogue *dialogue)
{
    dialogue->agreed = true;
}

void dialogue_fail(struct dialogue *dialogue, const char *format, ...)
{
    va_list values;
    if (is_over(dialogue))
        return;
    va_start(values, format);
    vsnprintf(dialogue->error, sizeof dialogue->error, format, values);
    va_end(values);
    dialogue->status = DIALOGUE_FAILED;
}

static void transport_failed(struct dialogue *dialogue, int os_error)
{
    dialogue_fail(dialogue, "the connection failed while we waited for %s: %s", dialogue->awaits, strerror(os_error));
    dialogue->os_error = os_error;
}

static void peer_left(struct dialogue *dialogue)
{
    dialogue_fail(dialogue, "it closed the connection while we waited for %s (%zu bytes of it had come)",
                  dialogue->awaits, dialogue->length);
}

/* ---------------------------------------------------------------- moving the bytes */

static bool would_wait(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* False: it has to be waited for. What cannot be sent is given up: what the peer said before it left explains it better. */
static bool send_words(struct dialogue *dialogue, int descriptor)
{
    ssize_t n = send(descriptor, dialogue->words + dialogue->words_start, dialogue->words_end - dialogue->words_start,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && would_wait(errno)) {
        dialogue->status = DIALOGUE_WRITE;
        return false;
    }
    if (n > 0)
        dialogue->words_start += (size_t)n;
    if (n < 0 || dialogue->words_start == dialogue->words_end)
        forget_words(dialogue);
    return true;
}

/* How many of the next bytes belong to this reply; they are looked at, not taken. 0 or less: as recv() says. */
static ssize_t look(const struct dialogue *dialogue, int descriptor, uint8_t *bytes, size_t room)
{
    if (dialogue->wanted)
        room = dialogue->wanted - dialogue->length;
    ssize_t n = recv(descriptor, bytes, room, MSG_PEEK | MSG_DONTWAIT);
    const uint8_t *stop = n > 0 && !dialogue->wanted ? memchr(bytes, dialogue->stop, (size_t)n) : NULL;
    return stop ? stop - bytes + 1 : n;
}

/* As recv(), but never more than this reply. */
static ssize_t take(struct dialogue *dialogue, int descriptor)
{
    uint8_t *bytes = dialogue->reply + dialogue->length;
    ssize_t n = look(dialogue, descriptor, bytes, DIALOGUE_REPLY - dialogue->length);
    if (n > 0)
        n = recv(descriptor, bytes, (size_t)n, MSG_DONTWAIT);
    if (n > 0) {
        dialogue->length += (size_t)n;
        dialogue->total += (size_t)n;
    }
    return n;
}

static bool is_whole(const struct dialogue *dialogue)
{
    if (dialogue->wanted)
        return dialogue->length == dialogue->wanted;
    return dialogue->length > 0 && dialogue->reply[dialogue->length - 1] == (uint8_t)dialogue->stop;
}

/*
 * Bytes behind the last reply were sent unprotected by somebody who knew what we would ask (CVE-2011-0411 and its kin).
 * They would not be taken for protected ones, since they are left to TLS; this says what is wrong more clearly than TLS could.
 */
static void look_behind(struct dialogue *dialogue, int descriptor)
{
    uint8_t surplus[DIALOGUE_REPLY];
    ssize_t n = dialogue->tls_follows ? recv(descriptor, surplus, sizeof surplus, MSG_PEEK | MSG_DONTWAIT) : 0;
    if (n > 0)
        dialogue_fail(dialogue,
                      "%zd bytes came unprotected behind its go-ahead, where only TLS may follow: somebody may "
                      "have put them there",
                      n);
    else if (n < 0 && !would_wait(errno))
        transport_failed(dialogue, errno);
    else
        dialogue->status = DIALOGUE_DONE;
}

static void reply_came(struct dialogue *dialogue, int descriptor)
{
    dialogue->whole = true;
    dialogue->reply[dialogue->length] = '\0';
    dialogue->heard(dialogue);
    if (dialogue->whole)
        dialogue->length = 0;
    if (dialogue->agreed && !is_over(dialogue))
        look_behind(dialogue, descriptor);
}

static void too_much(struct dialogue *dialogue)
{
    dialogue_fail(dialogue, "it says too much: %zu bytes without the end of %s", dialogue->total, dialogue->awaits);
}

/* False: it has to be waited for. */
static bool hear(struct dialogue *dialogue, int descriptor)
{
    ssize_t n = take(dialogue, descriptor);
    if (n < 0 && would_wait(errno)) {
        dialogue->status = DIALOGUE_READ;
        return false;
    }
    if (n < 0)
        transport_failed(dialogue, errno);
    else if (n == 0)
        peer_left(dialogue);
    else if (is_whole(dialogue))
        reply_came(dialogue, descriptor);
    if (dialogue->length == DIALOGUE_REPLY || dialogue->total >= DIALOGUE_ALL)
        too_much(dialogue);
    return true;
}

enum dialogue_status dialogue_step(struct dialogue *dialogue, int descriptor)
{
    bool going = true;
    while (going && !is_over(dialogue))
        going =
            dialogue->words_start < dialogue->words_end ? send_words(dialogue, descriptor) : hear(dialogue, descriptor);
    if (is_over(dialogue))
        forget_words(dialogue);
    return dialogue->status;
}

char *dialogue_quote(const void *said, size_t length, char *text, size_t size)
{
    const unsigned char *from = said;
    size_t at = 0;
    for (; at + 1 < size && at < length && from[at] != '\0' && from[at] != '\r' && from[at] != '\n'; at++)
        text[at] = from[at] < 0x20 || from[at] >= 0x7f ? '?' : (char)from[at];
    text[at] = '\0';
    return text;
}
