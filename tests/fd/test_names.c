/* SPDX-License-Identifier: MIT */
/* Names that resolve slowly, or not: getaddrinfo() is this file's own for the one name that the tests make slow. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include "counted.h"
#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOW "slow.example"

/* Who asks for the slow name waits while it is held. */
static atomic_bool held;
static atomic_int waiting, asked;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    if (!node || strcmp(node, SLOW) != 0 || (hints && (hints->ai_flags & AI_NUMERICHOST)))
        return real(node, service, hints, result);
    atomic_fetch_add(&asked, 1);
    atomic_fetch_add(&waiting, 1);
    for (int64_t deadline = soon(); atomic_load(&held) && adieu_fd_now() < deadline;)
        rest_ms(5);
    atomic_fetch_sub(&waiting, 1);
    return real("127.0.0.1", service, hints, result);
}

static void hold(void)
{
    atomic_store(&asked, 0);
    atomic_store(&held, true);
}

/* The helper that was left behind goes on, and is waited for: it must find all that it needs. */
static void let_go(void)
{
    atomic_store(&held, false);
    for (int64_t deadline = soon(); atomic_load(&waiting) > 0 && adieu_fd_now() < deadline;)
        rest_ms(5);
    assert_int_equal(atomic_load(&waiting), 0);
}

/* How many descriptors there are while nobody resolves. */
static int ours;

/* A helper gives its descriptors back a moment after it has its answer. */
static void no_descriptor_is_left(void)
{
    for (int64_t deadline = soon(); open_descriptors() != ours && adieu_fd_now() < deadline;)
        rest_ms(5);
    assert_int_equal(open_descriptors(), ours);
}

static const struct adieu_fd_address slow = {.host = SLOW, .port = "0"};

static void cannot_listen(const struct adieu_fd_address *where, int64_t deadline, enum adieu_error_code code,
                          int os_error)
{
    struct adieu_error error = {.code = ADIEU_ERR_NONE};
    int64_t begun = adieu_fd_now();
    assert_int_equal(adieu_fd_listen(where, 1, deadline, &error), -1);
    assert_in_range(adieu_fd_now() - begun, 0, 10000);
    assert_string_equal(adieu_error_code_name(error.code), adieu_error_code_name(code));
    if (os_error)
        assert_int_equal(error.os_error, os_error);
    assert_non_null(strstr(error.text, where->host));
    assert_int_equal(adieu_fd_listen(where, 1, ADIEU_FD_NOW, NULL), -1); /* who asks for no reason gets none */
}

/* ------------------------------------------------ listening */

static void a_slow_name_is_listened_on_when_it_resolves(void **state)
{
    (void)state;
    struct adieu_error error;
    atomic_store(&held, false);
    int listener = adieu_fd_listen(&slow, 1, soon(), &error);
    assert_true(listener >= 0);
    (void)close(listener);
}

static void a_name_that_is_none_cannot_be_listened_on(void **state)
{
    (void)state;
    const struct adieu_fd_address where = {.host = "nobody.invalid", .port = "0"};
    cannot_listen(&where, soon(), ADIEU_ERR_RESOLVE, 0);
}

static void a_deadline_ends_the_wait_for_a_name_to_listen_on(void **state)
{
    (void)state;
    hold();
    cannot_listen(&slow, adieu_fd_in(100), ADIEU_ERR_DEADLINE, 0);
    cannot_listen(&slow, adieu_fd_now() - 1000, ADIEU_ERR_DEADLINE, 0);
    cannot_listen(&slow, ADIEU_FD_NOW, ADIEU_ERR_DEADLINE, 0);
    let_go();
}

static void notice(int number)
{
    (void)number;
}

static void a_signal_ends_the_wait_for_a_name_to_listen_on(void **state)
{
    (void)state;
    const struct sigaction action = {.sa_handler = notice};
    const struct itimerval often = {.it_interval.tv_usec = 50000, .it_value.tv_usec = 50000}, never = {0};
    struct sigaction before;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    hold();
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    cannot_listen(&slow, ADIEU_FD_FOREVER, ADIEU_ERR_RESOLVE, EINTR);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_true(atomic_load(&asked) > 0);
    let_go();
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

/* ------------------------------------------------ connecting */

static void a_deadline_holds_over_a_name_to_connect_to(void **state)
{
    (void)state;
    struct adieu_config *client_config, *server_config;
    make_configs(ADIEU_TLS_1_3, &client_config, &server_config);
    for (int polled = 0; polled < 2; polled++) {
        struct adieu_fd *fd = adieu_fd_client(client_config, "localhost");
        if (polled)
            adieu_fd_set_polled(fd);
        hold();
        int64_t begun = adieu_fd_now();
        assert_status(adieu_fd_connect(fd, &slow, adieu_fd_in(100)), ADIEU_WAIT);
        assert_in_range(adieu_fd_now() - begun, polled ? 0 : 99, 10000);
        assert_int_equal(adieu_fd_interest(fd, NULL).events, POLLIN);
        let_go();
        struct pollfd resolved = adieu_fd_interest(fd, NULL);
        assert_int_equal(poll(&resolved, 1, 10000), 1);
        enum adieu_status status;
        while ((status = adieu_fd_connect(fd, NULL, soon())) == ADIEU_WAIT && adieu_fd_now() < begun + 20000)
            rest_ms(5);
        assert_status(status, ADIEU_FAIL); /* nobody listens on port 0 */
        assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_CONNECT);
        adieu_fd_free(fd);
        no_descriptor_is_left();
    }
    adieu_config_free(client_config);
    adieu_config_free(server_config);
}

/* It becomes another program: what only the parent's threads had pointed to is no leak of the child's. */
static void child_frees(struct adieu_fd *fd)
{
    const int before = open_descriptors();
    (void)alarm(20);
    adieu_fd_free(fd);
    if (open_descriptors() != before - 1)
        _exit(1);
    count_child();
    (void)execlp("true", "true", (char *)NULL);
    _exit(2);
}

/* The helper is not in the child, and neither is anybody else who would let go of what it shares with us. */
static void a_child_that_frees_a_handle_that_resolves_keeps_nothing_of_it(void **state)
{
    (void)state;
    struct adieu_config *client_config, *server_config;
    make_configs(ADIEU_TLS_1_3, &client_config, &server_config);
    struct adieu_fd *fd = adieu_fd_client(client_config, "localhost");
    adieu_fd_set_polled(fd);
    hold();
    assert_status(adieu_fd_connect(fd, &slow, ADIEU_FD_NOW), ADIEU_WAIT);
    for (int64_t deadline = soon(); atomic_load(&waiting) == 0 && adieu_fd_now() < deadline;)
        rest_ms(5);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_frees(fd);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    let_go();
    adieu_fd_free(fd);
    adieu_config_free(client_config);
    adieu_config_free(server_config);
}

/* ------------------------------------------------ out of descriptors */

static void resolving_without_a_descriptor_says_what_is_missing(void **state)
{
    (void)state;
    struct adieu_config *client_config, *server_config;
    struct rlimit before, none;
    make_configs(ADIEU_TLS_1_3, &client_config, &server_config);
    struct adieu_fd *fd = adieu_fd_client(client_config, "localhost");
    int lowest = dup(STDIN_FILENO);
    assert_true(lowest >= 0);
    (void)close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum adieu_status status = adieu_fd_connect(fd, &slow, soon());
    struct adieu_error error = adieu_fd_error(fd);
    assert_int_equal(adieu_fd_listen(&slow, 1, soon(), NULL), -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_status(status, ADIEU_FAIL);
    assert_int_equal(error.os_error, EMFILE);
    assert_non_null(strstr(error.text, strerror(EMFILE)));
    adieu_fd_free(fd);
    adieu_config_free(client_config);
    adieu_config_free(server_config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_name_is_listened_on_when_it_resolves),
        cmocka_unit_test(a_name_that_is_none_cannot_be_listened_on),
        cmocka_unit_test(a_deadline_ends_the_wait_for_a_name_to_listen_on),
        cmocka_unit_test(a_signal_ends_the_wait_for_a_name_to_listen_on),
        cmocka_unit_test(a_deadline_holds_over_a_name_to_connect_to),
        cmocka_unit_test(a_child_that_frees_a_handle_that_resolves_keeps_nothing_of_it),
        cmocka_unit_test(resolving_without_a_descriptor_says_what_is_missing),
    };
    ours = open_descriptors();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
