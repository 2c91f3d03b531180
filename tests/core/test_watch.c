/* SPDX-License-Identifier: MIT */
/* The observer: what it is told, in which order, and what it may not do. */
#include "scripted.h"

#include <errno.h>
#include <string.h>

/* What was told, as text: "established; sending closing; alert received 48; ..." */
struct diary {
    char text[1000];
    bool meddle; /* call every verb from inside */
    struct adieu_stream *s;
    unsigned told;
};

static void write_down(struct diary *diary, const struct adieu_stream *s, enum adieu_news news,
                       const struct adieu_alert *alert)
{
    size_t used = strlen(diary->text), room = sizeof diary->text - used;
    const char *state = "";
    if (news == ADIEU_NEWS_SENDING)
        state = adieu_sending_name(adieu_ending(s).sending);
    if (news == ADIEU_NEWS_RECEIVING)
        state = adieu_receiving_name(adieu_ending(s).receiving);
    if (alert)
        snprintf(diary->text + used, room, "%s %u/%u; ", adieu_news_name(news), alert->level, alert->number);
    else
        snprintf(diary->text + used, room, "%s%s%s; ", adieu_news_name(news), *state ? " " : "", state);
}

static void meddle(struct diary *diary)
{
    size_t n = 77;
    struct adieu_ending before = adieu_ending(diary->s);
    check_status(adieu_handshake(diary->s), ADIEU_MISUSE);
    check_status(read_status(diary->s), ADIEU_MISUSE);
    check_status(adieu_read(diary->s, NULL, 0, &n), ADIEU_MISUSE);
    check_status(adieu_discard(diary->s, &n), ADIEU_MISUSE);
    check_status(write_text(diary->s, "x"), ADIEU_MISUSE);
    check_status(adieu_write(diary->s, NULL, 0, &n), ADIEU_MISUSE);
    check_status(adieu_shutdown(diary->s), ADIEU_MISUSE);
    adieu_abort(diary->s, ADIEU_REASON_REQUEST);
    assert_int_equal(n, 77);
    struct adieu_ending after = adieu_ending(diary->s);
    assert_memory_equal(&before, &after, sizeof before);
}

static void observe(void *context, const struct adieu_stream *s, enum adieu_news news, const struct adieu_alert *alert)
{
    struct diary *diary = context;
    assert_ptr_equal(s, diary->s);
    assert_int_equal(alert != NULL, news == ADIEU_NEWS_ALERT_RECEIVED || news == ADIEU_NEWS_ALERT_SEALED);
    diary->told++;
    write_down(diary, s, news, alert);
    if (diary->meddle)
        meddle(diary);
}

static struct adieu_stream *watched(struct diary *diary, bool meddling)
{
    *diary = (struct diary){.meddle = meddling, .s = fresh(false)};
    adieu_watch(diary->s, observe, diary);
    establish(diary->s);
    return diary->s;
}

static void a_whole_conversation(struct adieu_stream *s)
{
    check_status(write_text(s, "x"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    flush(s);
    say_number(s, 'W', 90);
    say_tag(s, 'C');
    check_status(read_status(s), ADIEU_END);
}

#define NEWS_OF_A_WHOLE_CONVERSATION "%s; %s 1/0; %s closing; %s closed; %s 1/90; %s 1/0; %s closed; "

static void check_diary(const struct diary *diary)
{
    char want[1000];
    const char *sealed = adieu_news_name(ADIEU_NEWS_ALERT_SEALED), *alert = adieu_news_name(ADIEU_NEWS_ALERT_RECEIVED);
    const char *sending = adieu_news_name(ADIEU_NEWS_SENDING);
    snprintf(want, sizeof want, NEWS_OF_A_WHOLE_CONVERSATION, adieu_news_name(ADIEU_NEWS_ESTABLISHED), sealed, sending,
             sending, alert, alert, adieu_news_name(ADIEU_NEWS_RECEIVING));
    assert_string_equal(diary->text, want);
}

static void news_come_in_order_and_once(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, false);
    a_whole_conversation(s);
    check_diary(&diary);
    check_stable(s);
    adieu_abort(s, ADIEU_REASON_REQUEST);
    adieu_wire_eof(s);
    adieu_wire_reset(s, ECONNRESET);
    check_diary(&diary); /* ends never change, so there is nothing to tell */
    adieu_free(s);
}

static void verbs_from_inside_are_misuse_and_change_nothing(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, true);
    a_whole_conversation(s);
    check_diary(&diary);
    check_ends(s, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_error(s, ADIEU_ERR_NONE);
    adieu_free(s);
}

static void verbs_are_free_again_after_the_news(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, true);
    check_status(write_text(s, "x"), ADIEU_OK);
    check_status(adieu_shutdown(s), ADIEU_OK);
    check_status(read_status(s), ADIEU_WAIT);
    adieu_free(s);
}

static void a_failure_is_told_with_the_alert_that_explains_it(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, true);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    const char *sealed = strstr(diary.text, " 2/50; "), *aborted = strstr(diary.text, " aborted; ");
    const char *rejected = strstr(diary.text, " rejected; ");
    assert_true(sealed && aborted && rejected && sealed < aborted && aborted < rejected);
    adieu_free(s);
}

static void both_halves_have_moved_when_either_is_told(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, false);
    unsigned told = diary.told;
    adieu_abort(s, ADIEU_REASON_REQUEST);
    assert_int_equal(diary.told, told + 2);
    assert_true(adieu_ending(s).decided);
    adieu_free(s);
}

static void null_takes_the_observer_away(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, false);
    unsigned told = diary.told;
    adieu_watch(s, NULL, NULL);
    a_whole_conversation(s);
    assert_int_equal(diary.told, told);
    adieu_free(s);
}

static void an_alert_that_is_swallowed_is_not_told_as_sealed(void **state)
{
    (void)state;
    struct diary diary;
    struct adieu_stream *s = watched(&diary, false);
    check_status(adieu_shutdown(s), ADIEU_OK);
    say_number(s, 'V', 50);
    check_status(read_status(s), ADIEU_FAIL);
    assert_null(strstr(diary.text, " 2/50"));
    flush(s);
    assert_false(adieu_ending(s).alert_sent.seen);
    adieu_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_come_in_order_and_once),
        cmocka_unit_test(verbs_from_inside_are_misuse_and_change_nothing),
        cmocka_unit_test(verbs_are_free_again_after_the_news),
        cmocka_unit_test(a_failure_is_told_with_the_alert_that_explains_it),
        cmocka_unit_test(both_halves_have_moved_when_either_is_told),
        cmocka_unit_test(null_takes_the_observer_away),
        cmocka_unit_test(an_alert_that_is_swallowed_is_not_told_as_sealed),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
