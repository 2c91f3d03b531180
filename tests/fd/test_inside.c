/* SPDX-License-Identifier: MIT */
/* No verb inside a callback of the stream, whichever it is; and small things that people read. */
#include "support.h"

#include <string.h>

static struct adieu_fd *inside;
static unsigned calls;

#define assert_misuse(call) assert_string_equal(adieu_status_name(call), adieu_status_name(ADIEU_MISUSE))

static void try_every_verb(void *context, const struct adieu_stream *stream, enum adieu_news news,
                           const struct adieu_alert *alert)
{
    const struct adieu_fd_address nowhere = {.host = "127.0.0.1", .port = "1"};
    const struct adieu_fd_patience patience = ADIEU_FD_PATIENCE;
    const uint8_t *surplus = NULL;
    uint8_t byte = 0;
    size_t n = 0;
    int descriptor = -1;
    (void)context, (void)stream, (void)news, (void)alert;
    calls++;
    assert_misuse(adieu_fd_connect(inside, &nowhere, soon()));
    assert_misuse(adieu_fd_accept(inside, 0, soon()));
    assert_misuse(adieu_fd_adopt(inside, 0, ADIEU_FD_BORROWED));
    assert_misuse(adieu_fd_put_back(inside, &byte, 1));
    assert_misuse(adieu_fd_handshake(inside, soon()));
    assert_misuse(adieu_fd_read(inside, &byte, 1, &n, soon()));
    assert_misuse(adieu_fd_write(inside, &byte, 1, &n, soon()));
    assert_misuse(adieu_fd_shutdown(inside, soon()));
    assert_misuse(adieu_fd_key_update(inside, false, soon()));
    assert_misuse(adieu_fd_ask_certificate(inside, soon()));
    assert_misuse(adieu_fd_close(inside, patience, NULL));
    assert_misuse(adieu_fd_detach(inside, &descriptor, &surplus, &n));
}

static void look_inside(struct pair *pair)
{
    inside = pair->client;
    calls = 0;
    adieu_watch(adieu_fd_stream(inside), try_every_verb, NULL);
    assert_int_equal(adieu_fd_shutdown(inside, soon()), ADIEU_OK);
    assert_in_range(calls, 1, 4);
    adieu_watch(adieu_fd_stream(inside), NULL, NULL);
}

static void inside_a_callback_no_verb_is_allowed(void **state)
{
    (void)state;
    each_tcp_pair(look_inside);
}

/* ------------------------------------------------ paths */

/* sun_path has 108 bytes, the NUL among them. */
static void a_path_that_is_too_long_for_a_socket_is_told(void **state)
{
    char path[200];
    struct adieu_error error;
    (void)state;
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[108] = '\0';
    const struct adieu_fd_address address = {.path = path};
    struct adieu_fd *fd = new_client();
    assert_int_equal(adieu_fd_connect(fd, &address, soon()), ADIEU_FAIL);
    assert_int_equal(adieu_fd_error(fd).code, ADIEU_ERR_CONNECT);
    assert_non_null(strstr(adieu_fd_error(fd).text, "longer than 107 bytes"));
    adieu_fd_free(fd);
    assert_int_equal(adieu_fd_listen(&address, 1, soon(), &error), -1);
    assert_int_equal(error.code, ADIEU_ERR_SOCKET);
    assert_non_null(strstr(error.text, "too long"));
}

/* ------------------------------------------------ names */

static void each_reason_to_wait_no_more_has_a_name(void **state)
{
    static const char *const names[] = {"nothing", "deadline", "cancelled", "closing", "poll", "decision", "?"};
    (void)state;
    for (int why = 0; why < (int)(sizeof names / sizeof *names); why++)
        assert_string_equal(adieu_fd_why_name((enum adieu_fd_why)why), names[why]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_a_callback_no_verb_is_allowed),
        cmocka_unit_test(a_path_that_is_too_long_for_a_socket_is_told),
        cmocka_unit_test(each_reason_to_wait_no_more_has_a_name),
    };
    return cmocka_run_group_tests_name("fd inside", tests, setup_configs, teardown_configs);
}
