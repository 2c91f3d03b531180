/* SPDX-License-Identifier: MIT */
/* What only a look inside can show of the race: a connection that stood, and was reset before anybody looked. */
#include "fd.h"
#include "support.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

static void connected_pair(int *ours, int *theirs)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*ours, (struct sockaddr *)&address, size), 0);
    *theirs = accept(listener, NULL, NULL);
    assert_true(*theirs >= 0);
    close(listener);
}

static void says_last_words_and_resets(int descriptor)
{
    const struct linger linger = {.l_onoff = 1};
    assert_int_equal(send(descriptor, "last words", 10, 0), 10);
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(descriptor);
}

static void taken_and_then_reset_is_connected_and_the_last_words_can_be_read(void **state)
{
    (void)state;
    struct attempts attempts = {.targets.count = 1, .begun = 1, .next_at = ADIEU_FD_FOREVER};
    struct adieu_error error;
    int theirs, descriptor = -1;
    char text[20];
    connected_pair(&attempts.each[0].socket, &theirs);
    says_last_words_and_resets(theirs);
    struct pollfd gone = {.fd = attempts.each[0].socket};
    assert_int_equal(poll(&gone, 1, 5000), 1); /* for POLLHUP, which needs not be asked for */
    assert_int_equal(attempts_step(&attempts, &descriptor, &error), ADIEU_OK);
    assert_int_equal(attempts.reset, ECONNRESET);
    assert_int_equal(recv(descriptor, text, sizeof text, 0), 10);
    assert_int_equal(recv(descriptor, text, sizeof text, 0), 0); /* like FIN: the reset has to be remembered */
    close(descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_and_then_reset_is_connected_and_the_last_words_can_be_read),
    };
    return cmocka_run_group_tests_name("fd attempts", tests, NULL, NULL);
}
