/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <string.h>

#include "adieu_openssl.h"

/* What w and L write: a line, and three records of which the last is short. */
enum { LINE = 40, SOME_RECORDS = 2 * 16384 + 3000 };

/* ------------------------------------------------ sides */

struct side side_for(const struct setting *setting, bool server, const struct way *way)
{
    return (struct side){.way = way,
                         .at = server ? setting->kind->server : setting->kind->client,
                         .server = server,
                         .opened = ADIEU_WAIT,
                         .handshake = ADIEU_WAIT,
                         .read = ADIEU_WAIT};
}

void side_resume(const struct setting *setting, const struct side *side)
{
    /* Without memory it fails, and the stream goes on without. */
    if (setting->kind->resumed && side->s && !side->server)
        (void)!adieu_resume(side->s, setting->session.bytes, setting->session.size);
}

void side_free(struct side *side)
{
    side->way->free(side);
    side->fd = NULL;
    side->looped = NULL;
    side->s = NULL;
}

/* ------------------------------------------------ in memory */

static enum adieu_status shake_memory(const struct side *side)
{
    return adieu_handshake(side->s);
}

static enum adieu_status read_memory(const struct side *side, void *buf, size_t size, size_t *got)
{
    return adieu_read(side->s, buf, size, got);
}

static enum adieu_status write_memory(const struct side *side, const void *buf, size_t size, size_t *took)
{
    return adieu_write(side->s, buf, size, took);
}

static enum adieu_status shut_memory(const struct side *side)
{
    return adieu_shutdown(side->s);
}

static void free_memory(struct side *side)
{
    adieu_free(side->s);
}

struct side side_new(struct setting *setting, bool server)
{
    static const struct way memory = {.handshake = shake_memory,
                                      .read = read_memory,
                                      .write = write_memory,
                                      .shutdown = shut_memory,
                                      .free = free_memory};
    struct side side = side_for(setting, server, &memory);
    side.s = server ? adieu_server(setting->server) : adieu_client(setting->client, setting_host(setting));
    side_resume(setting, &side);
    return side;
}

/* ------------------------------------------------ on a descriptor */

static int64_t deadline(const struct side *side)
{
    return side->patience ? adieu_fd_in(side->patience) : ADIEU_FD_NOW;
}

static enum adieu_status shake_fd(const struct side *side)
{
    return adieu_fd_handshake(side->fd, deadline(side));
}

static enum adieu_status read_fd(const struct side *side, void *buf, size_t size, size_t *got)
{
    return adieu_fd_read(side->fd, buf, size, got, deadline(side));
}

static enum adieu_status write_fd(const struct side *side, const void *buf, size_t size, size_t *took)
{
    return adieu_fd_write(side->fd, buf, size, took, deadline(side));
}

static enum adieu_status shut_fd(const struct side *side)
{
    return adieu_fd_shutdown(side->fd, deadline(side));
}

static enum adieu_status adopt_fd(const struct side *side, int descriptor)
{
    return adieu_fd_adopt(side->fd, descriptor, ADIEU_FD_OWNED);
}

static enum adieu_status close_fd(const struct side *side)
{
    const struct adieu_fd_patience patience = ADIEU_FD_PATIENCE;
    return adieu_fd_close(side->fd, patience, NULL);
}

static struct pollfd interest_fd(const struct side *side, int *timeout_ms)
{
    return adieu_fd_interest(side->fd, timeout_ms);
}

static void free_fd(struct side *side)
{
    adieu_fd_free(side->fd);
}

struct side side_new_fd(struct setting *setting, bool server, int64_t patience)
{
    static const struct way descriptor = {shake_fd, read_fd,  write_fd, shut_fd,
                                          free_fd,  adopt_fd, close_fd, interest_fd};
    struct side side = side_for(setting, server, &descriptor);
    side.fd = server ? adieu_fd_server(setting->server) : adieu_fd_client(setting->client, setting_host(setting));
    side.s = side.fd ? adieu_fd_stream(side.fd) : NULL;
    side.patience = patience;
    if (side.fd && !patience)
        adieu_fd_set_polled(side.fd);
    side_resume(setting, &side);
    return side;
}

/* ------------------------------------------------ steps: each answers whether it is done */

/* Byte i of what a side says: so that a prefix is known by its place. */
static uint8_t letter(bool server, size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (server ? 128 : 1));
}

static bool say_step(struct side *side, size_t size)
{
    uint8_t words[SOME_RECORDS];
    if (!side->entered)
        side->due = size;
    side->entered = true;
    while (side->due > 0) {
        size_t took = 0;
        for (size_t i = 0; i < side->due; i++)
            words[i] = letter(side->server, side->said + i);
        enum adieu_status status = side->way->write(side, words, side->due, &took);
        if (status == ADIEU_WAIT)
            return false;
        if (status != ADIEU_OK)
            return true; /* it can say no more, and goes on to what it can still do */
        demand(took > 0 && took <= side->due, "a write took %zu of %zu bytes", took, side->due);
        side->said += took;
        side->due -= took;
    }
    return true;
}

static void hear(struct side *side, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        demand(bytes[i] == letter(!side->server, side->heard + i), "byte %zu is not what was said", side->heard + i);
    side->heard += n;
}

/* WAIT has to be honest: then bytes may come, or must leave. */
static void check_wait(const struct side *side)
{
    if (side->way->close)
        return; /* the handle takes them off; its loop finds out who waits for nothing */
    demand(adieu_wire_in(side->s, NULL) > 0 || adieu_wire_out(side->s, NULL) > 0, "WAIT, but nothing moves it");
}

static bool hear_step(struct side *side, size_t size)
{
    uint8_t bytes[1000];
    size_t got = 0;
    if (!side->entered)
        side->wanted = size == SIZE_MAX ? SIZE_MAX : side->heard + size;
    side->entered = true;
    while (side->heard < side->wanted) {
        size_t room = side->wanted - side->heard;
        room = room < sizeof bytes ? room : sizeof bytes;
        side->read = side->way->read(side, bytes, room, &got);
        if (side->read == ADIEU_WAIT)
            check_wait(side);
        if (side->read != ADIEU_OK)
            return side->read != ADIEU_WAIT;
        demand(got > 0 && got <= room, "a read of %zu bytes gave %zu", room, got);
        hear(side, bytes, got);
    }
    return true;
}

static bool update_step(struct side *side, int type)
{
    SSL *ssl = adieu_openssl_ssl(side->s);
    (void)SSL_key_update(ssl, type); /* not where the stream has failed */
    return true;
}

static bool run_step(struct side *side)
{
    switch (*side->at) {
    case 'w':
        return say_step(side, LINE);
    case 'L':
        return say_step(side, SOME_RECORDS);
    case 'r':
        return hear_step(side, LINE);
    case 'R':
        return hear_step(side, SOME_RECORDS);
    case 'k':
        return update_step(side, SSL_KEY_UPDATE_NOT_REQUESTED);
    case 'K':
        return update_step(side, SSL_KEY_UPDATE_REQUESTED);
    case 's':
        return side->way->shutdown(side) != ADIEU_WAIT;
    case 'e':
        return hear_step(side, SIZE_MAX);
    }
    wrong("no such step: %c", *side->at);
}

void side_give_up(struct side *side)
{
    side->at += strlen(side->at);
    side->read = ADIEU_FAIL;
    if (side->handshake == ADIEU_WAIT)
        side->handshake = ADIEU_FAIL;
}

/* A connection, and the handshake on it. OK: they are there. */
static enum adieu_status begin_turn(struct side *side)
{
    if (side->way->close && side->opened == ADIEU_WAIT)
        side->opened = side->open(side, deadline(side));
    if (side->way->close && side->opened != ADIEU_OK) {
        if (side->opened == ADIEU_FAIL)
            side_give_up(side);
        return side->opened;
    }
    if (side->handshake == ADIEU_WAIT) {
        side->handshake = side->way->handshake(side);
        if (side->handshake == ADIEU_FAIL)
            side_give_up(side);
    }
    return side->handshake;
}

bool side_turn(struct side *side)
{
    const char *before = side->at;
    enum adieu_status handshake = side->handshake;
    bool closed = side->closed;
    if (side_done(side))
        return false;
    if (begin_turn(side) == ADIEU_OK)
        while (*side->at && run_step(side)) {
            side->at++;
            side->entered = false;
        }
    if (!*side->at && side->way->close)
        side->closed = side->way->close(side) == ADIEU_OK;
    return side->at != before || side->handshake != handshake || side->closed != closed;
}

bool side_done(const struct side *side)
{
    return !*side->at && (!side->way->close || side->closed);
}

/* ------------------------------------------------ what always holds */

static void check_words(const struct side *side, const struct adieu_ending *ending)
{
    char text[160];
    const struct adieu_error *error = adieu_error(side->s);
    demand(adieu_ending_text(ending, text, sizeof text)[0], "an ending without words");
    demand(ending->error == error->code, "the ending's error is not the stream's");
    demand(error->code == ADIEU_ERR_NONE || error->text[0], "an error without words: %s",
           adieu_error_code_name(error->code));
}

static void check_counts(const struct side *side, const struct side *peer, const struct adieu_ending *ending)
{
    demand(ending->received == side->heard, "%llu received, but %zu read", (unsigned long long)ending->received,
           side->heard);
    demand(ending->taken >= side->said, "%llu taken, but %zu written", (unsigned long long)ending->taken, side->said);
    demand(ending->sent <= ending->taken, "more sent than taken");
    demand(!peer->s || side->heard <= adieu_ending(peer->s).taken, "more was heard than said");
}

/* An end is the peer's own: it had shut down, all of it had left, and all of it was delivered. */
static void check_end(const struct side *side, const struct side *peer, const struct adieu_ending *ending)
{
    bool closed = ending->receiving == ADIEU_RECEIVING_CLOSED;
    demand((side->read == ADIEU_END) <= closed, "END, but receiving is %s", adieu_receiving_name(ending->receiving));
    if (closed) {
        struct adieu_ending theirs = adieu_ending(peer->s);
        demand(theirs.sending == ADIEU_SENDING_CLOSED, "an end that the peer did not send: it is %s",
               adieu_sending_name(theirs.sending));
        demand(side->heard + ending->discarded == theirs.taken, "an end after %zu of %llu bytes", side->heard,
               (unsigned long long)theirs.taken);
    }
    bool delivered = adieu_ending_exit(ending) == ADIEU_EXIT_DELIVERED;
    demand(!delivered || (closed && ending->sending == ADIEU_SENDING_CLOSED), "delivered, though %s and %s",
           adieu_sending_name(ending->sending), adieu_receiving_name(ending->receiving));
}

/* Asked again, an ended side says the same, and nothing more leaves. */
static void check_stable(struct side *side, const struct adieu_ending *before)
{
    uint8_t byte = 0;
    size_t n = 77, waits = adieu_wire_out(side->s, NULL);
    bool established = side->handshake == ADIEU_OK;
    enum adieu_status read = before->receiving == ADIEU_RECEIVING_CLOSED ? ADIEU_END : ADIEU_FAIL;
    for (int i = 0; i < 100; i++) {
        demand(adieu_handshake(side->s) == (established ? ADIEU_OK : ADIEU_FAIL), "another handshake's answer");
        demand(adieu_read(side->s, &byte, 1, &n) == read && n == 77, "read does not say %s again",
               adieu_status_name(read));
        enum adieu_status wrote = adieu_write(side->s, &byte, 1, &n);
        demand(wrote == ADIEU_FAIL || (wrote == ADIEU_MISUSE && established), "a write after the end: %s",
               adieu_status_name(wrote));
        bool closed = before->sending == ADIEU_SENDING_CLOSED;
        demand(adieu_shutdown(side->s) == (closed ? ADIEU_OK : ADIEU_FAIL), "another shutdown's answer");
    }
    struct adieu_ending after = adieu_ending(side->s);
    demand(!memcmp(&after, before, sizeof after), "asked again, the ending changed: %s, %s, %s",
           adieu_sending_name(after.sending), adieu_receiving_name(after.receiving),
           adieu_error_code_name(after.error));
    demand(adieu_wire_out(side->s, NULL) == waits, "asked again, something leaves");
}

void check_side(struct side *side, const struct side *peer)
{
    struct adieu_ending ending = adieu_ending(side->s);
    check_words(side, &ending);
    check_counts(side, peer, &ending);
    check_end(side, peer, &ending);
    if (ending.decided)
        check_stable(side, &ending);
}

void check_clean(const struct side *side)
{
    struct adieu_ending ending = adieu_ending(side->s);
    demand(side_done(side), "it stalled before step \"%s\"", side->at);
    demand(adieu_ending_exit(&ending) == ADIEU_EXIT_DELIVERED, "it did not end well: %s, %s: %s",
           adieu_sending_name(ending.sending), adieu_receiving_name(ending.receiving), adieu_error(side->s)->text);
}

void check_not_welcomed(const struct setting *setting, const struct side side[2])
{
    for (int i = 0; i < 2; i++) {
        if (!side[i].s)
            continue;
        struct adieu_ending ending = adieu_ending(side[i].s);
        demand(side[i].handshake != ADIEU_OK || !must_refuse(setting, i), "it welcomed whom it must refuse");
        demand(adieu_ending_exit(&ending) != ADIEU_EXIT_DELIVERED, "%s says delivered, though one must refuse",
               i ? "the server" : "the client");
    }
}

/* The alert of who refuses need not have left; who is refused knows it by nothing else. */
bool knows_refusal(const struct setting *setting, const struct side *side)
{
    struct adieu_ending ending = adieu_ending(side->s);
    bool refuses = must_refuse(setting, side->server);
    const struct adieu_alert *alert = refuses ? &ending.alert_sent : &ending.alert_received;
    return ending.error == (refuses ? setting->kind->refusal.error : ADIEU_ERR_ALERTED) &&
           ending.receiving == (refuses ? ADIEU_RECEIVING_REJECTED : ADIEU_RECEIVING_ALERTED) &&
           adieu_ending_exit(&ending) == (refuses ? ADIEU_EXIT_REJECTED : ADIEU_EXIT_ALERTED) &&
           (!alert->seen || alert->number == setting_alert(setting)) && (alert->seen || refuses);
}

void check_refusal(const struct setting *setting, const struct side side[2])
{
    check_not_welcomed(setting, side);
    for (int i = 0; i < 2; i++) {
        struct adieu_ending ending = adieu_ending(side[i].s);
        demand(side_done(&side[i]), "it stalled before step \"%s\"", side[i].at);
        demand(knows_refusal(setting, &side[i]), "it knows of no refusal: %s, %s: %s",
               adieu_sending_name(ending.sending), adieu_receiving_name(ending.receiving),
               adieu_error(side[i].s)->text);
    }
}
