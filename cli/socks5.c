/* SPDX-License-Identifier: MIT */
/* SOCKS5 (RFC 1928) with user and password (RFC 1929). The proxy resolves names. */
#include <arpa/inet.h>
#include <string.h>

#include "proxy.h"

#define VERSION 5
#define USER_VERSION 1 /* of RFC 1929's own dialogue */

enum method { METHOD_NONE = 0, METHOD_USER = 2, METHOD_NO_ONE = 0xff };
enum request { REQUEST_CONNECT = 1 };
enum address { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };

static void say_byte(struct dialogue *dialogue, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    dialogue_say(dialogue, &one, 1);
}

/* A length of one byte, and what has it: nothing that --proxy or HOST can be is longer. */
static void say_counted(struct dialogue *dialogue, const char *text)
{
    size_t length = strlen(text);
    say_byte(dialogue, (unsigned)length);
    dialogue_say(dialogue, text, length);
}

static bool is_version(struct dialogue *dialogue, int version)
{
    if (dialogue->reply[0] == version)
        return true;
    dialogue_fail(dialogue, "what it said is no answer of a SOCKS5 proxy: it begins with byte %d", dialogue->reply[0]);
    return false;
}

/* ---------------------------------------------------------------- the connection (RFC 1928 4 to 6) */

static const char *reply_text(int reply)
{
    static const char *const texts[] = {
        "",
        "it failed in general",
        "its rules do not allow it",
        "the network cannot be reached",
        "the host cannot be reached, or has no address",
        "the target refused the connection",
        "the way was too long (TTL expired)",
        "it does not know CONNECT",
        "it does not know this kind of address",
    };
    return reply < (int)(sizeof texts / sizeof texts[0]) ? texts[reply] : "a reason that RFC 1928 does not know";
}

/* From where the proxy has connected: of no use, but it has to be read. */
static void bound_came(struct dialogue *dialogue)
{
    dialogue_agree(dialogue);
}

/* A reserved byte, the kind of address, and its first byte: the length, if it is a name. Two bytes of port stand behind it. */
static void address_began(struct dialogue *dialogue)
{
    const uint8_t *reply = dialogue->reply;
    if (reply[1] == ADDRESS_NAME)
        dialogue_await(dialogue, reply[2] + 2u, NULL, bound_came);
    else if (reply[1] == ADDRESS_IPV4 || reply[1] == ADDRESS_IPV6)
        dialogue_await(dialogue, reply[1] == ADDRESS_IPV4 ? 3 + 2 : 15 + 2, NULL, bound_came);
    else
        dialogue_fail(dialogue, "its answer has an address of the unknown kind %d", reply[1]);
}

/* A refusal is told by its second byte; some proxies leave it at that. */
static void reply_came(struct dialogue *dialogue)
{
    int reply = dialogue->reply[1];
    if (!is_version(dialogue, VERSION))
        return;
    if (reply != 0)
        dialogue_fail(dialogue, "it did not connect us: %s (SOCKS5 reply %d)", reply_text(reply), reply);
    else
        dialogue_await(dialogue, 3, NULL, address_began);
}

static void say_target(struct dialogue *dialogue)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, dialogue->host, address) == 1) {
        say_byte(dialogue, ADDRESS_IPV4);
        dialogue_say(dialogue, address, 4);
    } else if (inet_pton(AF_INET6, dialogue->host, address) == 1) {
        say_byte(dialogue, ADDRESS_IPV6);
        dialogue_say(dialogue, address, 16);
    } else {
        say_byte(dialogue, ADDRESS_NAME);
        say_counted(dialogue, dialogue->host);
    }
    say_byte(dialogue, dialogue->port >> 8);
    say_byte(dialogue, dialogue->port & 0xff);
}

static void ask(struct dialogue *dialogue)
{
    static const uint8_t head[] = {VERSION, REQUEST_CONNECT, 0};
    dialogue_say(dialogue, head, sizeof head);
    say_target(dialogue);
    dialogue_await(dialogue, 2, "the proxy's answer", reply_came);
}

/* ---------------------------------------------------------------- who we are (RFC 1928 3, RFC 1929) */

static void user_answered(struct dialogue *dialogue)
{
    if (!is_version(dialogue, USER_VERSION))
        return;
    if (dialogue->reply[1] == 0)
        ask(dialogue);
    else
        dialogue_fail(dialogue, "it does not accept this user and password");
}

static void say_user(struct dialogue *dialogue)
{
    say_byte(dialogue, USER_VERSION);
    say_counted(dialogue, dialogue->proxy->user);
    say_counted(dialogue, dialogue->proxy->password);
    dialogue_await(dialogue, 2, "the proxy's answer to user and password", user_answered);
}

static void method_chosen(struct dialogue *dialogue)
{
    bool user = dialogue->proxy->has_user;
    int method = dialogue->reply[1];
    if (!is_version(dialogue, VERSION))
        return;
    if (method == METHOD_NONE)
        ask(dialogue);
    else if (method == METHOD_USER && user)
        say_user(dialogue);
    else if (method == METHOD_NO_ONE)
        dialogue_fail(dialogue, user ? "it takes neither a user with a password nor nobody in particular"
                                     : "it wants to know who we are: --proxy socks5://USER:PASSWORD@HOST:PORT");
    else
        dialogue_fail(dialogue, "it chose a way to say who we are (%d) that was not offered", method);
}

void socks5_begin(struct dialogue *dialogue)
{
    static const uint8_t nobody[] = {VERSION, 1, METHOD_NONE}, somebody[] = {VERSION, 2, METHOD_NONE, METHOD_USER};
    if (dialogue->proxy->has_user)
        dialogue_say(dialogue, somebody, sizeof somebody);
    else
        dialogue_say(dialogue, nobody, sizeof nobody);
    dialogue_await(dialogue, 2, "the proxy's greeting", method_chosen);
}
