/* SPDX-License-Identifier: MIT */
/*
 * What the command reads in plain text before TLS, from anybody: the protocols of --starttls and the proxies. cli/dialogue.c is
 * compiled for this program with recv() and send() of its own, so there is no socket.
 *
 * The input: the protocol, whether there is a user, how large the segments are, and then what the peer says to its end.
 */
#define _GNU_SOURCE /* memmem() */
#include <string.h>

#include "calls.h"
#include "proxy.h"
#include "starttls.h"

#define HOST "mail.example.org"

/* ------------------------------------------------ the dialogue */

struct scene {
    unsigned kind; /* STARTTLS_SMTP to POSTGRES, then the proxies */
    bool user, tls_follows, reset;
    size_t segment;
};

static void begin(struct dialogue *dialogue, const struct scene *scene, struct proxy *proxy)
{
    if (scene->kind < STARTTLS_NONE) {
        starttls_begin(dialogue, (enum starttls)scene->kind, HOST, -1);
        return;
    }
    *proxy = (struct proxy){.kind = scene->kind == STARTTLS_NONE ? PROXY_HTTP : PROXY_SOCKS5, .has_user = scene->user};
    if (scene->user) {
        strcpy(proxy->user, "somebody");
        strcpy(proxy->password, "SECRETSECRET");
    }
    proxy_begin(dialogue, proxy, HOST, 443, scene->tls_follows);
}

/* Once it is over it stays so, and it always says why. */
static void check(struct dialogue *dialogue)
{
    bool failed = dialogue->status == DIALOGUE_FAILED;
    claim(memchr(dialogue->error, '\0', sizeof dialogue->error) != NULL, "its error ends");
    claim(failed == (dialogue->error[0] != '\0'), "what failed says why, and what did not says nothing");
    claim(failed || dialogue->os_error == 0, "an errno is of a failure");
    for (const char *at = dialogue->error; *at != '\0'; at++)
        claim((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f, "an error steers no terminal: %s",
              dialogue->error);
}

/* What is behind an agreement is TLS's, or of somebody who must not be heard. */
static void check_agreed(const struct dialogue *dialogue, const struct scene *scene)
{
    bool follows = scene->kind < STARTTLS_NONE || scene->tls_follows;
    claim(dialogue->status != DIALOGUE_DONE || !follows || network.arrived == 0, "nothing came behind the agreement");
}

static void check_secret(const struct dialogue *dialogue, const struct scene *scene, struct input said)
{
    bool by_peer = said.left > 0 && memmem(said.at, said.left, "SECRET", 6);
    claim(by_peer || !strstr(dialogue->error, "SECRET"), "no error tells the password");
    claim(scene->user || !memmem(network.words, network.said, "SECRET", 6), "nobody is told a password");
}

/* Gives it all that the peer says, in segments. */
static void lead(struct dialogue *dialogue, const struct scene *scene, struct input said)
{
    network = (struct network){0};
    network.in = said;
    network.reset = scene->reset;
    struct proxy proxy;
    begin(dialogue, scene, &proxy);
    for (;;) {
        enum dialogue_status status = dialogue_step(dialogue, CONNECTION);
        check(dialogue);
        claim(status == dialogue->status && dialogue_step(dialogue, CONNECTION) == status, "it stays as it is");
        claim(status != DIALOGUE_WRITE, "it waits to write, and nothing is in its way");
        if (status != DIALOGUE_READ)
            break;
        claim(network.arrived == 0 && !network.ended, "it waits to read, and there is something");
        network.arrived = scene->segment < network.in.left ? scene->segment : network.in.left;
        network.ended = network.arrived == 0;
    }
    check_agreed(dialogue, scene);
    check_secret(dialogue, scene, said);
}

/* ------------------------------------------------ */

/* What came behind the agreement may come too late to be seen, so both are an agreement. */
static bool agreed(const struct dialogue *dialogue)
{
    return dialogue->status == DIALOGUE_DONE || strstr(dialogue->error, " bytes came unprotected behind its go-ahead");
}

/* How the peer's words are cut up does not matter. */
static void compare(const struct dialogue *whole, const struct dialogue *cut)
{
    claim(agreed(whole) == agreed(cut), "segments make a difference: \"%s\", \"%s\"", whole->error, cut->error);
    claim(agreed(whole) || strcmp(whole->error, cut->error) == 0, "segments change the error: \"%s\", \"%s\"",
          whole->error, cut->error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dialogue whole, cut;
    struct input input = {data, size};
    unsigned flags = input_byte(&input);
    struct scene scene = {.kind = (unsigned)input_below(&input, STARTTLS_NONE + 2u),
                          .user = flags & 1,
                          .tls_follows = flags & 2,
                          .reset = flags & 4,
                          .segment = SIZE_MAX};
    lead(&whole, &scene, input);
    scene.segment = (flags >> 3) + 1u;
    lead(&cut, &scene, input);
    compare(&whole, &cut);
    return 0;
}
