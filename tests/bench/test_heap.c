/* SPDX-License-Identifier: MIT */
/* What libheap.so counts. It is preloaded by the build, and HEAP_FILE is set. */
#define _GNU_SOURCE /* pvalloc, reallocarray */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct counts {
    uint64_t bytes, pieces, most, allocations;
};

/* As another process sees them. */
static const volatile struct counts *shared;

static struct counts before;

static int look(void **state)
{
    (void)state;
    int file = open(getenv("HEAP_FILE"), O_RDONLY);
    shared = mmap(NULL, sizeof *shared, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return shared == MAP_FAILED;
}

static void begin(void)
{
    before = *shared;
}

/* So much has been added since the beginning. */
static void assert_added(int64_t bytes, int64_t pieces)
{
    struct counts after = *shared;
    assert_int_equal(after.bytes - before.bytes, bytes);
    assert_int_equal(after.pieces - before.pieces, pieces);
}

static void what_was_asked_for_counts_until_it_is_freed(void **state)
{
    (void)state;
    begin();
    void *piece = malloc(100);
    assert_added(100, 1);
    void *zeros = calloc(3, 7);
    assert_added(121, 2);
    assert_memory_equal(zeros, (uint8_t[21]){0}, 21);
    assert_int_equal(malloc_usable_size(zeros), 21);
    free(piece);
    free(zeros);
    free(NULL);
    assert_added(0, 0);
    assert_int_equal(shared->allocations - before.allocations, 2);
}

static void what_is_changed_in_size_counts_as_it_is_then(void **state)
{
    (void)state;
    begin();
    char *piece = realloc(NULL, 10);
    assert_non_null(piece);
    memcpy(piece, "123456789", 10);
    piece = realloc(piece, 1000000);
    assert_added(1000000, 1);
    piece = reallocarray(piece, 5, 4);
    assert_added(20, 1);
    assert_string_equal(piece, "123456789");
    assert_null(realloc(piece, 0));
    assert_added(0, 0);
}

/* Each is aligned, counted, and may be changed in size. */
static void assert_aligned(void *piece, size_t alignment, size_t size)
{
    assert_non_null(piece);
    assert_int_equal((uintptr_t)piece % alignment, 0);
    assert_added((int64_t)size, 1);
    memset(piece, 'x', size);
    char *changed = realloc(piece, size + 1000);
    assert_added((int64_t)size + 1000, 1);
    assert_int_equal(changed[size - 1], 'x');
    free(changed);
    assert_added(0, 0);
}

static void aligned_pieces_count_alike(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *piece = NULL;
    begin();
    assert_int_equal(posix_memalign(&piece, 8, 100), 0);
    assert_aligned(piece, 8, 100);
    assert_int_equal(posix_memalign(&piece, 4096, 100), 0);
    assert_aligned(piece, 4096, 100);
    assert_aligned(aligned_alloc(64, 192), 64, 192);
    assert_aligned(memalign(256, 3), 256, 3);
    assert_aligned(valloc(3), page, 3);
    assert_aligned(pvalloc(3), page, page);
}

static void what_cannot_be_had_is_refused_and_not_counted(void **state)
{
    (void)state;
    volatile size_t much = SIZE_MAX - 10, odd = 3;
    void *piece = NULL;
    begin();
    errno = 0;
    assert_null(malloc(much));
    assert_null(calloc(much, 2));
    assert_null(realloc(NULL, much));
    assert_null(reallocarray(NULL, much, 2));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(posix_memalign(&piece, 64, much), ENOMEM);
    assert_int_equal(posix_memalign(&piece, odd, 1), EINVAL);
    assert_null(aligned_alloc(odd, 1));
    assert_added(0, 0);
}

static void the_most_stays(void **state)
{
    (void)state;
    begin();
    free(malloc(before.most));
    assert_true(shared->most >= before.bytes + before.most);
    assert_true(shared->most < before.bytes + before.most + 1000);
}

static void *work(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++)
        free(realloc(malloc(33), 44));
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    run_threads(); /* what the C library keeps of threads is there then */
    begin();
    run_threads();
    assert_added(0, 0);
    assert_true(shared->allocations - before.allocations >= 4 * 20000 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_for_counts_until_it_is_freed),
        cmocka_unit_test(what_is_changed_in_size_counts_as_it_is_then),
        cmocka_unit_test(aligned_pieces_count_alike),
        cmocka_unit_test(what_cannot_be_had_is_refused_and_not_counted),
        cmocka_unit_test(the_most_stays),
        cmocka_unit_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, look, NULL);
}
