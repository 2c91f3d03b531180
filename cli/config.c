/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bad_end.h"
#include "ends.h"
#include "signals.h"
#include "values.h"

/* option: whose value it was. */
static bool check(struct run *run, enum adieu_status status, const char *option)
{
    if (status == ADIEU_OK)
        return true;
    const struct adieu_error *error = adieu_config_error(run->config);
    const char *advice = error->code == ADIEU_ERR_KEY_PASSWORD ? ": see --key-password-file" : "";
    run_error(run, error->code, error->os_error, "%s: %s%s", option, error->text, advice);
    return false;
}

/* ---------------------------------------------------------------- the key's password */

#define PASSWORD_SIZE 1024

/* Somebody may be asked for the password at the other end of a pipe: so long. */
#define PASSWORD_PATIENCE_MS 60000

/* Whether there is something to read, or an end, before the deadline; otherwise errno. */
static bool readable(int descriptor, int64_t deadline)
{
    struct pollfd set[2] = {{.fd = descriptor, .events = POLLIN}, {.fd = signals_descriptor(), .events = POLLIN}};
    int64_t left = deadline - adieu_fd_now();
    int ready = left > 0 ? poll(set, 2, (int)left) : 0;
    errno = ready < 0 ? errno : signals_received() ? EINTR : ETIMEDOUT;
    return ready > 0 && set[0].revents && !signals_received();
}

/* All of it, at most size - 1 bytes, and a NUL. -1: errno; E2BIG for more. */
static ssize_t read_all(int descriptor, char *text, size_t size)
{
    size_t length = 0;
    int64_t deadline = adieu_fd_in(PASSWORD_PATIENCE_MS);
    for (;;) {
        ssize_t n = readable(descriptor, deadline) ? read(descriptor, text + length, size - length) : -1;
        if (n < 0 && errno == EINTR && !signals_received())
            continue;
        if (n < 0)
            return -1;
        length += (size_t)n;
        if (length == size) {
            errno = E2BIG;
            return -1;
        }
        if (n == 0)
            break;
    }
    text[length] = '\0';
    return (ssize_t)length;
}

static bool bad_password(struct run *run, int error)
{
    const char *path = run->options->key_password_file;
    if (error == E2BIG)
        run_error(run, ADIEU_ERR_ARGUMENT, 0, "--key-password-file %s: a password has at most %d bytes", path,
                  PASSWORD_SIZE - 2);
    else
        run_error(run, ADIEU_ERR_FILE, error, "--key-password-file %s cannot be read: %s", path, strerror(error));
    return false;
}

static bool read_password(struct run *run, char *password)
{
    const char *path = run->options->key_password_file;
    int ignored, descriptor = run->password;
    if (!value_descriptor(path, &ignored))
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return bad_password(run, descriptor == -1 ? errno : -descriptor);
    ssize_t length = read_all(descriptor, password, PASSWORD_SIZE);
    int error = errno;
    close(descriptor);
    if (length < 0)
        return bad_password(run, error);
    if (strlen(password) != (size_t)length) {
        run_error(run, ADIEU_ERR_ARGUMENT, 0, "--key-password-file %s: a password cannot hold a NUL byte", path);
        return false;
    }
    if (length > 0 && password[length - 1] == '\n')
        password[length - 1] = '\0';
    return true;
}

/* ---------------------------------------------------------------- who we are */

static bool identity_file(struct run *run)
{
    const struct options *options = run->options;
    const char *key = options->key ? options->key : options->cert;
    char password[PASSWORD_SIZE];
    bool done = !options->key_password_file || read_password(run, password);
    if (done)
        done = check(
            run,
            adieu_config_identity_file(run->config, options->cert, key, options->key_password_file ? password : NULL),
            options->key ? "--cert, --key" : "--cert (without --key it holds the key, too)");
    value_wipe(password, sizeof password);
    return done;
}

static bool identity(struct run *run)
{
    const struct options *options = run->options;
    if (options->cert)
        return identity_file(run);
    if (options->command != COMMAND_LISTEN)
        return true;
    return check(run, adieu_config_identity_throwaway(run->config, options->name ? options->name : "localhost"),
                 "--name");
}

/* ---------------------------------------------------------------- whom we trust */

static bool trust_path(struct run *run, const char *path, const char *option)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return check(run, adieu_config_trust_directory(run->config, path), option);
    return check(run, adieu_config_trust_file(run->config, path), option);
}

static bool trust(struct run *run)
{
    const struct options *options = run->options;
    for (size_t i = 0; i < options->ca.count; i++) {
        if (!trust_path(run, options->ca.all[i], "--ca"))
            return false;
    }
    for (size_t i = 0; i < options->client_ca.count; i++) {
        if (!trust_path(run, options->client_ca.all[i], "--client-ca"))
            return false;
    }
    for (size_t i = 0; i < options->pin.count; i++) {
        if (!check(run, adieu_config_trust_pin(run->config, options->pin.all[i]), "--pin"))
            return false;
    }
    if (options->insecure)
        return check(run, adieu_config_insecure_no_verify(run->config), "--insecure");
    bool of_clients = options->command == COMMAND_LISTEN && options->client_ca.count + options->pin.count > 0;
    return !of_clients || check(run, adieu_config_client_auth(run->config, ADIEU_CLIENT_AUTH_REQUIRED), "--client-ca");
}

/* ---------------------------------------------------------------- the rest */

static bool alpn(struct run *run)
{
    const char *names[PROTOCOLS];
    size_t count = 0;
    if (!run->options->alpn)
        return true;
    char *copy = strdup(run->options->alpn), *rest = copy;
    for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name; name = strtok_r(NULL, ",", &rest))
        names[count++] = name;
    bool done = check(run, adieu_config_alpn(run->config, names, count), "--alpn");
    free(copy);
    return done;
}

/* One write a line: several processes may append to the same file. */
static void on_key(void *context, const char *line)
{
    static char newline[] = "\n";
    const struct run *run = context;
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)line, .iov_len = strlen(line)},
                             {.iov_base = newline, .iov_len = 1}};
    (void)!writev(run->key_log, parts, 2);
}

static bool key_log(struct run *run)
{
    const char *path = getenv("SSLKEYLOGFILE");
    if (!path || *path == '\0')
        return true;
    run->key_log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (run->key_log < 0) {
        run_error(run, ADIEU_ERR_FILE, errno, "SSLKEYLOGFILE %s cannot be written: %s; unset it or name another file",
                  path, strerror(errno));
        return false;
    }
    return check(run, adieu_config_insecure_on_key(run->config, on_key, run), "SSLKEYLOGFILE");
}

/* Whom a session is good for is the name that is verified. */
static bool session(struct run *run)
{
    const struct options *options = run->options;
    run->session.path = options->session;
    run->session.name = options->name ? options->name : options->host;
    return !options->session ||
           check(run, adieu_config_on_session(run->config, session_came, &run->session), "--session");
}

static bool bad_handshake(struct run *run)
{
    return run->options->end != END_ALERT ||
           check(run, bad_end_refuse(run->config, run->options->command, &run->refused), "--end");
}

void config_claim(struct run *run)
{
    const char *path = run->options->key_password_file;
    int descriptor;
    if (path && value_descriptor(path, &descriptor))
        run->password = ends_claim(descriptor);
}

bool config_prepare(struct run *run)
{
    run->config = adieu_config_new();
    if (!run->config) {
        run_error(run, ADIEU_ERR_MEMORY, 0, "there is not enough memory");
        return false;
    }
    return check(run, adieu_config_versions(run->config, run->options->min, run->options->max), "--min, --max") &&
           identity(run) && trust(run) && alpn(run) && session(run) && bad_handshake(run) && key_log(run);
}
