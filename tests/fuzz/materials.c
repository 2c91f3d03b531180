/* SPDX-License-Identifier: MIT */
#include "materials.h"

#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "../engine/joined.h"
#include "../engine/revoking.h"

static struct bytes all[MATERIALS];
static struct adieu_config *server;

/* ------------------------------------------------ making them */

static void keep(enum material which, const void *at, size_t size)
{
    bytes_add(&all[which], at, size);
}

static void keep_pem(enum material which, const struct pem *pem)
{
    keep(which, pem->text, pem->size);
}

static void make_others(void)
{
    struct authority other = authority_new("another authority");
    struct issued issued;
    authority_issue(&other, "DNS:" MATERIAL_HOST, -1, 5, &issued);
    keep_pem(MATERIAL_OTHER_ROOT, &other.pem);
    keep_pem(MATERIAL_OTHER_CHAIN, &issued.chain);
    keep_pem(MATERIAL_OTHER_KEY, &issued.key);
    authority_free(&other);
}

static void make_known(void)
{
    struct pem pem;
    keep_pem(MATERIAL_ROOT, &the_authority.pem);
    keep_pem(MATERIAL_CHAIN, &the_identity.chain);
    keep_pem(MATERIAL_KEY, &the_identity.key);
    encrypt_key(&the_identity, "secret", &pem);
    keep_pem(MATERIAL_LOCKED_KEY, &pem);
    authority_crl(&the_authority, -60, 60, NULL, &pem);
    keep_pem(MATERIAL_CRL, &pem);
    authority_crl(&the_authority, -60, 60, &the_identity, &pem);
    keep_pem(MATERIAL_CRL_REVOKES, &pem);
}

static void make_staples(void)
{
    struct der der;
    authority_says(&the_authority, &the_identity, &(struct saying){.status = V_OCSP_CERTSTATUS_GOOD}, &der);
    keep(MATERIAL_STAPLE, der.bytes, der.size);
    authority_says(&the_authority, &the_identity, &(struct saying){.status = V_OCSP_CERTSTATUS_REVOKED}, &der);
    keep(MATERIAL_STAPLE_REVOKED, der.bytes, der.size);
}

static void make_session(enum adieu_version version, enum material which)
{
    struct kept kept = {0};
    struct adieu_config *client = client_config(version);
    check_status(adieu_config_on_session(client, keep_session, &kept), ADIEU_OK);
    struct joined joined = join(client, adieu_config_ref(server), HOST);
    shake_hands(&joined);
    part(&joined);
    claim(kept.came > 0, "a server gives sessions");
    keep(which, kept.bytes, kept.size);
}

static void make(void)
{
    steady_begin();
    setup_authority(NULL);
    make_known();
    make_others();
    make_staples();
    server = server_config(0);
    make_session(ADIEU_TLS_1_2, MATERIAL_SESSION_12);
    make_session(ADIEU_TLS_1_3, MATERIAL_SESSION_13);
}

/* Once in a program, when the first one is wanted. */
const struct bytes *material(enum material which)
{
    if (!server)
        make();
    return &all[which];
}

struct adieu_config *material_server(void)
{
    (void)material(MATERIAL_ROOT);
    return server;
}

/* ------------------------------------------------ bending them */

/* What the first block of a PEM encodes is bent, and encoded again. */
static void edit_inside(struct bytes *pem, struct input *input)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long size = 0;
    BIO *from = BIO_new_mem_buf(pem->at, (int)pem->size), *to = BIO_new(BIO_s_mem());
    if (PEM_read_bio(from, &name, &header, &data, &size)) {
        struct bytes der = {0};
        char *text;
        bytes_add(&der, data, (size_t)size);
        edit_bytes(&der, input);
        PEM_write_bio(to, name, header, der.at, (long)der.size);
        bytes_clear(pem);
        size = BIO_get_mem_data(to, &text);
        bytes_add(pem, text, (size_t)size);
        bytes_free(&der);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(from);
    BIO_free(to);
}

struct bytes material_take(struct input *input)
{
    unsigned which = input_byte(input), edits = input_byte(input);
    const struct bytes *good = material((enum material)(which % MATERIALS));
    struct bytes taken = {0};
    bytes_add(&taken, good->at, good->size);
    for (unsigned i = 0; i < (edits & 7); i++)
        (edits & 0x80 ? edit_inside : edit_bytes)(&taken, input);
    if (which % MATERIALS == MATERIAL_NOTHING) {
        struct some some = input_many(input);
        bytes_add(&taken, some.at, some.size);
    }
    if (edits & 0x40) {
        good = material((enum material)(input_byte(input) % MATERIALS));
        bytes_add(&taken, good->at, good->size);
    }
    return taken;
}

/* ------------------------------------------------ looking into them */

/* The next certificate, past whatever else there is. */
static X509 *next_certificate(BIO *bio)
{
    char *name, *header;
    unsigned char *data;
    long size;
    X509 *certificate = NULL;
    while (!certificate && PEM_read_bio(bio, &name, &header, &data, &size)) {
        const unsigned char *at = data;
        certificate = d2i_X509(NULL, &at, size);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    return certificate;
}

static X509 *first_certificate(const struct bytes *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->at, (int)pem->size);
    X509 *certificate = next_certificate(bio);
    BIO_free(bio);
    return certificate;
}

bool material_has_key_of(const struct bytes *pem, enum material which)
{
    X509 *wanted = first_certificate(material(which)), *there;
    BIO *bio = BIO_new_mem_buf(pem->at, (int)pem->size);
    bool has = false;
    while (!has && (there = next_certificate(bio))) {
        has = X509_get0_pubkey(there) && EVP_PKEY_eq(X509_get0_pubkey(there), X509_get0_pubkey(wanted)) == 1;
        X509_free(there);
    }
    BIO_free(bio);
    X509_free(wanted);
    return has;
}
