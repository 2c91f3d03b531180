/* SPDX-License-Identifier: MIT */
/* The config's setters: each way to fail, what is then left as it was, and the freeze. */
#include "joined.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------ a place for files */

static char folder[] = "/tmp/adieu-setters-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *at = path[next++ % 4];
    snprintf(at, sizeof path[0], "%s/%s", folder, name);
    return at;
}

static const char *file_with(const char *name, const void *bytes, size_t size)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int setup(void **state)
{
    setup_authority(state);
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"chain",   "key",     "both",  "locked", "none",
                                        "roots/a", "roots/b", "roots", "empty"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(path_of(names[i]));
    rmdir(folder);
    return teardown_authority(state);
}

#define check_fails(config, call, want)                                                                                \
    do {                                                                                                               \
        check_status(call, ADIEU_FAIL);                                                                                \
        CHECK_NAMED(adieu_error_code_name, adieu_config_error(config)->code, want);                                    \
        assert_true(adieu_config_error(config)->text[0]);                                                              \
    } while (0)

/* ------------------------------------------------ identity */

static void an_identity_comes_from_files(void **state)
{
    (void)state;
    const char *chain = file_with("chain", the_identity.chain.text, the_identity.chain.size);
    const char *key = file_with("key", the_identity.key.text, the_identity.key.size);
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_identity_file(config, chain, key, NULL), ADIEU_OK);
    struct joined joined = join(client_config(0), config, HOST);
    shake_hands(&joined);
    part(&joined);
}

static void chain_and_key_may_be_one_file_in_any_order(void **state)
{
    (void)state;
    char both[8192];
    for (int key_first = 0; key_first < 2; key_first++) {
        const struct pem *first = key_first ? &the_identity.key : &the_identity.chain;
        const struct pem *second = key_first ? &the_identity.chain : &the_identity.key;
        int n = snprintf(both, sizeof both, "%s%s", first->text, second->text);
        const char *path = file_with("both", both, (size_t)n);
        struct adieu_config *config = adieu_config_new();
        check_status(adieu_config_identity_file(config, path, path, NULL), ADIEU_OK);
        struct joined joined = join(client_config(0), config, HOST);
        shake_hands(&joined);
        part(&joined);
    }
}

static void a_missing_file_is_told_with_its_errno(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    const char *chain = file_with("chain", the_identity.chain.text, the_identity.chain.size);
    const char *none = path_of("none");
    check_fails(config, adieu_config_identity_file(config, none, chain, NULL), ADIEU_ERR_FILE);
    assert_int_equal(adieu_config_error(config)->os_error, ENOENT);
    assert_non_null(strstr(adieu_config_error(config)->text, none)); /* which file */
    check_fails(config, adieu_config_identity_file(config, chain, none, NULL), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_identity_file(config, folder, folder, NULL), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_trust_file(config, none), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_trust_file(config, folder), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_trust_directory(config, none), ADIEU_ERR_FILE);
    check_fails(config, adieu_config_trust_directory(config, chain), ADIEU_ERR_FILE);
    adieu_config_free(config);
}

static void what_is_no_pem_is_told(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    const struct pem *chain = &the_identity.chain, *key = &the_identity.key;
    check_fails(config, adieu_config_identity_pem(config, "x", 1, key->text, key->size, NULL), ADIEU_ERR_PEM);
    check_fails(config, adieu_config_identity_pem(config, "", 0, "", 0, NULL), ADIEU_ERR_PEM);
    check_fails(config, adieu_config_identity_pem(config, chain->text, chain->size, "x", 1, NULL), ADIEU_ERR_PEM);
    check_fails(config, adieu_config_identity_pem(config, chain->text, chain->size, chain->text, chain->size, NULL),
                ADIEU_ERR_PEM);
    check_fails(config, adieu_config_identity_pem(config, chain->text, chain->size / 2, key->text, key->size, NULL),
                ADIEU_ERR_PEM);
    adieu_config_free(config);
}

static void an_encrypted_key_needs_its_password_and_nobody_is_asked(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    struct pem locked;
    encrypt_key(&the_identity, "open sesame", &locked);
    const struct pem *chain = &the_identity.chain;
    static const char *const wrong[] = {NULL, "", "wrong"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_fails(config,
                    adieu_config_identity_pem(config, chain->text, chain->size, locked.text, locked.size, wrong[i]),
                    ADIEU_ERR_KEY_PASSWORD);
    check_status(adieu_config_identity_pem(config, chain->text, chain->size, locked.text, locked.size, "open sesame"),
                 ADIEU_OK);
    assert_int_equal(adieu_config_error(config)->code, ADIEU_ERR_NONE);
    adieu_config_free(config);
}

static void a_password_that_is_not_needed_does_no_harm(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_identity_pem(config, the_identity.chain.text, the_identity.chain.size,
                                           the_identity.key.text, the_identity.key.size, "unused"),
                 ADIEU_OK);
    adieu_config_free(config);
}

static void a_key_that_is_not_the_certificates_is_told_and_nothing_changes(void **state)
{
    (void)state;
    struct issued other;
    authority_issue(&the_authority, "DNS:other", -1, 1, &other);
    struct adieu_config *config = server_config(0);
    uint8_t before[ADIEU_PIN_SIZE], after[ADIEU_PIN_SIZE];
    check_status(adieu_config_identity_pin(config, before), ADIEU_OK);
    check_fails(config,
                adieu_config_identity_pem(config, other.chain.text, other.chain.size, the_identity.key.text,
                                          the_identity.key.size, NULL),
                ADIEU_ERR_KEY_MISMATCH);
    check_status(adieu_config_identity_pin(config, after), ADIEU_OK);
    assert_memory_equal(before, after, sizeof before);
    struct joined joined = join(client_config(0), config, HOST);
    shake_hands(&joined);
    part(&joined);
}

static void a_new_identity_replaces_the_old_one(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    check_status(adieu_config_identity_throwaway(config, "first.example"), ADIEU_OK);
    identify(config, &the_identity);
    struct joined joined = join(client_config(0), config, HOST);
    shake_hands(&joined);
    part(&joined);
}

static void a_throwaway_identity_needs_a_name(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    char name[70];
    memset(name, 'a', sizeof name);
    name[64] = 0;
    check_fails(config, adieu_config_identity_throwaway(config, ""), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_identity_throwaway(config, name), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_identity_throwaway(config, "a,DNS:b"), ADIEU_ERR_ARGUMENT);
    name[63] = 0;
    check_status(adieu_config_identity_throwaway(config, name), ADIEU_OK);
    adieu_config_free(config);
}

/* ------------------------------------------------ trust */

static void roots_without_a_certificate_are_told_and_nothing_changes(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(0);
    const char *key = file_with("key", the_identity.key.text, the_identity.key.size);
    mkdir(path_of("empty"), 0700);
    check_fails(config, adieu_config_trust_pem(config, "", 0), ADIEU_ERR_EMPTY_TRUST);
    check_fails(config, adieu_config_trust_pem(config, "garbage", 7), ADIEU_ERR_EMPTY_TRUST);
    check_fails(config, adieu_config_trust_file(config, key), ADIEU_ERR_EMPTY_TRUST);
    check_fails(config, adieu_config_trust_directory(config, path_of("empty")), ADIEU_ERR_EMPTY_TRUST);
    struct joined joined = join(config, server_config(0), HOST);
    shake_hands(&joined);
    part(&joined);
}

static void roots_come_from_files_and_directories(void **state)
{
    (void)state;
    struct authority other = authority_new("another authority");
    mkdir(path_of("roots"), 0700);
    file_with("roots/a", other.pem.text, other.pem.size);
    const char *root = file_with("roots/b", the_authority.pem.text, the_authority.pem.size);
    for (int directory = 0; directory < 2; directory++) {
        struct adieu_config *config = adieu_config_new();
        if (directory)
            check_status(adieu_config_trust_directory(config, path_of("roots")), ADIEU_OK);
        else
            check_status(adieu_config_trust_file(config, root), ADIEU_OK);
        struct joined joined = join(config, server_config(0), HOST);
        shake_hands(&joined);
        part(&joined);
    }
    authority_free(&other);
}

static void each_call_adds_a_root(void **state)
{
    (void)state;
    struct authority other = authority_new("another authority");
    struct adieu_config *config = adieu_config_new();
    trust(config, &other);
    trust(config, &the_authority);
    trust(config, &other); /* again is no error */
    struct joined joined = join(config, server_config(0), HOST);
    shake_hands(&joined);
    part(&joined);
    authority_free(&other);
}

static void the_system_can_be_trusted_as_well(void **state)
{
    (void)state;
    struct adieu_config *config = client_config(0);
    check_status(adieu_config_trust_system(config), ADIEU_OK);
    struct joined joined = join(config, server_config(0), HOST);
    shake_hands(&joined);
    part(&joined);
}

/* ------------------------------------------------ the rest */

static void values_that_cannot_be_are_told(void **state)
{
    (void)state;
    struct adieu_config *config = adieu_config_new();
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    long_name[256] = 0;
    const char *too_long[] = {"h2", long_name}, *empty[] = {""};
    check_fails(config, adieu_config_alpn(config, too_long, 2), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_alpn(config, empty, 1), ADIEU_ERR_ARGUMENT);
    long_name[255] = 0;
    check_status(adieu_config_alpn(config, too_long, 2), ADIEU_OK);
    check_status(adieu_config_alpn(config, NULL, 0), ADIEU_OK);
    check_fails(config, adieu_config_versions(config, ADIEU_TLS_1_3, ADIEU_TLS_1_2), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_versions(config, (enum adieu_version)0x0301, ADIEU_TLS_1_2), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_versions(config, ADIEU_TLS_1_2, (enum adieu_version)0x0305), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_ciphers(config, "NO_SUCH", NULL), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_ciphers(config, NULL, "NO_SUCH"), ADIEU_ERR_ARGUMENT);
    check_status(adieu_config_ciphers(config, NULL, NULL), ADIEU_OK);
    check_fails(config, adieu_config_groups(config, "NO_SUCH"), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_tickets(config, 17), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_client_auth(config, (enum adieu_client_auth)4), ADIEU_ERR_ARGUMENT);
    check_fails(config, adieu_config_queue_limit(config, 0), ADIEU_ERR_ARGUMENT);
    adieu_config_free(config);
}

#define check_frozen(call) check_fails(config, call, ADIEU_ERR_FROZEN)

static void after_the_first_stream_every_setter_is_refused(void **state)
{
    (void)state;
    struct adieu_config *config = server_config(0), *other = adieu_config_new();
    struct adieu_stream *s = adieu_server(config);
    const uint8_t bytes[ADIEU_TICKET_KEYS_SIZE] = {0};
    const struct pem *chain = &the_identity.chain, *key = &the_identity.key;
    check_frozen(adieu_config_identity_pem(config, chain->text, chain->size, key->text, key->size, NULL));
    check_frozen(adieu_config_identity_file(config, "chain", "key", NULL));
    check_frozen(adieu_config_identity_throwaway(config, HOST));
    check_frozen(adieu_config_trust_pem(config, chain->text, chain->size));
    check_frozen(adieu_config_trust_file(config, "roots"));
    check_frozen(adieu_config_trust_directory(config, "roots"));
    check_frozen(adieu_config_trust_system(config));
    check_frozen(adieu_config_trust_pin(config, bytes));
    check_frozen(adieu_config_insecure_no_verify(config));
    check_frozen(adieu_config_client_auth(config, ADIEU_CLIENT_AUTH_REQUIRED));
    check_frozen(adieu_config_alpn(config, NULL, 0));
    check_frozen(adieu_config_versions(config, ADIEU_TLS_1_2, ADIEU_TLS_1_3));
    check_frozen(adieu_config_ciphers(config, NULL, NULL));
    check_frozen(adieu_config_groups(config, "X25519"));
    check_frozen(adieu_config_tickets(config, 0));
    check_frozen(adieu_config_ticket_keys(config, bytes));
    check_frozen(adieu_config_carry(config, other));
    check_frozen(adieu_config_insecure_on_verify(config, NULL, NULL));
    check_frozen(adieu_config_on_name(config, NULL, NULL));
    check_frozen(adieu_config_on_session(config, NULL, NULL));
    check_frozen(adieu_config_insecure_on_key(config, NULL, NULL));
    check_frozen(adieu_config_queue_limit(config, 8));
    check_frozen(adieu_config_key_limit(config, 8));
    check_frozen(adieu_config_session_cache(config, 8));
    check_frozen(adieu_config_staple(config, bytes, sizeof bytes));
    check_frozen(adieu_config_staple_file(config, "staple"));
    check_frozen(adieu_config_require_staple(config));
    check_frozen(adieu_config_crl_pem(config, chain->text, chain->size));
    check_frozen(adieu_config_crl_file(config, "crl"));
    uint8_t pin[ADIEU_PIN_SIZE];
    check_status(adieu_config_identity_pin(config, pin), ADIEU_OK); /* asking is allowed */
    adieu_free(s);
    adieu_config_free(config);
    adieu_config_free(other);
}

static void a_config_outlives_its_owner_and_serves_many_streams(void **state)
{
    (void)state;
    struct adieu_config *client = client_config(0), *server = server_config(0);
    struct joined pairs[10];
    for (size_t i = 0; i < 10; i++)
        pairs[i] = join(adieu_config_ref(client), adieu_config_ref(server), HOST);
    adieu_config_free(client);
    adieu_config_free(server);
    for (size_t i = 0; i < 10; i++)
        shake_hands(&pairs[i]);
    for (size_t i = 0; i < 10; i++) {
        say_goodbye(&pairs[i]);
        part(&pairs[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_comes_from_files),
        cmocka_unit_test(chain_and_key_may_be_one_file_in_any_order),
        cmocka_unit_test(a_missing_file_is_told_with_its_errno),
        cmocka_unit_test(what_is_no_pem_is_told),
        cmocka_unit_test(an_encrypted_key_needs_its_password_and_nobody_is_asked),
        cmocka_unit_test(a_password_that_is_not_needed_does_no_harm),
        cmocka_unit_test(a_key_that_is_not_the_certificates_is_told_and_nothing_changes),
        cmocka_unit_test(a_new_identity_replaces_the_old_one),
        cmocka_unit_test(a_throwaway_identity_needs_a_name),
        cmocka_unit_test(roots_without_a_certificate_are_told_and_nothing_changes),
        cmocka_unit_test(roots_come_from_files_and_directories),
        cmocka_unit_test(each_call_adds_a_root),
        cmocka_unit_test(the_system_can_be_trusted_as_well),
        cmocka_unit_test(values_that_cannot_be_are_told),
        cmocka_unit_test(after_the_first_stream_every_setter_is_refused),
        cmocka_unit_test(a_config_outlives_its_owner_and_serves_many_streams),
    };
    return cmocka_run_group_tests_name("engine setters", tests, setup, teardown);
}
