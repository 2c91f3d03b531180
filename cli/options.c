/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>
#include <sys/socket.h>

#include "say.h"
#include "values.h"

const char *command_name(enum command command)
{
    return command == COMMAND_CONNECT ? "connect" : command == COMMAND_LISTEN ? "listen" : "";
}

/* ---------------------------------------------------------------- setting */

static bool bad_value(const struct options *options, const struct option_row *row, const char *value,
                      const char *wanted)
{
    say_usage(options->command, "--%s cannot be '%s': %s is needed", row->name, value, wanted);
    return false;
}

#define MOST_CONNECTIONS 1000000

/* One form for all of them, for the table: what they do not need is voided. */

static bool set_text(struct options *options, const struct option_row *row, const char *value, void *where)
{
    (void)options, (void)row;
    *(const char **)where = value;
    return true;
}

static bool set_flag(struct options *options, const struct option_row *row, const char *value, void *where)
{
    (void)options, (void)row, (void)value;
    *(bool *)where = true;
    return true;
}

static bool set_number(int *where, int value)
{
    *where = value;
    return true;
}

static bool set_ipv4(struct options *options, const struct option_row *row, const char *value, void *where)
{
    (void)options, (void)row, (void)value;
    return set_number(where, AF_INET);
}

static bool set_ipv6(struct options *options, const struct option_row *row, const char *value, void *where)
{
    (void)options, (void)row, (void)value;
    return set_number(where, AF_INET6);
}

static bool set_verbose(struct options *options, const struct option_row *row, const char *value, void *where)
{
    (void)options, (void)row, (void)value;
    return set_number(where, 1);
}

static bool set_quiet(struct options *options, const struct option_row *row, const char *value, void *where)
{
    (void)options, (void)row, (void)value;
    return set_number(where, -1);
}

static bool set_seconds(struct options *options, const struct option_row *row, const char *value, void *where)
{
    return value_seconds(value, where) ||
           bad_value(options, row, value, "a number of seconds, like 10 or 0.5, or 'never'");
}

static bool set_bytes(struct options *options, const struct option_row *row, const char *value, void *where)
{
    return value_bytes(value, where) || bad_value(options, row, value, "a number of bytes");
}

static bool set_count(struct options *options, const struct option_row *row, const char *value, void *where)
{
    uint64_t count;
    if (!value_bytes(value, &count) || count < 1 || count > MOST_CONNECTIONS)
        return bad_value(options, row, value, "a number from 1 to 1000000");
    *(unsigned *)where = (unsigned)count;
    return true;
}

/* The words are the argument's, and an enum's constants in the same order. */
static bool set_word(struct options *options, const struct option_row *row, const char *value, void *where)
{
    return value_word(value, row->argument, where) || bad_value(options, row, value, row->argument);
}

static bool set_version(struct options *options, const struct option_row *row, const char *value, void *where)
{
    unsigned index;
    if (!set_word(options, row, value, &index))
        return false;
    *(enum adieu_version *)where = index == 0 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3;
    return true;
}

static bool too_many(const struct options *options, const struct option_row *row)
{
    say_usage(options->command, "--%s is given more than %d times", row->name, REPEATS);
    return false;
}

static bool set_texts(struct options *options, const struct option_row *row, const char *value, void *where)
{
    struct texts *texts = where;
    if (texts->count == REPEATS)
        return too_many(options, row);
    texts->all[texts->count++] = value;
    return true;
}

static bool set_pins(struct options *options, const struct option_row *row, const char *value, void *where)
{
    struct pins *pins = where;
    if (pins->count == REPEATS)
        return too_many(options, row);
    if (!value_pin(value, pins->all[pins->count]))
        return bad_value(options, row, value,
                         "a SHA-256 (64 hexadecimal digits, or sha256// and 44 letters of base64)");
    pins->count++;
    return true;
}

static size_t words(const char *value)
{
    size_t count = 1;
    for (; *value; value++)
        count += *value == ',';
    return count;
}

static bool set_alpn(struct options *options, const struct option_row *row, const char *value, void *where)
{
    size_t length = strlen(value);
    if (length == 0 || value[0] == ',' || value[length - 1] == ',' || strstr(value, ",,"))
        return bad_value(options, row, value, "a list of protocols without gaps, like h2,http/1.1");
    if (words(value) > PROTOCOLS)
        return bad_value(options, row, value, "a list of at most 64 protocols");
    return set_text(options, row, value, where);
}

/* FILE or fd:N */
static bool set_place(struct options *options, const struct option_row *row, const char *value, void *where)
{
    int descriptor;
    if (strncmp(value, "fd:", 3) == 0 && !value_descriptor(value, &descriptor))
        return bad_value(options, row, value, "a file, or fd: and the number of an open descriptor");
    return set_text(options, row, value, where);
}

static bool set_address(struct options *options, const struct option_row *row, const char *value, void *where)
{
    if (!value_numeric_address(value))
        return bad_value(options, row, value, "a numeric IPv4 or IPv6 address");
    return set_text(options, row, value, where);
}

static bool set_path(struct options *options, const struct option_row *row, const char *value, void *where)
{
    if (!value_socket_path(value))
        return bad_value(options, row, value, "a path of 1 to 107 bytes");
    return set_text(options, row, value, where);
}

/* There may be a password in it: it is shown in no message, and no longer in the list of processes. */
static bool set_proxy(struct options *options, const struct option_row *row, const char *value, void *where)
{
    struct proxy *proxy = where;
    const char *wrong = proxy_parse(value, proxy);
    if (proxy->has_user)
        value_wipe((char *)(uintptr_t)value, strlen(value));
    if (wrong)
        say_usage(options->command, "--%s is no proxy: %s", row->name, wrong);
    return !wrong;
}

/* ---------------------------------------------------------------- the table */

const struct option_row option_rows[] = {
#define GROUP(title) {.commands = COMMAND_CONNECT | COMMAND_LISTEN, .help = title},
#define TO(kind, field) set_##kind, offsetof(struct options, field)
#define OPTION(name, letter, argument, commands, to, help, man) {name, letter, argument, commands, to, help, man},
#include "options.def"
};
const size_t option_row_count = sizeof option_rows / sizeof option_rows[0];

static bool set_option(struct options *options, const struct option_row *row, const char *value)
{
    return row->set(options, row, value, (char *)options + row->offset);
}

static const struct option_row *find(const char *name, size_t length)
{
    for (size_t i = 0; i < option_row_count; i++) {
        const char *known = option_rows[i].name;
        if (known && strlen(known) == length && memcmp(known, name, length) == 0)
            return &option_rows[i];
    }
    return NULL;
}

static const struct option_row *find_letter(char letter)
{
    for (size_t i = 0; i < option_row_count; i++) {
        if (letter != '\0' && option_rows[i].letter == letter)
            return &option_rows[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------- parsing */

struct arguments {
    int count, at;
    char **all;
    const char *operand;
    bool only_operands; /* after -- */
};

static bool unknown(const struct options *options, const char *typed)
{
    const char *nearest = option_nearest(options->command, typed);
    if (nearest)
        say_usage(options->command, "there is no option --%.*s; is --%s meant?", (int)strcspn(typed, "="), typed,
                  nearest);
    else
        say_usage(options->command, "there is no option --%.*s", (int)strcspn(typed, "="), typed);
    return false;
}

static bool not_of_this_command(const struct options *options, const struct option_row *row)
{
    enum command other = options->command == COMMAND_CONNECT ? COMMAND_LISTEN : COMMAND_CONNECT;
    say_usage(options->command, "--%s is an option of 'adieu %s', not of 'adieu %s'", row->name, command_name(other),
              command_name(options->command));
    return false;
}

static bool parse_long(struct options *options, struct arguments *arguments, const char *typed)
{
    const char *equals = strchr(typed, '='), *value = equals ? equals + 1 : NULL;
    const struct option_row *row = find(typed, strcspn(typed, "="));
    if (!row)
        return unknown(options, typed);
    if (!(row->commands & (unsigned)options->command))
        return not_of_this_command(options, row);
    if (value && !row->argument) {
        say_usage(options->command, "--%s takes no value", row->name);
        return false;
    }
    if (row->argument && !value && arguments->at < arguments->count)
        value = arguments->all[arguments->at++];
    if (row->argument && (!value || *value == '\0')) {
        say_usage(options->command, "--%s needs a value: %s", row->name, row->argument);
        return false;
    }
    return set_option(options, row, value);
}

/* Letters stand for options without values, so they can be run together: -4v. */
static bool parse_letters(struct options *options, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const struct option_row *row = find_letter(*letters);
        if (!row) {
            say_usage(options->command, "there is no option -%c", *letters);
            return false;
        }
        if (!set_option(options, row, NULL))
            return false;
    }
    return true;
}

static bool parse_one(struct options *options, struct arguments *arguments, const char *typed)
{
    if (!arguments->only_operands && strcmp(typed, "--") == 0) {
        arguments->only_operands = true;
        return true;
    }
    if (!arguments->only_operands && strncmp(typed, "--", 2) == 0)
        return parse_long(options, arguments, typed + 2);
    if (!arguments->only_operands && typed[0] == '-' && typed[1] != '\0')
        return parse_letters(options, typed + 1);
    if (arguments->operand) {
        say_usage(options->command, "one address is enough: '%s' comes after '%s'", typed, arguments->operand);
        return false;
    }
    arguments->operand = typed;
    return true;
}

/* ---------------------------------------------------------------- what belongs together */

static bool check_address(struct options *options, const char *operand)
{
    const char *form = options->command == COMMAND_CONNECT ? "HOST:PORT" : "[HOST:]PORT";
    if (!operand && !options->path) {
        say_usage(options->command, "%s is missing", form);
        return false;
    }
    if (operand && options->path) {
        say_usage(options->command, "'%s' and --unix cannot both be meant", operand);
        return false;
    }
    bool listening = options->command == COMMAND_LISTEN;
    const char *wrong = operand ? value_address(operand, listening, options->host, options->port) : NULL;
    if (wrong)
        say_usage(options->command, "'%s' is no address: %s", operand, wrong);
    return !wrong;
}

/* Whom does a server without a host name have to be? A pin alone says it; with authorities a name is needed. */
static bool lacks_name(const struct options *options)
{
    bool by_pin_alone = options->pin.count > 0 && options->ca.count == 0;
    return options->command == COMMAND_CONNECT && options->path && !options->name && !options->insecure &&
           !by_pin_alone;
}

static const char *conflict(const struct options *options)
{
    if (options->key && !options->cert)
        return "--key needs --cert";
    if (options->key_password_file && !options->cert)
        return "--key-password-file needs --cert (and --key)";
    if (options->min > options->max)
        return "--min is higher than --max";
    if (lacks_name(options))
        return "whom to expect behind --unix? Say it with --name, --pin or --insecure";
    if (options->path && (options->bind || options->family != AF_UNSPEC))
        return "--unix has no address that --bind, -4 or -6 could be about";
    if (options->proxy.kind != PROXY_NONE && options->path)
        return "--proxy leads to HOST:PORT, and not to a Unix socket";
    if (options->proxy.kind != PROXY_NONE && !proxy_host_is_fit(options->host))
        return "no proxy can be asked for such a host";
    if (options->starttls == STARTTLS_XMPP && options->path && !options->name)
        return "--starttls=xmpp behind --unix needs --name: who the server is asked to be";
    if (options->end == END_ALERT && (options->session || options->exec || options->end_after != UINT64_MAX))
        return "--end=alert ends the handshake: it goes together with none of --session, --exec and --end-after";
    if (options->max_connections && !options->keep)
        return "--max-connections needs --keep";
    if (options->exec && options->until == UNTIL_PEER)
        return "--until=peer does not go with --exec: our end is said when the command has exited with 0";
    if (options->exec && options->end == END_CLEAN && options->end_after != UINT64_MAX)
        return "--end-after does not go with --exec, unless --end says how: a clean end is that of the command";
    if (options->command == COMMAND_LISTEN && options->cert && options->name)
        return "--name is for the throwaway identity, which --cert replaces";
    return NULL;
}

static void defaults(struct options *options, enum command command)
{
    *options = (struct options){
        .command = command,
        .min = ADIEU_TLS_1_2,
        .max = ADIEU_TLS_1_3,
        .family = AF_UNSPEC,
        .timeout_connect = command == COMMAND_LISTEN ? NEVER : 10000,
        .timeout_handshake = 10000,
        .timeout_close = 30000,
        .timeout_idle = NEVER,
        .timeout_total = NEVER,
        .end_after = UINT64_MAX,
        .starttls = STARTTLS_NONE,
    };
}

bool options_parse(struct options *options, enum command command, int argc, char **argv)
{
    struct arguments arguments = {.count = argc, .all = argv};
    defaults(options, command);
    while (arguments.at < arguments.count) {
        if (!parse_one(options, &arguments, argv[arguments.at++]))
            return false;
        if (options->help || options->version)
            return true;
    }
    if (!check_address(options, arguments.operand))
        return false;
    const char *wrong = conflict(options);
    if (wrong)
        say_usage(command, "%s", wrong);
    return !wrong;
}
