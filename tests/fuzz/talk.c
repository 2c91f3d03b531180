/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <string.h>

/* ------------------------------------------------ beginning */

/* A client's certificate is looked at by nobody: what adieu does when it is asked for one is what counts. */
static int accept_any(X509_STORE_CTX *context, void *argument)
{
    (void)context, (void)argument;
    return 1;
}

static void begin_peer(struct talk *talk)
{
    const struct choices *choices = &talk->choices;
    const struct handshake_options options = {.server = !choices->server,
                                              .tls13 = choices->tls13,
                                              .suite = choices->suite,
                                              .tickets = choices->tickets,
                                              .groups = choices->groups ? "P-384" : NULL,
                                              .alpn = choices->alpn ? "h2" : NULL};
    handshake_begin(&talk->tls, choices_identity(choices), &options);
    if (choices->peer_asks && !choices->server)
        SSL_set_verify(talk->tls.ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(talk->tls.context, accept_any, NULL);
    SSL_set_post_handshake_auth(talk->tls.ssl, 1);
    SSL_set_app_data(talk->tls.ssl, &talk->tls);
}

void talk_begin(struct talk *talk, struct input *input, bool server)
{
    *talk = (struct talk){.choices = choices_take(input, server)};
    struct adieu_config *config = choices_config(&talk->choices);
    steady_begin();
    watched_begin(&talk->adieu, server ? adieu_server(config) : adieu_client(config, IDENTITY_NAME));
    begin_peer(talk);
    talk->out = talk->given.channel = (struct channel){.secrets = &talk->tls.secrets, .of_server = !server};
    talk->heard.channel = (struct channel){.secrets = &talk->tls.secrets, .of_server = server};
}

/* ------------------------------------------------ the peer */

void talk_go(struct talk *talk)
{
    struct bytes said = {0};
    handshake_go(&talk->tls, &said);
    flight_add_said(&talk->flight, &talk->out, &said);
    bytes_free(&said);
}

/* One record of adieu's. Its OpenSSL has a use for it while it shakes hands. */
static void peer_hears(void *context, const struct bytes *raw, const struct record *record)
{
    struct talk *talk = context;
    bool handshake = record->type == RECORD_HANDSHAKE || record->type == RECORD_CCS;
    if (!handshake || talk->tls.done || talk->tls.failed)
        return;
    handshake_feed(&talk->tls, raw);
    talk_go(talk);
}

/* ------------------------------------------------ adieu's transport */

static void put(struct talk *talk, const uint8_t *bytes, size_t size)
{
    uint8_t *at = NULL;
    claim(adieu_wire_in(talk->adieu.stream, &at) >= size, "the room is there that was asked for");
    memcpy(at, bytes, size);
    adieu_wire_in_done(talk->adieu.stream, size);
}

/* The loan is a copy of exactly its size, so that a sanitizer sees who looks behind it, or keeps it. */
static void lend(struct talk *talk, const uint8_t *bytes, size_t size)
{
    struct bytes loan = {0};
    bytes_add(&loan, bytes, size);
    claim(adieu_wire_lend(talk->adieu.stream, loan.at, size) == ADIEU_OK, "what there is room for can be lent");
    talk_step(talk);
    adieu_wire_settle(talk->adieu.stream);
    bytes_free(&loan);
}

/* False: there is no room. */
static bool give_some(struct talk *talk, struct bytes *raw, size_t most, bool lent)
{
    size_t room = adieu_wire_in(talk->adieu.stream, NULL), n = raw->size < most ? raw->size : most;
    n = n < room ? n : room;
    if (n == 0)
        return raw->size == 0;
    truth_hear(&talk->given, raw->at, n, NULL, NULL);
    (lent ? lend : put)(talk, raw->at, n);
    flight_take(&talk->flight, n);
    return true;
}

void talk_give(struct talk *talk, size_t most, bool lent)
{
    struct flight *flight = &talk->flight;
    bool heard = !talk->adieu.told && adieu_receiving(talk->adieu.stream) == ADIEU_RECEIVING_OPEN;
    if (!heard)
        flight_free(flight);
    while (flight->count > 0) {
        struct bytes *raw = &flight->said[0].raw;
        size_t before = raw->size;
        bool empty = before == 0;
        if (empty)
            flight_take(flight, 0);
        else if (most == 0 || !give_some(talk, raw, most, lent))
            return;
        most -= empty ? 0 : before < most ? before : most;
    }
}

void talk_hold(struct talk *talk, size_t most)
{
    uint8_t *at = NULL;
    size_t room = adieu_wire_in(talk->adieu.stream, &at);
    talk_step(talk);
    bool listens = adieu_receiving(talk->adieu.stream) == ADIEU_RECEIVING_OPEN || talk->given.closed;
    struct bytes *raw = talk->flight.count > 0 ? &talk->flight.said[0].raw : NULL;
    size_t n = raw && listens && !talk->adieu.told ? raw->size : 0;
    n = n < most ? n : most;
    n = n < room ? n : room;
    if (n > 0) {
        truth_hear(&talk->given, raw->at, n, NULL, NULL);
        memcpy(at, raw->at, n);
    }
    adieu_wire_in_done(talk->adieu.stream, n);
    if (n > 0)
        flight_take(&talk->flight, n);
}

void talk_take(struct talk *talk, size_t most)
{
    const uint8_t *at;
    for (size_t n; !talk->fed_up && most > 0 && (n = adieu_wire_out(talk->adieu.stream, &at)) > 0; most -= n) {
        struct bytes copy = {0};
        n = n < most ? n : most;
        bytes_add(&copy, at, n);
        adieu_wire_out_done(talk->adieu.stream, n);
        truth_hear(&talk->heard, copy.at, n, peer_hears, talk);
        bytes_free(&copy);
    }
}

bool talk_shake_hands(struct talk *talk)
{
    for (int i = 0; i < 12; i++) {
        talk_go(talk);
        talk_give(talk, SIZE_MAX, false);
        enum adieu_status status = watched_handshake(&talk->adieu);
        talk_take(talk, SIZE_MAX);
        if (status == ADIEU_OK && talk->tls.done && talk->flight.count == 0)
            return true;
        if (status == ADIEU_FAIL || talk->tls.failed)
            return false;
    }
    return false;
}

/* ------------------------------------------------ verbs */

/* How much of what the peer said has come. */
static uint64_t came(const struct talk *talk)
{
    return talk->adieu.received + talk->adieu.discarded;
}

void talk_step(struct talk *talk)
{
    size_t got;
    if (watched_handshake(&talk->adieu) == ADIEU_OK)
        watched_read(&talk->adieu, NULL, 0, &got);
}

void talk_read(struct talk *talk, size_t size)
{
    static uint8_t buf[40000];
    size_t got;
    uint64_t at = came(talk);
    const struct bytes *data = &talk->given.data;
    watched_read(&talk->adieu, buf, size < sizeof buf ? size : sizeof buf, &got);
    claim(at + got <= data->size, "nothing is delivered that was not said");
    claim(got == 0 || memcmp(buf, data->at + at, got) == 0, "what is delivered is what was said");
}

void talk_write(struct talk *talk, size_t size)
{
    static uint8_t buf[40000];
    size_t took;
    size = size < sizeof buf ? size : sizeof buf;
    for (size_t i = 0; i < size; i++)
        buf[i] = pattern(talk->adieu.taken + i);
    watched_write(&talk->adieu, buf, size, &took);
}
