/* SPDX-License-Identifier: MIT */
#include "setters.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "revoking.h"

static struct adieu_config *older;
static char folder[] = "/tmp/adieu-given-XXXXXX";
static char chain_path[64], key_path[64], crl_path[64], staple_path[64];
static struct pem crl;
static struct der staple;

/* ------------------------------------------------ files */

static void write_file(char *path, const char *name, const void *bytes, size_t size)
{
    snprintf(path, sizeof chain_path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

int setup_setters(void **state)
{
    setup_authority(state);
    if (!mkdtemp(folder))
        return -1;
    authority_crl(&the_authority, -10, 60, &the_identity, &crl);
    authority_says(&the_authority, &the_identity, &(struct saying){.status = 0}, &staple);
    authority_becomes_the_systems(); /* a whole system's would take long */
    older = adieu_config_new();
    write_file(chain_path, "chain", the_identity.chain.text, the_identity.chain.size);
    write_file(key_path, "key", the_identity.key.text, the_identity.key.size);
    write_file(crl_path, "crl", crl.text, crl.size);
    write_file(staple_path, "staple", staple.bytes, staple.size);
    return 0;
}

int teardown_setters(void **state)
{
    adieu_config_free(older);
    authority_is_not_the_systems();
    unlink(chain_path);
    unlink(key_path);
    unlink(crl_path);
    unlink(staple_path);
    rmdir(folder);
    return teardown_authority(state);
}

/* ------------------------------------------------ who, and whom */

static enum adieu_status set_identity_file(struct adieu_config *config)
{
    return adieu_config_identity_file(config, chain_path, key_path, NULL);
}

static enum adieu_status set_identity_pem(struct adieu_config *config)
{
    return adieu_config_identity_pem(config, the_identity.chain.text, the_identity.chain.size, the_identity.key.text,
                                     the_identity.key.size, NULL);
}

static enum adieu_status set_identity_throwaway(struct adieu_config *config)
{
    return adieu_config_identity_throwaway(config, HOST);
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

/* The system's roots, and one besides. */
static enum adieu_status set_trust_system_and_pem(struct adieu_config *config)
{
    enum adieu_status status = adieu_config_trust_system(config);
    return status == ADIEU_OK ? set_trust_pem(config) : status;
}

static enum adieu_status set_trust_pin(struct adieu_config *config)
{
    static const uint8_t pin[ADIEU_PIN_SIZE];
    return adieu_config_trust_pin(config, pin);
}

static enum adieu_status set_crl(struct adieu_config *config)
{
    return adieu_config_crl_pem(config, crl.text, crl.size);
}

static enum adieu_status set_crl_file(struct adieu_config *config)
{
    return adieu_config_crl_file(config, crl_path);
}

static enum adieu_status set_identity_and_staple(struct adieu_config *config)
{
    enum adieu_status status = set_identity_pem(config);
    return status == ADIEU_OK ? adieu_config_staple(config, staple.bytes, staple.size) : status;
}

static enum adieu_status set_identity_and_staple_file(struct adieu_config *config)
{
    enum adieu_status status = set_identity_pem(config);
    return status == ADIEU_OK ? adieu_config_staple_file(config, staple_path) : status;
}

static enum adieu_status set_client_auth(struct adieu_config *config)
{
    return adieu_config_client_auth(config, ADIEU_CLIENT_AUTH_REQUIRED);
}

/* ------------------------------------------------ how */

static enum adieu_status set_versions(struct adieu_config *config)
{
    return adieu_config_versions(config, ADIEU_TLS_1_2, ADIEU_TLS_1_3);
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

/* The other list stays. */
static enum adieu_status set_tls12_ciphers(struct adieu_config *config)
{
    return adieu_config_ciphers(config, NULL, "ECDHE+AESGCM");
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

static enum adieu_status carry_from_older(struct adieu_config *config)
{
    return adieu_config_carry(config, older);
}

static enum adieu_status set_session_cache(struct adieu_config *config)
{
    return adieu_config_session_cache(config, 10);
}

static void hear_key(void *context, const char *line)
{
    (void)context, (void)line;
}

static enum adieu_status set_on_key(struct adieu_config *config)
{
    return adieu_config_insecure_on_key(config, hear_key, NULL);
}

const struct setter setters[] = {
    {"identity_file", set_identity_file, false},
    {"identity_pem", set_identity_pem, false},
    {"identity_throwaway", set_identity_throwaway, true},
    {"trust_pem", set_trust_pem, false},
    {"trust_file", set_trust_file, false},
    {"trust_directory", set_trust_directory, false},
    {"trust_system", adieu_config_trust_system, true},
    {"trust_system and trust_pem", set_trust_system_and_pem, true},
    {"trust_pin", set_trust_pin, false},
    {"crl", set_crl, false},
    {"crl_file", set_crl_file, true},
    {"staple", set_identity_and_staple, false},
    {"staple_file", set_identity_and_staple_file, true},
    {"require_staple", adieu_config_require_staple, false},
    {"client_auth", set_client_auth, false},
    {"versions", set_versions, false},
    {"alpn", set_alpn, false},
    {"ciphers", set_ciphers, false},
    {"ciphers of TLS 1.2", set_tls12_ciphers, false},
    {"groups", set_groups, false},
    {"ticket_keys", set_ticket_keys, false},
    {"carry", carry_from_older, false},
    {"session_cache", set_session_cache, false},
    {"insecure_on_key", set_on_key, false},
};
const size_t setter_count = sizeof setters / sizeof *setters;
