/* SPDX-License-Identifier: MIT */
/* adieu listen: where peers come in. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "say.h"
#include "serve.h"
#include "values.h"

#define RESOLVE_MS 10000

/* Where it listens is this machine unless said otherwise: nobody is let in by accident. */
static const char *listen_host(const struct options *options)
{
    if (options->host[0] == '\0')
        return options->family == AF_INET6 ? "::1" : "127.0.0.1";
    return strcmp(options->host, "*") == 0 ? NULL : options->host;
}

/* ---------------------------------------------------------------- the line that connect is called with */

static bool is_any(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* A word for a shell: quoted if anything in it could mean more than itself. */
static void shell_word(const char *word, char *text, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
    size_t at = 0;
    if (strspn(word, plain) == strlen(word)) {
        snprintf(text, size, "%s", word);
        return;
    }
    text[at++] = '\'';
    for (; *word != '\0' && at + 6 < size; word++) {
        memcpy(text + at, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
        at += *word == '\'' ? 4 : 1;
    }
    text[at++] = '\'';
    text[at] = '\0';
}

/* where: as it stands on the command line of connect. */
static void say_listening(const struct run *run, const char *address, const char *where)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    char text[PIN_TEXT];
    say_note("listening on %s", address);
    if (!run->options->cert && adieu_config_identity_pin(run->config, pin) == ADIEU_OK)
        say_note("throwaway identity; trust it with: adieu connect %s --pin %s", where, value_pin_text(pin, text));
}

static bool say_internet(const struct run *run)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[64], port[8], here[80], there[80];
    if (getsockname(run->listener, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return false;
    bool six = strchr(host, ':') != NULL;
    const char *reached = !is_any(host) ? host : six ? "::1" : "127.0.0.1";
    snprintf(here, sizeof here, six ? "[%s]:%s" : "%s:%s", host, port);
    snprintf(there, sizeof there, six ? "[%s]:%s" : "%s:%s", reached, port);
    say_listening(run, here, there);
    return true;
}

static void say_where(const struct run *run)
{
    char word[1024], option[1040];
    if (!run->options->path) {
        (void)say_internet(run);
        return;
    }
    shell_word(run->options->path, word, sizeof word);
    snprintf(option, sizeof option, "--unix %s", word);
    say_listening(run, run->options->path, option);
}

/* ---------------------------------------------------------------- the listener */

/* Which file it is that listen made, so that it removes no other. */
static struct {
    bool made;
    dev_t device;
    ino_t inode;
} unix_socket;

static void remember_unix_socket(const struct run *run)
{
    struct stat status;
    if (!run->options->path || lstat(run->options->path, &status) != 0)
        return;
    unix_socket.made = true;
    unix_socket.device = status.st_dev;
    unix_socket.inode = status.st_ino;
}

static void remove_unix_socket(const struct run *run)
{
    struct stat status;
    if (unix_socket.made && lstat(run->options->path, &status) == 0 && status.st_dev == unix_socket.device &&
        status.st_ino == unix_socket.inode)
        unlink(run->options->path);
    unix_socket.made = false;
}

/* Listening has no deadline of its own; resolving a name to listen on has. */
static int64_t resolve_by(const struct run *run)
{
    const struct options *options = run->options;
    int64_t most = RESOLVE_MS;
    if (options->timeout_connect != NEVER && options->timeout_connect < most)
        most = options->timeout_connect;
    if (options->timeout_total != NEVER && options->timeout_total < most)
        most = options->timeout_total;
    return run->started + most;
}

static bool open_listener(struct run *run)
{
    const struct options *options = run->options;
    struct adieu_error error;
    const struct adieu_fd_address address = {
        .host = listen_host(options), .port = options->port, .path = options->path, .family = options->family};
    run->listener = adieu_fd_listen(&address, options->keep ? SOMAXCONN : 1, resolve_by(run), &error);
    if (run->listener >= 0)
        return true;
    bool stale = options->path && error.os_error == EADDRINUSE;
    run_error(run, error.code, error.os_error, "%s%s", error.text,
              stale ? "; if nobody listens there any more, remove the file" : "");
    return false;
}

bool listen_prepare(struct connection *connection)
{
    struct run *run = connection->run;
    run->waiting = connection;
    if (!serve_prepare(run) || !connection_has(connection, adieu_fd_server(run->config)) || !open_listener(run))
        return false;
    remember_unix_socket(run);
    say_where(run);
    if (run->options->keep)
        say_note("at most %u connections at once; the next ones wait", run->most);
    return true;
}

enum adieu_status listen_reach(struct connection *connection)
{
    return adieu_fd_accept(connection->fd, connection->run->listener, ADIEU_FD_NOW);
}

void listen_leave(struct run *run)
{
    if (run->listener < 0)
        return;
    remove_unix_socket(run);
    close(run->listener);
    run->listener = -1;
}
