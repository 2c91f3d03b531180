/* SPDX-License-Identifier: MIT */
/* What adieu said, against what it should say. */
#include <string.h>

#include "play.h"

/* ------------------------------------------------ hearing */

bool peer_hears(struct play *play, int64_t by)
{
    struct peer *peer = &play->peer;
    char text[128];
    while (!peer->has_heard) {
        wire_listen(&play->wire);
        if (record_split(&play->wire.in, &peer->raw)) {
            channel_read(&peer->in, &peer->raw, &peer->heard);
            peer->has_heard = true;
            play_trace(play, "< %s", record_show(&peer->heard, text, sizeof text));
        } else if (play->wire.end != WIRE_LIVES || !play_turn(play, by)) {
            return false;
        }
    }
    return true;
}

static bool is_ticket(const struct play *play)
{
    const struct record *heard = &play->peer.heard;
    return play->choice.tls13 && play->peer.in.epoch == EPOCH_APPLICATION && heard->type == RECORD_HANDSHAKE &&
           heard->content.size > 0 && heard->content.at[0] == MESSAGE_NEW_SESSION_TICKET;
}

/* Parts of the handshake, and tickets behind it, of which scripts do not speak. */
static bool may_be_passed_over(const struct play *play)
{
    const struct record *heard = &play->peer.heard;
    bool handshake = heard->type == RECORD_HANDSHAKE || heard->type == RECORD_CCS;
    return heard->opened && (is_ticket(play) || (handshake && !play->peer.tls.done));
}

/* ------------------------------------------------ what can be expected */

/* One record against words, which begin behind "expect". *used: how many words. */
static bool is_alert(const struct record *heard, char **words)
{
    return heard->type == RECORD_ALERT && heard->content.size == 2 && words[0] && words[1] &&
           word_names(words[0], level_number, heard->content.at[0]) &&
           word_names(words[1], alert_number, heard->content.at[1]);
}

static bool is_message(const struct record *heard, const char *names)
{
    return heard->type == RECORD_HANDSHAKE && heard->content.size >= 4 && names &&
           word_names(names, message_number, heard->content.at[0]);
}

static bool is_key_update(const struct record *heard, bool requested)
{
    return is_message(heard, "key_update") && heard->content.size == 5 && heard->content.at[4] == requested;
}

static bool is_expected(const struct play *play, char **words)
{
    const struct record *heard = &play->peer.heard;
    static char warning[] = "warning", close_notify[] = "close_notify";
    char *goodbye[] = {warning, close_notify};
    if (word_is(*words, "plain") || word_is(*words, "sealed"))
        return heard->sealed == word_is(*words, "sealed") && is_expected(play, words + 1);
    if (!heard->opened)
        return false;
    if (word_is(*words, "close_notify"))
        return is_alert(heard, goodbye);
    if (word_is(*words, "alert"))
        return is_alert(heard, words + 1);
    if (word_is(*words, "handshake"))
        return is_message(heard, words[1]);
    if (word_is(*words, "key_update"))
        return is_key_update(heard, word_is(words[1], "requested"));
    if (word_is(*words, "ticket"))
        return is_ticket(play);
    return word_is(*words, "ccs") && heard->type == RECORD_CCS;
}

/* ------------------------------------------------ expecting */

static bool misses(struct play *play)
{
    char text[128];
    if (play->peer.has_heard)
        return play_fail(play, "adieu said %s", record_show(&play->peer.heard, text, sizeof text));
    if (play->wire.end != WIRE_LIVES)
        return play_fail(play, "adieu said %s", play->wire.end == WIRE_FIN ? "FIN" : "RST");
    return play_fail(play, "adieu said nothing");
}

/* Passes over what may be, until what is expected comes; false: something else did, or nothing, which stays. */
static bool comes(struct play *play, char **words, int64_t by)
{
    while (peer_hears(play, by)) {
        if (words && is_expected(play, words))
            return true;
        if (!may_be_passed_over(play))
            return false;
        peer_takes(play);
    }
    return false;
}

/* Whatever data comes, until something else does. */
static bool pass_over_data(struct play *play)
{
    int64_t by = adieu_fd_in(play->stage->bound);
    for (;;) {
        comes(play, NULL, by);
        if (!play->peer.has_heard || !play->peer.heard.opened || play->peer.heard.type != RECORD_DATA)
            return play->peer.has_heard || play->wire.end != WIRE_LIVES || misses(play);
        peer_takes(play);
    }
}

static bool expect_data(struct play *play, const char *word)
{
    struct bytes wanted = {0};
    struct peer *peer = &play->peer;
    const struct bytes *content = &peer->heard.content;
    int64_t by = adieu_fd_in(play->stage->bound);
    if (!word_bytes(word, &play->peer_read, &wanted))
        return play_fail(play, "expect data BYTES");
    size_t done = 0;
    bool same = true;
    while (same && done < wanted.size) {
        comes(play, NULL, by);
        if (!peer->has_heard || !peer->heard.opened || peer->heard.type != RECORD_DATA)
            break;
        size_t left = content->size - peer->heard_at, n = left < wanted.size - done ? left : wanted.size - done;
        same = memcmp(content->at + peer->heard_at, wanted.at + done, n) == 0;
        done += n;
        peer->heard_at += n;
        if (peer->heard_at == content->size)
            peer_takes(play);
    }
    bool all = done == wanted.size;
    bytes_free(&wanted);
    if (!same)
        return play_fail(play, "adieu said other data within the first %zu bytes", done);
    return all || misses(play);
}

static bool expect_end(struct play *play, const char *word)
{
    comes(play, NULL, adieu_fd_in(play->stage->bound));
    const char *found = play->wire.end == WIRE_FIN ? "fin" : "reset";
    if (play->peer.has_heard || play->wire.end == WIRE_LIVES || (strcmp(word, "end") != 0 && strcmp(word, found) != 0))
        return misses(play);
    play_trace(play, "< %s", found);
    return play->end_expected = true;
}

/* How long silence must last: the library's is known at once, the command is another process. */
static int64_t silence(const struct play *play)
{
    return play->choice.subject == SUBJECT_COMMAND ? 30 : play->choice.subject == SUBJECT_MEMORY ? 0 : 3;
}

static bool expect_nothing(struct play *play)
{
    comes(play, NULL, adieu_fd_in(silence(play)));
    return (!play->peer.has_heard && (play->wire.end == WIRE_LIVES || play->end_expected)) || misses(play);
}

bool peer_expects(struct play *play, char **words, bool maybe)
{
    if (word_is(*words, "nothing"))
        return expect_nothing(play);
    if (word_is(*words, "data") && word_is(words[1], "any"))
        return pass_over_data(play);
    if (word_is(*words, "data"))
        return expect_data(play, words[1]);
    if (word_is(*words, "fin") || word_is(*words, "reset") || word_is(*words, "end"))
        return expect_end(play, *words);
    if (comes(play, words, adieu_fd_in(play->stage->bound)))
        peer_takes(play);
    else if (!maybe)
        return misses(play);
    return true;
}

bool peer_expects_no_more(struct play *play)
{
    if (play->wire.gone || play->wire.deaf)
        return true;
    comes(play, NULL, adieu_fd_now());
    if (play->peer.has_heard)
        return misses(play);
    if (play->wire.in.size > 0 && play->wire.end != WIRE_RESET)
        return play_fail(play, "adieu left a part of a record");
    return play->end_expected || play_fail(play, "the script ends without peer expect fin, reset or end");
}
