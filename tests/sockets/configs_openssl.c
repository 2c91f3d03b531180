/* SPDX-License-Identifier: MIT */
/* On OpenSSL: the server shows a throwaway identity, and the client takes any. */
#include "side.h"

#include "actors.h"

struct adieu_config *side_config(bool server)
{
    struct adieu_config *config = adieu_config_new();
    enum adieu_status status =
        server ? adieu_config_identity_throwaway(config, "localhost") : adieu_config_insecure_no_verify(config);
    if (status != ADIEU_OK)
        broken("the configs can be made", "%s", adieu_config_error(config)->text);
    return config;
}

uint64_t plain_in(const uint8_t *wire, size_t size)
{
    (void)wire, (void)size;
    return ADIEU_UNKNOWN;
}
