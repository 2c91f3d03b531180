/* SPDX-License-Identifier: MIT */
/* What an input says, one thing after the other: the peer's words, what becomes of them on the way, and adieu's verbs. */
#include <string.h>

#include "talk.h"

/* ------------------------------------------------ the wire */

static void go(struct talk *talk, struct input *input)
{
    (void)input;
    talk_go(talk);
    talk_give(talk, SIZE_MAX, false);
    talk_step(talk);
    talk_take(talk, SIZE_MAX);
}

/* 0 is everything. */
static size_t amount(struct input *input)
{
    unsigned number = input_byte(input);
    return number ? number : SIZE_MAX;
}

/* What OpenSSL says lies in flight, to be bent. */
static void let_go(struct talk *talk, struct input *input)
{
    (void)input;
    talk_go(talk);
}

static void give(struct talk *talk, struct input *input)
{
    talk_give(talk, amount(input), false);
}

static void lend(struct talk *talk, struct input *input)
{
    talk_give(talk, amount(input), true);
}

/* A place to put bytes is out while adieu goes on. */
static void hold(struct talk *talk, struct input *input)
{
    talk_hold(talk, amount(input));
}

static void take(struct talk *talk, struct input *input)
{
    talk_take(talk, amount(input));
}

static void end_of_transport(struct talk *talk, struct input *input)
{
    static void (*const ends[])(struct watched *) = {watched_eof, watched_reset};
    ends[input_below(input, 2)](&talk->adieu);
}

static void out_failed(struct talk *talk, struct input *input)
{
    (void)input;
    adieu_wire_out_failed(talk->adieu.stream, 32);
    talk->fed_up = true;
}

static void acknowledged(struct talk *talk, struct input *input)
{
    adieu_wire_acknowledged(talk->adieu.stream, input_number(input));
}

static void buffers(struct talk *talk, struct input *input)
{
    static void (*const calls[])(struct adieu_stream *) = {adieu_wire_keep, adieu_wire_rest};
    calls[input_below(input, 2)](talk->adieu.stream);
}

/* ------------------------------------------------ verbs */

static void step(struct talk *talk, struct input *input)
{
    (void)input;
    talk_step(talk);
}

static void read_some(struct talk *talk, struct input *input)
{
    talk_read(talk, amount(input));
}

static void discard(struct talk *talk, struct input *input)
{
    (void)input;
    watched_discard(&talk->adieu);
}

static void write_some(struct talk *talk, struct input *input)
{
    talk_write(talk, input_number(input));
}

static void shut(struct talk *talk, struct input *input)
{
    (void)input;
    watched_shutdown(&talk->adieu);
}

static void abort_it(struct talk *talk, struct input *input)
{
    adieu_abort(talk->adieu.stream, (enum adieu_reason)(1 + input_below(input, 4)));
}

static void update_key(struct talk *talk, struct input *input)
{
    watched_key_update(&talk->adieu, input_byte(input) & 1);
}

static void ask_certificate(struct talk *talk, struct input *input)
{
    (void)input;
    watched_ask(&talk->adieu);
}

static void decide(struct talk *talk, struct input *input)
{
    bool awaited = adieu_awaited(talk->adieu.stream) == ADIEU_AWAITED_VERIFY;
    enum adieu_decision decision = (enum adieu_decision)input_below(input, 8);
    enum adieu_status status = adieu_decide(talk->adieu.stream, decision);
    claim(status == (awaited && decision != ADIEU_LATER ? ADIEU_OK : ADIEU_MISUSE), "only what is awaited is decided");
}

/* ------------------------------------------------ what the peer says */

static const struct recipe honest = {.outer = AS_IT_IS, .version = AS_IT_IS, .length = AS_IT_IS};

static void say(struct talk *talk, uint8_t type, const void *content, size_t size, bool plain)
{
    struct recipe recipe = honest;
    recipe.type = type;
    recipe.content = content;
    recipe.size = size;
    flight_add_record(&talk->flight, &talk->out, &recipe, plain);
}

static void say_data(struct talk *talk, struct input *input)
{
    static uint8_t data[RECORD_MOST];
    size_t size = input_number(input) % (sizeof data + 1);
    for (size_t i = 0; i < size; i++)
        data[i] = pattern(talk->said++);
    say(talk, RECORD_DATA, data, size, false);
}

static void say_alert(struct talk *talk, struct input *input)
{
    uint8_t alert[] = {input_byte(input), input_byte(input)};
    say(talk, RECORD_ALERT, alert, sizeof alert, false);
}

static void say_close(struct talk *talk, struct input *input)
{
    static const uint8_t close_notify[] = {1, 0};
    (void)input;
    say(talk, RECORD_ALERT, close_notify, sizeof close_notify, false);
}

static void say_record(struct talk *talk, struct input *input)
{
    uint8_t type = input_byte(input);
    struct some some = input_some(input);
    say(talk, type, some.at, some.size, false);
}

static void say_plain(struct talk *talk, struct input *input)
{
    uint8_t type = input_byte(input);
    struct some some = input_some(input);
    say(talk, type, some.at, some.size, true);
}

/* A handshake message whose length is right. */
static void say_message(struct talk *talk, struct input *input)
{
    uint8_t message[4 + 255] = {input_byte(input)};
    struct some some = input_some(input);
    message[3] = (uint8_t)some.size;
    memcpy(message + 4, some.at, some.size);
    say(talk, RECORD_HANDSHAKE, message, 4 + some.size, false);
}

static void say_key_update(struct talk *talk, struct input *input)
{
    const uint8_t message[] = {MESSAGE_KEY_UPDATE, 0, 0, 1, input_byte(input)};
    say(talk, RECORD_HANDSHAKE, message, sizeof message, false);
    if (talk->choices.tls13 && talk->out.epoch == EPOCH_APPLICATION)
        channel_update(&talk->out);
}

static void say_oddly(struct talk *talk, struct input *input)
{
    struct recipe recipe = honest;
    unsigned odd = input_byte(input);
    struct some some = input_some(input);
    recipe.type = input_byte(input);
    recipe.content = some.at;
    recipe.size = some.size;
    recipe.pad = odd & 1 ? input_number(input) % (RECORD_MOST + 2) : 0;
    recipe.outer = odd & 2 ? input_byte(input) : AS_IT_IS;
    recipe.version = odd & 4 ? (int)input_number(input) : AS_IT_IS;
    recipe.length = odd & 8 ? (int)input_number(input) : AS_IT_IS;
    flight_add_record(&talk->flight, &talk->out, &recipe, false);
}

/* Under the handshake keys of TLS 1.3, wherever we are. */
static void say_early(struct talk *talk, struct input *input)
{
    struct recipe recipe = honest;
    struct bytes out = {0};
    uint64_t sequence = input_byte(input);
    recipe.type = input_byte(input);
    struct some some = input_some(input);
    recipe.content = some.at;
    recipe.size = some.size;
    if (talk->choices.tls13 && channel_make_early(&talk->out, sequence, &recipe, &out))
        flight_add_bytes(&talk->flight, out.at, out.size);
    bytes_free(&out);
}

static void say_bytes(struct talk *talk, struct input *input)
{
    struct some some = input_some(input);
    flight_add_bytes(&talk->flight, some.at, some.size);
}

static void edit(struct talk *talk, struct input *input)
{
    flight_edit(&talk->flight, input);
}

/* ------------------------------------------------ all of it */

/* In this order for ever: it is what the inputs in the corpora mean. */
static void (*const acts[])(struct talk *talk, struct input *input) = {
    go,
    give,
    lend,
    take,
    step,
    read_some,
    write_some,
    shut,
    say_data,
    say_alert,
    say_close,
    say_record,
    say_message,
    say_plain,
    say_early,
    say_bytes,
    edit,
    edit,
    say_oddly,
    discard,
    say_key_update,
    abort_it,
    update_key,
    ask_certificate,
    decide,
    out_failed,
    acknowledged,
    buffers,
    end_of_transport,
    let_go,
    hold,
};

int talk_fuzz(const uint8_t *data, size_t size, bool server, bool established)
{
    struct input input = {data, size};
    struct talk talk;
    talk_begin(&talk, &input, server);
    if (established)
        talk_shake_hands(&talk);
    for (int i = 0; i < 100 && input.left > 0; i++) {
        acts[input_below(&input, sizeof acts / sizeof acts[0])](&talk, &input);
        talk_look(&talk);
    }
    talk_end(&talk);
    return 0;
}
