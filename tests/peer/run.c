/* SPDX-License-Identifier: MIT */
/* peer-run: plays scripts in every form that their heads name, one line of TAP for each. See README.md. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "play.h"

struct runner {
    struct stage stage;
    const char *group, *only;
    bool wrong; /* each script has something in it that must be found */
    int count, failed;
};

/* ------------------------------------------------ cases */

/* "A12-data-behind-close-notify client 1.3 aes128 fd LEVEL=2" */
static void name_case(const struct script *script, const struct choice *choice, char *text, size_t size)
{
    int used = snprintf(text, size, "%.*s %s %s %s %s", (int)strcspn(script->name, "."), script->name,
                        choice->adieu_is_server ? "server" : "client", choice->tls13 ? "1.3" : "1.2", choice->cipher,
                        subject_names[choice->subject]);
    if (script->values)
        snprintf(text + used, size - (size_t)used, " %s=%s", script->variable, choice->value);
}

/* Whether all words of --only are in the name. */
static bool is_asked_for(const struct runner *runner, const char *name)
{
    char words[256];
    snprintf(words, sizeof words, "%s", runner->only ? runner->only : "");
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        if (!strstr(name, word))
            return false;
    return true;
}

/* What was played as a comment, each line of it. */
static void explain(const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        printf("#   %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void report(struct runner *runner, bool good, const char *name, const char *why)
{
    runner->count++;
    runner->failed += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", runner->count, name);
    if (!good)
        explain(why);
}

static void play_case(struct runner *runner, const struct script *script, const struct choice *choice)
{
    char name[256];
    name_case(script, choice, name, sizeof name);
    if (!is_asked_for(runner, name))
        return;
    struct play *play = calloc(1, sizeof *play);
    if (runner->stage.verbose)
        printf("# %s\n", name);
    play->stage = &runner->stage;
    play->script = script;
    play->choice = *choice;
    bool good = play_run(play);
    if (runner->wrong)
        report(runner, !good, name, "what is wrong with it was not found");
    else
        report(runner, good, name, play->failure);
    free(play);
}

/* ------------------------------------------------ scripts */

static void play_ciphers(struct runner *runner, const struct script *script, struct choice choice)
{
    for (int cipher = 0; cipher < CIPHERS; cipher++)
        for (int subject = 0; subject < SUBJECTS; subject++) {
            choice.cipher = cipher_names[cipher];
            choice.subject = (enum subject_kind)subject;
            if (script->ciphers[cipher] && script->subjects[subject] && play_can((enum subject_kind)subject) &&
                (subject != SUBJECT_COMMAND || runner->stage.adieu))
                play_case(runner, script, &choice);
        }
}

static void play_choices(struct runner *runner, const struct script *script, const char *value)
{
    for (int role = 0; role < 2; role++)
        for (int version = 0; version < 2; version++)
            if (script->roles[role] && script->versions[version])
                play_ciphers(runner, script,
                             (struct choice){.adieu_is_server = role, .tls13 = version, .value = value});
}

/* The script is read anew for each value of its variable, which may stand anywhere in it. */
static void play_script(struct runner *runner, const char *path)
{
    struct script head, script;
    char value[64];
    bool good = script_read(&head, path, NULL);
    if (!good)
        report(runner, false, path, head.error);
    for (int i = 0; good && script_value(&head, i, value, sizeof value); i++) {
        if (script_read(&script, path, value))
            play_choices(runner, &script, value);
        else
            report(runner, false, path, script.error);
        script_free(&script);
    }
    script_free(&head);
}

static int is_script(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 7 && strcmp(entry->d_name + length - 7, ".script") == 0;
}

static void play_folder(struct runner *runner, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_script, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (!runner->group || strchr(runner->group, entries[i]->d_name[0]))
            play_script(runner, path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void play_path(struct runner *runner, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        play_folder(runner, path);
    else
        play_script(runner, path);
}

/* ------------------------------------------------ the command line */

static int usage(void)
{
    fprintf(stderr,
            "usage: peer-run [-v] [--wrong] [--adieu COMMAND] [--group LETTERS] [--only WORDS] SCRIPT|FOLDER...\n"
            "Without --adieu the command is left out. --wrong: each script must fail.\n");
    return 64;
}

static const char *value_of(char **argv, int *at, const char *option)
{
    return strcmp(argv[*at], option) == 0 && argv[*at + 1] ? argv[++*at] : NULL;
}

/* The first operand's place; 0: wrong. */
static int read_options(struct runner *runner, char **argv)
{
    int at = 1;
    for (; argv[at] && argv[at][0] == '-'; at++) {
        const char *value;
        if (strcmp(argv[at], "-v") == 0)
            runner->stage.verbose = true;
        else if (strcmp(argv[at], "--wrong") == 0)
            runner->wrong = true;
        else if ((value = value_of(argv, &at, "--adieu")))
            runner->stage.adieu = value;
        else if ((value = value_of(argv, &at, "--group")))
            runner->group = value;
        else if ((value = value_of(argv, &at, "--only")))
            runner->only = value;
        else
            return 0;
    }
    return argv[at] ? at : 0;
}

/* As the command's tests have it: seconds, for slow builds. */
static int64_t bound(void)
{
    const char *seconds = getenv("ADIEU_TEST_BOUND");
    return seconds ? 1000 * strtol(seconds, NULL, 10) : 5000;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct runner runner = {.count = 0};
    struct identity identities[IDENTITIES];
    int at = read_options(&runner, argv);
    if (!at)
        return usage();
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not take the last case's name with it */
    identities_make(identities);
    runner.stage.identities = identities;
    runner.stage.listener = tcp_listen();
    runner.stage.port = tcp_port(runner.stage.listener);
    runner.stage.bound = bound();
    for (; argv[at]; at++)
        play_path(&runner, argv[at]);
    if (runner.count == 0)
        printf("1..0 # SKIP there is no such script\n");
    else
        printf("1..%d\n", runner.count);
    close(runner.stage.listener);
    identities_free(identities);
    return 0;
}
