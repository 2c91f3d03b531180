/* SPDX-License-Identifier: MIT */
#include "joined.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

struct authority the_authority;
struct issued the_identity;

int setup_authority(void **state)
{
    (void)state;
    the_authority = authority_new("the tests' authority");
    authority_issue(&the_authority, "DNS:" HOST ",IP:127.0.0.1", -1, 5, &the_identity);
    return 0;
}

int teardown_authority(void **state)
{
    (void)state;
    authority_free(&the_authority);
    return 0;
}

/* ------------------------------------------------ configs */

static struct adieu_config *config_for(enum adieu_version version)
{
    struct adieu_config *config = adieu_config_new();
    assert_non_null(config);
    if (version)
        check_status(adieu_config_versions(config, version, version), ADIEU_OK);
    return config;
}

void identify(struct adieu_config *config, const struct issued *issued)
{
    check_status(adieu_config_identity_pem(config, issued->chain.text, issued->chain.size, issued->key.text,
                                           issued->key.size, NULL),
                 ADIEU_OK);
}

void trust(struct adieu_config *config, const struct authority *authority)
{
    check_status(adieu_config_trust_pem(config, authority->pem.text, authority->pem.size), ADIEU_OK);
}

struct adieu_config *client_config(enum adieu_version version)
{
    struct adieu_config *config = config_for(version);
    trust(config, &the_authority);
    return config;
}

struct adieu_config *server_config(enum adieu_version version)
{
    struct adieu_config *config = config_for(version);
    identify(config, &the_identity);
    return config;
}

void identify_context(SSL_CTX *context)
{
    BIO *chain = BIO_new_mem_buf(the_identity.chain.text, (int)the_identity.chain.size);
    BIO *key_bio = BIO_new_mem_buf(the_identity.key.text, (int)the_identity.key.size);
    X509 *leaf = PEM_read_bio_X509(chain, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_cert_and_key(context, leaf, key, NULL, 1), 1);
    X509_free(leaf);
    EVP_PKEY_free(key);
    BIO_free(chain);
    BIO_free(key_bio);
}

SSL_CTX *foreign_context(enum adieu_version version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    assert_non_null(context);
    SSL_CTX_set_min_proto_version(context, (int)version);
    SSL_CTX_set_max_proto_version(context, (int)version);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), the_authority.certificate);
    identify_context(context);
    return context;
}

/* ------------------------------------------------ the system's roots */

static char roots_path[64];

void authority_becomes_the_systems(void)
{
    strcpy(roots_path, "/tmp/adieu-roots-XXXXXX");
    int file = mkstemp(roots_path);
    assert_true(file >= 0);
    assert_int_equal(write(file, the_authority.pem.text, the_authority.pem.size), the_authority.pem.size);
    close(file);
    setenv("SSL_CERT_FILE", roots_path, 1);
}

void authority_is_not_the_systems(void)
{
    unsetenv("SSL_CERT_FILE");
    unlink(roots_path);
}

/* ------------------------------------------------ sessions */

void keep_session(void *context, const struct adieu_stream *s, const uint8_t *session, size_t size)
{
    assert_non_null(s);
    struct kept *kept = context;
    kept->came++;
    assert_in_range(size, 1, sizeof kept->bytes);
    memcpy(kept->bytes, session, size);
    kept->size = size;
}

/* ------------------------------------------------ pairs */

struct joined join(struct adieu_config *client, struct adieu_config *server, const char *name)
{
    struct joined joined = {adieu_client(client, name), adieu_server(server)};
    assert_non_null(joined.client);
    assert_non_null(joined.server);
    adieu_config_free(client);
    adieu_config_free(server);
    return joined;
}

struct joined joined_fresh(enum adieu_version version)
{
    return join(client_config(version), server_config(version), HOST);
}

struct joined joined_by(enum adieu_version version)
{
    struct joined joined = joined_fresh(version);
    shake_hands(&joined);
    return joined;
}

struct joined joined_again(struct adieu_config *client, struct adieu_config *server, struct kept *kept)
{
    check_status(adieu_config_on_session(client, keep_session, kept), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    joined = join(client, server, HOST);
    check_status(adieu_resume(joined.client, kept->bytes, kept->size), ADIEU_OK);
    return joined;
}

void part(struct joined *joined)
{
    adieu_free(joined->client);
    adieu_free(joined->server);
}

/* ------------------------------------------------ the wire */

void check_waits(struct adieu_stream *s, const uint8_t *wanted, size_t size)
{
    const uint8_t *at = NULL;
    assert_int_equal(adieu_wire_out(s, &at), size);
    if (size)
        assert_memory_equal(at, wanted, size);
}

static void deliver(struct adieu_stream *to, const uint8_t *bytes, size_t size)
{
    for (size_t n; size > 0; bytes += n, size -= n) {
        uint8_t *at = NULL;
        size_t room = adieu_wire_in(to, &at);
        if (!room) /* nobody listens any more */
            return;
        n = room < size ? room : size;
        memcpy(at, bytes, n);
        adieu_wire_in_done(to, n);
    }
}

size_t carry_some(struct adieu_stream *from, struct adieu_stream *to, size_t most)
{
    size_t carried = 0;
    const uint8_t *at = NULL;
    for (size_t n; carried < most && (n = adieu_wire_out(from, &at)) > 0; carried += n) {
        size_t room = adieu_wire_in(to, NULL);
        bool heard = adieu_ending(to).receiving == ADIEU_RECEIVING_OPEN;
        if (n > most - carried)
            n = most - carried;
        if (heard && n > room)
            n = room;
        if (n == 0)
            break;
        deliver(to, at, n);
        adieu_wire_out_done(from, n);
    }
    return carried;
}

size_t carry(struct adieu_stream *from, struct adieu_stream *to)
{
    return carry_some(from, to, SIZE_MAX);
}

void carry_bent(struct adieu_stream *from, struct adieu_stream *to)
{
    const uint8_t *at = NULL;
    size_t n = adieu_wire_out(from, &at);
    assert_true(n > 0);
    uint8_t *bent = malloc(n);
    memcpy(bent, at, n);
    bent[n - 1] ^= 1;
    deliver(to, bent, n);
    adieu_wire_out_done(from, n);
    free(bent);
}

/* ------------------------------------------------ handshakes */

void shake(struct joined *joined)
{
    for (size_t moved = 1; moved > 0;) {
        (void)!adieu_handshake(joined->client);
        moved = carry(joined->client, joined->server);
        (void)!adieu_handshake(joined->server);
        moved += carry(joined->server, joined->client);
    }
}

void shake_hands(struct joined *joined)
{
    shake(joined);
    check_that(adieu_handshake(joined->client) == ADIEU_OK, "the client's handshake: %s",
               adieu_error(joined->client)->text);
    check_that(adieu_handshake(joined->server) == ADIEU_OK, "the server's handshake: %s",
               adieu_error(joined->server)->text);
    check_status(listen_once(joined->client), ADIEU_WAIT);
    check_status(listen_once(joined->server), ADIEU_WAIT);
}

void check_refused(struct adieu_stream *s, enum adieu_error_code code, int alert)
{
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_that(adieu_error(s)->code == code, "%s, not %s: %s", adieu_error_code_name(adieu_error(s)->code),
               adieu_error_code_name(code), adieu_error(s)->text);
    if (alert)
        assert_int_equal(adieu_error(s)->alert.number, alert);
    assert_true(adieu_error(s)->text[0]);
    check_status(adieu_handshake(s), ADIEU_FAIL);
    check_status(listen_once(s), ADIEU_FAIL);
    check_status(adieu_shutdown(s), ADIEU_FAIL);
    assert_int_not_equal(adieu_ending(s).receiving, ADIEU_RECEIVING_CLOSED);
}

/* ------------------------------------------------ trust */

void check_client_refuses(struct joined *joined, int alert)
{
    shake(joined);
    check_refused(joined->client, ADIEU_ERR_REFUSED, alert);
    check_ends(joined->client, ADIEU_SENDING_ABORTED, ADIEU_RECEIVING_REJECTED);
    assert_int_equal(adieu_ending(joined->client).alert_sent.number, alert);
    check_refused(joined->server, ADIEU_ERR_ALERTED, alert);
    check_ends(joined->server, ADIEU_SENDING_FAILED, ADIEU_RECEIVING_ALERTED);
    assert_int_equal(adieu_ending(joined->server).alert_received.number, alert);
    struct adieu_ending ending = adieu_ending(joined->client);
    assert_int_equal(adieu_ending_exit(&ending), ADIEU_EXIT_REJECTED);
    assert_int_equal(adieu_verified(joined->client), ADIEU_VERIFIED_NO);
}

void check_trusts(struct adieu_config *client, struct adieu_config *server, const char *name, enum adieu_verified how)
{
    struct joined joined = join(client, server, name);
    shake_hands(&joined);
    CHECK_NAMED(adieu_verified_name, adieu_verified(joined.client), how);
    say_goodbye(&joined);
    part(&joined);
}

void for_versions(void (*check)(enum adieu_version version))
{
    for (int i = 0; i < VERSIONS; i++)
        check(versions[i]);
}
void identity_pin(const struct issued *issued, uint8_t pin[ADIEU_PIN_SIZE])
{
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_identity_pin(config, pin), ADIEU_FAIL);
    identify(config, issued);
    check_status(adieu_config_identity_pin(config, pin), ADIEU_OK);
    adieu_config_free(config);
}

/* ------------------------------------------------ talk */

void say(struct adieu_stream *s, const char *text)
{
    size_t took = 0;
    check_status(adieu_write(s, text, strlen(text), &took), ADIEU_OK);
    assert_int_equal(took, strlen(text));
}

void check_hears(struct adieu_stream *s, const char *text)
{
    char buf[200] = "";
    size_t got = 0, size = strlen(text);
    for (size_t total = 0; total < size; total += got)
        check_status(adieu_read(s, buf + total, size - total, &got), ADIEU_OK);
    assert_memory_equal(buf, text, size);
}

enum adieu_status listen_once(struct adieu_stream *s)
{
    char buf[100];
    size_t got = 0;
    return adieu_read(s, buf, sizeof buf, &got);
}

void say_goodbye(struct joined *joined)
{
    check_status(adieu_shutdown(joined->client), ADIEU_OK);
    carry(joined->client, joined->server);
    check_status(listen_once(joined->server), ADIEU_END);
    check_status(adieu_shutdown(joined->server), ADIEU_OK);
    carry(joined->server, joined->client);
    check_status(listen_once(joined->client), ADIEU_END);
    check_ends(joined->client, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_ends(joined->server, ADIEU_SENDING_CLOSED, ADIEU_RECEIVING_CLOSED);
    check_error(joined->client, ADIEU_ERR_NONE);
    check_error(joined->server, ADIEU_ERR_NONE);
}
