/* SPDX-License-Identifier: MIT */
/*
 * The command line. The input: connect or listen, and then the arguments, each up to a newline. Nothing is opened or connected:
 * the options are only understood. What the command would say on standard error comes here.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "calls.h"
#include "options.h"

#define MOST 64

/* ------------------------------------------------ what was understood */

static bool is_time(int64_t milliseconds)
{
    return milliseconds == NEVER || (milliseconds >= 0 && milliseconds <= INT64_C(1000000000000));
}

static void check_numbers(const struct options *options)
{
    claim(is_time(options->timeout_connect) && is_time(options->timeout_handshake) && is_time(options->timeout_close) &&
              is_time(options->timeout_idle) && is_time(options->timeout_total),
          "times are never, or not negative");
    claim(options->ca.count <= REPEATS && options->client_ca.count <= REPEATS && options->pin.count <= REPEATS,
          "lists are as long as they may be");
    claim(options->until <= UNTIL_SELF && options->end <= END_ALERT && options->starttls <= STARTTLS_NONE,
          "words are of their enum");
    claim(options->verbosity >= -1 && options->verbosity <= 1, "verbosity is one of three");
    claim(options->max_connections <= 1000000, "connections are not too many");
    claim(options->family == AF_UNSPEC || options->family == AF_INET || options->family == AF_INET6, "a family is one");
}

static void check_address(const struct options *options)
{
    bool zero = options->command == COMMAND_LISTEN;
    if (options->path)
        claim(options->host[0] == '\0' && strlen(options->path) < 108, "a path, and no host");
    else
        claim(value_port(options->port, zero), "a port is one: %s", options->port);
    claim(options->path || zero || options->host[0] != '\0', "somebody is to be connected to");
}

static void check_together(const struct options *options)
{
    claim(options->min <= options->max, "the lowest version is not the highest");
    claim(!options->key || options->cert, "a key has its certificate");
    claim(!options->max_connections || options->keep, "many connections are kept");
    if (options->proxy.kind != PROXY_NONE) {
        claim(!options->path && proxy_host_is_fit(options->host), "a proxy leads to a host that can be said");
        claim(options->proxy.host[0] != '\0' && value_port(options->proxy.port, false), "a proxy has an address");
        claim(options->proxy.has_user || (!options->proxy.user[0] && !options->proxy.password[0]), "a user is told");
    }
    claim(options->command == COMMAND_LISTEN || !options->keep, "a client keeps no listener");
    claim(options->command == COMMAND_CONNECT || (!options->insecure && !options->ca.count),
          "a server trusts no servers");
}

/* What is understood can be written down, and is understood as the same. */
static void check_pins(const struct options *options)
{
    for (size_t i = 0; i < options->pin.count; i++) {
        char text[PIN_TEXT];
        uint8_t pin[ADIEU_PIN_SIZE];
        claim(value_pin(value_pin_text(options->pin.all[i], text), pin), "a pin is a pin");
        claim(memcmp(pin, options->pin.all[i], sizeof pin) == 0, "a pin is itself");
    }
}

/* ------------------------------------------------ what was said */

static void check_silence(void)
{
    claim(told_size == 0, "what was understood needs no word: %.*s", (int)told_size, told);
}

/* Two lines: what is wrong, and where there is help; and nothing that steers a terminal. */
static void check_complaint(void)
{
    static const char head[] = "adieu ";
    unsigned lines = 0;
    claim(told_size > sizeof head && memcmp(told, head, sizeof head - 1) == 0, "it says what is wrong");
    for (size_t i = 0; i < told_size; i++) {
        claim((unsigned char)told[i] >= 0x20 || told[i] == '\n', "what it says steers no terminal");
        claim(told[i] != 0x7f, "what it says rubs nothing out");
        lines += told[i] == '\n';
    }
    claim(lines == 2 && told[told_size - 1] == '\n', "it says it in two lines: %.*s", (int)told_size, told);
}

/* ------------------------------------------------ */

static int split(char *text, char **arguments)
{
    int count = 0;
    for (char *rest = text; rest && count < MOST;) {
        char *end = strchr(rest, '\n');
        if (end)
            *end++ = '\0';
        arguments[count++] = rest;
        rest = end;
    }
    arguments[count] = NULL;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct options options;
    char *arguments[MOST + 1];
    enum command command = input_byte(&input) & 1 ? COMMAND_LISTEN : COMMAND_CONNECT;
    char *text = malloc(input.left + 1);
    claim(text != NULL, "there is memory");
    if (input.left > 0)
        memcpy(text, input.at, input.left);
    text[input.left] = '\0';
    told_size = 0;
    bool understood = options_parse(&options, command, split(text, arguments), arguments);
    if (!understood) {
        check_complaint();
    } else {
        check_silence();
        check_numbers(&options);
        check_pins(&options);
    }
    if (understood && !options.help && !options.version) {
        check_address(&options);
        check_together(&options);
    }
    free(text);
    return 0;
}
