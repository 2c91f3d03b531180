/* SPDX-License-Identifier: MIT */
/*
 * The nth allocation of a setter fails, ours or OpenSSL's, for every n: if the setter fails, it says that memory is short (as
 * far as OpenSSL lets anybody know), nothing leaks, and the same setter does it once there is memory again.
 */
#include "../core/counting.h"
#include "joined.h"
#include "revoking.h"
#include "shortage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* OpenSSL's allocations go the way of ours: through counting.c. */
static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(size);
}

static void *counted_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(block, size);
}

static void counted_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

/* ------------------------------------------------ the setters */

static char folder[] = "/tmp/adieu-memory-XXXXXX";
static char chain_path[64], key_path[64];
static struct pem crl;
static struct der staple;

static void write_file(char *path, const char *name, const struct pem *pem)
{
    snprintf(path, sizeof chain_path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(pem->text, 1, pem->size, file), pem->size);
    assert_int_equal(fclose(file), 0);
}

static enum adieu_status set_identity_file(struct adieu_config *config)
{
    return adieu_config_identity_file(config, chain_path, key_path, NULL);
}

static enum adieu_status set_identity_pem(struct adieu_config *config)
{
    return adieu_config_identity_pem(config, the_identity.chain.text, the_identity.chain.size, the_identity.key.text,
                                     the_identity.key.size, NULL);
}

static enum adieu_status set_trust_pem(struct adieu_config *config)
{
    return adieu_config_trust_pem(config, the_authority.pem.text, the_authority.pem.size);
}

static enum adieu_status set_trust_file(struct adieu_config *config)
{
    return adieu_config_trust_file(config, chain_path);
}

static enum adieu_status set_trust_directory(struct adieu_config *config)
{
    return adieu_config_trust_directory(config, folder);
}

static enum adieu_status set_trust_pin(struct adieu_config *config)
{
    static const uint8_t pin[ADIEU_PIN_SIZE];
    return adieu_config_trust_pin(config, pin);
}

static enum adieu_status set_alpn(struct adieu_config *config)
{
    static const char *const names[] = {"h2", "http/1.1"};
    return adieu_config_alpn(config, names, 2);
}

static enum adieu_status set_ciphers(struct adieu_config *config)
{
    return adieu_config_ciphers(config, "TLS_AES_128_GCM_SHA256", "ECDHE+AESGCM");
}

static enum adieu_status set_groups(struct adieu_config *config)
{
    return adieu_config_groups(config, "P-256:X25519");
}

static enum adieu_status set_ticket_keys(struct adieu_config *config)
{
    static const uint8_t keys[ADIEU_TICKET_KEYS_SIZE];
    return adieu_config_ticket_keys(config, keys);
}

static enum adieu_status set_crl(struct adieu_config *config)
{
    return adieu_config_crl_pem(config, crl.text, crl.size);
}

static enum adieu_status set_identity_and_staple(struct adieu_config *config)
{
    enum adieu_status status = set_identity_pem(config);
    return status == ADIEU_OK ? adieu_config_staple(config, staple.bytes, staple.size) : status;
}

static enum adieu_status set_require_staple(struct adieu_config *config)
{
    return adieu_config_require_staple(config);
}

static enum adieu_status set_session_cache(struct adieu_config *config)
{
    return adieu_config_session_cache(config, 10);
}

/*
 * Not the system's roots: OpenSSL 3.0 frees a certificate twice when memory ends while it reads them. Not a throwaway
 * identity: when memory ends while it encodes the new certificate, OpenSSL 3.0 takes it for shorter than it is, and writes
 * behind its buffer.
 */
static const struct setter {
    const char *name;
    enum adieu_status (*set)(struct adieu_config *config);
} setters[] = {
    {"identity_file", set_identity_file},
    {"identity_pem", set_identity_pem},
    {"trust_pem", set_trust_pem},
    {"trust_file", set_trust_file},
    {"trust_directory", set_trust_directory},
    {"trust_pin", set_trust_pin},
    {"alpn", set_alpn},
    {"ciphers", set_ciphers},
    {"groups", set_groups},
    {"ticket_keys", set_ticket_keys},
    {"crl", set_crl},
    {"staple", set_identity_and_staple},
    {"require_staple", set_require_staple},
    {"session_cache", set_session_cache},
};
enum { SETTERS = sizeof setters / sizeof *setters };

/* ------------------------------------------------ each of them, short of memory */

static size_t failures, unexplained;

/* Whether an allocation failed: there was an nth one. */
static bool set_short_of_memory(const struct setter *setter, size_t nth)
{
    struct adieu_config *config = adieu_config_new();
    assert_non_null(config);
    counting_fail(nth, false);
    enum adieu_status status = setter->set(config);
    counting_relent();
    bool failed = counting_failed();
    check_that(failed || status == ADIEU_OK, "%s: failed although there was memory", setter->name);
    if (status == ADIEU_FAIL) {
        failures++;
        unexplained += adieu_config_error(config)->code != ADIEU_ERR_MEMORY;
        status = setter->set(config);
        check_that(status == ADIEU_OK, "%s, after allocation %zu: still %s", setter->name, nth,
                   adieu_config_error(config)->text);
    }
    adieu_config_free(config);
    return failed;
}

/* OpenSSL keeps some blocks for ever, and makes them when it first needs them; a leak would be one for each failure. */
static void check_no_leak(const char *name, size_t before, size_t count)
{
    size_t after = counting_blocks();
    check_that(after < before + 10, "%s: %zu blocks, after %zu failures %zu", name, before, count, after);
}

static void a_setter_short_of_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < SETTERS; i++) {
        (void)set_short_of_memory(&setters[i], SIZE_MAX - 1);
        size_t before = counting_blocks(), nth = 0;
        while (set_short_of_memory(&setters[i], nth))
            nth += shortage_step();
        check_no_leak(setters[i].name, before, nth);
    }
    check_that(failures * shortage_step() > 1000 && unexplained * 50 < failures,
               "%zu of %zu failures are not said to be for lack of memory", unexplained, failures);
}

static void a_config_short_of_memory_is_none(void **state)
{
    (void)state;
    adieu_config_free(adieu_config_new());
    size_t before = counting_blocks(), nth = 0;
    do {
        counting_fail(nth++, false);
        struct adieu_config *config = adieu_config_new();
        counting_relent();
        assert_true(config || counting_failed());
        adieu_config_free(config);
    } while (counting_failed());
    check_no_leak("a config", before, nth);
}

static int setup(void **state)
{
    setup_authority(state);
    if (!mkdtemp(folder))
        return -1;
    authority_crl(&the_authority, -10, 60, &the_identity, &crl);
    authority_says(&the_authority, &the_identity, &(struct saying){.status = 0}, &staple);
    write_file(chain_path, "chain", &the_identity.chain);
    write_file(key_path, "key", &the_identity.key);
    return 0;
}

static int teardown(void **state)
{
    unlink(chain_path);
    unlink(key_path);
    rmdir(folder);
    return teardown_authority(state);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_short_of_memory_is_none),
        cmocka_unit_test(a_setter_short_of_memory_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests_name("engine setters memory", tests, setup, teardown);
}
