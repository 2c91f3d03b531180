/* SPDX-License-Identifier: MIT */
/* The protocols made of lines, and PostgreSQL, whose question is one packet and whose answer one byte. */
#include "starttls.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define QUOTE 100

const char *const starttls_names[STARTTLS_NONE] = {"smtp", "imap", "pop3", "ftp", "ldap", "xmpp", "postgres"};

static const char *line(const struct dialogue *dialogue)
{
    return (const char *)dialogue->reply;
}

/* The line just heard, with what was to be said about it. */
static void refuse(struct dialogue *dialogue, const char *what)
{
    char quote[QUOTE];
    dialogue_fail(dialogue, "%s: \"%s\"", what, dialogue_quote(dialogue->reply, dialogue->length, quote, sizeof quote));
}

static void ask(struct dialogue *dialogue, const char *words, const char *awaits, void (*heard)(struct dialogue *))
{
    dialogue_say_text(dialogue, "%s\r\n", words);
    dialogue_await_to(dialogue, '\n', awaits, heard);
}

/* A word at the beginning of a text, in any case. */
static bool begins(const char *text, const char *word)
{
    size_t length = strlen(word);
    return strncasecmp(text, word, length) == 0 && !isalnum((unsigned char)text[length]);
}

/* ---------------------------------------------------------------- replies of lines with numbers: SMTP, FTP */

/* -1: the line begins with no number of three digits. */
static int number(const char *text)
{
    if (strspn(text, "0123456789") != 3 || !(text[3] == '-' || text[3] == ' ' || text[3] == '\r' || text[3] == '\n'))
        return -1;
    return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

/*
 * "250-" and more lines until one begins "250 " (RFC 5321 4.2.1, RFC 959 4.2). In FTP what is between may be any text. True:
 * this was the last line, and code holds the number.
 */
static bool reply_over(struct dialogue *dialogue, bool any_text)
{
    int code = number(line(dialogue));
    if (dialogue->code == 0)
        dialogue->code = code;
    if (code < 0 ? !any_text || dialogue->code < 0 : !any_text && code != dialogue->code)
        refuse(dialogue, "what it said is no reply of this protocol");
    return dialogue->status != DIALOGUE_FAILED && code == dialogue->code && line(dialogue)[3] != '-';
}

/* ---------------------------------------------------------------- SMTP (RFC 3207) */

static void smtp_answered(struct dialogue *dialogue)
{
    if (!reply_over(dialogue, false))
        return;
    if (dialogue->code == 220)
        dialogue_agree(dialogue);
    else
        refuse(dialogue, "it refused STARTTLS");
}

static void smtp_capable(struct dialogue *dialogue)
{
    bool last = reply_over(dialogue, false);
    if (dialogue->status != DIALOGUE_FAILED && begins(line(dialogue) + 4, "STARTTLS"))
        dialogue->offered = true;
    if (!last)
        return;
    if (dialogue->code != 250)
        refuse(dialogue, "it refused EHLO");
    else if (!dialogue->offered)
        dialogue_fail(dialogue, "it does not offer STARTTLS: its answer to EHLO does not name it");
    else
        ask(dialogue, "STARTTLS", "its answer to STARTTLS", smtp_answered);
}

/*
 * A client shows the address that it has where it has no name that others could look up (RFC 5321 4.1.3); after TLS has begun
 * it is asked again who it is.
 */
static void name_ourselves(struct dialogue *dialogue, int descriptor)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    char host[64];
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0 || address.ss_family == AF_UNIX ||
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0) {
        snprintf(dialogue->self, sizeof dialogue->self, "localhost");
        return;
    }
    host[strcspn(host, "%")] = '\0'; /* which interface it is of is nobody's business */
    snprintf(dialogue->self, sizeof dialogue->self, address.ss_family == AF_INET6 ? "[IPv6:%s]" : "[%s]", host);
}

static void smtp_greeted(struct dialogue *dialogue)
{
    if (!reply_over(dialogue, false))
        return;
    if (dialogue->code != 220) {
        refuse(dialogue, "it does not want us");
        return;
    }
    dialogue_say_text(dialogue, "EHLO %s\r\n", dialogue->self);
    dialogue_await_to(dialogue, '\n', "its answer to EHLO", smtp_capable);
}

static void smtp_begin(struct dialogue *dialogue, int descriptor)
{
    name_ourselves(dialogue, descriptor);
    dialogue_await_to(dialogue, '\n', "its greeting", smtp_greeted);
}

/* ---------------------------------------------------------------- FTP (RFC 4217) */

static void ftp_answered(struct dialogue *dialogue)
{
    if (!reply_over(dialogue, true))
        return;
    if (dialogue->code == 234)
        dialogue_agree(dialogue);
    else
        refuse(dialogue, "it refused AUTH TLS");
}

static void ftp_greeted(struct dialogue *dialogue)
{
    if (!reply_over(dialogue, true))
        return;
    if (dialogue->code == 120) /* ready in a few minutes: another one follows (RFC 959 5.4) */
        dialogue->code = 0;
    else if (dialogue->code == 220)
        ask(dialogue, "AUTH TLS", "its answer to AUTH TLS", ftp_answered);
    else
        refuse(dialogue, "it does not want us");
}

/* ---------------------------------------------------------------- POP3 (RFC 2595) */

static void pop3_answered(struct dialogue *dialogue)
{
    if (begins(line(dialogue), "+OK"))
        dialogue_agree(dialogue);
    else
        refuse(dialogue, "it refused STLS");
}

static void pop3_greeted(struct dialogue *dialogue)
{
    if (begins(line(dialogue), "+OK"))
        ask(dialogue, "STLS", "its answer to STLS", pop3_answered);
    else
        refuse(dialogue, "it does not want us");
}

/* ---------------------------------------------------------------- IMAP (RFC 9051 6.2.1) */

#define TAG "adieu1 "

/* Lines that begin "* " may come at any time. */
static void imap_answered(struct dialogue *dialogue)
{
    const char *text = line(dialogue);
    bool tagged = strncasecmp(text, TAG, strlen(TAG)) == 0;
    if (tagged && begins(text + strlen(TAG), "OK"))
        dialogue_agree(dialogue);
    else if (tagged || strncmp(text, "* ", 2) != 0 || begins(text + 2, "BYE"))
        refuse(dialogue, "it refused STARTTLS");
}

/* Whoever is taken for logged in may not ask for TLS any more; somebody in between could say so just for that. */
static void imap_greeted(struct dialogue *dialogue)
{
    const char *text = line(dialogue);
    if (strncmp(text, "* ", 2) == 0 && begins(text + 2, "OK"))
        ask(dialogue, TAG "STARTTLS", "its answer to STARTTLS", imap_answered);
    else if (strncmp(text, "* ", 2) == 0 && begins(text + 2, "PREAUTH"))
        refuse(dialogue, "it takes us for logged in without TLS, and does not begin it then");
    else
        refuse(dialogue, "it does not want us");
}

/* ---------------------------------------------------------------- PostgreSQL (SSLRequest) */

/* Nothing but this byte may be shown or believed: an error message could be anybody's (CVE-2024-10977). */
static void postgres_answered(struct dialogue *dialogue)
{
    if (dialogue->reply[0] == 'S')
        dialogue_agree(dialogue);
    else if (dialogue->reply[0] == 'N')
        dialogue_fail(dialogue, "it does not do TLS: its answer to SSLRequest is N");
    else
        dialogue_fail(dialogue, "its answer to SSLRequest is neither S nor N, but byte %d", dialogue->reply[0]);
}

static void postgres_begin(struct dialogue *dialogue)
{
    static const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
    dialogue_say(dialogue, request, sizeof request);
    dialogue_await(dialogue, 1, "its answer to SSLRequest", postgres_answered);
}

/* ---------------------------------------------------------------- */

void starttls_begin(struct dialogue *dialogue, enum starttls protocol, const char *domain, int descriptor)
{
    dialogue_begin(dialogue, true);
    switch (protocol) {
    case STARTTLS_SMTP:
        smtp_begin(dialogue, descriptor);
        break;
    case STARTTLS_IMAP:
        dialogue_await_to(dialogue, '\n', "its greeting", imap_greeted);
        break;
    case STARTTLS_POP3:
        dialogue_await_to(dialogue, '\n', "its greeting", pop3_greeted);
        break;
    case STARTTLS_FTP:
        dialogue_await_to(dialogue, '\n', "its greeting", ftp_greeted);
        break;
    case STARTTLS_LDAP:
        ldap_begin(dialogue);
        break;
    case STARTTLS_XMPP:
        xmpp_begin(dialogue, domain);
        break;
    case STARTTLS_POSTGRES:
        postgres_begin(dialogue);
        break;
    case STARTTLS_NONE:
        break;
    }
}
