/* SPDX-License-Identifier: MIT */
/* --starttls=ldap: the extended operation StartTLS (RFC 4511 4.14), in the little BER that it takes. */
#include <string.h>

#include "starttls.h"

#define QUOTE 80

enum tag {
    TAG_INTEGER = 0x02,
    TAG_OCTETS = 0x04,
    TAG_ENUMERATED = 0x0a,
    TAG_SEQUENCE = 0x30,
    TAG_EXTENDED_RESPONSE = 0x78,
};

enum result { RESULT_SUCCESS = 0, RESULT_PROTOCOL_ERROR = 2, RESULT_REFERRAL = 10, RESULT_UNAVAILABLE = 52 };

/* Message 1, ExtendedRequest, requestName 1.3.6.1.4.1.1466.20037. */
static const uint8_t request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                                 "1.3.6.1.4.1.1466.20037";

/* What is left to be read of a value. */
struct bytes {
    const uint8_t *at;
    size_t left;
};

/* The next length, definite: false if there is none. */
static bool take_length(struct bytes *from, size_t *length)
{
    if (from->left == 0)
        return false;
    size_t count = from->at[0] & 0x80u ? from->at[0] & 0x7fu : 0;
    *length = count ? 0 : from->at[0];
    if (from->at[0] == 0x80 || count > 4 || count + 1 > from->left)
        return false;
    for (size_t i = 1; i <= count; i++)
        *length = *length << 8 | from->at[i];
    from->at += count + 1;
    from->left -= count + 1;
    return true;
}

/* The next value, which must have this tag. */
static bool take(struct bytes *from, enum tag tag, struct bytes *value)
{
    size_t length;
    if (from->left == 0 || from->at[0] != (uint8_t)tag)
        return false;
    from->at++;
    from->left--;
    if (!take_length(from, &length) || length > from->left)
        return false;
    *value = (struct bytes){from->at, length};
    from->at += length;
    from->left -= length;
    return true;
}

/* Numbers that fit; -1: it is none of those. */
static int take_number(struct bytes *from, enum tag tag)
{
    struct bytes value;
    int number = 0;
    if (!take(from, tag, &value) || value.left == 0 || value.left > 3 || value.at[0] & 0x80)
        return -1;
    for (size_t i = 0; i < value.left; i++)
        number = number << 8 | value.at[i];
    return number;
}

/* ---------------------------------------------------------------- the answer */

static const char *result_name(int result)
{
    switch (result) {
    case RESULT_PROTOCOL_ERROR:
        return " (protocolError: it does not know StartTLS)";
    case RESULT_REFERRAL:
        return " (referral: another server)";
    case RESULT_UNAVAILABLE:
        return " (unavailable)";
    default:
        return "";
    }
}

static void not_ldap(struct dialogue *dialogue)
{
    dialogue_fail(dialogue, "what it said is no answer to the LDAP operation StartTLS");
}

/* Message 0 is a notice of disconnection (4.4.1): it has the same form. */
static void judge(struct dialogue *dialogue, int message, int result, const struct bytes *diagnostic)
{
    char quote[QUOTE];
    dialogue_quote(diagnostic->at, diagnostic->left, quote, sizeof quote);
    if (message == 1 && result == RESULT_SUCCESS)
        dialogue_agree(dialogue);
    else
        dialogue_fail(dialogue, "it %s: LDAP result %d%s%s%s%s", message ? "refused StartTLS" : "disconnects us",
                      result, result_name(result), *quote ? ", \"" : "", quote, *quote ? "\"" : "");
}

/* LDAPMessage, without its head: messageID, then the response: resultCode, matchedDN, diagnosticMessage, what may follow. */
static void message_came(struct dialogue *dialogue)
{
    struct bytes all = {dialogue->reply, dialogue->length}, response, matched, diagnostic;
    int message = take_number(&all, TAG_INTEGER);
    if (message < 0 || message > 1 || !take(&all, TAG_EXTENDED_RESPONSE, &response)) {
        not_ldap(dialogue);
        return;
    }
    int result = take_number(&response, TAG_ENUMERATED);
    if (result < 0 || !take(&response, TAG_OCTETS, &matched) || !take(&response, TAG_OCTETS, &diagnostic))
        not_ldap(dialogue);
    else
        judge(dialogue, message, result, &diagnostic);
}

/* ---------------------------------------------------------------- its head: how long it is */

static void await_message(struct dialogue *dialogue, size_t length)
{
    dialogue_await(dialogue, length, NULL, message_came);
}

/* The long form: the bytes that follow the first one of the length. */
static void length_came(struct dialogue *dialogue)
{
    size_t length = 0;
    for (size_t i = 0; i < dialogue->length; i++)
        length = length << 8 | dialogue->reply[i];
    await_message(dialogue, length);
}

static void head_came(struct dialogue *dialogue)
{
    uint8_t length = dialogue->reply[1];
    if (dialogue->reply[0] != TAG_SEQUENCE || length == 0x80 || length > 0x84)
        not_ldap(dialogue);
    else if (length > 0x80)
        dialogue_await(dialogue, length & 0x7fu, NULL, length_came);
    else
        await_message(dialogue, length);
}

void ldap_begin(struct dialogue *dialogue)
{
    dialogue_say(dialogue, request, sizeof request - 1);
    dialogue_await(dialogue, 2, "its answer to StartTLS", head_came);
}
