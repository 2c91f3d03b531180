/* SPDX-License-Identifier: MIT */
/* The directives of docs/endings.in.md: the closure machine's data as tables, and the machine's own answers. */
#include <stdio.h>
#include <string.h>

#include "ending.h"
#include "print_docs.h"

struct event {
    const char *name, *who, *meaning;
};

static const struct event events[] = {
#define EVENT(NAME, name, who, meaning) {name, #who, meaning},
#include "ending.def"
};

static const char *const action_meaning[] = {
#define ACTION(NAME, meaning) meaning,
#include "ending.def"
};

static const char *who_raises(const char *who)
{
    return !strcmp(who, "SELF") ? "this side" : !strcmp(who, "PEER") ? "the peer, or the network" : "nobody";
}

static bool print_events(const char *rest)
{
    (void)rest;
    puts("| event | what happened | if it is the first to end something, *first* is |\n| --- | --- | --- |");
    for (size_t i = 0; i < EVENTS; i++)
        printf("| %s | %s | %s |\n", events[i].name, events[i].meaning, who_raises(events[i].who));
    return true;
}

/* ------------------------------------------------ states */

static void print_state(const char *name, bool live, const char *meaning)
{
    printf(live ? "| %s | %s |\n" : "| **%s** | %s |\n", name, meaning);
}

static bool print_sending(const char *rest)
{
    (void)rest;
    puts("| sending | meaning |\n| --- | --- |");
#define SENDING(NAME, name, live, meaning) print_state(name, live, meaning);
#include "ending.def"
    return true;
}

static bool print_receiving(const char *rest)
{
    (void)rest;
    puts("| receiving | meaning |\n| --- | --- |");
#define RECEIVING(NAME, name, live, meaning) print_state(name, live, meaning);
#include "ending.def"
    return true;
}

/* ------------------------------------------------ rows */

/* A cell that changes is set in bold, so that the eye finds it among those that stay. */
static void print_row(const char *state, enum ending_event event, const char *becomes, const char *because)
{
    const char *mark = strcmp(state, becomes) ? "**" : "";
    printf("| %s | %s | %s%s%s | %s |", state, events[event].name, mark, becomes, mark, because);
}

static bool print_sending_rows(const char *rest)
{
    (void)rest;
    puts("| sending is | event | becomes | because | the output queue |\n| --- | --- | --- | --- | --- |");
#define SENDING_ROW(STATE, EVENT, BECOMES, ACTION, because)                                                            \
    print_row(adieu_sending_name(ADIEU_SENDING_##STATE), EVENT_##EVENT, adieu_sending_name(ADIEU_SENDING_##BECOMES),   \
              because);                                                                                                \
    printf(" %s |\n", action_meaning[ACTION_##ACTION]);
#include "ending.def"
    return true;
}

static bool print_receiving_rows(const char *rest)
{
    (void)rest;
    puts("| receiving is | event | becomes | because |\n| --- | --- | --- | --- |");
#define RECEIVING_ROW(STATE, EVENT, BECOMES, because)                                                                  \
    print_row(adieu_receiving_name(ADIEU_RECEIVING_##STATE), EVENT_##EVENT,                                            \
              adieu_receiving_name(ADIEU_RECEIVING_##BECOMES), because);                                               \
    putchar('\n');
#include "ending.def"
    return true;
}

/* ------------------------------------------------ exit statuses */

struct exit_row {
    const char *NAME;
    int status;
    const char *meaning;
};

static const struct exit_row exits[] = {
#define EXIT(NAME, status, meaning) {#NAME, status, meaning},
#include "ending.def"
};

static bool print_exits(const char *rest)
{
    (void)rest;
    puts("| status | meaning |\n| --- | --- |");
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        printf("| %d | %s |\n", exits[i].status, exits[i].meaning);
    return true;
}

static int exit_status(const char *NAME)
{
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        if (!strcmp(exits[i].NAME, NAME))
            return exits[i].status;
    return -1;
}

static bool print_reasons(const char *rest)
{
    (void)rest;
    puts("| reason | exit status |\n| --- | --- |");
#define REASON(NAME, name, EXIT) printf("| %s | %d |\n", name, exit_status(#EXIT));
#include "ending.def"
    return true;
}

/* ------------------------------------------------ joint endings */

enum { NO_EVENT = EVENTS, STORY = 3 };
#define EVENT_NONE NO_EVENT

struct joint {
    enum adieu_sending sending;
    enum adieu_receiving receiving;
    const char *EXIT;
    int story[STORY];
};

static const struct joint joints[] = {
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    {ADIEU_SENDING_##SENDING, ADIEU_RECEIVING_##RECEIVING, #EXIT, {EVENT_##first, EVENT_##second, EVENT_##third}},
#include "ending.def"
};

enum { JOINTS = sizeof joints / sizeof *joints };
static int described[JOINTS];

static void print_story(const struct joint *j)
{
    for (int i = 0; i < STORY && j->story[i] != NO_EVENT; i++)
        printf("%s%s", i ? ", " : "", events[j->story[i]].name);
}

static void print_worth(const struct joint *j)
{
    if (!strcmp(j->EXIT, "REASON"))
        fputs("by reason", stdout);
    else
        printf("%d", exit_status(j->EXIT));
}

/* What the transport does after the story, as the machine itself says. */
static const char *transport_then(const struct joint *j)
{
    struct adieu_ending ending = {.sending = j->sending, .receiving = j->receiving, .reason = ADIEU_REASON_REQUEST};
    switch (ending_last(&ending)) {
    case ADIEU_LAST_END_WRITE:
        return "end the write side";
    case ADIEU_LAST_RESET:
        return "reset";
    case ADIEU_LAST_GO_ON:
        break;
    }
    return "go on";
}

static bool print_joints(const char *rest)
{
    (void)rest;
    puts("| sending | receiving | shortest story | then the transport | exit status |\n"
         "| --- | --- | --- | --- | --- |");
    for (const struct joint *j = joints; j < joints + JOINTS; j++) {
        const char *sending = adieu_sending_name(j->sending), *receiving = adieu_receiving_name(j->receiving);
        printf("| [%s](#%s--%s) | %s | ", sending, sending, receiving, receiving);
        print_story(j);
        printf(" | %s | ", transport_then(j));
        print_worth(j);
        puts(" |");
    }
    return true;
}

/* @joint SENDING / RECEIVING: the head of a paragraph by hand. */
static bool print_joint(const char *rest)
{
    for (size_t i = 0; i < JOINTS; i++) {
        const struct joint *j = joints + i;
        char title[64];
        snprintf(title, sizeof title, "%s / %s", adieu_sending_name(j->sending), adieu_receiving_name(j->receiving));
        if (strcmp(title, rest))
            continue;
        described[i]++;
        printf("### %s\n\nStory: %s", title, "*");
        print_story(j);
        fputs("*. Exit status: ", stdout);
        print_worth(j);
        puts(".\n");
        return true;
    }
    return print_wrong("no such joint ending", rest);
}

/* @all-joints: prints nothing, but every joint ending must have had its paragraph. */
static bool check_joints(const char *rest)
{
    for (size_t i = 0; i < JOINTS; i++)
        if (described[i] != 1)
            return print_wrong("a joint ending without a paragraph, or with two",
                               adieu_receiving_name(joints[i].receiving));
    (void)rest;
    return true;
}

const struct directive ending_directives[] = {
    {"events", print_events},
    {"sending", print_sending},
    {"receiving", print_receiving},
    {"sending-rows", print_sending_rows},
    {"receiving-rows", print_receiving_rows},
    {"joints", print_joints},
    {"joint", print_joint},
    {"all-joints", check_joints},
    {"exits", print_exits},
    {"reasons", print_reasons},
    {NULL, NULL},
};
