/* SPDX-License-Identifier: MIT */
/*
 * Every kind of conversation in memory, its wire cut behind each byte, in each direction, in each way that a transport
 * can end: receiving is closed if and only if the cut lies behind the close_notify's last byte; what was delivered is
 * a prefix; nobody waits for ever; and nobody claims to have sent what was not handed over.
 */
#include "talk.h"

#include <errno.h>
#include <string.h>

/* How it ends for the sender of the bytes and for their receiver. */
enum how {
    HOW_EOF, /* the receiver finds the end behind bytes unread; the sender learns nothing, and goes on into the void */
    HOW_FAILED, /* the receiver finds the end by itself, and the sender can send no more */
    HOW_RESET,  /* both are told of a reset, the receiver before it has looked at what came */
    HOWS
};
static const char *const how_names[HOWS] = {"ended behind byte", "takes no more behind byte", "reset behind byte"};

/* What came before the cut was a whole end, or a whole refusal; or it was not. */
enum outcome { OUTCOME_OPEN, OUTCOME_CLOSED };

/* Where in the records of one direction we are. */
struct record {
    size_t at, size;
    uint8_t type;
};

struct wire {
    struct setting *setting;
    struct branches branches;
    struct side side[2]; /* client, server */
    int from;            /* who sends what is cut */
    size_t carried;      /* of it, in bytes */
    struct record record;
    bool cut, refused; /* and before the cut, one had refused the other */
    enum how how;
    size_t first_closed[HOWS], last_open[HOWS]; /* cuts after which receiving was closed, and was not */
};

/* ------------------------------------------------ where to cut */

static void follow_record(struct record *record, uint8_t byte)
{
    enum { HEADER = 5 };
    if (record->at == record->size) {
        record->at = 0;
        record->size = HEADER;
        record->type = byte;
    }
    if (record->at == 3)
        record->size += (size_t)byte << 8;
    if (record->at == 4)
        record->size += byte;
    record->at++;
}

/* The inside of a long record is the same everywhere; and most kinds have the same handshake. */
static bool is_dull(const struct wire *wire)
{
    enum { LONG = 2000, EDGE = 40 };
    const struct record *record = &wire->record;
    if (record->size > LONG && record->at > EDGE && record->at + EDGE < record->size)
        return true;
    return wire->side[wire->from].handshake == ADIEU_WAIT && !wire->setting->kind->own_handshake;
}

/* Who must refuse has done so. */
static bool has_refused(const struct wire *wire)
{
    const struct side *refuser = &wire->side[wire->setting->kind->refusal.by_server];
    return is_refused(wire->setting) && knows_refusal(wire->setting, refuser);
}

static void cut(struct wire *wire, enum how how)
{
    struct adieu_stream *sender = wire->side[wire->from].s, *receiver = wire->side[!wire->from].s;
    wire->cut = true;
    wire->refused = has_refused(wire);
    wire->how = how;
    if (how == HOW_RESET) {
        adieu_wire_reset(receiver, ECONNRESET);
        adieu_wire_reset(sender, ECONNRESET);
        return;
    }
    if (how == HOW_FAILED) {
        side_turn(&wire->side[!wire->from]);
        adieu_wire_out_failed(sender, EPIPE);
    }
    adieu_wire_eof(receiver);
}

static void note(struct wire *wire, enum how how)
{
    bool closed = wire->branches.last == OUTCOME_CLOSED;
    if (closed && wire->carried < wire->first_closed[how])
        wire->first_closed[how] = wire->carried;
    if (!closed && wire->carried > wire->last_open[how])
        wire->last_open[how] = wire->carried;
}

/* True: this process is the child, whose wire is cut. */
static bool cut_here(struct wire *wire, bool dull)
{
    if (!branch_worth(&wire->branches, dull))
        return false;
    for (enum how how = 0; how < HOWS; how++) {
        if (branch(&wire->branches, how_names[how], wire->carried)) {
            cut(wire, how);
            return true;
        }
        note(wire, how);
    }
    return false;
}

/* ------------------------------------------------ the wire */

static size_t into_the_void(struct adieu_stream *sender)
{
    const uint8_t *at;
    size_t n, lost = 0;
    while ((n = adieu_wire_out(sender, &at)) > 0) {
        adieu_wire_out_done(sender, n);
        lost += n;
    }
    return lost;
}

static size_t waits(const struct wire *wire, uint8_t *byte)
{
    const uint8_t *at;
    size_t n = adieu_wire_out(wire->side[wire->from].s, &at);
    if (n)
        *byte = *at;
    return n;
}

/* Carries the direction that is cut, byte by byte; the receiver is not run between two. */
static size_t carry_cutting(struct wire *wire)
{
    struct adieu_stream *sender = wire->side[wire->from].s, *receiver = wire->side[!wire->from].s;
    size_t moved = 0;
    uint8_t byte;
    if (wire->cut)
        return into_the_void(sender);
    while (waits(wire, &byte)) {
        if (cut_here(wire, is_dull(wire)))
            return 1;
        if (!carry_some(sender, receiver, 1))
            return moved;
        follow_record(&wire->record, byte);
        wire->carried++;
        moved++;
    }
    return moved && cut_here(wire, is_dull(wire)) ? moved + 1 : moved;
}

static size_t exchange(struct wire *wire)
{
    struct adieu_stream *sender = wire->side[wire->from].s, *receiver = wire->side[!wire->from].s;
    size_t moved = carry_cutting(wire);
    if (wire->cut && wire->how == HOW_RESET)
        return moved;
    return moved + carry(receiver, sender);
}

/* ------------------------------------------------ what is to be seen */

/* Whether the receiver has heard all that it has to: the end, or why there will be none. */
static bool heard_all(const struct wire *wire)
{
    const struct side *side = &wire->side[!wire->from];
    bool closed = adieu_ending(side->s).receiving == ADIEU_RECEIVING_CLOSED;
    demand(!closed || !is_refused(wire->setting), "an end, though one must refuse");
    return closed || (is_refused(wire->setting) && knows_refusal(wire->setting, side));
}

static void check_receiver(struct wire *wire)
{
    struct side *side = &wire->side[!wire->from];
    struct adieu_ending ending = adieu_ending(side->s);
    bool closed = ending.receiving == ADIEU_RECEIVING_CLOSED, reset = wire->how == HOW_RESET;
    demand(side_done(side), "the receiver waits before step \"%s\"", side->at);
    demand(side->read == (closed ? ADIEU_END : ADIEU_FAIL), "read says %s", adieu_status_name(side->read));
    demand((ending.phase == ADIEU_PHASE_NONE) == (wire->carried == 0), "phase %s", adieu_phase_name(ending.phase));
    if (closed) {
        demand(!reset || ending.sending != ADIEU_SENDING_CLOSED || ending.after == ADIEU_AFTER_RESET,
               "the reset behind both ends is forgotten");
        return;
    }
    if (heard_all(wire))
        return;
    enum adieu_receiving want = reset ? ADIEU_RECEIVING_RESET : ADIEU_RECEIVING_TRUNCATED;
    enum adieu_error_code error = reset ? ADIEU_ERR_RESET : ADIEU_ERR_TRUNCATED;
    enum adieu_exit worth = reset ? ADIEU_EXIT_LOST : ADIEU_EXIT_TRUNCATED;
    demand(ending.receiving == want, "receiving is %s", adieu_receiving_name(ending.receiving));
    demand(ending.error == error, "the error is %s: %s", adieu_error_code_name(ending.error),
           adieu_error(side->s)->text);
    demand(adieu_ending_exit(&ending) == worth, "the exit status is %d", (int)adieu_ending_exit(&ending));
    demand(ending.os_error == (reset ? ECONNRESET : 0), "os_error is %d", ending.os_error);
}

static void check_sender(struct wire *wire)
{
    struct side *side = &wire->side[wire->from], *receiver = &wire->side[!wire->from];
    struct adieu_ending ending = adieu_ending(side->s);
    bool closed = adieu_ending(receiver->s).receiving == ADIEU_RECEIVING_CLOSED;
    if (wire->how == HOW_EOF)
        return; /* what went into the void left, for all it knows */
    bool refused = must_refuse(wire->setting, receiver->server) && has_refused(wire); /* it takes no more */
    demand(refused || ending.sent <= receiver->heard, "sent says %llu, but %zu were heard",
           (unsigned long long)ending.sent, receiver->heard);
    demand(refused || (ending.sending == ADIEU_SENDING_CLOSED) <= closed,
           "sending closed, but close_notify did not leave");
    demand(closed || adieu_ending_exit(&ending) != ADIEU_EXIT_DELIVERED, "delivered, though nothing was");
    demand(wire->how != HOW_RESET || ending.decided, "after a reset something lives: %s, %s",
           adieu_sending_name(ending.sending), adieu_receiving_name(ending.receiving));
}

/* What the receiver said goes the other way, and is its own to end. */
static void check_other_way(const struct wire *wire)
{
    struct adieu_ending theirs = adieu_ending(wire->side[!wire->from].s), ours = adieu_ending(wire->side[wire->from].s);
    if (wire->how == HOW_RESET || ours.receiving != ADIEU_RECEIVING_OPEN)
        return;
    demand(theirs.sending != ADIEU_SENDING_CLOSED, "its end was sent, but never came");
}

/* What a transport does when nothing more moves. */
static void let_go(struct wire *wire)
{
    for (int i = 0; i < 2; i++)
        if (!adieu_ending(wire->side[i].s).decided)
            adieu_abort(wire->side[i].s, ADIEU_REASON_RELEASED);
}

static void check_cut(struct wire *wire)
{
    check_other_way(wire);
    let_go(wire);
    for (int i = 0; i < 2; i++)
        check_side(&wire->side[i], &wire->side[!i]);
    check_receiver(wire);
    check_sender(wire);
    if (is_refused(wire->setting))
        check_not_welcomed(wire->setting, wire->side);
    demand(!wire->refused || has_refused(wire), "it refused before the cut, and now says something else");
    bool heard = heard_all(wire);
    for (int i = 0; i < 2; i++)
        side_free(&wire->side[i]);
    branch_finish(heard ? OUTCOME_CLOSED : OUTCOME_OPEN);
}

/* ------------------------------------------------ sweeping */

static void converse(struct wire *wire)
{
    enum { ROUNDS = 1000 };
    bool got_further = true;
    for (int round = 0; got_further; round++) {
        demand(round < ROUNDS, "no end after %d rounds", round);
        got_further = side_turn(&wire->side[0]);
        got_further |= side_turn(&wire->side[1]);
        got_further |= exchange(wire) > 0;
    }
}

/* Without a cut all ends well, and the last record is the close_notify. */
static void check_whole(struct wire *wire)
{
    for (int i = 0; i < 2; i++)
        check_side(&wire->side[i], &wire->side[!i]);
    if (is_refused(wire->setting)) {
        check_refusal(wire->setting, wire->side);
        return;
    }
    for (int i = 0; i < 2; i++)
        check_clean(&wire->side[i]);
    bool tls13 = wire->setting->version == ADIEU_TLS_1_3;
    enum { ALERT = 21, APPLICATION_DATA = 23, TLS13_ALERT_SIZE = 5 + 2 + 1 + 16 };
    demand(wire->record.at == wire->record.size && wire->record.type == (tls13 ? APPLICATION_DATA : ALERT) &&
               (!tls13 || wire->record.size == TLS13_ALERT_SIZE),
           "the last record is no close_notify");
}

/* Only behind all of it was it an end (or the alert of who refuses), and there it was. */
static void check_border(const struct wire *wire)
{
    if (!branch_densely() || (is_refused(wire->setting) && !must_refuse(wire->setting, wire->from)))
        return; /* the last byte need not be among those that were tried; or what is refused lies anywhere */
    for (enum how how = 0; how < HOWS; how++)
        demand(wire->first_closed[how] == wire->carried && wire->last_open[how] == wire->carried - 1,
               "%s: closed from %zu on, not closed up to %zu, of %zu", how_names[how], wire->first_closed[how],
               wire->last_open[how], wire->carried);
}

static void sweep(struct setting *setting, int from)
{
    struct wire wire = {.setting = setting, .from = from};
    for (int i = 0; i < 2; i++) {
        wire.side[i] = side_new(setting, i == 1);
        assert_non_null(wire.side[i].s);
    }
    for (enum how how = 0; how < HOWS; how++)
        wire.first_closed[how] = SIZE_MAX;
    branches_begin(&wire.branches, "%s, %s, what the %s says", setting->kind->name, version_name(setting->version),
                   from ? "server" : "client");
    converse(&wire);
    if (branched())
        check_cut(&wire);
    check_whole(&wire);
    for (int i = 0; i < 2; i++)
        side_free(&wire.side[i]);
    branches_end(&wire.branches);
    check_border(&wire);
}

static void sweep_what_the_client_says(struct setting *setting)
{
    sweep(setting, 0);
}

static void sweep_what_the_server_says(struct setting *setting)
{
    sweep(setting, 1);
}

static void every_cut_of_what_a_client_says(void **state)
{
    (void)state;
    for_settings(sweep_what_the_client_says);
    for_refused_settings(sweep_what_the_client_says);
}

static void every_cut_of_what_a_server_says(void **state)
{
    (void)state;
    for_settings(sweep_what_the_server_says);
    for_refused_settings(sweep_what_the_server_says);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_what_a_client_says),
        cmocka_unit_test(every_cut_of_what_a_server_says),
    };
    return cmocka_run_group_tests_name("sweep cuts", tests, setup_authority, teardown_authority);
}
