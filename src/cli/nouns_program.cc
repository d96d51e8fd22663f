// Commands without a noun, and the arrays that this user knows.
#include "cli/configuration_commands.h"
#include "cli/login_commands.h"
#include "cli/nouns.h"
#include "cli/program_commands.h"

namespace ashlar::cli {
namespace {

constexpr Argument array_argument[] = {
    {.name = "NAME", .help = "Which", .completes = "array", .required = true}};
constexpr Verb array_verbs[] = {
    {"list", "Those that are known here", list_arrays},
    {"use", "Mean this one when none is said", use_array, array_argument},
    {"remove", "Forget it, and how to log in to it", remove_array, array_argument},
};

constexpr Argument login_arguments[] = {
    {.name = "URL", .help = "https://HOST:8443; the array in use when left out"},
    {.name = "--name", .help = "What to call it here; its host name when left out"},
    {.name = "--user", .help = "As whom; asked for when left out"},
    {.name = "--totp", .help = "The code of the app; asked for when it is needed"},
    {.name = "--password-stdin",
     .help = "The password is the first line of standard input",
     .type = Type::lone},
    {.name = "--fingerprint", .help = "SHA-256 of the array's certificate: pins it without asking"},
};
constexpr Argument top_arguments[] = {
    {.name = "--by", .help = "volume, host or session", .completes = "volume|host|session"},
    {.name = "--count", .help = "How many tables; for ever when left out", .type = Type::number},
    {.name = "--interval", .help = "Seconds between them, 1 when left out", .type = Type::number},
};
constexpr Argument api_arguments[] = {
    {.name = "METHOD",
     .help = "GET, POST, PUT, PATCH or DELETE",
     .completes = "GET|POST|PUT|PATCH|DELETE",
     .required = true},
    {.name = "PATH", .help = "/volumes is /api/v1/volumes", .required = true},
    {.name = "-d,--body", .help = "JSON; @FILE reads it, @- from standard input"},
    {.name = "--header", .help = "NAME: VALUE, as in 'If-Match: *'", .type = Type::texts},
};
constexpr Argument apply_arguments[] = {
    {.name = "-f,--file", .help = "TOML, YAML or JSON by its ending; - is standard input", .required = true},
    {.name = "--prune", .help = "Delete what is not in it", .type = Type::lone},
};
constexpr Argument diff_arguments[] = {
    {.name = "-f,--file", .help = "TOML, YAML or JSON by its ending; - is standard input", .required = true},
    {.name = "--prune", .help = "What is not in it is to go", .type = Type::lone},
};
constexpr Argument completion_arguments[] = {
    {.name = "SHELL", .help = "bash, zsh or fish", .completes = "bash|zsh|fish", .required = true},
};

constexpr Verb commands[] = {
    {"status", "How the array is, and what to do about it", show_health},
    {"top", "Who does how much, live", show_top, top_arguments},
    {"apply", "Make the configuration as a file says", apply_configuration, apply_arguments},
    {"diff", "What a file would change", diff_configuration, diff_arguments},
    {"login", "Get to know an array, and log in", login, login_arguments},
    {"logout", "End the login", logout},
    {"whoami", "As whom, and what that may do", who_am_i},
    {"api", "One request to the API, as it is", raw_request, api_arguments},
    {"shell", "Commands one after the other; resources as folders", run_shell_command},
    {"completion", "A script that teaches a shell to complete", print_completion, completion_arguments},
    {"man", "The manual page: ashlar man | man -l -", print_manual},
};

constexpr Noun nouns[] = {
    {.name = "array",
     .singular = "array",
     .group = "This command line",
     .help = "Arrays that are known here",
     .verbs = array_verbs},
    {.name = "", .singular = "", .group = "", .help = "", .verbs = commands},
};

}  // namespace

std::span<const Noun> program_nouns() { return nouns; }

}  // namespace ashlar::cli
