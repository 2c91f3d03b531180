/* SPDX-License-Identifier: MIT */
/* The views of an ending that decide nothing again: the exit status and the sentence. */
#include "check.h"

#include <string.h>

#define SENDINGS (ADIEU_SENDING_ABORTED + 1)
#define RECEIVINGS (ADIEU_RECEIVING_ABANDONED + 1)
enum { REASON_STATUS = -1, NOT_REACHED = -2 };

/* Written a second time, by hand from the published table. */
static int by_hand(enum adieu_sending sending, enum adieu_receiving receiving)
{
    bool aborted = sending == ADIEU_SENDING_ABORTED;
    if (sending <= ADIEU_SENDING_CLOSING || receiving == ADIEU_RECEIVING_OPEN)
        return ADIEU_EXIT_OTHER;
    switch (receiving) {
    case ADIEU_RECEIVING_CLOSED:
        return sending == ADIEU_SENDING_CLOSED ? 0 : aborted ? REASON_STATUS : 4;
    case ADIEU_RECEIVING_TRUNCATED:
        return 3;
    case ADIEU_RECEIVING_RESET:
        return aborted ? NOT_REACHED : 4;
    case ADIEU_RECEIVING_ALERTED:
        return aborted ? NOT_REACHED : 5;
    case ADIEU_RECEIVING_REJECTED:
        return 6;
    case ADIEU_RECEIVING_ABANDONED:
        return REASON_STATUS;
    case ADIEU_RECEIVING_OPEN:
        break;
    }
    return ADIEU_EXIT_OTHER;
}

static const int reason_by_hand[] = {
    [ADIEU_REASON_NONE] = 1,     [ADIEU_REASON_REQUEST] = 1,  [ADIEU_REASON_DEADLINE] = 8,
    [ADIEU_REASON_LOCAL_IO] = 9, [ADIEU_REASON_RELEASED] = 1, [ADIEU_REASON_FAULT] = 1,
};

static const uint64_t acknowledgements[] = {0, 99, 100, ADIEU_UNKNOWN}; /* of 100 taken */

static void check_exit(const struct adieu_ending *ending)
{
    int want = by_hand(ending->sending, ending->receiving);
    if (want == NOT_REACHED)
        return;
    bool all = ending->acknowledged == ending->taken;
    if (want == REASON_STATUS)
        want = reason_by_hand[ending->reason];
    else if (want == 0 && !all && ending->after == ADIEU_AFTER_RESET)
        want = 4;
    else if (want == 0 && !all && ending->reason != ADIEU_REASON_NONE)
        want = reason_by_hand[ending->reason];
    check_that((int)adieu_ending_exit(ending) == want, "%s/%s after %s, reason %s, acknowledged %llu: %d, not %d",
               adieu_sending_name(ending->sending), adieu_receiving_name(ending->receiving),
               adieu_after_name(ending->after), adieu_reason_name(ending->reason),
               (unsigned long long)ending->acknowledged, (int)adieu_ending_exit(ending), want);
}

/* Every joint state with every reason, every after and every acknowledgement. */
static void for_all(void (*check)(const struct adieu_ending *ending))
{
    struct adieu_ending e = {.taken = 100, .sent = 100};
    for (e.sending = 0; e.sending < SENDINGS; e.sending++)
        for (e.receiving = 0; e.receiving < RECEIVINGS; e.receiving++)
            for (e.after = 0; e.after <= ADIEU_AFTER_RESET; e.after++)
                for (e.reason = 0; e.reason <= ADIEU_REASON_FAULT; e.reason++)
                    for (size_t i = 0; i < sizeof acknowledgements / sizeof *acknowledgements; i++) {
                        e.acknowledged = acknowledgements[i];
                        check(&e);
                    }
}

static void the_exit_status_is_as_published(void **state)
{
    (void)state;
    for_all(check_exit);
}

static void check_zero_is_no_lie(const struct adieu_ending *ending)
{
    if (adieu_ending_exit(ending) != ADIEU_EXIT_DELIVERED)
        return;
    assert_int_equal(ending->sending, ADIEU_SENDING_CLOSED);
    assert_int_equal(ending->receiving, ADIEU_RECEIVING_CLOSED);
    assert_true(ending->acknowledged == 100 || ending->after != ADIEU_AFTER_RESET);
}

static void zero_means_that_both_directions_closed(void **state)
{
    (void)state;
    for_all(check_zero_is_no_lie);
}

static void nothing_taken_is_nothing_lost(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = ADIEU_SENDING_CLOSED, .receiving = ADIEU_RECEIVING_CLOSED};
    ending.after = ADIEU_AFTER_RESET;
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
    ending.acknowledged = ADIEU_UNKNOWN;
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_DELIVERED);
    ending.taken = 1;
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_LOST);
}

static void a_value_outside_the_enums_is_worth_nothing(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = (enum adieu_sending)77, .receiving = ADIEU_RECEIVING_CLOSED};
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
    ending = (struct adieu_ending){.sending = ADIEU_SENDING_ABORTED, .receiving = ADIEU_RECEIVING_CLOSED};
    ending.reason = (enum adieu_reason)77;
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_OTHER);
}

static void check_sentence(const struct adieu_ending *ending)
{
    char whole[1000], text[161];
    memset(text, 'x', sizeof text);
    assert_ptr_equal(adieu_ending_text(ending, whole, sizeof whole), whole);
    assert_ptr_equal(adieu_ending_text(ending, text, 160), text);
    assert_string_equal(text, whole);
    assert_true(strlen(text) > 10);
    assert_int_equal(text[160], 'x');
    assert_int_not_equal(text[strlen(text) - 1], '.');
    assert_null(strchr(text, '\n'));
}

static void the_sentence_fits_160_bytes(void **state)
{
    (void)state;
    for_all(check_sentence);
}

static void the_longest_sentence_fits_160_bytes(void **state)
{
    (void)state;
    struct adieu_ending e = {.taken = ADIEU_UNKNOWN - 1, .sent = ADIEU_UNKNOWN - 2, .received = ADIEU_UNKNOWN - 3};
    e.acknowledged = ADIEU_UNKNOWN - 1;
    e.discarded = ADIEU_UNKNOWN - 4;
    e.alert_received = e.alert_sent = (struct adieu_alert){true, 2, 113};
    e.os_error = 2147483647;
    e.user_canceled = e.decided = true;
    e.phase = ADIEU_PHASE_HANDSHAKING;
    e.first = ADIEU_FIRST_PEER;
    for (int established = 0; established < 2; established++, e.phase = ADIEU_PHASE_HEARD)
        for (e.sending = 0; e.sending < SENDINGS; e.sending++)
            for (e.receiving = 0; e.receiving < RECEIVINGS; e.receiving++)
                for (e.after = 0; e.after <= ADIEU_AFTER_RESET; e.after++)
                    for (e.reason = 0; e.reason <= ADIEU_REASON_FAULT; e.reason++)
                        check_sentence(&e);
}

static void a_short_place_gets_a_cut_sentence(void **state)
{
    (void)state;
    struct adieu_ending ending = {.sending = ADIEU_SENDING_CLOSED, .receiving = ADIEU_RECEIVING_TRUNCATED};
    char whole[160], text[160];
    adieu_ending_text(&ending, whole, sizeof whole);
    for (size_t size = 1; size <= strlen(whole); size++) {
        memset(text, 'x', sizeof text);
        adieu_ending_text(&ending, text, size);
        assert_int_equal(strlen(text), size - 1);
        assert_memory_equal(text, whole, size - 1);
        assert_int_equal(text[size], 'x');
    }
}

static void the_ending_has_128_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct adieu_ending), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_is_as_published),
        cmocka_unit_test(zero_means_that_both_directions_closed),
        cmocka_unit_test(nothing_taken_is_nothing_lost),
        cmocka_unit_test(a_value_outside_the_enums_is_worth_nothing),
        cmocka_unit_test(the_sentence_fits_160_bytes),
        cmocka_unit_test(the_longest_sentence_fits_160_bytes),
        cmocka_unit_test(a_short_place_gets_a_cut_sentence),
        cmocka_unit_test(the_ending_has_128_bytes),
    };
    return cmocka_run_group_tests_name("worth", tests, NULL, NULL);
}
