/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "throwaway.h"

struct adieu_config *throwaway_server(void)
{
    struct adieu_config *config = adieu_config_new();
    if (config && adieu_config_identity_throwaway(config, "localhost") == ADIEU_OK)
        return config;
    adieu_config_free(config);
    return NULL;
}

static struct adieu_config *trusting(const uint8_t pin[ADIEU_PIN_SIZE])
{
    struct adieu_config *config = adieu_config_new();
    if (config && adieu_config_trust_pin(config, pin) == ADIEU_OK)
        return config;
    adieu_config_free(config);
    return NULL;
}

struct adieu_config *throwaway_client(const char *text)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    bool good = strlen(text) == 2 * sizeof pin;
    for (size_t i = 0; good && i < sizeof pin; i++) {
        unsigned byte;
        good = sscanf(text + 2 * i, "%2x", &byte) == 1;
        pin[i] = good ? (uint8_t)byte : 0;
    }
    return good ? trusting(pin) : NULL;
}

bool throwaway_pair(struct adieu_config **client, struct adieu_config **server)
{
    uint8_t pin[ADIEU_PIN_SIZE];
    *server = throwaway_server();
    *client = *server && adieu_config_identity_pin(*server, pin) == ADIEU_OK ? trusting(pin) : NULL;
    return *client;
}

bool throwaway_introduce(const struct adieu_config *server, int listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    uint8_t pin[ADIEU_PIN_SIZE];
    if (adieu_config_identity_pin(server, pin) != ADIEU_OK ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return false;
    in_port_t port = address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((struct sockaddr_in *)&address)->sin_port;
    printf("port %u\npin ", (unsigned)ntohs(port));
    for (size_t i = 0; i < sizeof pin; i++)
        printf("%02x", pin[i]);
    putchar('\n');
    return fflush(stdout) == 0;
}
