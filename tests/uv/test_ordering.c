/* SPDX-License-Identifier: MIT */
/*
 * What happens to the first when the second is called: docs/ordering.md, a test a cell. A cell is played over TCP by a client,
 * and over a socket pair by a server. The table is held against the page.
 */
#include "ordering.h"

#include <unistd.h>

/* ------------------------------------------------ the cells */

static const struct cell cells[] = {
    {"connect_then_connect_is_unharmed", &connect_first, connect_second, unharmed, UV_EALREADY},
    {"connect_then_handshake_is_unharmed", &connect_first, handshake_second, unharmed, 0},
    {"connect_then_read_is_unharmed", &connect_first, read_second, unharmed, 0},
    {"connect_then_write_is_unharmed", &connect_first, write_second, unharmed, 0},
    {"connect_then_shutdown_is_unharmed", &connect_first, shutdown_second, unharmed, 0},
    {"connect_then_close_is_cancelled", &connect_first, close_second, cancelled, 0},
    {"connect_then_farewell_is_cancelled", &connect_first, farewell_second, cancelled, 0},
    {"connect_then_abort_is_cancelled", &connect_first, abort_second, cancelled, 0},
    {"connect_then_cancel_is_cancelled", &connect_first, cancel_second, cancelled, 0},
    {"connect_then_free_is_dropped", &connect_first, free_second, dropped, 0},
    {"handshake_then_connect_is_unharmed", &handshake_first, connect_second, unharmed, UV_EALREADY},
    {"handshake_then_handshake_is_joined", &handshake_first, handshake_second, joined, 0},
    {"handshake_then_read_is_unharmed", &handshake_first, read_second, unharmed, 0},
    {"handshake_then_write_is_unharmed", &handshake_first, write_second, unharmed, 0},
    {"handshake_then_shutdown_is_unharmed", &handshake_first, shutdown_second, unharmed, 0},
    {"handshake_then_close_is_cancelled", &handshake_first, close_second, cancelled, 0},
    {"handshake_then_farewell_is_cancelled", &handshake_first, farewell_second, cancelled, 0},
    {"handshake_then_abort_is_cancelled", &handshake_first, abort_second, cancelled, 0},
    {"handshake_then_cancel_is_cancelled", &handshake_first, cancel_second, cancelled, 0},
    {"handshake_then_free_is_dropped", &handshake_first, free_second, dropped, 0},
    {"read_then_connect_is_unharmed", &read_first, connect_second, unharmed, UV_EALREADY},
    {"read_then_handshake_is_unharmed", &read_first, handshake_second, unharmed, 0},
    {"read_then_read_is_replaced", &read_first, read_second, replaced, 0},
    {"read_then_write_is_unharmed", &read_first, write_second, unharmed, 0},
    {"read_then_shutdown_is_unharmed", &read_first, shutdown_second, unharmed, 0},
    {"read_then_close_is_unharmed", &read_first, close_second, unharmed, 0},
    {"read_then_farewell_is_stopped", &read_first, farewell_second, stopped, 0},
    {"read_then_abort_is_cancelled", &read_first, abort_second, cancelled, 0},
    {"read_then_cancel_is_stopped", &read_first, cancel_second, stopped, 0},
    {"read_then_free_is_dropped", &read_first, free_second, dropped, 0},
    {"write_then_connect_is_unharmed", &write_first, connect_second, unharmed, UV_EALREADY},
    {"write_then_handshake_is_unharmed", &write_first, handshake_second, unharmed, 0},
    {"write_then_read_is_unharmed", &write_first, read_second, unharmed, 0},
    {"write_then_write_is_first", &write_first, write_second, first, 0},
    {"write_then_shutdown_is_first", &write_first, shutdown_second, first, 0},
    {"write_then_close_is_first", &write_first, close_second, first, 0},
    {"write_then_farewell_is_first", &write_first, farewell_second, first, 0},
    {"write_then_abort_is_cancelled", &write_first, abort_second, cancelled, 0},
    {"write_then_cancel_is_cancelled", &write_first, cancel_second, cancelled, 0},
    {"write_then_free_is_dropped", &write_first, free_second, dropped, 0},
    {"shutdown_then_connect_is_unharmed", &shutdown_first, connect_second, unharmed, UV_EALREADY},
    {"shutdown_then_handshake_is_unharmed", &shutdown_first, handshake_second, unharmed, 0},
    {"shutdown_then_read_is_unharmed", &shutdown_first, read_second, unharmed, 0},
    {"shutdown_then_write_is_unharmed", &shutdown_first, write_second, unharmed, UV_EPIPE},
    {"shutdown_then_shutdown_is_joined", &shutdown_first, shutdown_second, joined, 0},
    {"shutdown_then_close_is_first", &shutdown_first, close_second, first, 0},
    {"shutdown_then_farewell_is_first", &shutdown_first, farewell_second, first, 0},
    {"shutdown_then_abort_is_cancelled", &shutdown_first, abort_second, cancelled, 0},
    {"shutdown_then_cancel_is_withdrawn", &shutdown_first, cancel_second, withdrawn, 0},
    {"shutdown_then_free_is_dropped", &shutdown_first, free_second, dropped, 0},
    {"close_then_connect_is_unharmed", &close_first, connect_second, unharmed, UV_EALREADY},
    {"close_then_handshake_is_unharmed", &close_first, handshake_second, unharmed, UV_EALREADY},
    {"close_then_read_is_unharmed", &close_first, read_second, unharmed, 0},
    {"close_then_write_is_unharmed", &close_first, write_second, unharmed, UV_EPIPE},
    {"close_then_shutdown_is_unharmed", &close_first, shutdown_second, unharmed, 0},
    {"close_then_close_is_joined", &close_first, close_second, joined, 0},
    {"close_then_farewell_is_joined", &close_first, farewell_second, joined, 0},
    {"close_then_abort_is_hurried", &close_first, abort_second, hurried, 0},
    {"close_then_cancel_is_paused", &close_first, cancel_second, paused, 0},
    {"close_then_free_is_dropped", &close_first, free_second, dropped, 0},
    {"abort_then_connect_is_final", &abort_first, connect_second, final, UV_EALREADY},
    {"abort_then_handshake_is_final", &abort_first, handshake_second, final, 0},
    {"abort_then_read_is_final", &abort_first, read_second, final, 0},
    {"abort_then_write_is_final", &abort_first, write_second, final, UV_EPIPE},
    {"abort_then_shutdown_is_final", &abort_first, shutdown_second, final, 0},
    {"abort_then_close_is_final", &abort_first, close_second, final, 0},
    {"abort_then_farewell_is_final", &abort_first, farewell_second, final, 0},
    {"abort_then_abort_is_final", &abort_first, abort_second, final, 0},
    {"abort_then_cancel_is_final", &abort_first, cancel_second, final, 0},
    {"abort_then_free_is_dropped", &abort_first, free_second, dropped, 0},
    {"cancel_then_connect_is_unharmed", &cancel_first, connect_second, unharmed, UV_EALREADY},
    {"cancel_then_handshake_is_unharmed", &cancel_first, handshake_second, unharmed, 0},
    {"cancel_then_read_is_unharmed", &cancel_first, read_second, unharmed, 0},
    {"cancel_then_write_is_unharmed", &cancel_first, write_second, unharmed, 0},
    {"cancel_then_shutdown_is_unharmed", &cancel_first, shutdown_second, unharmed, 0},
    {"cancel_then_close_is_unharmed", &cancel_first, close_second, unharmed, 0},
    {"cancel_then_farewell_is_unharmed", &cancel_first, farewell_second, unharmed, 0},
    {"cancel_then_abort_is_unharmed", &cancel_first, abort_second, unharmed, 0},
    {"cancel_then_cancel_is_unharmed", &cancel_first, cancel_second, unharmed, UV_EALREADY},
    {"cancel_then_free_is_dropped", &cancel_first, free_second, dropped, 0},
    {"early_read_then_close_is_cancelled", &early_read_first, close_second, cancelled, 0},
    {"early_read_then_farewell_is_stopped", &early_read_first, farewell_second, stopped, 0},
    {"early_write_then_close_is_cancelled", &early_write_first, close_second, cancelled, 0},
    {"early_write_then_farewell_is_cancelled", &early_write_first, farewell_second, cancelled, 0},
    {"early_shutdown_then_close_is_cancelled", &early_shutdown_first, close_second, cancelled, 0},
    {"early_shutdown_then_farewell_is_cancelled", &early_shutdown_first, farewell_second, cancelled, 0},
};

static void play(const struct cell *cell, enum carrier carrier, bool we_serve)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->cell = cell;
    scene->talk = (struct talk){.carrier = carrier, .version = ADIEU_TLS_1_3, .we_serve = we_serve};
    scene->to_connect = cell->first == &connect_first;
    scene->listener = -1;
    (void)open_loop(NULL);
    (scene->to_connect ? talk_make : talk_open)(&scene->talk);
    if (scene->to_connect) {
        adieu_uv_free(scene->talk.peer);
        scene->talk.peer = NULL;
    }
    if (cell->first->established)
        talk_shake(&scene->talk);
    cell->first->begin(scene);
    assert_code(cell->second(scene), cell->answer);
    assert_int_equal(scene->order, 0); /* nobody was called inside of it */
    cell->outcome(scene);
    run_ms(1);
    assert_true(scene->freed || scene->first.calls <= 1);
    assert_true(scene->second.calls <= 1);
    talk_free(&scene->talk);
    if (scene->listener >= 0)
        (void)close(scene->listener);
    (void)close_loop(NULL);
    free(scene);
}

static void play_each(void **state)
{
    const struct cell *cell = *state;
    play(cell, CARRIER_TCP, false);
    if (cell->first != &connect_first)
        play(cell, CARRIER_SOCKETPAIR, true);
}

enum { CELLS = sizeof cells / sizeof cells[0] };

int main(void)
{
    struct CMUnitTest tests[CELLS] = {{.name = NULL}};
    for (int i = 0; i < CELLS; i++)
        tests[i] = (struct CMUnitTest){
            .name = cells[i].name, .test_func = play_each, .initial_state = (void *)(uintptr_t)&cells[i]};
    return cmocka_run_group_tests_name("uv ordering", tests, setup_talks, teardown_talks);
}
