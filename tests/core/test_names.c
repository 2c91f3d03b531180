/* SPDX-License-Identifier: MIT */
/* A name for every value: complete, unique within its enum, and stable. */
#include "check.h"

#include <string.h>

typedef const char *name_of(int value); /* the one typedef: a table of functions */

/* The functions differ in the type of their argument only. */
#define NAMER(function, type)                                                                                          \
    static const char *function##_of(int value)                                                                        \
    {                                                                                                                  \
        return function((type)value);                                                                                  \
    }
NAMER(adieu_status_name, enum adieu_status)
NAMER(adieu_sending_name, enum adieu_sending)
NAMER(adieu_receiving_name, enum adieu_receiving)
NAMER(adieu_phase_name, enum adieu_phase)
NAMER(adieu_first_name, enum adieu_first)
NAMER(adieu_after_name, enum adieu_after)
NAMER(adieu_reason_name, enum adieu_reason)
NAMER(adieu_error_code_name, enum adieu_error_code)
NAMER(adieu_error_code_text, enum adieu_error_code)
NAMER(adieu_last_name, enum adieu_last)
NAMER(adieu_verified_name, enum adieu_verified)
NAMER(adieu_news_name, enum adieu_news)
NAMER(adieu_client_auth_name, enum adieu_client_auth)
NAMER(adieu_decision_name, enum adieu_decision)
NAMER(adieu_awaited_name, enum adieu_awaited)
NAMER(adieu_binding_name, enum adieu_binding)

static const struct {
    const char *what;
    name_of *name;
    int last; /* the enum's greatest value; the values run from 0 */
} lists[] = {
    {"status", adieu_status_name_of, ADIEU_MISUSE},
    {"sending", adieu_sending_name_of, ADIEU_SENDING_ABORTED},
    {"receiving", adieu_receiving_name_of, ADIEU_RECEIVING_ABANDONED},
    {"phase", adieu_phase_name_of, ADIEU_PHASE_HEARD},
    {"first", adieu_first_name_of, ADIEU_FIRST_PEER},
    {"after", adieu_after_name_of, ADIEU_AFTER_RESET},
    {"reason", adieu_reason_name_of, ADIEU_REASON_FAULT},
    {"error code", adieu_error_code_name_of, ADIEU_ERR_SOCKET},
    {"error text", adieu_error_code_text_of, ADIEU_ERR_SOCKET},
    {"last", adieu_last_name_of, ADIEU_LAST_RESET},
    {"verified", adieu_verified_name_of, ADIEU_VERIFIED_AUTHORITY},
    {"news", adieu_news_name_of, ADIEU_NEWS_AWAITED},
    {"client auth", adieu_client_auth_name_of, ADIEU_CLIENT_AUTH_LATE},
    {"decision", adieu_decision_name_of, ADIEU_REFUSE_ACCESS},
    {"awaited", adieu_awaited_name_of, ADIEU_AWAITED_NAME},
    {"binding", adieu_binding_name_of, ADIEU_BINDING_TLS_UNIQUE},
};
enum { LISTS = sizeof lists / sizeof *lists };

static void every_value_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < LISTS; i++)
        for (int value = 0; value <= lists[i].last; value++) {
            const char *name = lists[i].name(value);
            assert_non_null(name);
            check_that(strcmp(name, "?") != 0 && *name, "%s %d has no name", lists[i].what, value);
        }
}

static void a_value_outside_the_enum_is_a_question_mark(void **state)
{
    (void)state;
    for (size_t i = 0; i < LISTS; i++) {
        assert_string_equal(lists[i].name(lists[i].last + 1), "?");
        assert_string_equal(lists[i].name(1000), "?");
        assert_string_equal(lists[i].name(-1), "?");
    }
}

static void names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < LISTS; i++)
        for (int a = 0; a <= lists[i].last; a++)
            for (int b = 0; b < a; b++)
                check_that(strcmp(lists[i].name(a), lists[i].name(b)) != 0, "%s %d and %d are both %s", lists[i].what,
                           a, b, lists[i].name(a));
}

/* What the report promises to the world. */
static void the_names_of_the_report_are_stable(void **state)
{
    (void)state;
    const char *const sending[] = {"open", "closing", "closed", "failed", "aborted"};
    const char *const receiving[] = {"open", "closed", "truncated", "reset", "alerted", "rejected", "abandoned"};
    const char *const phase[] = {"none", "handshaking", "established", "heard"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(adieu_sending_name_of(i), sending[i]);
    for (int i = 0; i < 7; i++)
        assert_string_equal(adieu_receiving_name_of(i), receiving[i]);
    for (int i = 0; i < 4; i++)
        assert_string_equal(adieu_phase_name_of(i), phase[i]);
    assert_string_equal(adieu_first_name(ADIEU_FIRST_SELF), "self");
    assert_string_equal(adieu_first_name(ADIEU_FIRST_PEER), "peer");
    assert_string_equal(adieu_after_name(ADIEU_AFTER_EOF), "eof");
    assert_string_equal(adieu_after_name(ADIEU_AFTER_RESET), "reset");
    assert_string_equal(adieu_verified_name(ADIEU_VERIFIED_NO), "no");
    assert_string_equal(adieu_verified_name(ADIEU_VERIFIED_NAME), "name");
    assert_string_equal(adieu_verified_name(ADIEU_VERIFIED_PIN), "pin");
    assert_string_equal(adieu_verified_name(ADIEU_VERIFIED_AUTHORITY), "authority");
}

static void alerts_have_their_registered_names(void **state)
{
    (void)state;
    assert_string_equal(adieu_alert_name(0), "close_notify");
    assert_string_equal(adieu_alert_name(20), "bad_record_mac");
    assert_string_equal(adieu_alert_name(48), "unknown_ca");
    assert_string_equal(adieu_alert_name(90), "user_canceled");
    assert_string_equal(adieu_alert_name(116), "certificate_required");
    assert_string_equal(adieu_alert_name(117), "general_error"); /* new in RFC 9846 */
    assert_string_equal(adieu_alert_name(120), "no_application_protocol");
    assert_string_equal(adieu_alert_name(1), "unknown");
    assert_string_equal(adieu_alert_name(255), "unknown");
}

static void no_two_alerts_share_a_name(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < a; b++)
            if (strcmp(adieu_alert_name((uint8_t)a), "unknown") != 0)
                assert_string_not_equal(adieu_alert_name((uint8_t)a), adieu_alert_name((uint8_t)b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_a_name),
        cmocka_unit_test(a_value_outside_the_enum_is_a_question_mark),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(the_names_of_the_report_are_stable),
        cmocka_unit_test(alerts_have_their_registered_names),
        cmocka_unit_test(no_two_alerts_share_a_name),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
