/* SPDX-License-Identifier: MIT */
#include "play.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------ saying */

bool play_fail(struct play *play, const char *format, ...)
{
    va_list values;
    if (play->failure[0] != '\0')
        return false;
    size_t size = sizeof play->failure, used = 0;
    if (play->line)
        used = (size_t)snprintf(play->failure, size, "%s:%d: %s\n", play->script->path, play->line->number,
                                play->line->text);
    else
        used = (size_t)snprintf(play->failure, size, "%s: ", play->script->path);
    va_start(values, format);
    if (used < size)
        vsnprintf(play->failure + used, size - used, format, values);
    va_end(values);
    return false;
}

void play_trace(const struct play *play, const char *format, ...)
{
    va_list values;
    if (!play->stage->verbose)
        return;
    va_start(values, format);
    printf("#     ");
    vprintf(format, values);
    printf("\n");
    va_end(values);
}

/* ------------------------------------------------ turns */

static int least(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* Waits for a descriptor or a clock. False: there is none to wait for, or by has come. */
static bool wait_for_something(struct play *play, int64_t by)
{
    enum { IDLE_MS = 20 };
    struct pollfd set[8];
    nfds_t count = 0;
    int timeout = -1, wire = wire_awaits(&play->wire);
    int64_t left = by - adieu_fd_now();
    if (left <= 0)
        return false;
    play->subject->await(play, set, &count, &timeout);
    bool idle = count == 0 && timeout < 0;
    if (idle && (wire < 0 || play->choice.subject == SUBJECT_MEMORY))
        return false;
    if (wire >= 0)
        set[count++] = (struct pollfd){.fd = wire, .events = POLLIN};
    /* Adieu has nothing to do: what it sent is on loopback, and comes now or never. */
    if (idle && left > IDLE_MS)
        left = IDLE_MS;
    int ready = poll(set, count, least(timeout, (int)left));
    return ready != 0 || (timeout >= 0 && timeout <= left);
}

/* Before anything was said to it adieu shakes hands, as the command does. */
static void imply_handshake(struct play *play)
{
    if (!play->begun)
        play->act = (struct act){.kind = ACT_HANDSHAKE, .implied = true};
    play->begun = true;
}

bool play_turn(struct play *play, int64_t by)
{
    imply_handshake(play);
    bool waited = !play->act.over;
    bool moved = play->subject->step(play);
    moved |= waited && play->act.over;
    moved |= wire_listen(&play->wire);
    if (play->failure[0] != '\0')
        return false;
    return moved || wait_for_something(play, by);
}

bool play_finish_act(struct play *play)
{
    const struct line *line = play->line;
    int64_t by = adieu_fd_in(play->stage->bound);
    if (!play->act.over && play->act.line)
        play->line = play->act.line;
    while (!play->act.over) {
        bool alive = play_turn(play, by);
        if (!alive && !play->act.over)
            return play_fail(play, "adieu is not done with it");
    }
    play->line = line;
    return play->failure[0] == '\0';
}

/* ------------------------------------------------ adieu's lines */

/* BYTES, end, nothing, waits, misuse, or fails [CODE]. */
static bool read_wanted(struct play *play, char **words, bool bytes, uint64_t *from)
{
    struct act *act = &play->act;
    static const struct {
        const char *word;
        enum adieu_status status;
    } wanted[] = {{"end", ADIEU_END},
                  {"nothing", ADIEU_WAIT},
                  {"waits", ADIEU_WAIT},
                  {"misuse", ADIEU_MISUSE},
                  {"fails", ADIEU_FAIL}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (word_is(*words, wanted[i].word)) {
            act->wanted = wanted[i].status;
            act->code = words[1];
            return true;
        }
    act->wanted = ADIEU_OK;
    if (bytes && word_bytes(*words, from, &act->bytes))
        return true;
    return (!bytes && !*words) || play_fail(play, "what is to come of it is not understood");
}

static bool read_patience(struct play *play, char **words)
{
    long patience = 10000;
    if (*words && (!word_is(*words, "patience") || !word_number(words[1], &patience)))
        return play_fail(play, "close [patience MS]");
    play->act.patience = patience;
    play->left = true;
    return true;
}

static bool read_act(struct play *play, char **words)
{
    static const char *const names[ACTS] = {
        [ACT_HANDSHAKE] = "handshake", [ACT_READ] = "read",         [ACT_WRITE] = "write",
        [ACT_QUEUE] = "queue",         [ACT_SHUTDOWN] = "shutdown", [ACT_CLOSE] = "close",
        [ACT_ABORT] = "abort",         [ACT_FREE] = "free",         [ACT_AGAIN] = "again",
    };
    int kind = 0;
    while (kind < ACTS && !word_is(*words, names[kind]))
        kind++;
    bytes_free(&play->act.bytes);
    play->act = (struct act){.kind = (enum act_kind)kind, .line = play->line};
    words++;
    switch (kind) {
    case ACT_HANDSHAKE:
    case ACT_SHUTDOWN:
        return read_wanted(play, words, false, NULL);
    case ACT_READ:
        return read_wanted(play, words, true, &play->adieu_read);
    case ACT_WRITE:
    case ACT_QUEUE:
        return read_wanted(play, words, true, &play->adieu_written);
    case ACT_CLOSE:
        return read_patience(play, words);
    case ACT_ABORT:
    case ACT_FREE:
        return play->left = true;
    case ACT_AGAIN:
        play->act.times = 103;
        return true;
    default:
        play->act.over = true;
        return play_fail(play, "adieu does no \"%s\"", words[-1]);
    }
}

/* What goes on while the next lines are played has begun when this returns. */
static bool begin_act(struct play *play)
{
    while (play->subject->step(play) && !play->act.over && play->failure[0] == '\0')
        wire_listen(&play->wire);
    return play->failure[0] == '\0';
}

static bool adieu_line(struct play *play, char **words)
{
    bool start = word_is(*words, "start");
    words += start;
    if (!*words)
        return play_fail(play, "adieu does what?");
    play->act.over |= play->act.implied; /* whoever asks for it goes on with it */
    play->begun = true;
    if (!play_finish_act(play))
        return false;
    if (word_is(*words, "closed"))
        return play->left || play_fail(play, "nothing was said to close it");
    if (!read_act(play, words))
        return false;
    return start || play->act.kind == ACT_CLOSE ? begin_act(play) : play_finish_act(play);
}

/* ------------------------------------------------ the peer's lines */

static bool peer_pauses(struct play *play, const char *word)
{
    long milliseconds;
    if (!word_number(word, &milliseconds) || milliseconds < 0 || milliseconds > 1000)
        return play_fail(play, "pause MS, at most 1000");
    int64_t by = adieu_fd_in(milliseconds);
    while (adieu_fd_now() < by && play->failure[0] == '\0')
        if (!play_turn(play, by))
            poll(NULL, 0, least((int)(by - adieu_fd_now()), 5));
    return play->failure[0] == '\0';
}

static bool peer_urgent(struct play *play, const char *word)
{
    struct bytes bytes = {0};
    uint64_t from = 0;
    bool good = word_bytes(word, &from, &bytes) && wire_urgent(&play->wire, bytes.at, bytes.size);
    bytes_free(&bytes);
    return good || play_fail(play, "no urgent data can be sent here");
}

static bool peer_line(struct play *play, char **words)
{
    const char *word = *words++;
    if (word_is(word, "send"))
        return peer_sends(play, words);
    if (word_is(word, "seal"))
        return peer_keeps(play, words);
    if (word_is(word, "expect") || word_is(word, "maybe"))
        return peer_expects(play, words, word_is(word, "maybe"));
    if (word_is(word, "established"))
        return peer_establishes(play);
    if (word_is(word, "urgent"))
        return peer_urgent(play, *words);
    if (word_is(word, "pause"))
        return peer_pauses(play, *words);
    if (word_is(word, "fin"))
        wire_fin(&play->wire);
    else if (word_is(word, "reset"))
        wire_reset(&play->wire);
    else if (word_is(word, "deaf") || word_is(word, "hears"))
        play->wire.deaf = word_is(word, "deaf");
    else
        return play_fail(play, "the peer does no \"%s\"", word ? word : "");
    return true;
}

/* ------------------------------------------------ the ending */

static char **the_line(struct play *play, const char *word)
{
    char **found = NULL;
    bool unknown;
    for (int i = play->script->body; i < play->script->count; i++) {
        char **words = line_applies(play->script, &play->script->lines[i], &play->choice, &unknown);
        if (!words || !word_is(*words, word))
            continue;
        play->line = &play->script->lines[i];
        if (found)
            play_fail(play, "a second \"%s\" applies here", word);
        found = words + 1;
    }
    if (!found) {
        play->line = NULL;
        play_fail(play, "no \"%s\" applies here", word);
    }
    return found;
}

static bool compare_exit(struct play *play, int found)
{
    char text[16];
    char **words = the_line(play, "exit");
    snprintf(text, sizeof text, "%d", found);
    return words && ((*words && word_among(*words, text)) || play_fail(play, "exit is %d", found));
}

static bool compare_ending(struct play *play)
{
    struct outcome outcome = {.exit = 0};
    char text[256], all[1024];
    if (!play->left)
        return play_fail(play, "the script does not say how adieu leaves: close, abort or free");
    if (!play->subject->outcome(play, &outcome))
        return false;
    play_trace(play, "= %s exit %d", outcome_show(&outcome, all, sizeof all), outcome.exit);
    char **words = the_line(play, "ending");
    if (!words)
        return false;
    if (!outcome_matches(&outcome, words, text, sizeof text))
        return play_fail(play, "%s\nthe ending: %s", text, outcome_show(&outcome, all, sizeof all));
    return compare_exit(play, outcome.exit);
}

/* ------------------------------------------------ the play */

static bool play_line(struct play *play, char **words)
{
    play_trace(play, "%d: %s", play->line->number, play->line->text);
    if (word_is(*words, "adieu"))
        return adieu_line(play, words + 1);
    if (word_is(*words, "peer"))
        return peer_line(play, words + 1);
    if (!word_is(*words, "handshake"))
        return play_fail(play, "\"%s\" is not understood", *words ? *words : "");
    play->begun = true;
    play->act = (struct act){.kind = ACT_HANDSHAKE, .wanted = ADIEU_OK, .line = play->line};
    return peer_shakes_hands(play) && play_finish_act(play);
}

static bool play_lines(struct play *play)
{
    const struct script *script = play->script;
    for (int i = script->body; i < script->count; i++) {
        bool unknown;
        play->line = &script->lines[i];
        char **words = line_applies(script, play->line, &play->choice, &unknown);
        if (unknown)
            return play_fail(play, "a condition is not understood");
        if (!words || word_is(*words, "ending") || word_is(*words, "exit"))
            continue;
        if (!play_line(play, words))
            return false;
    }
    play->act.over |= play->act.implied;
    return play_finish_act(play);
}

/* What the peer shows: a server must, a client has nothing unless it is said. False: there is no such certificate. */
static bool find_identity(struct play *play, const struct identity **found)
{
    const char *name = play->script->settings.peer_certificate;
    *found = name || play->choice.adieu_is_server ? NULL : &play->stage->identities[IDENTITY_KNOWN];
    for (int kind = 0; name && kind < IDENTITIES; kind++)
        if (strcmp(name, identity_names[kind]) == 0)
            *found = &play->stage->identities[kind];
    return *found || !name || play_fail(play, "there is no such certificate");
}

static bool begin_peer(struct play *play)
{
    const struct identity *identity;
    struct peer *peer = &play->peer;
    bool server = !play->choice.adieu_is_server;
    const struct settings *settings = &play->script->settings;
    const struct handshake_options options = {.server = server,
                                              .tls13 = play->choice.tls13,
                                              .suite = play->suite,
                                              .tickets = (unsigned)settings->tickets,
                                              .groups = settings->groups,
                                              .alpn = settings->peer_alpn};
    if (!find_identity(play, &identity))
        return false;
    handshake_begin(&peer->tls, identity, &options);
    peer->out = (struct channel){.secrets = &peer->tls.secrets, .of_server = server};
    peer->in = (struct channel){.secrets = &peer->tls.secrets, .of_server = !server};
    return true;
}

static void end_peer(struct peer *peer)
{
    handshake_end(&peer->tls);
    bytes_free(&peer->said);
    bytes_free(&peer->waiting);
    bytes_free(&peer->raw);
    bytes_free(&peer->heard.content);
    for (int i = 0; i < KEPT; i++)
        bytes_free(&peer->kept[i].bytes);
}

static const struct subject *const subjects[SUBJECTS] = {
    [SUBJECT_FD] = &subject_fd,
#ifdef WITH_UV
    [SUBJECT_UV] = &subject_uv,
#endif
    [SUBJECT_MEMORY] = &subject_memory,
    [SUBJECT_COMMAND] = &subject_command,
};

bool play_can(enum subject_kind subject)
{
    return subjects[subject];
}

/* In every play, whatever its lines are: what has ended says so again, with nothing on the wire. */
static bool asked_again(struct play *play)
{
    if (!play->left) /* which is another complaint */
        return true;
    bytes_free(&play->act.bytes);
    play->act = (struct act){.kind = ACT_AGAIN, .times = 3};
    return play_finish_act(play);
}

bool play_run(struct play *play)
{
    play->subject = subjects[play->choice.subject];
    play->suite = suite_named(play->choice.cipher);
    play->wire.descriptor = -1;
    play->act.over = true;
    bool good =
        begin_peer(play) && play->subject->start(play) && play_lines(play) && asked_again(play) && compare_ending(play);
    play->line = NULL;
    good = good && peer_expects_no_more(play);
    play->subject->stop(play);
    wire_free(&play->wire);
    bytes_free(&play->act.bytes);
    end_peer(&play->peer);
    return good && play->failure[0] == '\0';
}
