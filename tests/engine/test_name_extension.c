/* SPDX-License-Identifier: MIT */
/* What a client may write into the server_name extension of its ClientHello (RFC 6066 3), byte for byte. */
#include "joined.h"

#include <string.h>

#include <openssl/ssl.h>

#include "adieu_openssl.h"

enum { HEAD = 4, MOST = 400, DECODE_ERROR = 50, UNRECOGNIZED_NAME = 112 };
/* A number that means nothing: OpenSSL writes what it is given under it, and on the way it becomes 0, the server's name. */
enum { NOTHING = 0xFAFA };

static unsigned asked;
static char heard[MOST];

static struct adieu_config *choose(void *context, const char *name)
{
    asked++;
    strcpy(heard, name);
    return context;
}

struct extension {
    size_t size;
    uint8_t bytes[MOST];
};

static int write_extension(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *size, X509 *x,
                           size_t index, int *alert, void *arg)
{
    (void)ssl, (void)type, (void)context, (void)x, (void)index, (void)alert;
    const struct extension *extension = arg;
    *out = extension->bytes;
    *size = extension->size;
    return 1;
}

/* A client that sends no name but this. */
static struct adieu_config *client_that_writes(struct extension *extension)
{
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_3);
    assert_int_equal(
        SSL_CTX_add_custom_ext(context, NOTHING, SSL_EXT_CLIENT_HELLO, write_extension, NULL, extension, NULL, NULL),
        1);
    struct adieu_config *config = adieu_config_adopt(context);
    SSL_CTX_free(context);
    return config;
}

static void carry_as_name(struct adieu_stream *from, struct adieu_stream *to, size_t size)
{
    const uint8_t *at = NULL, was[HEAD] = {0xFA, 0xFA, (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t *room = NULL;
    size_t n = adieu_wire_out(from, &at), place = 0;
    assert_true(adieu_wire_in(to, &room) >= n);
    memcpy(room, at, n);
    while (place + HEAD <= n && memcmp(room + place, was, HEAD))
        place++;
    assert_true(place + HEAD <= n);
    memset(room + place, 0, 2);
    adieu_wire_in_done(to, n);
    adieu_wire_out_done(from, n);
}

/* The server has read it. An address is not sent as a name by OpenSSL. */
static struct joined reading(struct adieu_config *choice, struct extension *extension)
{
    struct adieu_config *server = server_config(ADIEU_TLS_1_3);
    check_status(adieu_config_on_name(server, choose, choice), ADIEU_OK);
    struct joined joined = join(client_that_writes(extension), server, "127.0.0.1");
    asked = 0;
    (void)!adieu_handshake(joined.client);
    carry_as_name(joined.client, joined.server, extension->size);
    (void)!adieu_handshake(joined.server);
    return joined;
}

static void check_refuses(struct extension *extension, int alert)
{
    struct joined joined = reading(NULL, extension);
    check_refused(joined.server, ADIEU_ERR_VIOLATION, alert);
    assert_int_equal(asked, 0);
    part(&joined);
}

/* A list of one name of so many letters. */
static struct extension name_of(size_t letters)
{
    struct extension extension = {.size = 5 + letters};
    const size_t list = 3 + letters;
    const uint8_t head[] = {(uint8_t)(list >> 8), (uint8_t)list, 0, (uint8_t)(letters >> 8), (uint8_t)letters};
    memcpy(extension.bytes, head, sizeof head);
    memset(extension.bytes + sizeof head, 'a', letters);
    return extension;
}

static void one_that_is_too_short_for_what_it_says_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < 8; size++) {
        struct extension cut = name_of(3);
        cut.size = size;
        check_refuses(&cut, DECODE_ERROR);
    }
    for (uint8_t list = 0; list < 3; list++) { /* as long as it says, and no name in it */
        struct extension empty = {.size = 2 + (size_t)list, .bytes = {0, list}};
        check_refuses(&empty, DECODE_ERROR);
    }
}

static void a_name_has_255_letters_and_no_more(void **state)
{
    (void)state;
    struct adieu_config *choice = server_config(ADIEU_TLS_1_3);
    struct extension longest = name_of(255), longer = name_of(256);
    struct joined joined = reading(choice, &longest);
    assert_int_equal(asked, 1);
    assert_int_equal(strlen(heard), 255);
    part(&joined);
    check_refuses(&longer, UNRECOGNIZED_NAME);
    adieu_config_free(choice);
}

/* ------------------------------------------------ none */

static void who_asks_for_no_name_can_be_refused(void **state)
{
    (void)state;
    struct adieu_config *server = server_config(0);
    check_status(adieu_config_on_name(server, choose, NULL), ADIEU_OK);
    struct joined joined = join(client_config(0), server, "127.0.0.1");
    shake(&joined);
    check_refused(joined.server, ADIEU_ERR_VIOLATION, UNRECOGNIZED_NAME);
    assert_string_equal(heard, "");
    assert_non_null(strstr(adieu_error(joined.server)->text, "who asks for no name"));
    part(&joined);
}

/* ------------------------------------------------ the choice, too early */

static struct adieu_stream *choosing;

static struct adieu_config *choose_inside(void *context, const char *name)
{
    (void)name;
    check_status(adieu_choose(choosing, context), ADIEU_MISUSE);
    return adieu_config_later();
}

static void the_choice_is_no_verb_inside_the_question(void **state)
{
    (void)state;
    struct adieu_config *server = server_config(0), *choice = server_config(0);
    check_status(adieu_config_on_name(server, choose_inside, choice), ADIEU_OK);
    struct joined joined = join(client_config(0), server, HOST);
    choosing = joined.server;
    check_status(adieu_choose(choosing, choice), ADIEU_MISUSE); /* nobody has asked */
    shake(&joined);
    check_status(adieu_choose(choosing, adieu_config_later()), ADIEU_MISUSE);
    check_status(adieu_choose(choosing, choice), ADIEU_OK);
    shake_hands(&joined);
    part(&joined);
    adieu_config_free(choice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_too_short_for_what_it_says_is_refused),
        cmocka_unit_test(a_name_has_255_letters_and_no_more),
        cmocka_unit_test(who_asks_for_no_name_can_be_refused),
        cmocka_unit_test(the_choice_is_no_verb_inside_the_question),
    };
    return cmocka_run_group_tests_name("engine name extension", tests, setup_authority, teardown_authority);
}
