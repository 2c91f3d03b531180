/* SPDX-License-Identifier: MIT */
/* S7 to S10, S39, S40: one side does not want the other, and both know why. */
#include "scene.h"

#include <string.h>

/* ------------------------------------------------ S7 to S10 */

enum { UNKNOWN_CA = 48 };

static void b_trusts_nobody(struct scene *s)
{
    SSL_CTX_set_cert_store(s->b.context, X509_STORE_new());
    SSL_CTX_set_verify(s->b.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

/* Somebody else's authority in place of the one that signed. */
static void a_trusts_somebody_else(struct scene *s)
{
    struct authority other = authority_new("somebody else's authority");
    adieu_config_free(s->config);
    s->config = adieu_config_new();
    check_status(adieu_config_versions(s->config, s->version, s->version), ADIEU_OK);
    trust(s->config, &other);
    authority_free(&other);
}

static void a_server_asks_for_certificates(struct scene *s)
{
    identify(s->config, &the_identity);
    check_status(adieu_config_client_auth(s->config, ADIEU_CLIENT_AUTH_REQUIRED), ADIEU_OK);
}

/* A's handshake fails, and B hears so with this number, once. */
static void check_a_refuses(struct scene *s, int alert)
{
    check_status(a_shakes(s), ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_REFUSED);
    check_a_ends(s, "aborted", "rejected");
    assert_int_equal(s->driver->error(s).alert.number, alert);
    b_gets_to_see(s, B_SEES_ALERT);
    assert_int_equal(s->b.level, 2);
    assert_int_equal(s->b.number, alert);
    assert_int_equal(s->b.alerts, 1);
    assert_int_equal(a_ending(s).alert_sent.number, alert);
}

/* A hears B's fatal alert: a server in its handshake, a client of TLS 1.3 whose certificate is refused at its first read. */
static void check_a_is_refused(struct scene *s, int alert, bool behind_the_handshake)
{
    enum adieu_status status = a_shakes(s);
    if (behind_the_handshake) {
        check_status(status, ADIEU_OK);
        status = a_reads_to_end(s);
    }
    check_status(status, ADIEU_FAIL);
    check_a_error(s, ADIEU_ERR_ALERTED);
    check_a_ends(s, "failed", "alerted");
    assert_int_equal(a_ending(s).alert_received.level, 2);
    assert_int_equal(a_ending(s).alert_received.number, alert);
    assert_int_equal(s->driver->error(s).alert.number, alert);
    assert_non_null(strstr(s->driver->error(s).text, adieu_alert_name((uint8_t)alert)));
}

static void s7_a_client_that_does_not_trust_the_server_says_unknown_ca(struct scene *s)
{
    scene_prepare(s);
    if (s->server)
        b_trusts_nobody(s);
    else
        a_trusts_somebody_else(s);
    scene_open(s);
    if (s->server)
        check_a_is_refused(s, UNKNOWN_CA, false);
    else
        check_a_refuses(s, UNKNOWN_CA);
}

static void s8_a_server_that_does_not_trust_the_client_says_unknown_ca(struct scene *s)
{
    scene_prepare(s);
    if (s->server) {
        a_trusts_somebody_else(s);
        a_server_asks_for_certificates(s);
    } else {
        b_trusts_nobody(s);
        identify(s->config, &the_identity);
    }
    scene_open(s);
    if (s->server)
        check_a_refuses(s, UNKNOWN_CA);
    else
        check_a_is_refused(s, UNKNOWN_CA, s->version == ADIEU_TLS_1_3);
}

/* How often these bytes are on the tape. */
static unsigned taped_times(struct scene *s, const void *bytes, size_t size)
{
    char *at;
    size_t length = (size_t)BIO_get_mem_data(s->b.line.tape, &at);
    unsigned times = 0;
    for (size_t i = 0; i + size <= length; i++)
        times += memcmp(at + i, bytes, size) == 0;
    return times;
}

/* In TLS 1.2 it can be seen by anybody; in TLS 1.3 it is sealed, and B, who can open it, counts. */
static void s9_the_alert_of_a_refusal_is_on_the_wire_exactly_once(struct scene *s)
{
    static const uint8_t record[] = {21, 3, 3, 0, 2, 2, UNKNOWN_CA};
    scene_prepare(s);
    a_trusts_somebody_else(s);
    if (s->server)
        a_server_asks_for_certificates(s);
    scene_open(s);
    check_a_refuses(s, UNKNOWN_CA);
    (void)a_closes(s, 0);
    (void)b_finds_the_line_ended(s);
    assert_int_equal(s->b.alerts, 1);
    assert_int_equal(taped_times(s, record, sizeof record), s->version == ADIEU_TLS_1_2);
}

static enum adieu_decision refuse(void *context, const struct adieu_stream *stream, bool verified, const char *problem,
                                  const uint8_t *leaf, size_t leaf_size)
{
    (void)stream, (void)problem, (void)leaf, (void)leaf_size;
    *(unsigned *)context += verified;
    return ADIEU_REFUSE;
}

static void s10_what_a_callback_refused_stays_refused_with_the_same_error(struct scene *s)
{
    unsigned asked = 0;
    size_t took;
    scene_prepare(s);
    trust(s->config, &the_authority);
    if (s->server)
        a_server_asks_for_certificates(s);
    check_status(adieu_config_insecure_on_verify(s->config, refuse, &asked), ADIEU_OK);
    scene_open(s);
    check_status(a_shakes(s), ADIEU_FAIL);
    struct adieu_error before = s->driver->error(s);
    assert_int_equal(before.code, ADIEU_ERR_REFUSED);
    check_status(s->driver->write(s, "more", 4, &took), ADIEU_FAIL);
    check_status(a_reads_all(s), ADIEU_FAIL);
    check_status(a_shakes(s), ADIEU_FAIL);
    struct adieu_error after = s->driver->error(s);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(asked, 1);
    b_gets_to_see(s, B_SEES_ALERT);
    assert_int_equal(s->b.alerts, 1);
}

/* ------------------------------------------------ S39 */

static const char *const ours[] = {"h2", "adieu/1"};
enum { NO_APPLICATION_PROTOCOL = 120 };

static int choose(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *in, unsigned in_size,
                  void *arg)
{
    (void)ssl;
    const char *mine = arg;
    return SSL_select_next_proto((unsigned char **)out, size, (const unsigned char *)mine, (unsigned)strlen(mine), in,
                                 in_size) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A speaks ours; B these, each behind its length; NULL: none. */
static void prepare_protocols(struct scene *s, const char *theirs)
{
    scene_prepare(s);
    check_status(adieu_config_alpn(s->config, ours, 2), ADIEU_OK);
    if (theirs && s->server)
        assert_int_equal(SSL_CTX_set_alpn_protos(s->b.context, (const unsigned char *)theirs, (unsigned)strlen(theirs)),
                         0);
    if (theirs && !s->server)
        SSL_CTX_set_alpn_select_cb(s->b.context, choose, (void *)(uintptr_t)theirs);
    scene_open(s);
}

static void s39_no_protocol_in_common_is_refused_with_no_application_protocol(struct scene *s)
{
    prepare_protocols(s, "\x08http/1.1");
    if (!s->server) {
        check_a_is_refused(s, NO_APPLICATION_PROTOCOL, false);
        return;
    }
    check_status(a_shakes(s), ADIEU_FAIL);
    check_a_ends(s, "aborted", "rejected");
    b_gets_to_see(s, B_SEES_ALERT);
    assert_int_equal(s->b.number, NO_APPLICATION_PROTOCOL);
}

static void s39_a_protocol_in_common_is_the_same_on_both_sides(struct scene *s)
{
    const unsigned char *theirs;
    unsigned size;
    prepare_protocols(s, "\x08http/1.1\x07"
                         "adieu/1");
    scene_shake(s);
    assert_string_equal(adieu_alpn(s->stream), "adieu/1");
    SSL_get0_alpn_selected(s->b.ssl, &theirs, &size);
    assert_int_equal(size, 7);
    assert_memory_equal(theirs, "adieu/1", 7);
}

static void s39_where_one_side_offers_no_protocol_there_is_none(struct scene *s)
{
    prepare_protocols(s, NULL);
    scene_shake(s);
    assert_null(adieu_alpn(s->stream));
}

/* ------------------------------------------------ S40 */

struct asked {
    struct adieu_config *answer;
    unsigned times;
    char name[100];
};

static struct adieu_config *on_name(void *context, const char *name)
{
    struct asked *asked = context;
    asked->times++;
    (void)snprintf(asked->name, sizeof asked->name, "%s", name);
    return asked->answer;
}

static void check_asked_for(struct scene *s, const char *name)
{
    struct asked asked = {.answer = server_config(s->version)};
    scene_again(s);
    s->name = name;
    check_status(adieu_config_on_name(s->config, on_name, &asked), ADIEU_OK);
    scene_open(s);
    scene_shake(s);
    assert_int_equal(asked.times, 1);
    assert_string_equal(asked.name, name ? name : "");
    a_says(s, 10);
    b_hears(s, 10);
    scene_again(s);
    adieu_config_free(asked.answer);
}

static void s40_a_server_is_asked_once_for_the_name_that_the_client_wants(struct scene *s)
{
    scene_prepare(s);
    check_asked_for(s, "localhost");
    check_asked_for(s, "xn--bcher-kva.example"); /* as an IDN travels */
    check_asked_for(s, NULL);                    /* none is a name, too */
}

static void s40_a_server_that_has_nothing_under_that_name_lets_the_client_go(struct scene *s)
{
    struct asked asked = {.answer = NULL};
    scene_prepare(s);
    check_status(adieu_config_on_name(s->config, on_name, &asked), ADIEU_OK);
    scene_open(s);
    check_status(a_shakes(s), ADIEU_FAIL);
    b_gets_to_see(s, B_SEES_ALERT);
    assert_int_equal(s->b.number, SSL_AD_UNRECOGNIZED_NAME);
    check_a_ends(s, "aborted", "rejected");
}

static void s40_a_client_names_the_server_in_its_hello_but_no_address(struct scene *s)
{
    meet(s);
    assert_string_equal(SSL_get_servername(s->b.ssl, TLSEXT_NAMETYPE_host_name), HOST);
    scene_again(s);
    s->name = "127.0.0.1";
    scene_open(s);
    scene_shake(s);
    assert_null(SSL_get_servername(s->b.ssl, TLSEXT_NAMETYPE_host_name));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        SCENARIO(s7_a_client_that_does_not_trust_the_server_says_unknown_ca, EVERYWHERE),
        SCENARIO(s8_a_server_that_does_not_trust_the_client_says_unknown_ca, EVERYWHERE),
        SCENARIO(s9_the_alert_of_a_refusal_is_on_the_wire_exactly_once, EVERYWHERE),
        SCENARIO(s10_what_a_callback_refused_stays_refused_with_the_same_error, EVERYWHERE),
        SCENARIO(s39_no_protocol_in_common_is_refused_with_no_application_protocol, EVERYWHERE),
        SCENARIO(s39_a_protocol_in_common_is_the_same_on_both_sides, EVERYWHERE),
        SCENARIO(s39_where_one_side_offers_no_protocol_there_is_none, EVERYWHERE),
        /* only servers are asked for names, only clients ask */
        SCENARIO(s40_a_server_is_asked_once_for_the_name_that_the_client_wants, EVERYWHERE & ~AS_CLIENT),
        SCENARIO(s40_a_server_that_has_nothing_under_that_name_lets_the_client_go, EVERYWHERE & ~AS_CLIENT),
        SCENARIO(s40_a_client_names_the_server_in_its_hello_but_no_address, EVERYWHERE & ~AS_SERVER),
    };
    return play_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0]);
}
