/* SPDX-License-Identifier: MIT */
#include "configs.h"

#include "figures.h"

struct adieu_config *client_config, *resuming_config, *server_config;

static void must(enum adieu_status status)
{
    if (status != ADIEU_OK)
        give_up("a config");
}

static struct adieu_config *config(void)
{
    struct adieu_config *config = adieu_config_new();
    if (!config)
        give_up("memory");
    must(adieu_config_ciphers(config, "TLS_AES_128_GCM_SHA256", NULL));
    return config;
}

static struct adieu_config *trusting(const char *cert)
{
    struct adieu_config *client = config();
    must(adieu_config_trust_file(client, cert));
    return client;
}

void configs_begin(const char *cert, const char *key)
{
    server_config = config();
    must(adieu_config_identity_file(server_config, cert, key, NULL));
    client_config = trusting(cert);
    resuming_config = trusting(cert);
    must(adieu_config_session_cache(resuming_config, 16));
}

void configs_end(void)
{
    adieu_config_free(client_config);
    adieu_config_free(resuming_config);
    adieu_config_free(server_config);
}
