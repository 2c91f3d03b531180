/* SPDX-License-Identifier: MIT */
/* What is asked for, in words of the form NAME=VALUE. */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: load port=N work=connections count=N [parallel=16] [resume=yes] [tls=1.2|1.3] "
    "[cipher=aes128|aes256|chacha]\n"
    "       load port=N work=ping count=N [tls=] [cipher=]\n"
    "       load port=N work=hold count=N [silent=PERCENT] [tls=] [cipher=]\n"
    "all of them: [patience=MS], how long nothing may happen while something is awaited (10000)\n";

/* No connection is counted higher than a talk can. */
enum { MOST = 100000000 };

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *number >= least && *number <= most;
}

/* The value, if word begins with the name and '='. */
static const char *value_of(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool take_number(struct order *order, const char *word)
{
    const struct {
        const char *name;
        uint64_t *number, least, most;
    } numbers[] = {
        {"port", &order->port, 1, 65535},           {"count", &order->count, 1, MOST},
        {"parallel", &order->parallel, 1, MOST},    {"silent", &order->silent, 0, 100},
        {"patience", &order->patience, 1, 3600000},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *value = value_of(word, numbers[i].name);
        if (value)
            return read_number(value, numbers[i].least, numbers[i].most, numbers[i].number);
    }
    return false;
}

static bool take_text(struct order *order, const char *word)
{
    const struct {
        const char *name, **text;
    } texts[] = {{"work", &order->work}, {"tls", &order->tls}, {"cipher", &order->cipher}, {"resume", &order->resume}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = value_of(word, texts[i].name);
        if (value) {
            *texts[i].text = value;
            return true;
        }
    }
    return false;
}

static bool take_words(struct order *order, char **words)
{
    for (; *words; words++)
        if (!take_text(order, *words) && !take_number(order, *words)) {
            fprintf(stderr, "load: %s: no such word, or no such value\n", *words);
            return false;
        }
    return order->port && order->count && order->work;
}

static int work(struct floor *floor, const struct order *order)
{
    int status = USAGE;
    if (strcmp(order->work, "connections") == 0)
        status = work_connections(floor, order);
    else if (strcmp(order->work, "ping") == 0)
        status = work_ping(floor, order);
    else if (strcmp(order->work, "hold") == 0)
        status = work_hold(floor, order);
    else
        fputs(usage, stderr);
    troubles_tell(&floor->troubles);
    return status;
}

int main(int argc, char **argv)
{
    struct order order = {.parallel = 16, .patience = 10000, .resume = "no"};
    if (argc < 1 || !take_words(&order, argv + 1)) {
        fputs(usage, stderr);
        return USAGE;
    }
    /* OpenSSL writes to sockets as to files. */
    signal(SIGPIPE, SIG_IGN);
    struct floor floor;
    if (!floor_open(&floor, (uint16_t)order.port, order.tls, order.cipher))
        return USAGE;
    floor.patience_ms = (int)order.patience;
    int status = work(&floor, &order);
    floor_close(&floor);
    return status;
}
