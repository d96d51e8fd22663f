// Hosts and their groups.
#include "cli/access_commands.h"
#include "cli/nouns.h"

namespace ashlar::cli {
namespace {

constexpr Column host_columns[] = {
    {"NAME", "/name"},
    {"OS", "/os"},
    {"INITIATORS", "/initiators", Shown::list},
    {"ANY", "/any", Shown::yes_no},
    {"STATE", "/status/state"},
    {"SESSIONS", "/status/sessions", Shown::plain, true},
    {"CHAP USER", "/chap/user", Shown::plain, false, true},
    {"AUTHENTICATION", "/status/authentication", Shown::plain, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument host_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--os",
     .help = "What runs on it: it gets no LUN and no volume that it cannot use",
     .pointer = "/os",
     .completes = "generic|linux|windows|esxi|proxmox|xen"},
    {.name = "--initiator", .help = "Its iSCSI names", .type = Type::list, .pointer = "/initiators"},
    {.name = "--any", .help = "Every initiator that no host names", .type = Type::flag, .pointer = "/any"},
    {.name = "--chap-user", .help = "What it logs in as", .pointer = "/chap/user"},
    {.name = "--chap-secret",
     .help = "12 to 255 bytes; - asks, @FILE reads, generate draws one and tells it",
     .type = Type::key,
     .pointer = "/chap/secret"},
    {.name = "--mutual-user", .help = "What the array proves itself as", .pointer = "/chap/mutual_user"},
    {.name = "--mutual-secret",
     .help = "12 to 255 bytes; - asks, @FILE reads, generate draws one and tells it",
     .type = Type::key,
     .pointer = "/chap/mutual_secret"},
    {.name = "--no-chap", .help = "Without CHAP", .type = Type::clear, .pointer = "/chap", .when = When::set},
    {.name = "--dhchap-key",
     .help = "Of DH-HMAC-CHAP, DHHC-1:...; - asks, @FILE reads, generate draws one and tells it",
     .type = Type::key,
     .pointer = "/dhchap/key"},
    {.name = "--dhchap-controller-key",
     .help = "With which the array proves itself to it; - asks, @FILE reads, generate draws one and tells it",
     .type = Type::key,
     .pointer = "/dhchap/controller_key"},
    {.name = "--dhchap-hash",
     .help = "Hashes that may be agreed on, in this order",
     .type = Type::list,
     .pointer = "/dhchap/hashes",
     .completes = "sha-256|sha-384|sha-512"},
    {.name = "--dhchap-group",
     .help = "Groups that may be agreed on, in this order; all but null when left out",
     .type = Type::list,
     .pointer = "/dhchap/groups",
     .completes = "null|ffdhe2048|ffdhe3072|ffdhe4096|ffdhe6144|ffdhe8192"},
    {.name = "--no-dhchap",
     .help = "Without DH-HMAC-CHAP",
     .type = Type::clear,
     .pointer = "/dhchap",
     .when = When::set},
    {.name = "--address",
     .help = "Where it may come from: addresses, or ranges such as 192.0.2.0/24",
     .type = Type::list,
     .pointer = "/addresses"},
    {.name = "--max-sessions",
     .help = "How many it may have; 0 is any number",
     .type = Type::number,
     .pointer = "/max_sessions"},
    {.name = "--asynchronous-events",
     .help = "Tell it by an iSCSI message, too, when its LUNs or a size change",
     .type = Type::flag,
     .pointer = "/asynchronous_events"},
    {.name = "--tls-key",
     .help =
         "NVMeTLSkey-1:..., with which it comes by TLS over NVMe/TCP; - asks, @FILE reads, generate draws one",
     .type = Type::key,
     .pointer = "/tls_key"},
    {.name = "--no-tls-key",
     .help = "Without TLS",
     .type = Type::clear,
     .pointer = "/tls_key",
     .when = When::set},
    {.name = "--tls-optional",
     .help = "With a key, it may come in the clear, too",
     .type = Type::flag,
     .pointer = "/tls_optional"},
    description_argument,
};
constexpr Verb host_verbs[] = {
    list_verb, show_verb,   create_verb,
    set_verb,  delete_verb, {"discover", "Initiators that were seen and belong to no host", discover_hosts},
};

constexpr Column group_columns[] = {{"NAME", "/name"},
                                    {"HOSTS", "/hosts", Shown::list},
                                    {"DESCRIPTION", "/comment", Shown::plain, false, true}};
constexpr Argument group_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--host",
     .help = "Who belongs to it",
     .type = Type::list,
     .pointer = "/hosts",
     .completes = "host"},
    description_argument,
};

constexpr Noun nouns[] = {
    {.name = "host",
     .collection = "/hosts",
     .singular = "host",
     .group = "Access",
     .help = "Hosts and their initiators",
     .columns = host_columns,
     .fields = host_fields,
     .verbs = host_verbs},
    {.name = "host-group",
     .collection = "/host-groups",
     .singular = "host group",
     .group = "Access",
     .help = "Groups of hosts, such as clusters",
     .columns = group_columns,
     .fields = group_fields,
     .verbs = resource_verbs},
};

}  // namespace

std::span<const Noun> host_nouns() { return nouns; }

}  // namespace ashlar::cli
