/* SPDX-License-Identifier: MIT */
/*
 * Prints the closure machine's rows as Promela, out of the same data file as the code, so that model and code cannot
 * drift. What ending.c derives from a joint state is asked of ending.c, and printed as a table, too.
 */
#include <stdio.h>

#include "ending.h"

static void print_names(void)
{
    puts("mtype = {");
#define EVENT(NAME, name, who, meaning) puts("    EVENT_" #NAME ",");
#include "ending.def"
#define SENDING(NAME, name, live, meaning) puts("    SENDING_" #NAME ",");
#include "ending.def"
#define RECEIVING(NAME, name, live, meaning) puts("    RECEIVING_" #NAME ",");
#include "ending.def"
#define ACTION(NAME, meaning) puts("    ACTION_" #NAME ",");
#include "ending.def"
#define REASON(NAME, name, EXIT) puts("    REASON_" #NAME ",");
#include "ending.def"
    puts("    LAST_GO_ON, LAST_END_WRITE, LAST_RESET\n}");
}

/* Each table is one conditional expression: a row is a branch of it, and what no row says stays as it is. */
static int branches;

static void begin(const char *head)
{
    printf("\n#define %s", head);
    branches = 0;
}

static void branch(void)
{
    fputs(" \\\n    (", stdout);
    branches++;
}

static void end(const char *otherwise)
{
    printf(" \\\n    %s", otherwise);
    while (branches-- > 0)
        putchar(')');
    putchar('\n');
}

static void print_rows(void)
{
    begin("SENDING_AFTER(state, event)");
#define SENDING_ROW(STATE, EVENT, BECOMES, ACTION, because)                                                            \
    branch();                                                                                                          \
    fputs("(state) == SENDING_" #STATE " && (event) == EVENT_" #EVENT " -> SENDING_" #BECOMES " :", stdout);
#include "ending.def"
    end("(state)");

    begin("ACTION_AFTER(state, event)");
#define SENDING_ROW(STATE, EVENT, BECOMES, ACTION, because)                                                            \
    branch();                                                                                                          \
    fputs("(state) == SENDING_" #STATE " && (event) == EVENT_" #EVENT " -> ACTION_" #ACTION " :", stdout);
#include "ending.def"
    end("ACTION_NONE");

    begin("RECEIVING_AFTER(state, event)");
#define RECEIVING_ROW(STATE, EVENT, BECOMES, because)                                                                  \
    branch();                                                                                                          \
    fputs("(state) == RECEIVING_" #STATE " && (event) == EVENT_" #EVENT " -> RECEIVING_" #BECOMES " :", stdout);
#include "ending.def"
    end("(state)");
}

/* ------------------------------------------------ what lives */

static void print_lives(void)
{
    fputs("\n#define SENDING_LIVES(state) (false", stdout);
#define SENDING(NAME, name, live, meaning)                                                                             \
    if (ending_sending_lives(ADIEU_SENDING_##NAME))                                                                    \
        fputs(" || (state) == SENDING_" #NAME, stdout);
#include "ending.def"
    fputs(")\n#define RECEIVING_LIVES(state) (false", stdout);
#define RECEIVING(NAME, name, live, meaning)                                                                           \
    if (ending_receiving_lives(ADIEU_RECEIVING_##NAME))                                                                \
        fputs(" || (state) == RECEIVING_" #NAME, stdout);
#include "ending.def"
    puts(")");
}

/* ------------------------------------------------ what the transport does then */

static const char *const sendings[] = {
#define SENDING(NAME, name, live, meaning) #NAME,
#include "ending.def"
};
static const char *const receivings[] = {
#define RECEIVING(NAME, name, live, meaning) #NAME,
#include "ending.def"
};
static const char *const reasons[] = {
#define REASON(NAME, name, EXIT) #NAME,
#include "ending.def"
};
enum { REASONS = sizeof reasons / sizeof *reasons, RECEIVINGS = sizeof receivings / sizeof *receivings };

static const char *last_name(enum adieu_last last)
{
    return last == ADIEU_LAST_END_WRITE ? "END_WRITE" : last == ADIEU_LAST_RESET ? "RESET" : "GO_ON";
}

static void print_last_of(const struct adieu_ending *ending)
{
    enum adieu_last last = ending_last(ending);
    if (last == ADIEU_LAST_GO_ON)
        return;
    branch();
    printf("(sending) == SENDING_%s && (receiving) == RECEIVING_%s && (reason) == REASON_%s -> LAST_%s :",
           sendings[ending->sending], receivings[ending->receiving], reasons[ending->reason], last_name(last));
}

static void print_last(void)
{
    begin("LAST(sending, receiving, reason)");
    for (int s = ADIEU_SENDING_OPEN; s <= ADIEU_SENDING_ABORTED; s++)
        for (int r = 0; r < RECEIVINGS; r++)
            for (int reason = 0; reason < REASONS; reason++) {
                struct adieu_ending ending = {.sending = (enum adieu_sending)s,
                                              .receiving = (enum adieu_receiving)r,
                                              .reason = (enum adieu_reason)reason};
                print_last_of(&ending);
            }
    end("LAST_GO_ON");
}

/* ------------------------------------------------ joint endings */

static void print_joints(void)
{
    int count = 0;
    begin("JOINT(sending, receiving)");
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    branch();                                                                                                          \
    printf("(sending) == SENDING_" #SENDING " && (receiving) == RECEIVING_" #RECEIVING " -> %d :", count++);
#include "ending.def"
    end("JOINTS");
    printf("#define JOINTS %d\n", count);
    count = 0;
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    printf("/* joint %d: %s / %s */\n", count++, adieu_sending_name(ADIEU_SENDING_##SENDING),                          \
           adieu_receiving_name(ADIEU_RECEIVING_##RECEIVING));
#include "ending.def"
}

/* What each joint ending is worth, where the reason decides for that reason, and where nothing came after it. */
static void print_exits(void)
{
    begin("EXIT(sending, receiving, reason)");
#define JOINT(SENDING, RECEIVING, EXIT, first, second, third)                                                          \
    for (int i = 0; i < REASONS; i++) {                                                                                \
        struct adieu_ending ending = {.sending = ADIEU_SENDING_##SENDING,                                              \
                                      .receiving = ADIEU_RECEIVING_##RECEIVING,                                        \
                                      .reason = (enum adieu_reason)i};                                                 \
        branch();                                                                                                      \
        printf("(sending) == SENDING_" #SENDING " && (receiving) == RECEIVING_" #RECEIVING                             \
               " && (reason) == REASON_%s -> %d :",                                                                    \
               reasons[i], (int)adieu_ending_exit(&ending));                                                           \
    }
#include "ending.def"
    end("1");
}

int main(void)
{
    puts("/* Printed from src/core/ending.def by print_rows.c. */");
    print_names();
    print_rows();
    print_lives();
    print_last();
    print_joints();
    print_exits();
    return 0;
}
