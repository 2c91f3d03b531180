/* SPDX-License-Identifier: MIT */
/*
 * The file: a line that says what it is, a checksum and the server's name, then the session's bytes. A damaged session must not be
 * offered: the server would refuse the handshake.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "values.h"

#define TITLE "adieu session 1 "
#define HEAD_SIZE 320
/* A ticket and a chain of certificates; TLS would allow more, nobody sends it. */
#define MOST (256 * 1024)

/* FNV-1a: against accidents, not against people. */
static uint64_t checksum(const uint8_t *bytes, size_t size)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static int head(const struct session *session, const uint8_t *bytes, size_t size, char text[HEAD_SIZE])
{
    return snprintf(text, HEAD_SIZE, TITLE "%016llx %s\n", (unsigned long long)checksum(bytes, size), session->name);
}

/* ---------------------------------------------------------------- reading it */

static void useless(const struct session *session, const char *why)
{
    say_note("--session %s: %s; a full handshake is done instead", session->path, why);
}

/* Nothing but a regular file is read, or replaced: /dev/null is one for everybody. */
static bool is_regular(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

/* All of it into buffer, at most size bytes. -1: errno. */
static ssize_t read_all(int descriptor, uint8_t *buffer, size_t size)
{
    size_t length = 0;
    ssize_t n;
    do {
        n = read(descriptor, buffer + length, size - length);
        length += n > 0 ? (size_t)n : 0;
    } while ((n > 0 && length < size) || (n < 0 && errno == EINTR));
    return n < 0 ? -1 : (ssize_t)length;
}

/* 0: there is none, which has been said if there should be. */
static size_t load(const struct session *session, uint8_t *buffer)
{
    int descriptor = open(session->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT)
        return 0;
    bool regular = descriptor >= 0 && is_regular(descriptor);
    ssize_t length = regular ? read_all(descriptor, buffer, MOST) : -1;
    int error = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (descriptor >= 0 && !regular)
        useless(session, "it is no file");
    else if (length < 0)
        useless(session, strerror(error));
    else if (length == MOST)
        useless(session, "it is too large to hold a session");
    return length < 0 || length == MOST ? 0 : (size_t)length;
}

/* The session behind the head; NULL: it is none for us, which has been said. */
static const uint8_t *unwrap(const struct session *session, const uint8_t *file, size_t *size)
{
    char wanted[HEAD_SIZE];
    const uint8_t *newline = memchr(file, '\n', *size);
    if (!newline || *size < strlen(TITLE) || memcmp(file, TITLE, strlen(TITLE)) != 0) {
        useless(session, "it holds no session");
        return NULL;
    }
    size_t length = (size_t)(newline + 1 - file);
    *size -= length;
    int fits = head(session, newline + 1, *size, wanted);
    if (fits == (int)length && memcmp(wanted, file, length) == 0)
        return newline + 1;
    bool damaged = length < strlen(TITLE) + 17 || memcmp(wanted, file, strlen(TITLE) + 17) != 0;
    useless(session, damaged ? "it is damaged" : "its session is another server's");
    return NULL;
}

static void offer(struct session *session, struct adieu_stream *stream, const uint8_t *file, size_t size)
{
    const uint8_t *bytes = unwrap(session, file, &size);
    if (!bytes)
        return;
    session->offered = adieu_resume(stream, bytes, size) == ADIEU_OK;
    if (!session->offered)
        useless(session, "its session was made while others were trusted than now");
}

void session_offer(struct session *session, struct adieu_stream *stream)
{
    uint8_t *buffer = session->path ? malloc(MOST) : NULL;
    if (!buffer)
        return;
    size_t size = load(session, buffer);
    if (size > 0)
        offer(session, stream, buffer, size);
    value_wipe(buffer, size);
    free(buffer);
}

/* ---------------------------------------------------------------- writing it */

void session_forget(struct session *session)
{
    if (session->bytes)
        value_wipe(session->bytes, session->size);
    free(session->bytes);
    session->bytes = NULL;
    session->size = 0;
}

void session_came(void *context, const struct adieu_stream *stream, const uint8_t *bytes, size_t size)
{
    struct session *session = context;
    (void)stream;
    session_forget(session);
    session->bytes = size < MOST - HEAD_SIZE ? malloc(size) : NULL;
    if (!session->bytes)
        return;
    memcpy(session->bytes, bytes, size);
    session->size = size;
}

static bool write_all(int descriptor, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = write(descriptor, at, size);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool fill(const struct session *session, int descriptor)
{
    char text[HEAD_SIZE];
    int length = head(session, session->bytes, session->size, text);
    bool written = length < HEAD_SIZE && write_all(descriptor, text, (size_t)length) &&
                   write_all(descriptor, session->bytes, session->size);
    int error = errno;
    if (close(descriptor) == 0 || !written)
        errno = error;
    else
        written = false;
    return written;
}

static bool may_replace(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return true;
    errno = EEXIST;
    return false;
}

/* Under another name first, so that whoever reads it finds a whole one. mkstemp() lets nobody else read it. */
static bool replace(const struct session *session)
{
    char temporary[4096];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", session->path);
    if (length >= (int)sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    int descriptor = may_replace(session->path) ? mkstemp(temporary) : -1;
    if (descriptor < 0)
        return false;
    if (fill(session, descriptor) && rename(temporary, session->path) == 0)
        return true;
    int error = errno;
    (void)unlink(temporary);
    errno = error;
    return false;
}

/* A connection that failed by an alert or a violation vouches for nothing that came in it. */
static bool is_sound(const struct adieu_ending *ending)
{
    return ending->receiving != ADIEU_RECEIVING_ALERTED && ending->receiving != ADIEU_RECEIVING_REJECTED &&
           !ending->alert_sent.seen;
}

/*
 * What was offered has been on the wire, and is not offered again: observers could tell that both were the same client (RFC
 * 9846 C.4). In TLS 1.2 a session that was resumed stays good.
 */
static bool stays_good(const struct adieu_stream *stream)
{
    const char *version = adieu_version(stream);
    return version && strcmp(version, "TLSv1.2") == 0 && adieu_resumed(stream);
}

void session_keep(const struct session *session, const struct adieu_stream *stream)
{
    struct adieu_ending ending = adieu_ending(stream);
    bool sound = is_sound(&ending);
    if (session->path && session->bytes && sound) {
        if (!replace(session))
            say_note("--session %s: the new session cannot be kept: %s", session->path, strerror(errno));
    } else if (session->offered && !(sound && stays_good(stream))) {
        (void)unlink(session->path);
    }
}
