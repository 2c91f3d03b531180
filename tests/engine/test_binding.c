/* SPDX-License-Identifier: MIT */
/* Channel bindings and what else names the two sides of a connection. What is compared with is OpenSSL's, or made here. */
#include "joined.h"
#include "revoking.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "adieu_openssl.h"

static const enum adieu_binding kinds[] = {ADIEU_BINDING_TLS_EXPORTER, ADIEU_BINDING_TLS_SERVER_END_POINT,
                                           ADIEU_BINDING_TLS_UNIQUE};
enum { KINDS = 3 };

struct binding {
    uint8_t bytes[ADIEU_BINDING_SIZE];
    size_t size;
};

static struct binding binding_of(const struct adieu_stream *s, enum adieu_binding kind)
{
    struct binding binding = {.size = 0};
    check_status(adieu_channel_binding(s, kind, binding.bytes, sizeof binding.bytes, &binding.size), ADIEU_OK);
    assert_in_range(binding.size, 1, sizeof binding.bytes);
    return binding;
}

/* Both sides have the same. */
static struct binding common_binding(const struct joined *joined, enum adieu_binding kind)
{
    struct binding ours = binding_of(joined->client, kind), theirs = binding_of(joined->server, kind);
    assert_int_equal(ours.size, theirs.size);
    assert_memory_equal(ours.bytes, theirs.bytes, ours.size);
    return ours;
}

/* There is none, and nothing is touched. */
static void check_none(const struct adieu_stream *s, enum adieu_binding kind, enum adieu_status status)
{
    struct binding binding, before;
    memset(&binding, 7, sizeof binding);
    before = binding;
    check_status(adieu_channel_binding(s, kind, binding.bytes, sizeof binding.bytes, &binding.size), status);
    assert_memory_equal(&binding, &before, sizeof binding);
}

static void check_bytes(const struct binding *binding, const uint8_t *bytes, size_t size)
{
    assert_int_equal(binding->size, size);
    assert_memory_equal(binding->bytes, bytes, size);
}

/* ------------------------------------------------ each kind */

static void before_the_handshake(enum adieu_version version)
{
    struct joined joined = join(client_config(version), server_config(version), HOST);
    (void)!adieu_handshake(joined.client);
    for (int i = 0; i < KINDS; i++) {
        check_none(joined.client, kinds[i], ADIEU_MISUSE);
        check_none(joined.server, kinds[i], ADIEU_MISUSE);
    }
    part(&joined);
}

static void before_the_handshake_is_done_there_is_none(void **state)
{
    (void)state;
    for_versions(before_the_handshake);
}

static void exporter(enum adieu_version version)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    struct joined joined = joined_by(version), other = joined_by(version);
    struct binding binding = common_binding(&joined, ADIEU_BINDING_TLS_EXPORTER);
    struct binding others = common_binding(&other, ADIEU_BINDING_TLS_EXPORTER);
    uint8_t want[32];
    check_status(adieu_export(joined.server, label, "", 0, want, sizeof want), ADIEU_OK);
    check_bytes(&binding, want, sizeof want);
    assert_memory_not_equal(binding.bytes, others.bytes, sizeof want);
    part(&joined);
    part(&other);
}

static void the_exporters_binding_is_rfc_9266s_and_each_connections_own(void **state)
{
    (void)state;
    for_versions(exporter);
}

static struct joined with_authority(enum adieu_version version, const struct authority *authority, EVP_PKEY *key)
{
    struct issued issued;
    authority_issue_key(authority, "DNS:" HOST, key, -1, 5, &issued);
    struct adieu_config *client = adieu_config_new(), *server = adieu_config_new();
    check_status(adieu_config_versions(client, version, version), ADIEU_OK);
    trust(client, authority);
    identify(server, &issued);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    return joined;
}

/* The hash of the signature on the server's certificate, whatever the key in it. */
static void end_point(enum adieu_version version)
{
    const struct {
        EVP_PKEY *key; /* the authority's */
        const EVP_MD *digest, *want;
    } cases[] = {
        {EVP_EC_gen("P-256"), EVP_sha256(), EVP_sha256()},
        {EVP_EC_gen("P-384"), EVP_sha384(), EVP_sha384()},
        {rsa_key(), EVP_sha512(), EVP_sha512()},
        {rsa_key(), EVP_sha224(), EVP_sha224()},
        {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct authority authority = authority_with("an authority", cases[i].key, cases[i].digest);
        struct joined joined = with_authority(version, &authority, EVP_EC_gen("P-256"));
        uint8_t want[EVP_MAX_MD_SIZE], der[4000];
        unsigned size = 0;
        if (cases[i].want) {
            struct binding binding = common_binding(&joined, ADIEU_BINDING_TLS_SERVER_END_POINT);
            size_t der_size = adieu_peer_certificate(joined.client, der, sizeof der);
            assert_int_equal(EVP_Digest(der, der_size, want, &size, cases[i].want, NULL), 1);
            check_bytes(&binding, want, size);
        } else {
            check_none(joined.client, ADIEU_BINDING_TLS_SERVER_END_POINT, ADIEU_FAIL);
            check_none(joined.server, ADIEU_BINDING_TLS_SERVER_END_POINT, ADIEU_FAIL);
        }
        part(&joined);
        authority_free(&authority);
    }
}

static void the_servers_binding_is_its_certificate_by_its_signatures_hash(void **state)
{
    (void)state;
    for_versions(end_point);
}

/* RFC 5929 4.1: as weak as MD5 or SHA-1 no binding is. OpenSSL would not show such a certificate by itself. */
static void signed_by(const EVP_MD *weak)
{
    struct authority authority = authority_with("an authority", rsa_key(), weak);
    struct issued issued;
    authority_issue(&authority, "DNS:" HOST, -1, 5, &issued);
    SSL_CTX *contexts[] = {SSL_CTX_new(TLS_method()), SSL_CTX_new(TLS_method())};
    X509 *leaf = certificate_of(&issued);
    BIO *bio = BIO_new_mem_buf(issued.key.text, (int)issued.key.size);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    for (int i = 0; i < 2; i++)
        SSL_CTX_set_security_level(contexts[i], 0);
    assert_int_equal(SSL_CTX_use_cert_and_key(contexts[1], leaf, key, NULL, 1), 1);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(contexts[0]), authority.certificate);
    struct joined joined = join(adieu_config_adopt(contexts[0]), adieu_config_adopt(contexts[1]), HOST);
    shake_hands(&joined);
    struct binding binding = common_binding(&joined, ADIEU_BINDING_TLS_SERVER_END_POINT);
    uint8_t want[32];
    assert_int_equal(X509_digest(leaf, EVP_sha256(), want, NULL), 1);
    check_bytes(&binding, want, sizeof want);
    part(&joined);
    SSL_CTX_free(contexts[0]);
    SSL_CTX_free(contexts[1]);
    EVP_PKEY_free(key);
    X509_free(leaf);
    BIO_free(bio);
    authority_free(&authority);
}

static void a_certificate_signed_by_a_weak_hash_is_bound_by_sha256(void **state)
{
    (void)state;
    signed_by(EVP_sha1());
    signed_by(EVP_md5());
}

/* As Python's get_channel_binding() does it. */
static struct binding unique_of_openssl(const struct adieu_stream *s)
{
    SSL *ssl = adieu_openssl_ssl(s);
    struct binding binding;
    binding.size = SSL_session_reused(ssl) ^ !SSL_is_server(ssl)
                       ? SSL_get_finished(ssl, binding.bytes, sizeof binding.bytes)
                       : SSL_get_peer_finished(ssl, binding.bytes, sizeof binding.bytes);
    return binding;
}

static void check_unique(const struct joined *joined)
{
    struct binding binding = common_binding(joined, ADIEU_BINDING_TLS_UNIQUE);
    struct binding want = unique_of_openssl(joined->client);
    check_bytes(&binding, want.bytes, want.size);
    want = unique_of_openssl(joined->server);
    check_bytes(&binding, want.bytes, want.size);
    assert_int_equal(binding.size, 12);
}

static void the_first_finished_is_unique_in_tls_1_2_and_nothing_in_1_3(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_2), other = joined_by(ADIEU_TLS_1_3);
    check_unique(&joined);
    check_none(other.client, ADIEU_BINDING_TLS_UNIQUE, ADIEU_FAIL);
    check_none(other.server, ADIEU_BINDING_TLS_UNIQUE, ADIEU_FAIL);
    check_error(other.client, ADIEU_ERR_NONE);
    part(&joined);
    part(&other);
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    struct joined joined = joined_by(ADIEU_TLS_1_2);
    for (int i = 0; i < KINDS; i++) {
        struct binding binding = binding_of(joined.client, kinds[i]), small = {.size = 99};
        check_status(adieu_channel_binding(joined.client, kinds[i], small.bytes, binding.size - 1, &small.size),
                     ADIEU_FAIL);
        assert_int_equal(small.size, 99);
        check_status(adieu_channel_binding(joined.client, kinds[i], small.bytes, binding.size, &small.size), ADIEU_OK);
        check_bytes(&small, binding.bytes, binding.size);
    }
    check_none(joined.client, (enum adieu_binding)77, ADIEU_FAIL);
    part(&joined);
}

/* ------------------------------------------------ triple handshakes, and resumption */

static void without_the_extended_master_secret_nothing_is_unique(void **state)
{
    (void)state;
    SSL_CTX *context = foreign_context(ADIEU_TLS_1_2);
    SSL_CTX_set_options(context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    struct joined joined = join(client_config(0), adieu_config_adopt(context), HOST);
    shake_hands(&joined);
    struct adieu_stream *both[] = {joined.client, joined.server};
    for (int i = 0; i < 2; i++) {
        check_none(both[i], ADIEU_BINDING_TLS_UNIQUE, ADIEU_FAIL);
        check_none(both[i], ADIEU_BINDING_TLS_EXPORTER, ADIEU_FAIL);
    }
    (void)common_binding(&joined, ADIEU_BINDING_TLS_SERVER_END_POINT); /* names the server, not the connection */
    part(&joined);
    SSL_CTX_free(context);
}

/* The server has changed its certificate since, and has two: the ticket knows which one was shown. */
static void resumed(enum adieu_version version)
{
    struct kept kept = {.came = 0}, before;
    struct issued newer, rsa;
    authority_issue(&the_authority, "DNS:" HOST, -1, 5, &newer);
    authority_issue_key(&the_authority, "DNS:" HOST, rsa_key(), -1, 5, &rsa);
    struct adieu_config *client = client_config(version), *server = server_config(version);
    struct adieu_config *next = adieu_config_new();
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    check_status(adieu_config_carry(next, server), ADIEU_OK);
    identify(next, &newer);
    identify(next, &rsa);
    struct joined joined = join(adieu_config_ref(client), server, HOST);
    shake_hands(&joined);
    struct binding of_server = common_binding(&joined, ADIEU_BINDING_TLS_SERVER_END_POINT);
    struct binding of_first = common_binding(&joined, ADIEU_BINDING_TLS_EXPORTER);
    part(&joined);
    for (int round = 0; round < 2; round++) { /* with what came first, and with what came in the resumed one */
        before = kept;
        joined = join(adieu_config_ref(client), adieu_config_ref(next), HOST);
        check_status(adieu_resume(joined.client, before.bytes, before.size), ADIEU_OK);
        shake_hands(&joined);
        assert_true(adieu_resumed(joined.server));
        struct binding now = common_binding(&joined, ADIEU_BINDING_TLS_SERVER_END_POINT);
        check_bytes(&now, of_server.bytes, of_server.size);
        now = common_binding(&joined, ADIEU_BINDING_TLS_EXPORTER);
        assert_memory_not_equal(now.bytes, of_first.bytes, now.size);
        if (version == ADIEU_TLS_1_2)
            check_unique(&joined);
        part(&joined);
    }
    adieu_config_free(client);
    adieu_config_free(next);
}

static void resumed_sessions_are_bound_on_both_sides_alike(void **state)
{
    (void)state;
    for_versions(resumed);
}

static size_t its_owners_data;

static int mark_ticket(SSL *ssl, void *arg)
{
    static const char data[EVP_MAX_MD_SIZE + 1];
    (void)arg;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, its_owners_data);
}

static SSL_TICKET_RETURN take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t size,
                                     SSL_TICKET_STATUS status, void *arg)
{
    (void)ssl, (void)session, (void)name, (void)size, (void)arg;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    return opened ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_IGNORE_RENEW;
}

static void foreign_ticket(enum adieu_version version)
{
    struct kept kept = {.came = 0}, before;
    SSL_CTX *context = foreign_context(version);
    if (its_owners_data)
        SSL_CTX_set_session_ticket_cb(context, mark_ticket, take_ticket, NULL);
    struct adieu_config *client = client_config(version), *server = adieu_config_adopt(context);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    before = kept;
    joined = join(client, server, HOST);
    check_status(adieu_resume(joined.client, before.bytes, before.size), ADIEU_OK);
    shake_hands(&joined);
    assert_true(adieu_resumed(joined.server));
    check_none(joined.server, ADIEU_BINDING_TLS_SERVER_END_POINT, ADIEU_FAIL);
    part(&joined);
    SSL_CTX_free(context);
}

static void a_ticket_of_somebody_elses_making_does_not_tell_the_certificate(void **state)
{
    (void)state;
    its_owners_data = 0;
    for_versions(foreign_ticket);
    its_owners_data = EVP_MAX_MD_SIZE + 1; /* no hash is as long */
    for_versions(foreign_ticket);
}

/* ------------------------------------------------ who was there */

static void groups(enum adieu_version version)
{
    static const char *const asked[] = {"X25519", "P-256", "P-384"},
                             *const offered[] = {"X25519:P-256", "P-256", "P-384:P-256"},
                             /* 1.2: the certificate's, too */ *const told[] = {"x25519", "secp256r1", "secp384r1"};
    for (int i = 0; i < 3; i++) {
        struct adieu_config *client = client_config(version), *server = server_config(version);
        check_status(adieu_config_groups(client, offered[i]), ADIEU_OK);
        check_status(adieu_config_groups(server, asked[i]), ADIEU_OK);
        struct joined joined = join(client, server, HOST);
        assert_null(adieu_group(joined.client));
        shake_hands(&joined);
        assert_string_equal(adieu_group(joined.client), told[i]);
        assert_string_equal(adieu_group(joined.server), told[i]);
        part(&joined);
    }
}

static void the_group_of_the_key_exchange_is_told(void **state)
{
    (void)state;
    for_versions(groups);
}

static void a_key_exchange_without_a_group_has_none(void **state)
{
    (void)state;
    struct issued rsa;
    authority_issue_key(&the_authority, "DNS:" HOST, rsa_key(), -1, 5, &rsa);
    struct adieu_config *client = client_config(ADIEU_TLS_1_2), *server = adieu_config_new();
    identify(server, &rsa);
    check_status(adieu_config_ciphers(client, NULL, "AES128-GCM-SHA256"), ADIEU_OK);
    check_status(adieu_config_ciphers(server, NULL, "AES128-GCM-SHA256"), ADIEU_OK);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    assert_null(adieu_group(joined.client));
    assert_null(adieu_group(joined.server));
    part(&joined);
}

static struct joined with_client(enum adieu_version version, enum adieu_client_auth auth, bool identified)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, auth), ADIEU_OK);
    if (identified)
        identify(client, &the_identity);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    return joined;
}

/* One side's own certificate is the other side's peer's. */
static void check_shown(const struct adieu_stream *s, const struct adieu_stream *peer, bool shown)
{
    uint8_t own[4000], theirs[4000];
    size_t size = adieu_own_certificate(s, own, sizeof own);
    assert_int_equal(size, adieu_peer_certificate(peer, theirs, sizeof theirs));
    assert_int_equal(size > 0, shown);
    assert_memory_equal(own, theirs, size);
    assert_int_equal(adieu_own_certificate(s, NULL, 0), size);
    if (size) {
        own[0] = 0;
        assert_int_equal(adieu_own_certificate(s, own, size - 1), size);
        assert_int_equal(own[0], 0);
    }
}

static void own_certificates(enum adieu_version version)
{
    for (enum adieu_client_auth auth = ADIEU_CLIENT_AUTH_NONE; auth <= ADIEU_CLIENT_AUTH_OPTIONAL; auth++) {
        for (int identified = 0; identified < 2; identified++) {
            struct joined joined = with_client(version, auth, identified);
            check_shown(joined.server, joined.client, true);
            check_shown(joined.client, joined.server, auth != ADIEU_CLIENT_AUTH_NONE && identified);
            part(&joined);
        }
    }
    struct joined joined = join(client_config(version), server_config(version), HOST);
    assert_int_equal(adieu_own_certificate(joined.server, NULL, 0), 0);
    part(&joined);
}

/* The server wants one, but of another kind: the client has its own, and shows none. */
static void of_another_kind(enum adieu_version version)
{
    struct adieu_config *client = client_config(version), *server = server_config(version);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_OPTIONAL), ADIEU_OK);
    identify(client, &the_identity);
    struct joined joined = join(client, server, HOST);
    assert_int_equal(SSL_set1_client_sigalgs_list(adieu_openssl_ssl(joined.server), "RSA-PSS+SHA256"), 1);
    shake_hands(&joined);
    check_shown(joined.client, joined.server, false);
    part(&joined);
}

static void a_certificate_that_the_server_cannot_use_is_not_shown(void **state)
{
    (void)state;
    for_versions(of_another_kind);
}

static void our_certificate_is_told_if_it_was_shown(void **state)
{
    (void)state;
    for_versions(own_certificates);
}

/* The leaf, and the authority's own certificate behind it. */
static void chains(enum adieu_version version)
{
    struct issued long_chain = the_identity;
    memcpy(long_chain.chain.text + long_chain.chain.size, the_authority.pem.text, the_authority.pem.size);
    long_chain.chain.size += the_authority.pem.size;
    struct adieu_config *client = client_config(version), *server = server_config(version);
    trust(server, &the_authority);
    check_status(adieu_config_client_auth(server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    identify(client, &long_chain);
    identify(server, &long_chain);
    struct joined joined = join(client, server, HOST);
    shake_hands(&joined);
    struct adieu_stream *both[] = {joined.client, joined.server};
    uint8_t root[4000], got[4000], *at = root;
    size_t root_size = (size_t)i2d_X509(the_authority.certificate, &at);
    for (int i = 0; i < 2; i++) {
        size_t leaf = adieu_peer_certificate(both[i], root + 2000, 2000);
        assert_int_equal(adieu_peer_chain(both[i], 0, got, sizeof got), leaf);
        assert_memory_equal(got, root + 2000, leaf);
        assert_int_equal(adieu_peer_chain(both[i], 1, got, sizeof got), root_size);
        assert_memory_equal(got, root, root_size);
        assert_int_equal(adieu_peer_chain(both[i], 2, got, sizeof got), 0);
        assert_int_equal(adieu_peer_chain(both[i], SIZE_MAX, got, sizeof got), 0);
    }
    part(&joined);
}

static void the_peers_chain_is_told_as_it_came(void **state)
{
    (void)state;
    for_versions(chains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_handshake_is_done_there_is_none),
        cmocka_unit_test(the_exporters_binding_is_rfc_9266s_and_each_connections_own),
        cmocka_unit_test(the_servers_binding_is_its_certificate_by_its_signatures_hash),
        cmocka_unit_test(a_certificate_signed_by_a_weak_hash_is_bound_by_sha256),
        cmocka_unit_test(the_first_finished_is_unique_in_tls_1_2_and_nothing_in_1_3),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(without_the_extended_master_secret_nothing_is_unique),
        cmocka_unit_test(resumed_sessions_are_bound_on_both_sides_alike),
        cmocka_unit_test(a_ticket_of_somebody_elses_making_does_not_tell_the_certificate),
        cmocka_unit_test(the_group_of_the_key_exchange_is_told),
        cmocka_unit_test(a_key_exchange_without_a_group_has_none),
        cmocka_unit_test(our_certificate_is_told_if_it_was_shown),
        cmocka_unit_test(a_certificate_that_the_server_cannot_use_is_not_shown),
        cmocka_unit_test(the_peers_chain_is_told_as_it_came),
    };
    return cmocka_run_group_tests_name("engine binding", tests, setup_authority, teardown_authority);
}
