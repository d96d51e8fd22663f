// What the array is doing, how it is set, and what it was before.
#include "cli/configuration_commands.h"
#include "cli/initiator_commands.h"
#include "cli/nouns.h"
#include "cli/operation_commands.h"

namespace ashlar::cli {
namespace {

constexpr Column job_columns[] = {
    {"ID", "/id"},
    {"KIND", "/kind"},
    {"STATE", "/state"},
    {"DONE %", "/progress/percent", Shown::plain, true},
    {"LEFT", "/progress/eta_seconds", Shown::duration, true},
    {"RESOURCE", "/resource"},
    {"ACTOR", "/actor"},
    {"STARTED", "/started_at", Shown::time},
    {"ENDED", "/ended_at", Shown::time, false, true},
    {"ERROR", "/error", Shown::plain, false, true},
};
constexpr Verb job_verbs[] = {
    {"list", "What is at work, and what was", list_resources},
    {"show", "All about one, with its log", show_resource, id_argument},
    {"watch", "Wait for its end", watch_job_command, id_argument},
    {"cancel", "Break it off", cancel_job, id_argument},
};

constexpr Column event_columns[] = {
    {"ID", "/id", Shown::plain, true},
    {"TIME", "/time", Shown::time},
    {"TOPIC", "/topic"},
    {"ACTION", "/action"},
    {"NAME", "/name"},
    {"ACTOR", "/actor"},
    {"DATA", "/data", Shown::plain, false, true},
};
constexpr Argument event_list_arguments[] = {
    {.name = "--after", .help = "Only what came after this id", .type = Type::number},
    {.name = "--limit", .help = "How many at most", .type = Type::number},
    {.name = "--topic", .help = "Only these: volumes, sessions, jobs ...", .type = Type::list},
};
constexpr Argument event_follow_arguments[] = {
    {.name = "--after",
     .help = "Begin after this id; with what comes now when left out",
     .type = Type::number},
    {.name = "--topic", .help = "Only these: volumes, sessions, jobs ...", .type = Type::list},
};
constexpr Verb event_verbs[] = {
    {"list", "What happened", list_events, event_list_arguments},
    {"follow", "What happens, as it happens", follow_events, event_follow_arguments},
};

constexpr Column setting_columns[] = {
    {"NAME", "/name"},
    {"VALUE", "/value"},
    {"DEFAULT", "/status/default"},
    {"HELP", "/status/help", Shown::plain, false, true},
};
constexpr Argument setting_arguments[] = {
    {.name = "NAME", .help = "Which", .completes = ".", .required = true},
    {.name = "VALUE", .help = "A list has commas", .required = true},
};
constexpr Verb setting_verbs[] = {
    list_verb,
    show_verb,
    {"set", "Give it a value", set_setting, setting_arguments},
    {"unset", "Back to its default", unset_setting, name_argument},
};

constexpr Column generation_columns[] = {
    {"NUMBER", "/number", Shown::plain, true},
    {"TIME", "/time", Shown::time},
    {"AUTHOR", "/author"},
    {"COMMENT", "/comment"},
    {"HASH", "/hash", Shown::plain, false, true},
};
constexpr Argument generation_argument[] = {
    {.name = "NUMBER", .help = "Which generation", .completes = ".", .required = true},
};
constexpr Argument generation_diff_arguments[] = {
    {.name = "NUMBER", .help = "From which generation", .completes = ".", .required = true},
    {.name = "--to", .help = "To which; the present one when left out", .type = Type::number},
};
constexpr Verb generation_verbs[] = {
    {"list", "All states of the configuration that are kept", list_resources},
    {"show", "One of them", show_resource, generation_argument},
    {"diff", "What differs between two", diff_generations, generation_diff_arguments},
    {"rollback", "Make one the present again", roll_back, generation_argument},
};

constexpr Argument plan_argument[] = {{.name = "ID", .help = "As --dry-run told it", .required = true}};
constexpr Verb plan_verbs[] = {
    {"show", "A plan again", show_plan, plan_argument},
    {"apply", "Do what was planned, if nothing changed meanwhile", apply_plan, plan_argument},
};

constexpr Argument export_arguments[] = {
    {.name = "--format", .help = "toml, yaml or json", .completes = "toml|yaml|json"},
    {.name = "-f,--file", .help = "Where to; standard output when left out"},
};
constexpr Argument import_arguments[] = {
    {.name = "FILE", .help = "saveconfig.json, scst.conf and so on; - is standard input", .required = true},
    {.name = "--source",
     .help = "What it was written by",
     .completes = "targetcli|scst|nvmet|tgt",
     .required = true},
};
constexpr Argument diff_file_arguments[] = {
    {.name = "FILE", .help = "TOML, YAML or JSON by its ending; - is standard input", .required = true},
    {.name = "--prune", .help = "What is not in it is to go", .type = Type::lone},
};
constexpr Argument apply_file_arguments[] = {
    {.name = "FILE", .help = "TOML, YAML or JSON by its ending; - is standard input", .required = true},
    {.name = "--prune", .help = "Delete what is not in it", .type = Type::lone},
};
constexpr Verb config_verbs[] = {
    {"export", "All of the configuration as a file", export_configuration, export_arguments},
    {"import", "Take over what another target software served", import_configuration, import_arguments},
    {"diff", "What a file would change", diff_configuration, diff_file_arguments},
    {"apply", "Make it as a file says", apply_configuration, apply_file_arguments},
};

constexpr Argument url_argument = {.name = "URL",
                                   .help = "iscsi://ADDRESS[:3260] or nvme-tcp://ADDRESS[:4420]",
                                   .pointer = "/url",
                                   .required = true};
constexpr Argument urls_argument = {
    .name = "URL",
    .help = "iscsi://ADDRESS/IQN/LUN or nvme-tcp://ADDRESS/NQN/NAMESPACE, of each path",
    .type = Type::texts,
    .pointer = "/urls",
    .required = true};
constexpr Argument user_argument = {.name = "--chap-user", .help = "Our CHAP name", .pointer = "/user"};
constexpr Argument secret_argument = {.name = "--chap-secret",
                                      .help = "Our CHAP secret; - asks for it, @FILE reads it",
                                      .type = Type::secret,
                                      .pointer = "/secret"};
constexpr Argument mutual_user_argument = {
    .name = "--mutual-user", .help = "By which the target proves itself", .pointer = "/mutual_user"};
constexpr Argument mutual_secret_argument = {.name = "--mutual-secret",
                                             .help = "The target's; - asks for it, @FILE reads it",
                                             .type = Type::secret,
                                             .pointer = "/mutual_secret"};
constexpr Argument initiator_argument = {
    .name = "--initiator", .help = "Our iSCSI name", .pointer = "/initiator"};
constexpr Argument host_nqn_argument = {
    .name = "--host-nqn", .help = "Our NVMe name", .pointer = "/host_nqn"};
constexpr Argument discover_arguments[] = {url_argument,         user_argument,          secret_argument,
                                           mutual_user_argument, mutual_secret_argument, initiator_argument,
                                           host_nqn_argument};
constexpr Argument inspect_arguments[] = {urls_argument,        user_argument,          secret_argument,
                                          mutual_user_argument, mutual_secret_argument, initiator_argument,
                                          host_nqn_argument};
constexpr Argument bench_arguments[] = {
    {.name = "URL", .help = "The unit, and what ashlar-bench --help says", .type = Type::texts}};
constexpr Verb initiator_verbs[] = {
    {"discover", "The targets of another array's portal, as the engine sees it", discover_targets,
     discover_arguments},
    {"inspect", "A unit of another array, by all the paths that are given", inspect_unit, inspect_arguments},
    {bench_verb, "A load on a unit, from this machine: all words are those of ashlar-bench", explain_bench,
     bench_arguments},
};

constexpr Argument bundle_arguments[] = {
    {.name = "-f,--file", .help = "Where to; ashlar-support-JOB.tar.gz when left out"},
};
constexpr Verb support_verbs[] = {
    {"bundle", "What a helper needs to know, without secrets", support_bundle, bundle_arguments},
};

constexpr Noun nouns[] = {
    {.name = "job",
     .collection = "/jobs",
     .singular = "job",
     .group = "Operation",
     .help = "Work that takes a while",
     .columns = job_columns,
     .verbs = job_verbs,
     .key = "/id"},
    {.name = "event",
     .collection = "/events",
     .singular = "event",
     .group = "Operation",
     .help = "What happened",
     .columns = event_columns,
     .verbs = event_verbs,
     .key = "/id",
     .agent_filters = false},
    {.name = "setting",
     .collection = "/settings",
     .singular = "setting",
     .group = "Configuration",
     .help = "Settings of the array",
     .columns = setting_columns,
     .verbs = setting_verbs},
    {.name = "generation",
     .collection = "/generations",
     .singular = "generation",
     .group = "Configuration",
     .help = "What the configuration was before",
     .columns = generation_columns,
     .verbs = generation_verbs,
     .key = "/number"},
    {.name = "plan",
     .singular = "plan",
     .group = "Configuration",
     .help = "Changes that were tried with --dry-run",
     .verbs = plan_verbs,
     .key = "/id"},
    {.name = "config",
     .singular = "configuration",
     .group = "Configuration",
     .help = "The configuration as a file",
     .verbs = config_verbs},
    {.name = initiator_noun,
     .singular = "initiator",
     .group = "Operation",
     .help = "Other arrays, as this one sees them",
     .verbs = initiator_verbs},
    {.name = "support",
     .singular = "support",
     .group = "Operation",
     .help = "For those who help",
     .verbs = support_verbs},
};

}  // namespace

std::span<const Noun> operation_nouns() { return nouns; }

}  // namespace ashlar::cli
