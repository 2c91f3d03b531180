/* SPDX-License-Identifier: MIT */
/* A process that forks has two handles of one connection. What the child does with its copy must not end the parent's. */
#include "counted.h"
#include "threads.h"

#include <sys/wait.h>
#include <unistd.h>

/*
 * A child that does this with its copies. It becomes another program that succeeds: at an exit, valgrind would miss what only
 * the parent's threads had pointed to.
 */
static void in_a_child(struct pair *pair, void (*what)(struct pair *pair))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(20);
        what(pair);
        count_child();
        (void)execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void frees_its_copies(struct pair *pair)
{
    int before = open_descriptors();
    adieu_fd_free(pair->client);
    adieu_fd_free(pair->server);
    adieu_config_free(pair->client_config);
    adieu_config_free(pair->server_config);
    if (open_descriptors() >= before)
        _exit(1);
}

static void does_nothing(struct pair *pair)
{
    (void)pair;
}

/* The conversation goes on as if there had been no child: both ways, to an orderly end. */
static void check_unharmed(struct pair *pair)
{
    struct task reader = {.fd = pair->client}, other = {.fd = pair->server};
    struct task closer = {.fd = pair->client, .patience_ms = 10000};
    task_start(&reader, task_read);
    task_start(&other, task_read);
    until_reading(pair->client);
    assert_status(write_pattern(pair->client, 100000), ADIEU_OK);
    assert_status(write_pattern(pair->server, 100000), ADIEU_OK);
    assert_status(adieu_fd_shutdown(pair->server, soon()), ADIEU_OK);
    task_start(&closer, task_close);
    task_join(&reader);
    task_join(&other);
    assert_ends(close_of(pair->server, 5000), "closed", "closed");
    task_join(&closer);
    assert_ends(closer.ending, "closed", "closed");
    assert_status(reader.status, ADIEU_END);
    assert_status(other.status, ADIEU_END);
    assert_int_equal(reader.moved, 100000);
    assert_int_equal(other.moved, 100000);
}

static void (*the_child)(struct pair *pair);

static void forked_story(struct pair *pair)
{
    in_a_child(pair, the_child);
    check_unharmed(pair);
}

static void a_child_that_leaves_says_no_goodbye_for_its_parent(void **state)
{
    (void)state;
    the_child = does_nothing;
    each_pair(forked_story);
}

static void a_child_that_frees_its_copies_ends_nothing(void **state)
{
    (void)state;
    the_child = frees_its_copies;
    each_pair(forked_story);
}

/* The child has the handle as it was when threads waited in it, and none of them. */
static void waited_story(struct pair *pair)
{
    struct task reader = {.fd = pair->client}, other = {.fd = pair->server};
    task_start(&reader, task_read);
    task_start(&other, task_read);
    until_reading(pair->client);
    until_reading(pair->server);
    in_a_child(pair, frees_its_copies);
    adieu_fd_cancel(pair->client);
    adieu_fd_cancel(pair->server);
    task_join(&reader);
    task_join(&other);
    check_unharmed(pair);
}

static void a_child_frees_handles_that_its_parents_threads_wait_in(void **state)
{
    (void)state;
    each_pair(waited_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_leaves_says_no_goodbye_for_its_parent),
        cmocka_unit_test(a_child_that_frees_its_copies_ends_nothing),
        cmocka_unit_test(a_child_frees_handles_that_its_parents_threads_wait_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
