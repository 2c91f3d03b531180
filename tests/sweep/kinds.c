/* SPDX-License-Identifier: MIT */
#include "kinds.h"

const struct kind kinds[] = {
    {.name = "question and answer", .client = "wrse", .server = "rwes", .own_handshake = true, .tickets = 2},
    {.name = "a client's certificate",
     .client = "wrse",
     .server = "rwse",
     .own_handshake = true,
     .certificate = true,
     .tickets = 2},
    {.name = "resumed", .client = "wrse", .server = "rwes", .own_handshake = true, .resumed = true, .tickets = 2},
    {.name = "nothing said", .client = "se", .server = "es"},
    {.name = "a request, a half-close, and its reply", .client = "wse", .server = "ews", .tickets = 1},
    {.name = "a server that ends first", .client = "ews", .server = "wse", .tickets = 1},
    {.name = "both at once", .client = "wse", .server = "wse", .tickets = 4},
    {.name = "to and fro", .client = "wrwrwrse", .server = "rwrwrwes"},
    {.name = "records both ways", .client = "LRse", .server = "LRse", .tickets = 2},
    {.name = "key updates", .client = "wkwrrse", .server = "rkwrwes", .only_tls13 = true, .tickets = 1},
    {.name = "key updates asked for", .client = "wKwrrKwse", .server = "rKwrwres", .only_tls13 = true, .tickets = 1},
};

/* Those whose handshake one side must refuse, whatever happens. */
static const struct kind refused_kinds[] = {
    {.name = "a server of another name",
     .client = "wrse",
     .server = "rwes",
     .host = "another.example",
     .refusal = {ADIEU_ERR_REFUSED, .alert = {42, 42}}},
    {.name = "a server that nobody vouches for",
     .client = "wrse",
     .server = "rwes",
     .unvouched = true,
     .refusal = {ADIEU_ERR_REFUSED, .alert = {48, 48}}},
    {.name = "a client without a certificate",
     .client = "wrse",
     .server = "rwse",
     .asks_client = true,
     .refusal = {ADIEU_ERR_REFUSED, .by_server = true, .alert = {40, 116}}},
    {.name = "no protocol in common",
     .client = "wrse",
     .server = "rwes",
     .protocols = {"ours", "theirs"},
     .refusal = {ADIEU_ERR_VIOLATION, .by_server = true, .alert = {120, 120}}},
};

/* ------------------------------------------------ settings */

/* A session of an earlier conversation, for those that resume. */
static void keep_a_session(struct setting *setting)
{
    struct joined joined = join(adieu_config_ref(setting->client), adieu_config_ref(setting->server), HOST);
    shake_hands(&joined);
    say_goodbye(&joined);
    part(&joined);
    assert_true(setting->session.came > 0);
}

static void disagree(struct setting *setting)
{
    const struct kind *kind = setting->kind;
    if (kind->unvouched)
        check_status(adieu_config_identity_throwaway(setting->server, HOST), ADIEU_OK);
    if (kind->asks_client) {
        trust(setting->server, &the_authority);
        check_status(adieu_config_client_auth(setting->server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    }
    if (kind->protocols[0]) {
        check_status(adieu_config_alpn(setting->client, &kind->protocols[0], 1), ADIEU_OK);
        check_status(adieu_config_alpn(setting->server, &kind->protocols[1], 1), ADIEU_OK);
    }
}

struct setting setting_new(const struct kind *kind, enum adieu_version version)
{
    struct setting setting = {
        .kind = kind, .version = version, .client = client_config(version), .server = server_config(version)};
    check_status(adieu_config_tickets(setting.server, kind->tickets), ADIEU_OK);
    if (kind->certificate) {
        identify(setting.client, &the_identity);
        trust(setting.server, &the_authority);
        check_status(adieu_config_client_auth(setting.server, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
    }
    disagree(&setting);
    return setting;
}

struct setting setting_again(const struct setting *like)
{
    struct setting setting = setting_new(like->kind, like->version);
    setting.session = like->session;
    if (like->kind->resumed)
        check_status(adieu_config_carry(setting.server, like->server), ADIEU_OK);
    return setting;
}

void setting_free(struct setting *setting)
{
    adieu_config_free(setting->client);
    adieu_config_free(setting->server);
}

const char *version_name(enum adieu_version version)
{
    return version == ADIEU_TLS_1_2 ? "TLS 1.2" : "TLS 1.3";
}

const char *setting_host(const struct setting *setting)
{
    return setting->kind->host ? setting->kind->host : HOST;
}

int setting_alert(const struct setting *setting)
{
    return setting->kind->refusal.alert[setting->version == ADIEU_TLS_1_3];
}

bool is_refused(const struct setting *setting)
{
    return setting->kind->refusal.error != ADIEU_ERR_NONE;
}

bool must_refuse(const struct setting *setting, bool server)
{
    return is_refused(setting) && setting->kind->refusal.by_server == server;
}

static void for_setting(const struct kind *kind, enum adieu_version version, void (*check)(struct setting *setting))
{
    struct setting setting = setting_new(kind, version);
    if (kind->resumed) {
        check_status(adieu_config_on_session(setting.client, keep_session, &setting.session), ADIEU_OK);
        keep_a_session(&setting);
    }
    check(&setting);
    setting_free(&setting);
}

void for_settings(void (*check)(struct setting *setting))
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (int v = 0; v < VERSIONS; v++)
            if (!kinds[i].only_tls13 || versions[v] == ADIEU_TLS_1_3)
                for_setting(&kinds[i], versions[v], check);
}

void for_refused_settings(void (*check)(struct setting *setting))
{
    for (size_t i = 0; i < sizeof refused_kinds / sizeof refused_kinds[0]; i++)
        for (int v = 0; v < VERSIONS; v++)
            for_setting(&refused_kinds[i], versions[v], check);
}
