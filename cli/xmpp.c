/* SPDX-License-Identifier: MIT */
/*
 * --starttls=xmpp (RFC 6120 5): a stream is opened, its features name starttls, and <proceed/> is the last thing said in plain
 * text. XMPP forbids comments, entities of one's own and processing instructions (11.1), so tags are all that has to be found.
 */
#include <string.h>

#include "starttls.h"

#define QUOTE 100
#define NAMESPACE "urn:ietf:params:xml:ns:xmpp-tls"

/* ---------------------------------------------------------------- tags */

/* A ">" within quotes ends nothing. */
static bool is_whole(const char *tag)
{
    char quote = '\0';
    for (; *tag != '\0'; tag++) {
        if (quote == '\0' && (*tag == '"' || *tag == '\''))
            quote = *tag;
        else if (*tag == quote)
            quote = '\0';
    }
    return quote == '\0';
}

/* The tag that was just heard, from its "<", behind whatever text; NULL: it is not whole yet, or none. */
static const char *heard_tag(struct dialogue *dialogue)
{
    const char *tag = strrchr((const char *)dialogue->reply, '<');
    if (!tag)
        dialogue_fail(dialogue, "what it said is no XMPP");
    else if (!is_whole(tag))
        dialogue_more(dialogue);
    return tag && is_whole(tag) ? tag : NULL;
}

/* "<starttls xmlns=…>" is starttls, "</stream:features>" is "/stream:features". */
static bool is_tag(const char *tag, const char *name)
{
    size_t length = strlen(name);
    return strncmp(tag + 1, name, length) == 0 && strchr(" \t\r\n/>", tag[1 + length]) && tag[1 + length] != '\0';
}

static bool is_of_tls(const char *tag, const char *name)
{
    return is_tag(tag, name) && strstr(tag, NAMESPACE);
}

static bool is_empty(const char *tag)
{
    return tag[strlen(tag) - 2] == '/';
}

static void refuse(struct dialogue *dialogue, const char *what, const char *tag)
{
    char quote[QUOTE];
    dialogue_fail(dialogue, "%s: %s", what, dialogue_quote(tag, strlen(tag), quote, sizeof quote));
}

/* ---------------------------------------------------------------- the answers */

static void proceed_ended(struct dialogue *dialogue)
{
    const char *tag = heard_tag(dialogue);
    if (tag && is_tag(tag, "/proceed"))
        dialogue_agree(dialogue);
    else if (tag)
        refuse(dialogue, "it refused starttls", tag);
}

static void answered(struct dialogue *dialogue)
{
    const char *tag = heard_tag(dialogue);
    if (!tag)
        return;
    if (!is_of_tls(tag, "proceed"))
        refuse(dialogue, "it refused starttls", tag);
    else if (is_empty(tag))
        dialogue_agree(dialogue);
    else
        dialogue_await_to(dialogue, '>', NULL, proceed_ended);
}

static void features_over(struct dialogue *dialogue)
{
    if (!dialogue->offered) {
        dialogue_fail(dialogue, "it does not offer starttls: its stream features do not name it");
        return;
    }
    dialogue_say_text(dialogue, "<starttls xmlns='" NAMESPACE "'/>");
    dialogue_await_to(dialogue, '>', "its answer to starttls", answered);
}

/* The name of an error's condition is the tag behind <stream:error>. */
static void error_came(struct dialogue *dialogue)
{
    const char *tag = heard_tag(dialogue);
    if (tag)
        refuse(dialogue, "it ended the XMPP stream", tag);
}

static void tag_came(struct dialogue *dialogue)
{
    const char *tag = heard_tag(dialogue);
    if (!tag)
        return;
    if (is_of_tls(tag, "starttls"))
        dialogue->offered = true;
    if (is_tag(tag, "stream:error"))
        dialogue_await_to(dialogue, '>', NULL, error_came);
    else if (is_tag(tag, "/stream:features") || (is_tag(tag, "stream:features") && is_empty(tag)))
        features_over(dialogue);
    else if (is_tag(tag, "/stream:stream"))
        refuse(dialogue, "it ended the XMPP stream", tag);
}

/* ---------------------------------------------------------------- the question */

/* A name has none of these; should it be one after all that was asked for, XML is not what it breaks. */
static void say_escaped(struct dialogue *dialogue, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("<>&'\"", *text))
            dialogue_say_text(dialogue, "&#%d;", *text);
        else
            dialogue_say(dialogue, text, 1);
    }
}

void xmpp_begin(struct dialogue *dialogue, const char *domain)
{
    dialogue_say_text(dialogue, "<?xml version='1.0'?><stream:stream to='");
    say_escaped(dialogue, domain);
    dialogue_say_text(dialogue, "' version='1.0' xmlns='jabber:client' "
                                "xmlns:stream='http://etherx.jabber.org/streams'>");
    dialogue_await_to(dialogue, '>', "its XMPP stream features", tag_came);
}
