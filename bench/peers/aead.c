/* SPDX-License-Identifier: MIT */
/*
 * No sockets: what sealing and opening alone cost. up and down bytes are sealed and opened again in records of at most
 * 16 KB, as the two sides of a connection would do. A client only: there is nobody to serve.
 */
#include <string.h>

#include <openssl/evp.h>

#include "peer.h"

enum { RECORD = 16384, KEY = 32, NONCE = 12, TAG = 16, HEADER = 5 };

struct side {
    EVP_CIPHER_CTX *context;
    uint64_t count; /* of records: the nonce */
};

static void check(int answer)
{
    if (answer <= 0)
        peer_failed("EVP failed");
}

static struct side side_new(enum cipher cipher, bool seals)
{
    const EVP_CIPHER *const ciphers[] = {EVP_aes_128_gcm(), EVP_aes_256_gcm(), EVP_chacha20_poly1305()};
    const uint8_t key[KEY] = {1, 2, 3};
    struct side side = {.context = EVP_CIPHER_CTX_new()};
    check(side.context && EVP_CipherInit_ex(side.context, ciphers[cipher], NULL, key, NULL, seals));
    return side;
}

/* As a record is begun in TLS 1.3: a nonce of its own, and its header as what is not encrypted. */
static void begin(struct side *side, size_t size)
{
    const uint8_t header[HEADER] = {23, 3, 3, (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t nonce[NONCE] = {0};
    int n;
    memcpy(nonce + NONCE - sizeof side->count, &side->count, sizeof side->count);
    side->count++;
    check(EVP_CipherInit_ex(side->context, NULL, NULL, NULL, nonce, -1));
    check(EVP_CipherUpdate(side->context, NULL, &n, header, HEADER));
}

static void seal(struct side *side, uint8_t *record, const uint8_t *plain, size_t size)
{
    int n;
    begin(side, size + TAG);
    check(EVP_CipherUpdate(side->context, record, &n, plain, (int)size));
    check(EVP_CipherFinal_ex(side->context, record + n, &n));
    check(EVP_CIPHER_CTX_ctrl(side->context, EVP_CTRL_AEAD_GET_TAG, TAG, record + size));
}

static void open_again(struct side *side, uint8_t *plain, uint8_t *record, size_t size)
{
    int n;
    begin(side, size + TAG);
    check(EVP_CIPHER_CTX_ctrl(side->context, EVP_CTRL_AEAD_SET_TAG, TAG, record + size));
    check(EVP_CipherUpdate(side->context, plain, &n, record, (int)size));
    check(EVP_CipherFinal_ex(side->context, plain + n, &n));
}

static void there(const struct arguments *arguments, uint64_t bytes)
{
    uint8_t *record = incoming, *plain = incoming + RECORD + TAG;
    uint64_t most = arguments->write < RECORD ? arguments->write : RECORD;
    struct side sealing = side_new(arguments->cipher, true), opening = side_new(arguments->cipher, false);
    while (bytes) {
        size_t size = (size_t)(bytes < most ? bytes : most);
        seal(&sealing, record, outgoing, size);
        open_again(&opening, plain, record, size);
        bytes -= size;
    }
    EVP_CIPHER_CTX_free(sealing.context);
    EVP_CIPHER_CTX_free(opening.context);
}

int main(int argc, char **argv)
{
    const struct arguments arguments = arguments_read(argc, argv);
    if (arguments.serves)
        peer_cannot("there are no sockets here: it is a client only");
    for (unsigned long i = 0; i < arguments.requests; i++) {
        there(&arguments, arguments.up);
        there(&arguments, arguments.down);
    }
    return 0;
}
