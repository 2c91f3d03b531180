/* SPDX-License-Identifier: MIT */
/* The nth allocation of a KeyUpdate fails, ours or OpenSSL's, for every n: then it is a fault, and no peer is blamed. */
#include "joined.h"
#include "shortage.h"

/* On request, or by limit inside a write; behind it the next words. */
static enum adieu_status update(struct adieu_stream *s, bool by_limit)
{
    size_t took;
    return by_limit ? adieu_write(s, "more", 4, &took) : adieu_key_update(s, true);
}

static void check_end(struct joined *joined, enum adieu_status status, bool by_limit)
{
    carry(joined->client, joined->server);
    if (status == ADIEU_OK) {
        check_hears(joined->server, by_limit ? "xmore" : "x");
        say(joined->client, "behind it");
        carry(joined->client, joined->server);
        check_hears(joined->server, "behind it");
        return;
    }
    check_hears(joined->server, "x"); /* what was sealed before leaves */
    check_that(adieu_error(joined->client)->code == ADIEU_ERR_MEMORY, "%s", adieu_error(joined->client)->text);
    check_ends(joined->client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_ABANDONED);
    enum adieu_status read = listen_once(joined->server);
    check_that(read == ADIEU_WAIT || read == ADIEU_FAIL, "an end that nobody said: %s", adieu_status_name(read));
}

/* Whether there was an nth allocation. */
static bool update_without(size_t nth, bool by_limit)
{
    struct adieu_config *client = client_config(ADIEU_TLS_1_3);
    check_status(adieu_config_key_limit(client, by_limit ? 1 : 100), ADIEU_OK);
    struct joined joined = join(client, server_config(ADIEU_TLS_1_3), HOST);
    shake_hands(&joined);
    say(joined.client, "x");
    begin_shortage(nth, false);
    enum adieu_status status = update(joined.client, by_limit);
    bool came = end_shortage();
    assert_true(status == ADIEU_OK || (status == ADIEU_FAIL && came));
    check_end(&joined, status, by_limit);
    part(&joined);
    return came;
}

static void for_each_allocation(bool by_limit)
{
    size_t nth = 0;
    while (update_without(nth, by_limit))
        nth++;
    assert_in_range(nth, 5, 1000);
}

static void on_request_it_is_a_fault(void **state)
{
    (void)state;
    for_each_allocation(false);
}

static void by_limit_it_is_a_fault(void **state)
{
    (void)state;
    for_each_allocation(true);
}

int main(void)
{
    if (!memory_begin())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_request_it_is_a_fault),
        cmocka_unit_test(by_limit_it_is_a_fault),
    };
    return cmocka_run_group_tests_name("key update shortage", tests, setup_authority, teardown_authority);
}
