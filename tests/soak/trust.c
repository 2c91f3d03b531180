/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a client is to do in each manner, and the name by which the server knows it. */
static const struct way {
    const char *name;     /* asked for */
    const char *identity; /* shown, of soak-identities' files; or NULL */
    const char *roots;
    const char *protocol;
} ways[MANNERS] = {
    [MANNER_PLAIN] = {"plain.soak.test", NULL, "roots.pem", NULL},
    [MANNER_KNOWN] = {"known.soak.test", "client", "roots.pem", NULL},
    [MANNER_STRANGER] = {"known.soak.test", "stranger", "roots.pem", NULL},
    [MANNER_UNSHOWN] = {"known.soak.test", NULL, "roots.pem", NULL},
    [MANNER_LATE] = {"late.soak.test", "client", "roots.pem", NULL},
    [MANNER_PROTOCOL] = {"protocol.soak.test", NULL, "roots.pem", "soak/1"},
    [MANNER_OTHER_PROTOCOL] = {"protocol.soak.test", NULL, "roots.pem", "other/1"},
    [MANNER_OTHER_ROOTS] = {"plain.soak.test", NULL, "other-roots.pem", NULL},
    [MANNER_UNNAMED] = {"nobody.soak.test", NULL, "roots.pem", NULL},
    [MANNER_PIN] = {"plain.soak.test", NULL, NULL, NULL},
};

/* By manner, version, and whether sessions are kept. */
static struct adieu_config *clients[MANNERS][2][2];
static struct adieu_config *serving, *plain, *known, *late, *protocol;

static void demand(enum adieu_status status, const struct adieu_config *config)
{
    if (status == ADIEU_OK)
        return;
    fprintf(stderr, "soak: %s\n", config ? adieu_config_error(config)->text : "no memory");
    exit(1);
}

static char *in_folder(char path[512], const char *folder, const char *name, const char *end)
{
    snprintf(path, 512, "%s/%s%s", folder, name, end);
    return path;
}

static struct adieu_config *new_config(const char *folder, const char *identity)
{
    struct adieu_config *config = adieu_config_new();
    char chain[512], key[512];
    demand(config ? ADIEU_OK : ADIEU_FAIL, config);
    if (identity)
        demand(adieu_config_identity_file(config, in_folder(chain, folder, identity, ".pem"),
                                          in_folder(key, folder, identity, "-key.pem"), NULL),
               config);
    return config;
}

static void trust_pin(struct adieu_config *config, const char *folder)
{
    struct adieu_config *server = new_config(folder, "server");
    uint8_t pin[ADIEU_PIN_SIZE];
    demand(adieu_config_identity_pin(server, pin), server);
    demand(adieu_config_trust_pin(config, pin), config);
    adieu_config_free(server);
}

static struct adieu_config *new_client(const char *folder, const struct way *way, bool tls13, bool sessions)
{
    struct adieu_config *config = new_config(folder, way->identity);
    enum adieu_version version = tls13 ? ADIEU_TLS_1_3 : ADIEU_TLS_1_2;
    char path[512];
    demand(adieu_config_versions(config, version, version), config);
    if (way->roots)
        demand(adieu_config_trust_file(config, in_folder(path, folder, way->roots, "")), config);
    else
        trust_pin(config, folder);
    if (way->protocol)
        demand(adieu_config_alpn(config, &way->protocol, 1), config);
    if (sessions)
        demand(adieu_config_session_cache(config, 32), config);
    return config;
}

void trust_client(const char *folder)
{
    for (int i = 0; i < MANNERS * 4; i++)
        clients[i / 4][i / 2 % 2][i % 2] = new_client(folder, &ways[i / 4], i / 2 % 2, i % 2);
}

static struct adieu_config *by_name(void *context, const char *name)
{
    (void)context;
    if (strncmp(name, "known.", 6) == 0)
        return known;
    if (strncmp(name, "late.", 5) == 0)
        return late;
    if (strncmp(name, "protocol.", 9) == 0)
        return protocol;
    return strncmp(name, "nobody.", 7) == 0 ? NULL : plain;
}

static void ask_clients(struct adieu_config *config, const char *folder, enum adieu_client_auth how)
{
    char path[512];
    demand(adieu_config_trust_file(config, in_folder(path, folder, "roots.pem", "")), config);
    demand(adieu_config_client_auth(config, how), config);
}

void trust_server(const char *folder)
{
    const char *ours = "soak/1";
    serving = new_config(folder, "server");
    plain = new_config(folder, "server");
    known = new_config(folder, "server");
    late = new_config(folder, "server");
    protocol = new_config(folder, "server");
    ask_clients(known, folder, ADIEU_CLIENT_AUTH_REQUIRED);
    ask_clients(late, folder, ADIEU_CLIENT_AUTH_LATE);
    demand(adieu_config_alpn(protocol, &ours, 1), protocol);
    demand(adieu_config_on_name(serving, by_name, NULL), serving);
}

void trust_free(void)
{
    for (int i = 0; i < MANNERS * 4; i++)
        adieu_config_free(clients[i / 4][i / 2 % 2][i % 2]);
    struct adieu_config *servers[] = {serving, plain, known, late, protocol};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        adieu_config_free(servers[i]);
}

struct adieu_config *trust_config(const struct plan *plan, const char **name)
{
    enum manner manner = stories[plan->story].manner;
    *name = ways[manner].name;
    return clients[manner][plan->tls13][plan->resuming];
}

struct adieu_config *trust_serving(void)
{
    return serving;
}
