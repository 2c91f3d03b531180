/* SPDX-License-Identifier: MIT */
/* Busy handles keep their engine's buffers: those of a loop that moved last, so few that they do not grow with its handles. */
#include <malloc.h>

#include <openssl/crypto.h>

#include "talk.h"

enum {
    WARM = 64,          /* that keep theirs, */
    BUFFERS = 2,        /* of one for each direction, */
    BIG_BUFFER = 16384, /* of so much at least, */
    WARM_MS = 50,       /* for so long */
    TALKS = 100,
};

/* ------------------------------------------------ OpenSSL's buffers */

static size_t buffers;

static void *count(void *block)
{
    buffers += block && malloc_usable_size(block) >= BIG_BUFFER;
    return block;
}

static void discount(void *block)
{
    buffers -= block && malloc_usable_size(block) >= BIG_BUFFER;
}

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return count(malloc(size));
}

static void *counted_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    discount(block);
    return count(realloc(block, size));
}

static void counted_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    discount(block);
    free(block);
}

/* ------------------------------------------------ the talks */

static struct talk talks[TALKS];
static struct ear ears[TALKS];

static void open_all(void)
{
    for (int i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){.carrier = CARRIER_SOCKETPAIR, .version = ADIEU_TLS_1_3};
        talk_open(&talks[i]);
        talk_shake(&talks[i]);
        hear(talks[i].us, &ears[i]);
    }
}

static void free_all(void)
{
    for (int i = 0; i < TALKS; i++)
        talk_free(&talks[i]);
}

static bool all_have_heard(size_t size)
{
    for (int i = 0; i < TALKS; i++)
        if (ears[i].got < size)
            return false;
    return true;
}

/* Everybody says a byte; all of them move, within one turn or two. */
static void all_move(size_t nth)
{
    static struct waiter words[TALKS];
    for (int i = 0; i < TALKS; i++) {
        words[i] = (struct waiter){.done = false};
        say(&words[i], talks[i].peer, nth, 1);
    }
    run_until_that(all_have_heard(nth + 1));
}

static void of_many_handles_that_move_a_few_keep_their_buffers(void **state)
{
    (void)state;
    open_all();
    for (size_t nth = 0; nth < 3; nth++) {
        all_move(nth);
        assert_in_range(buffers, 1, WARM * BUFFERS);
    }
    free_all();
}

static void handles_that_do_not_move_keep_none(void **state)
{
    (void)state;
    open_all();
    all_move(0);
    run_ms(3 * WARM_MS);
    assert_int_equal(buffers, 0);
    assert_int_equal(uv_loop_alive(&the_uv_loop), 1); /* they are read, and the sockets are open */
    free_all();
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free))
        return 1;
    const struct CMUnitTest tests[] = {
        uv_unit_test(of_many_handles_that_move_a_few_keep_their_buffers),
        uv_unit_test(handles_that_do_not_move_keep_none),
    };
    return cmocka_run_group_tests_name("uv warm", tests, setup_talks, teardown_talks);
}
