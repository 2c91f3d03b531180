/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* strerrorname_np: POSIX has no names for errno */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ends.h"
#include "say.h"
#include "values.h"
#include "verdict.h"

/* A descriptor of our own for it, since standard output is closed before there is anything to report. -1: errno. */
static int own_descriptor(int descriptor)
{
    int copy = ends_claim(descriptor);
    if (copy >= 0 && (fcntl(copy, F_GETFL) & O_ACCMODE) != O_RDONLY)
        return copy;
    if (copy >= 0)
        close(copy);
    errno = copy < 0 ? -copy : EBADF;
    return -1;
}

/* Opening a FIFO waits for its reader; so do not wait, and have a missing reader told (ENXIO). */
static int open_path(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (descriptor >= 0)
        (void)fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
    return descriptor;
}

static bool cannot_write(struct run *run, int error)
{
    run_error(run, ADIEU_ERR_FILE, error, "--report %s cannot be written: %s", run->options->report, strerror(error));
    run->report = -1;
    return false;
}

bool report_open(struct run *run)
{
    const char *path = run->options->report;
    if (!path)
        return true;
    int descriptor;
    run->report = value_descriptor(path, &descriptor) ? own_descriptor(descriptor) : open_path(path);
    return run->report >= 0 || cannot_write(run, errno);
}

/* ---------------------------------------------------------------- values */

/* JSON is UTF-8; what the peer or a path says may not be. */
static json_t *text(const char *value)
{
    json_t *string = value ? json_string(value) : json_null();
    if (string)
        return string;
    char *copy = strdup(value);
    for (char *at = copy; at && *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    string = json_string(copy ? copy : "");
    free(copy);
    return string;
}

/* An enum's value that means "none" is null. */
static json_t *text_unless(bool none, const char *value)
{
    return none ? json_null() : text(value);
}

static json_t *count(uint64_t value)
{
    return value == ADIEU_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

static json_t *seconds(int64_t from, int64_t to)
{
    return from == 0 || to == 0 ? json_null() : json_real((double)(to - from) / 1000.0);
}

static json_t *alert(const struct adieu_alert *alert)
{
    if (!alert->seen)
        return json_null();
    return json_pack("{s:i, s:i, s:s}", "level", alert->level, "number", alert->number, "name",
                     adieu_alert_name(alert->number));
}

static json_t *error(const struct adieu_error *why)
{
    if (why->code == ADIEU_ERR_NONE)
        return json_null();
    return json_pack("{s:s, s:o}", "code", adieu_error_code_name(why->code), "text", text(why->text));
}

static json_t *system_error(int number)
{
    const char *name = strerrorname_np(number);
    return name ? json_string(name) : json_sprintf("E%d", number);
}

static json_t *os_error(const struct connection *connection)
{
    int number = connection->ending.os_error ? connection->ending.os_error : connection->why.os_error;
    return number == 0 ? json_null() : system_error(number);
}

static json_t *bytes(const struct adieu_ending *ending)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "taken", count(ending->taken), "sent", count(ending->sent),
                     "acknowledged", count(ending->acknowledged), "received", count(ending->received), "discarded",
                     count(ending->discarded));
}

/* A phase that was never done took no time that could be told: how long it was tried is in total. */
static json_t *all_seconds(const struct moments *at)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "connect", seconds(at->started, at->reached), "handshake",
                     seconds(at->reached, at->established), "total", seconds(at->started, at->over), "close",
                     at->reached ? seconds(at->closing, at->over) : json_null());
}

/* ---------------------------------------------------------------- the object */

static void put(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static void put_handshake(json_t *object, const struct connection *connection)
{
    const struct adieu_stream *stream = connection->at.established ? adieu_fd_stream(connection->fd) : NULL;
    put(object, "tls", text(stream ? adieu_version(stream) : NULL));
    put(object, "cipher", text(stream ? adieu_cipher(stream) : NULL));
    put(object, "alpn", text(stream ? adieu_alpn(stream) : NULL));
    put(object, "resumed", stream ? json_boolean(adieu_resumed(stream)) : json_null());
    put(object, "verified", text(stream ? adieu_verified_name(adieu_verified(stream)) : NULL));
}

static void put_ending(json_t *object, const struct connection *connection)
{
    const struct adieu_ending *ending = &connection->ending;
    bool none = connection->at.reached == 0;
    put(object, "phase", text_unless(none, adieu_phase_name(ending->phase)));
    put(object, "sending", text_unless(none, adieu_sending_name(ending->sending)));
    put(object, "receiving", text_unless(none, adieu_receiving_name(ending->receiving)));
    put(object, "first", text_unless(none || ending->first == ADIEU_FIRST_NOBODY, adieu_first_name(ending->first)));
    put(object, "after", text_unless(none || ending->after == ADIEU_AFTER_NOTHING, adieu_after_name(ending->after)));
    put(object, "alert_received", alert(&ending->alert_received));
    put(object, "alert_sent", alert(&ending->alert_sent));
    put(object, "user_canceled", json_boolean(ending->user_canceled));
    put(object, "inside_record", json_boolean(ending->inside_record));
}

/* Before there is a connection, nothing is known of acknowledgements. */
static json_t *bytes_of(const struct connection *connection)
{
    struct adieu_ending ending = connection->ending;
    if (connection->at.reached == 0)
        ending.acknowledged = ADIEU_UNKNOWN;
    return bytes(&ending);
}

static json_t *command(const struct child *child)
{
    char name[16];
    if (!child->exited)
        return json_null();
    return json_pack("{s:i, s:s?}", "status", exec_status(child), "signal", exec_signal(child, name, sizeof name));
}

static json_t *report(const struct connection *connection)
{
    char peer[160];
    json_t *object = json_object();
    connection_peer(connection, peer, sizeof peer);
    put(object, "adieu", json_integer(1));
    put(object, "role", text(command_name(connection->options->command)));
    put(object, "peer", text(peer[0] != '\0' ? peer : NULL));
    put_handshake(object, connection);
    put_ending(object, connection);
    put(object, "os_error", os_error(connection));
    put(object, "error", error(&connection->why));
    put(object, "bytes", bytes_of(connection));
    put(object, "seconds", all_seconds(&connection->at));
    put(object, "command", command(&connection->child));
    put(object, "exit", json_integer(connection->exit));
    return object;
}

/* ---------------------------------------------------------------- writing */

/* How long whoever reads the report may keep us waiting. */
#define PATIENCE_MS 10000

/* One write, so that reports appended by several processes do not mix. */
static bool write_all(int descriptor, const char *line, size_t length)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    while (length > 0) {
        if (poll(&ready, 1, PATIENCE_MS) == 0) {
            errno = ETIMEDOUT;
            return false;
        }
        ssize_t n = write(descriptor, line, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        line += n;
        length -= (size_t)n;
    }
    return true;
}

static bool write_line(const struct connection *connection)
{
    json_t *object = report(connection);
    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    size_t length = line ? strlen(line) : 0;
    char *whole = line ? realloc(line, length + 1) : NULL;
    if (!whole) {
        errno = ENOMEM;
        return false;
    }
    whole[length] = '\n'; /* in the place of the NUL */
    bool done = write_all(connection->run->report, whole, length + 1);
    int error = errno;
    free(whole);
    errno = error;
    return done;
}

static int worse(int status)
{
    return status == ADIEU_EXIT_DELIVERED ? ADIEU_EXIT_OTHER : status;
}

/* The first failure is told; the rest of a report with a hole in it would not help. */
void report_write(struct connection *connection)
{
    struct run *run = connection->run;
    if (run->report < 0 || write_line(connection))
        return;
    say_error("the report could not be written to %s: %s; how it ended: exit %d", run->options->report, strerror(errno),
              connection->exit);
    connection->exit = worse(connection->exit);
    close(run->report);
    run->report = -1;
}

void report_close(struct run *run)
{
    if (run->report < 0 || close(run->report) == 0 || errno == EINTR)
        return;
    say_error("the report could not be written to %s: %s", run->options->report, strerror(errno));
    run->exit = worse(run->exit);
}
