/* SPDX-License-Identifier: MIT */
#include "field.h"

#include <stdlib.h>

const struct field loopback = {.host = "127.0.0.1"};

static uint64_t seed(void)
{
    const char *soak = getenv("ADIEU_SOAK");
    return soak ? strtoull(soak, NULL, 10) : 1;
}

static void open_field(struct field *field)
{
    *field = (struct field){.host = ADDRESS_B};
    field->problem = network_make(&field->network);
    if (field->problem)
        return;
    const char *trace = getenv("ADIEU_RELAY_TRACE");
    field->trace = trace ? fopen(trace, "a") : NULL;
    field->relay =
        relay_start(&field->network, (struct rules){.delay_ms = DELAY_MS, .seed = seed(), .trace = field->trace});
    assert_non_null(field->relay);
}

static void close_field(struct field *field)
{
    if (!field->relay)
        return;
    relay_stop(field->relay);
    network_free(&field->network);
    if (field->trace)
        (void)fclose(field->trace);
}

int field_setup(void **state)
{
    static struct field field;
    open_field(&field);
    *state = &field;
    return 0;
}

int field_teardown(void **state)
{
    close_field(*state);
    return 0;
}

void field_renew(struct field *field)
{
    close_field(field);
    open_field(field);
    assert_non_null(field->relay);
}

struct field *field_of(void **state)
{
    struct field *field = *state;
    if (field->problem) {
        print_message("# no relay here: %s\n", field->problem);
        skip();
    }
    return field;
}

void field_enter(const struct field *field, enum side side)
{
    if (field->relay)
        assert_true(network_enter(&field->network, side));
}

void assert_no_resets(const struct field *field)
{
    for (int side = 0; field->relay && side < SIDES; side++) {
        struct counts counts = relay_counts(field->relay, (enum side)side);
        assert_int_equal(counts.resets - counts.harmless, 0);
    }
}

int rounds(int ordinary, int soak)
{
    return getenv("ADIEU_SOAK") ? soak : ordinary;
}
