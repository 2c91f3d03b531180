/* SPDX-License-Identifier: MIT */
/* What lies under the queue, by itself: which block is taken for what, what the pool keeps, and pieces. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "pieces.h"
#include "queue.h"

/* ------------------------------------------------ blocks */

static void check_size_for(size_t need, size_t size)
{
    struct pool pool = {.small = {NULL}};
    struct block *block = block_take(&pool, need);
    assert_non_null(block);
    assert_int_equal(block->size, size);
    assert_true(!block->next && !block->start && !block->end);
    block_give(&pool, block);
    pool_clear(&pool);
}

static void a_block_is_small_or_large_or_as_large_as_need_be(void **state)
{
    (void)state;
    check_size_for(0, BLOCK_SMALL);
    check_size_for(BLOCK_SMALL, BLOCK_SMALL);
    check_size_for(BLOCK_SMALL + 1, BLOCK_LARGE);
    check_size_for(BLOCK_LARGE, BLOCK_LARGE);
    check_size_for(BLOCK_LARGE + 1, BLOCK_LARGE + 1);
}

/* Gives count blocks of this size; how many of them the pool has kept, and gives again, empty. */
static size_t kept_of(size_t size, size_t count)
{
    struct pool pool = {.small = {NULL}};
    struct block *blocks[8];
    size_t before = counting_blocks(), kept;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = block_take(&pool, size);
        blocks[i]->start = blocks[i]->end = 7;
        blocks[i]->next = blocks[0];
    }
    for (size_t i = 0; i < count; i++)
        block_give(&pool, blocks[i]);
    kept = counting_blocks() - before;
    for (size_t i = 0; i < kept; i++) {
        blocks[i] = block_take(&pool, size);
        assert_true(blocks[i]->size == size && !blocks[i]->next && !blocks[i]->start && !blocks[i]->end);
    }
    assert_int_equal(counting_blocks() - before, kept); /* none of them was new */
    for (size_t i = 0; i < kept; i++)
        block_give(&pool, blocks[i]);
    pool_clear(&pool);
    assert_int_equal(counting_blocks(), before);
    return kept;
}

static void the_pool_keeps_a_few_of_each_size_and_none_of_another(void **state)
{
    (void)state;
    assert_int_equal(kept_of(BLOCK_SMALL, 8), POOL_SMALL);
    assert_int_equal(kept_of(BLOCK_SMALL, 1), 1);
    assert_int_equal(kept_of(BLOCK_LARGE, 8), POOL_LARGE);
    assert_int_equal(kept_of(BLOCK_LARGE, 1), 1);
    assert_int_equal(kept_of(BLOCK_LARGE + 1, 2), 0);
}

static void the_sizes_are_kept_apart(void **state)
{
    (void)state;
    struct {
        struct pool pool;
        struct block *behind;
    } kept = {.behind = NULL};
    struct block *large[POOL_LARGE + 1];
    size_t before = counting_blocks();
    for (size_t i = 0; i <= POOL_LARGE; i++)
        large[i] = block_take(&kept.pool, BLOCK_LARGE);
    for (size_t i = 0; i <= POOL_LARGE; i++)
        block_give(&kept.pool, large[i]);
    assert_null(kept.behind);
    assert_int_equal(counting_blocks() - before, POOL_LARGE);
    struct block *small = block_take(&kept.pool, 1), *huge = block_take(&kept.pool, BLOCK_LARGE + 1);
    assert_int_equal(counting_blocks() - before, POOL_LARGE + 2); /* both are new */
    block_give(&kept.pool, small);
    block_give(&kept.pool, huge);
    pool_clear(&kept.pool);
    assert_int_equal(counting_blocks(), before);
}

static void nothing_can_be_given(void **state)
{
    (void)state;
    struct pool pool = {.small = {NULL}};
    block_give(&pool, NULL);
    pool_clear(&pool);
}

/* ------------------------------------------------ which block the queue takes */

static uint8_t bytes[2 * (8 * 16640) + 100];

/* Behind so many bytes, size more are put, and expected more are to come: how large the last block is. */
static size_t chosen_behind(size_t before, size_t size, size_t expected)
{
    struct pool pool = {.small = {NULL}};
    struct queue queue = {.head = NULL};
    const uint8_t *at = NULL;
    size_t have = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    if (before)
        assert_true(queue_put(&queue, &pool, bytes, before, 0));
    assert_true(queue_put(&queue, &pool, bytes + before, size, expected));
    assert_int_equal(queue.length, before + size);
    assert_int_equal(queue.put, before + size);
    size_t chosen = queue.tail->size;
    for (size_t n; (n = queue_show(&queue, &at)) > 0; have += n) {
        assert_memory_equal(at, bytes + have, n);
        queue_done(&queue, &pool, n);
    }
    assert_int_equal(have, before + size);
    pool_clear(&pool);
    return chosen;
}

static void the_first_block_is_chosen_by_what_is_expected(void **state)
{
    (void)state;
    assert_int_equal(chosen_behind(0, 1000, 0), BLOCK_SMALL);
    assert_int_equal(chosen_behind(0, 1000, BLOCK_SMALL - 1000), BLOCK_SMALL);
    assert_int_equal(chosen_behind(0, 1000, BLOCK_SMALL - 999), BLOCK_LARGE);
    assert_int_equal(chosen_behind(0, 1000, BLOCK_LARGE - 999), BLOCK_LARGE);
    assert_int_equal(chosen_behind(0, 1000, BLOCK_LARGE), BLOCK_LARGE);
    assert_int_equal(chosen_behind(0, BLOCK_LARGE, 100), BLOCK_LARGE);
    assert_int_equal(chosen_behind(0, BLOCK_LARGE + 1, 0), BLOCK_LARGE + 1);
    assert_int_equal(chosen_behind(0, BLOCK_LARGE + 1, 100), BLOCK_LARGE + 101);
}

static void a_second_block_is_large(void **state)
{
    (void)state;
    assert_int_equal(chosen_behind(1000, BLOCK_SMALL - 1000, 0), BLOCK_SMALL); /* there is no second one */
    assert_int_equal(chosen_behind(1000, BLOCK_SMALL - 999, 0), BLOCK_LARGE);
    assert_int_equal(chosen_behind(BLOCK_SMALL, 1, 0), BLOCK_LARGE);
    assert_int_equal(chosen_behind(1000, BLOCK_LARGE + BLOCK_SMALL - 1000, 0), BLOCK_LARGE);
    assert_int_equal(chosen_behind(1000, BLOCK_LARGE + BLOCK_SMALL - 999, 0), BLOCK_LARGE + 1);
    assert_int_equal(chosen_behind(1000, BLOCK_LARGE + BLOCK_SMALL - 999, 10), BLOCK_LARGE + 11);
}

/* ------------------------------------------------ a range that was dropped while it was out */

static void nothing_is_shown_before_what_was_dropped_is_done(void **state)
{
    (void)state;
    struct pool pool = {.small = {NULL}};
    struct queue queue = {.head = NULL};
    const uint8_t *at = NULL;
    size_t before = counting_blocks();
    assert_true(queue_put(&queue, &pool, "gone", 4, 0));
    assert_int_equal(queue_show(&queue, &at), 4);
    queue_drop(&queue, &pool);
    assert_true(queue_put(&queue, &pool, "later", 5, 0));
    assert_int_equal(queue_show(&queue, NULL), 0);
    assert_memory_equal(at, "gone", 4);
    queue_done(&queue, &pool, 3);
    assert_int_equal(queue.left, 3);
    assert_int_equal(queue.length, 5); /* of what waits, nothing was done */
    assert_int_equal(queue_show(&queue, &at), 5);
    assert_memory_equal(at, "later", 5);
    queue_done(&queue, &pool, 5);
    assert_int_equal(queue.left, 8);
    pool_clear(&pool);
    assert_int_equal(counting_blocks(), before);
}

static void what_was_let_go_is_not_out_any_more(void **state)
{
    (void)state;
    struct pool pool = {.small = {NULL}};
    struct queue queue = {.head = NULL};
    const uint8_t *at = NULL;
    assert_true(queue_put(&queue, &pool, "first", 5, 0));
    assert_int_equal(queue_show(&queue, &at), 5);
    queue_release(&queue, &pool);
    queue_done(&queue, &pool, 5); /* nothing is shown: nothing was done */
    assert_int_equal(queue.left, 0);
    assert_true(queue_put(&queue, &pool, "second", 6, 0));
    assert_int_equal(queue_show(&queue, &at), 11);
    queue_release(&queue, &pool);
    queue_drop(&queue, &pool); /* nobody looks: nothing stays */
    assert_null(queue.pinned);
    pool_clear(&pool);
}

/* ------------------------------------------------ pieces */

static const struct adieu_piece apart[] = {{"", 0}, {"ab", 2}, {NULL, 0}, {"cde", 3}, {"", 0}};
enum { APART = sizeof apart / sizeof *apart };

static void pieces_count_up_to_what_is_asked_for(void **state)
{
    (void)state;
    const struct pieces pieces = {.next = apart, .count = APART};
    assert_int_equal(pieces_size(&pieces, 100), 5);
    assert_int_equal(pieces_size(&pieces, 5), 5);
    assert_int_equal(pieces_size(&pieces, 4), 4);
    assert_int_equal(pieces_size(&pieces, 1), 1);
    assert_int_equal(pieces_size(&pieces, 0), 0);
    const struct adieu_piece vast[] = {{"", SIZE_MAX}, {"", SIZE_MAX}};
    assert_int_equal(pieces_size(&(struct pieces){.next = vast, .count = 2}, 1000), 1000);
}

static void pieces_come_in_order_whatever_their_borders(void **state)
{
    (void)state;
    for (size_t first = 0; first <= 5; first++)
        for (size_t second = first; second <= 5; second++) {
            struct pieces pieces = {.next = apart, .count = APART};
            uint8_t got[6] = "......";
            pieces_copy(&pieces, got, first);
            pieces_pass(&pieces, first);
            pieces_copy(&pieces, got + first, second - first);
            pieces_pass(&pieces, second - first);
            pieces_copy(&pieces, got + second, 5 - second);
            assert_memory_equal(got, "abcde.", 6);
        }
}

static void behind_the_last_piece_nothing_is_looked_at(void **state)
{
    (void)state;
    const struct adieu_piece more[] = {{"ab", 2}, {"", 0}, {"another's", 9}};
    struct pieces pieces = {.next = more, .count = 1};
    pieces_pass(&pieces, 2);
    assert_null(pieces_together(&pieces, 1));
}

static void what_lies_together_is_not_copied(void **state)
{
    (void)state;
    struct pieces pieces = {.next = apart, .count = APART};
    assert_ptr_equal(pieces_together(&pieces, 2), apart[1].bytes);
    assert_null(pieces_together(&pieces, 3));
    pieces_pass(&pieces, 1);
    assert_ptr_equal(pieces_together(&pieces, 1), (const uint8_t *)apart[1].bytes + 1);
    assert_null(pieces_together(&pieces, 2));
    pieces_pass(&pieces, 1);
    assert_ptr_equal(pieces_together(&pieces, 3), apart[3].bytes);
    pieces_pass(&pieces, 3);
    assert_null(pieces_together(&pieces, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_small_or_large_or_as_large_as_need_be),
        cmocka_unit_test(the_pool_keeps_a_few_of_each_size_and_none_of_another),
        cmocka_unit_test(the_sizes_are_kept_apart),
        cmocka_unit_test(nothing_can_be_given),
        cmocka_unit_test(the_first_block_is_chosen_by_what_is_expected),
        cmocka_unit_test(a_second_block_is_large),
        cmocka_unit_test(nothing_is_shown_before_what_was_dropped_is_done),
        cmocka_unit_test(what_was_let_go_is_not_out_any_more),
        cmocka_unit_test(pieces_count_up_to_what_is_asked_for),
        cmocka_unit_test(pieces_come_in_order_whatever_their_borders),
        cmocka_unit_test(behind_the_last_piece_nothing_is_looked_at),
        cmocka_unit_test(what_lies_together_is_not_copied),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
