/* SPDX-License-Identifier: MIT */
/*
 * adieu's engine is OpenSSL. This header alone says so: include it to bring your own SSL_CTX, or to look at an SSL.
 */
#ifndef ADIEU_OPENSSL_H
#define ADIEU_OPENSSL_H

#include <openssl/ssl.h>

#include "adieu.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A config from a caller's SSL_CTX (one reference is taken; the context is not changed, now or later). Certificates,
 * key, roots, ciphers, callbacks and session cache are the context's. What adieu cannot do without is set on each
 * stream's SSL instead: TLS 1.2 at least, no renegotiation, no compression, no quiet shutdown, EOF is never taken for
 * an end (SSL_OP_IGNORE_UNEXPECTED_EOF is cleared), whole writes, the message callback and the BIO.
 *
 * A client's peer is verified by name as for every config, by the context's roots and verify callbacks (whose
 * acceptance of a bad chain counts, but as ADIEU_VERIFIED_NO), unless adieu_config_insecure_no_verify() is called; a
 * server's verify mode is the context's. The same holds where on_name chooses it: then its X509_VERIFY_PARAM
 * (revocation, depth) is added to that of the stream's config.
 *
 * Callbacks of the context that ask to be called again later (client hello, certificate, async) are a fault. The
 * setters that would change the context fail with ADIEU_ERR_ARGUMENT. NULL only for lack of memory.
 */
ADIEU_API struct adieu_config *adieu_config_adopt(SSL_CTX *context);

/*
 * The stream's SSL, to look at; the stream owns it. NULL if it could not be made. Calls that read, write, shut down
 * or change it break adieu's promises.
 */
ADIEU_API SSL *adieu_openssl_ssl(const struct adieu_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
