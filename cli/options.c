/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>
#include <sys/socket.h>

#include "say.h"
#include "values.h"

const struct option_row option_rows[] = {
#define GROUP(title) {OPTIONS, NULL, 0, NULL, COMMAND_CONNECT | COMMAND_LISTEN, title, NULL},
#define OPTION(ID, name, letter, argument, commands, help, man)                                                        \
    {OPTION_##ID, name, letter, argument, commands, help, man},
#include "options.def"
};
const size_t option_row_count = sizeof option_rows / sizeof option_rows[0];

const char *command_name(enum command command)
{
    return command == COMMAND_CONNECT ? "connect" : command == COMMAND_LISTEN ? "listen" : "";
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

/* ---------------------------------------------------------------- what was meant */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters to change, add or leave out (Levenshtein); names longer than 31 are never like any. */
static unsigned distance(const char *a, const char *b, size_t a_length)
{
    unsigned row[32];
    size_t b_length = strlen(b);
    if (a_length > 31 || b_length > 31)
        return 99;
    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            row[j] = least(least(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

/* The beginning of a name is as good as a name with one slip. */
static unsigned unlikeness(const char *typed, size_t length, const char *name)
{
    if (length >= 3 && strncmp(typed, name, length) == 0)
        return 1;
    return distance(typed, name, length);
}

static const char *nearest_name(enum command command, const char *typed)
{
    const char *best = NULL;
    size_t length = strcspn(typed, "=");
    unsigned best_distance = length < 6 ? 2 : 3;
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (!row->name || !(row->commands & (unsigned)command))
            continue;
        unsigned here = unlikeness(typed, length, row->name);
        if (here < best_distance) {
            best = row->name;
            best_distance = here;
        }
    }
    return best;
}

/* ---------------------------------------------------------------- setting */

static bool bad_value(const struct options *options, const struct option_row *row, const char *value,
                      const char *wanted)
{
    say_usage(options->command, "--%s cannot be '%s': %s is needed", row->name, value, wanted);
    return false;
}

static bool set_seconds(struct options *options, const struct option_row *row, const char *value, int64_t *where)
{
    return value_seconds(value, where) ||
           bad_value(options, row, value, "a number of seconds, like 10 or 0.5, or 'never'");
}

static bool set_word(struct options *options, const struct option_row *row, const char *value, const char *const *words,
                     size_t count, unsigned *index)
{
    return value_word(value, words, count, index) || bad_value(options, row, value, row->argument);
}

static bool set_version(struct options *options, const struct option_row *row, const char *value,
                        enum adieu_version *where)
{
    static const char *const words[] = {"1.2", "1.3"};
    unsigned index;
    if (!set_word(options, row, value, words, 2, &index))
        return false;
    *where = index == 0 ? ADIEU_TLS_1_2 : ADIEU_TLS_1_3;
    return true;
}

static bool set_until(struct options *options, const struct option_row *row, const char *value)
{
    static const char *const words[] = {"both", "peer", "self"};
    unsigned index;
    if (!set_word(options, row, value, words, 3, &index))
        return false;
    options->until = (enum until)index;
    return true;
}

static bool set_end(struct options *options, const struct option_row *row, const char *value)
{
    static const char *const words[] = {"clean", "cut", "reset", "stall", "mute"};
    unsigned index;
    if (!set_word(options, row, value, words, 5, &index))
        return false;
    options->end = (enum end)index;
    return true;
}

static bool too_many(const struct options *options, const struct option_row *row)
{
    say_usage(options->command, "--%s is given more than %d times", row->name, REPEATS);
    return false;
}

static bool add_text(struct options *options, const struct option_row *row, const char *value, const char **list,
                     size_t *count)
{
    if (*count == REPEATS)
        return too_many(options, row);
    list[(*count)++] = value;
    return true;
}

static bool add_pin(struct options *options, const struct option_row *row, const char *value)
{
    if (options->pin_count == REPEATS)
        return too_many(options, row);
    if (!value_pin(value, options->pin[options->pin_count]))
        return bad_value(options, row, value,
                         "a SHA-256 (64 hexadecimal digits, or sha256// and 44 letters of base64)");
    options->pin_count++;
    return true;
}

static bool set_alpn(struct options *options, const struct option_row *row, const char *value)
{
    size_t length = strlen(value);
    if (length == 0 || value[0] == ',' || value[length - 1] == ',' || strstr(value, ",,"))
        return bad_value(options, row, value, "a list of protocols without gaps, like h2,http/1.1");
    options->alpn = value;
    return true;
}

static bool set_text(const char **where, const char *value)
{
    *where = value;
    return true;
}

static bool set_flag(bool *where)
{
    *where = true;
    return true;
}

static bool set_number(int *where, int value)
{
    *where = value;
    return true;
}

/* Where the value of an option that is plain text goes; NULL: it is something else. */
static const char **text_of(struct options *o, enum option_id id)
{
    switch (id) {
    case OPTION_NAME:
        return &o->name;
    case OPTION_CERT:
        return &o->cert;
    case OPTION_KEY:
        return &o->key;
    default:
        return NULL;
    }
}

/* FILE or fd:N */
static bool set_place(const char **where, const struct options *o, const struct option_row *row, const char *value)
{
    int descriptor;
    *where = value;
    return strncmp(value, "fd:", 3) != 0 || value_descriptor(value, &descriptor) ||
           bad_value(o, row, value, "a file, or fd: and the number of an open descriptor");
}

static int64_t *seconds_of(struct options *o, enum option_id id)
{
    switch (id) {
    case OPTION_TIMEOUT_CONNECT:
        return &o->timeout_connect;
    case OPTION_TIMEOUT_HANDSHAKE:
        return &o->timeout_handshake;
    case OPTION_TIMEOUT_CLOSE:
        return &o->timeout_close;
    case OPTION_TIMEOUT_IDLE:
        return &o->timeout_idle;
    case OPTION_TIMEOUT_TOTAL:
        return &o->timeout_total;
    default:
        return NULL;
    }
}

static bool *flag_of(struct options *o, enum option_id id)
{
    switch (id) {
    case OPTION_INSECURE:
        return &o->insecure;
    case OPTION_ACCEPT_TRUNCATION:
        return &o->accept_truncation;
    case OPTION_HELP:
        return &o->help;
    case OPTION_VERSION:
        return &o->version;
    default:
        return NULL;
    }
}

/* Those that are none of the above. */
static bool set_special(struct options *o, const struct option_row *row, const char *value)
{
    switch (row->id) {
    case OPTION_CA:
        return add_text(o, row, value, o->ca, &o->ca_count);
    case OPTION_CLIENT_CA:
        return add_text(o, row, value, o->client_ca, &o->client_ca_count);
    case OPTION_PIN:
        return add_pin(o, row, value);
    case OPTION_ALPN:
        return set_alpn(o, row, value);
    case OPTION_MIN:
        return set_version(o, row, value, &o->min);
    case OPTION_MAX:
        return set_version(o, row, value, &o->max);
    case OPTION_IPV4:
        return set_number(&o->family, AF_INET);
    case OPTION_IPV6:
        return set_number(&o->family, AF_INET6);
    case OPTION_KEY_PASSWORD_FILE:
        return set_place(&o->key_password_file, o, row, value);
    case OPTION_REPORT:
        return set_place(&o->report, o, row, value);
    case OPTION_BIND:
        o->bind = value;
        return value_numeric_address(value) || bad_value(o, row, value, "a numeric IPv4 or IPv6 address");
    case OPTION_UNIX:
        o->path = value;
        return value_socket_path(value) || bad_value(o, row, value, "a path of 1 to 107 bytes");
    case OPTION_UNTIL:
        return set_until(o, row, value);
    case OPTION_END:
        return set_end(o, row, value);
    case OPTION_END_AFTER:
        return value_bytes(value, &o->end_after) || bad_value(o, row, value, "a number of bytes");
    case OPTION_VERBOSE:
        return set_number(&o->verbosity, 1);
    case OPTION_QUIET:
        return set_number(&o->verbosity, -1);
    default:
        return false; /* a row without a place: test_usage.py sets every option once */
    }
}

static bool set_option(struct options *options, const struct option_row *row, const char *value)
{
    const char **text = text_of(options, row->id);
    int64_t *seconds = seconds_of(options, row->id);
    bool *flag = flag_of(options, row->id);
    if (text)
        return set_text(text, value);
    if (seconds)
        return set_seconds(options, row, value, seconds);
    return flag ? set_flag(flag) : set_special(options, row, value);
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
    const char *nearest = nearest_name(options->command, typed);
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
    if (!arguments->only_operands && strcmp(typed, "--") == 0)
        return set_flag(&arguments->only_operands);
    if (!arguments->only_operands && strncmp(typed, "--", 2) == 0)
        return parse_long(options, arguments, typed + 2);
    if (!arguments->only_operands && typed[0] == '-' && typed[1] != '\0')
        return parse_letters(options, typed + 1);
    if (arguments->operand) {
        say_usage(options->command, "one address is enough: '%s' comes after '%s'", typed, arguments->operand);
        return false;
    }
    return set_text(&arguments->operand, typed);
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
    const char *wrong = operand ? value_address(operand, options) : NULL;
    if (wrong)
        say_usage(options->command, "'%s' is no address: %s", operand, wrong);
    return !wrong;
}

/* Whom does a server without a host name have to be? A pin alone says it; with authorities a name is needed. */
static bool lacks_name(const struct options *options)
{
    bool by_pin_alone = options->pin_count > 0 && options->ca_count == 0;
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
