/* SPDX-License-Identifier: MIT */
/* What setters are given: bad lists, damaged and encrypted certificates, two types of key, strange files. */
#include "counted.h"
#include "joined.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "adieu_openssl.h"

static void check_why(struct adieu_config *config, enum adieu_status status, enum adieu_error_code code)
{
    check_status(status, ADIEU_FAIL);
    CHECK_NAMED(adieu_error_code_name, adieu_config_error(config)->code, code);
}

/* ------------------------------------------------ lists */

static void check_cipher(struct adieu_config *server, enum adieu_version version, const char *cipher)
{
    struct joined joined = join(client_config(version), adieu_config_ref(server), HOST);
    shake_hands(&joined);
    assert_string_equal(adieu_cipher(joined.server), cipher);
    part(&joined);
}

#define CHACHA_1_3 "TLS_CHACHA20_POLY1305_SHA256"
#define CHACHA_1_2 "ECDHE-ECDSA-CHACHA20-POLY1305"

static void a_failed_cipher_setter_leaves_both_lists_as_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *tls13, *tls12;
    } bad[] = {{CHACHA_1_3, "nonsense"}, {"nonsense", CHACHA_1_2}, {NULL, "nonsense"}, {"nonsense", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int set_before = 0; set_before < 2; set_before++) {
            struct adieu_config *server = server_config(0);
            if (set_before)
                check_status(adieu_config_ciphers(server, "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                             ADIEU_OK);
            check_why(server, adieu_config_ciphers(server, bad[i].tls13, bad[i].tls12), ADIEU_ERR_ARGUMENT);
            assert_non_null(strstr(adieu_config_error(server)->text, "nonsense"));
            check_cipher(server, ADIEU_TLS_1_3, set_before ? "TLS_AES_128_GCM_SHA256" : "TLS_AES_256_GCM_SHA384");
            check_cipher(server, ADIEU_TLS_1_2,
                         set_before ? "ECDHE-ECDSA-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES256-GCM-SHA384");
            adieu_config_free(server);
        }
    }
}

/* ------------------------------------------------ two types of key */

static size_t drain(BIO *bio, struct pem *pem)
{
    int n = BIO_read(bio, pem->text, sizeof pem->text - 1);
    assert_in_range(n, 1, sizeof pem->text - 2);
    BIO_free(bio);
    return pem->size = (size_t)n;
}

static struct issued rsa_identity(void)
{
    struct issued issued;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *made = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(made), 77);
    X509_gmtime_adj(X509_getm_notBefore(made), -1000);
    X509_gmtime_adj(X509_getm_notAfter(made), 100000);
    X509_set_pubkey(made, key);
    assert_true(X509_sign(made, key, EVP_sha256()) > 0);
    BIO *chain_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(chain_bio, made), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL), 1);
    drain(chain_bio, &issued.chain);
    drain(key_bio, &issued.key);
    X509_free(made);
    EVP_PKEY_free(key);
    return issued;
}

/* Who can check only such signatures is shown this identity. */
static void check_shown(struct adieu_config *server, enum adieu_version version, const char *signatures,
                        const struct issued *identity)
{
    uint8_t want[ADIEU_PIN_SIZE], pin[ADIEU_PIN_SIZE];
    SSL_CTX *context = foreign_context(version);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(context, signatures), 1);
    struct adieu_config *client = adieu_config_adopt(context);
    check_status(adieu_config_insecure_no_verify(client), ADIEU_OK);
    struct joined joined = join(client, adieu_config_ref(server), HOST);
    shake_hands(&joined);
    check_status(adieu_peer_pin(joined.client, pin), ADIEU_OK);
    identity_pin(identity, want);
    assert_memory_equal(pin, want, sizeof pin);
    part(&joined);
    SSL_CTX_free(context);
}

static void each_peer_is_shown_the_identity_that_it_can_use(void **state)
{
    (void)state;
    struct issued rsa = rsa_identity(), other;
    authority_issue(&the_authority, "DNS:other", -1, 5, &other);
    uint8_t pin[ADIEU_PIN_SIZE], want[ADIEU_PIN_SIZE];
    for (int rsa_first = 0; rsa_first < 2; rsa_first++) {
        const struct issued *last = rsa_first ? &the_identity : &rsa;
        struct adieu_config *server = adieu_config_new();
        identify(server, &other); /* of the same type as the identity, which takes its place */
        identify(server, rsa_first ? &rsa : &the_identity);
        identify(server, last);
        check_status(adieu_config_identity_pin(server, pin), ADIEU_OK);
        identity_pin(last, want);
        assert_memory_equal(pin, want, sizeof pin);
        for (int i = 0; i < VERSIONS; i++) {
            check_shown(server, versions[i], "rsa_pss_rsae_sha256", &rsa);
            check_shown(server, versions[i], "ECDSA+SHA256", &the_identity);
        }
        adieu_config_free(server);
    }
}

/* ------------------------------------------------ damage */

/* The first certificate, and the second with one character that cannot be. */
static struct pem damaged(const struct pem *first, const struct pem *second)
{
    struct pem pem;
    assert_true(first->size + second->size < sizeof pem.text);
    memcpy(pem.text, first->text, first->size);
    memcpy(pem.text + first->size, second->text, second->size);
    pem.size = first->size + second->size;
    pem.text[first->size + 100] = '!';
    return pem;
}

static void write_file(const char *path, const struct pem *pem)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(pem->text, 1, pem->size, file), pem->size);
    assert_int_equal(fclose(file), 0);
}

static void a_damaged_second_certificate_is_not_passed_over(void **state)
{
    (void)state;
    struct pem chain = damaged(&the_identity.chain, &the_authority.pem);
    struct pem roots = damaged(&the_authority.pem, &the_authority.pem);
    struct adieu_config *config = adieu_config_new();
    check_why(
        config,
        adieu_config_identity_pem(config, chain.text, chain.size, the_identity.key.text, the_identity.key.size, NULL),
        ADIEU_ERR_PEM);
    check_why(config, adieu_config_trust_pem(config, roots.text, roots.size), ADIEU_ERR_PEM);
    assert_non_null(strstr(adieu_config_error(config)->text, "2"));

    char path[] = "/tmp/adieu-given-XXXXXX";
    close(mkstemp(path));
    write_file(path, &roots);
    check_why(config, adieu_config_trust_file(config, path), ADIEU_ERR_PEM);
    unlink(path);
    uint8_t pin[ADIEU_PIN_SIZE];
    check_status(adieu_config_identity_pin(config, pin), ADIEU_FAIL); /* all is as it was: no identity, and … */
    authority_becomes_the_systems();
    check_trusts(config, server_config(0), HOST, ADIEU_VERIFIED_NAME); /* … the system's roots */
    authority_is_not_the_systems();
}

/* ------------------------------------------------ what would keep us waiting */

/*
 * Runs it in a child without a terminal, whose standard input says nothing and does not end. It has twenty seconds, and no
 * alarm() counts them, since OpenSSL catches that signal while it asks.
 */
static void check_does_not_wait(bool (*right)(const char *directory), const char *directory)
{
    int input[2], lives[2], status = 0;
    assert_int_equal(pipe(input), 0);
    assert_int_equal(pipe(lives), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        setsid();
        dup2(input[0], STDIN_FILENO);
        exit_counted(right(directory) ? 0 : 1);
    }
    close(lives[1]); /* the child has the other one until it ends */
    struct pollfd end = {.fd = lives[0]};
    bool ended = poll(&end, 1, 20000) == 1;
    if (!ended)
        kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(lives[0]);
    close(input[0]);
    close(input[1]);
    check_that(ended, "it waits");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct pem encrypted = {
    .text = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
            "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
            "MIIBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END CERTIFICATE-----\n",
};

static bool fails(struct adieu_config *config, enum adieu_status status, enum adieu_error_code code)
{
    return status == ADIEU_FAIL && adieu_config_error(config)->code == code;
}

static bool nobody_is_asked(const char *directory)
{
    char path[100];
    snprintf(path, sizeof path, "%s/encrypted.pem", directory);
    size_t size = strlen(encrypted.text);
    struct adieu_config *c = adieu_config_new();
    struct pem chain = the_identity.chain; /* the leaf is in the clear, what follows is not */
    memcpy(chain.text + chain.size, encrypted.text, size);
    const struct pem *key = &the_identity.key;
    bool right =
        fails(c, adieu_config_trust_pem(c, encrypted.text, size), ADIEU_ERR_PEM) &&
        fails(c, adieu_config_trust_file(c, path), ADIEU_ERR_PEM) &&
        fails(c, adieu_config_trust_directory(c, directory), ADIEU_ERR_EMPTY_TRUST) &&
        fails(c, adieu_config_identity_pem(c, encrypted.text, size, key->text, key->size, NULL), ADIEU_ERR_PEM) &&
        fails(c, adieu_config_identity_pem(c, encrypted.text, size, key->text, key->size, "x"), ADIEU_ERR_PEM) &&
        fails(c, adieu_config_identity_pem(c, chain.text, chain.size + size, key->text, key->size, NULL),
              ADIEU_ERR_PEM);
    adieu_config_free(c);
    return right;
}

static void an_encrypted_certificate_fails_and_nobody_is_asked(void **state)
{
    (void)state;
    char directory[] = "/tmp/adieu-given-XXXXXX", path[100];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/encrypted.pem", directory);
    struct pem pem = encrypted;
    pem.size = strlen(pem.text);
    write_file(path, &pem);
    check_does_not_wait(nobody_is_asked, directory);
    unlink(path);
    rmdir(directory);
}

static bool directory_is_trusted(const char *directory)
{
    struct adieu_config *config = adieu_config_new();
    bool trusted = adieu_config_trust_directory(config, directory) == ADIEU_OK;
    adieu_config_free(config);
    return trusted;
}

static void a_fifo_in_a_directory_of_roots_is_passed_over(void **state)
{
    (void)state;
    char directory[] = "/tmp/adieu-given-XXXXXX", root[100], fifo[100];
    assert_non_null(mkdtemp(directory));
    snprintf(root, sizeof root, "%s/root.pem", directory);
    snprintf(fifo, sizeof fifo, "%s/fifo.pem", directory);
    write_file(root, &the_authority.pem);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_does_not_wait(directory_is_trusted, directory);
    unlink(root);
    unlink(fifo);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_cipher_setter_leaves_both_lists_as_they_were),
        cmocka_unit_test(each_peer_is_shown_the_identity_that_it_can_use),
        cmocka_unit_test(a_damaged_second_certificate_is_not_passed_over),
        cmocka_unit_test(an_encrypted_certificate_fails_and_nobody_is_asked),
        cmocka_unit_test(a_fifo_in_a_directory_of_roots_is_passed_over),
    };
    return cmocka_run_group_tests_name("engine given", tests, setup_authority, teardown_authority);
}
