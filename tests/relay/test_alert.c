/* SPDX-License-Identifier: MIT */
/*
 * The alert arrives. In TLS 1.3 a server refuses a client when that believes its handshake done and is writing: the alert
 * meets data that nobody reads, and a close that follows too soon turns it into a reset.
 */
#include "refusal.h"

#define BYTES_64K ((size_t)65536)
#define BYTES_1M ((size_t)1000000)

/* ------------------------------------------------ the claim */

static void both_name_the_refusal_200_times_of_200(const struct field *field)
{
    refuse_clients(field, refusal_of_client(false, ADIEU_TLS_1_3, BYTES_64K), 200);
    refuse_clients(field, refusal_of_client(true, ADIEU_TLS_1_3, BYTES_64K), 200);
    assert_no_resets(field);
}

static void both_name_the_refusal_200_times_of_200_on_loopback(void **state)
{
    (void)state;
    both_name_the_refusal_200_times_of_200(&loopback);
}

static void both_name_the_refusal_200_times_of_200_at_40_ms(void **state)
{
    both_name_the_refusal_200_times_of_200(field_of(state));
}

/* ------------------------------------------------ whatever the client does, and how much it says */

static void refuse_all_kinds(const struct field *field, enum adieu_version version)
{
    static void (*const clients[])(struct end *) = {push_and_close, push_and_read, half_close_and_read};
    static const size_t sizes[] = {0, 1, BYTES_64K, BYTES_1M};
    int count = rounds(5, 200);
    for (size_t i = 0; i < 3 * 4; i++) {
        struct story story = refusal_of_client(i % 2 == 0, version, sizes[i % 4]);
        story.client = clients[i / 4];
        refuse_clients(field, story, count);
    }
    assert_no_resets(field);
}

static void the_alert_arrives_whatever_the_client_is_doing_on_loopback(void **state)
{
    (void)state;
    refuse_all_kinds(&loopback, ADIEU_TLS_1_2);
    refuse_all_kinds(&loopback, ADIEU_TLS_1_3);
}

static void the_alert_arrives_whatever_the_client_is_doing_at_40_ms(void **state)
{
    refuse_all_kinds(field_of(state), ADIEU_TLS_1_2);
    refuse_all_kinds(field_of(state), ADIEU_TLS_1_3);
}

static void the_alert_arrives_although_packets_are_lost(void **state)
{ /* many, so that the alert itself is often among them */
    const struct field *field = field_of(state);
    relay_loss(field->relay, 8);
    refuse_clients(field, refusal_of_client(false, ADIEU_TLS_1_3, BYTES_64K), rounds(40, 200));
    relay_loss(field->relay, 2);
    refuse_clients(field, refusal_of_client(false, ADIEU_TLS_1_3, BYTES_1M), rounds(40, 200));
}

/* ------------------------------------------------ the other way round */

static void a_refused_server_is_told_on_loopback(void **state)
{
    (void)state;
    refuse_servers(&loopback, refusal_of_server(ADIEU_TLS_1_2), rounds(40, 200));
    refuse_servers(&loopback, refusal_of_server(ADIEU_TLS_1_3), rounds(40, 200));
}

static void a_refused_server_is_told_at_40_ms(void **state)
{
    refuse_servers(field_of(state), refusal_of_server(ADIEU_TLS_1_2), rounds(40, 200));
    refuse_servers(field_of(state), refusal_of_server(ADIEU_TLS_1_3), rounds(40, 200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_name_the_refusal_200_times_of_200_on_loopback),
        cmocka_unit_test(the_alert_arrives_whatever_the_client_is_doing_on_loopback),
        cmocka_unit_test(a_refused_server_is_told_on_loopback),
        relay_test(both_name_the_refusal_200_times_of_200_at_40_ms),
        relay_test(the_alert_arrives_whatever_the_client_is_doing_at_40_ms),
        relay_test(the_alert_arrives_although_packets_are_lost),
        relay_test(a_refused_server_is_told_at_40_ms),
    };
    return cmocka_run_group_tests_name("relay alert", tests, refusal_setup, refusal_teardown);
}
