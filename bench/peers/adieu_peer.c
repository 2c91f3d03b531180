/* SPDX-License-Identifier: MIT */
#include "adieu_peer.h"

static bool set_suite(struct adieu_config *config, const struct arguments *arguments)
{
    bool old = arguments->tls == 12;
    enum adieu_version version = old ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3;
    const char *suite = arguments_suite(arguments);
    return adieu_config_versions(config, version, version) == ADIEU_OK &&
           adieu_config_ciphers(config, old ? NULL : suite, old ? suite : NULL) == ADIEU_OK;
}

struct adieu_config *adieu_peer_config(const struct arguments *arguments)
{
    struct adieu_config *config = adieu_config_new();
    if (!config)
        peer_failed("no memory");
    bool done = set_suite(config, arguments) && adieu_config_insecure_no_verify(config) == ADIEU_OK;
    if (done && arguments->serves)
        done = adieu_config_identity_file(config, arguments->cert, arguments->key, NULL) == ADIEU_OK;
    if (!done)
        peer_failed(adieu_config_error(config)->text);
    return config;
}
