// What leads a host to its volumes: maps, access groups, name servers, sessions.
#include "cli/access_commands.h"
#include "cli/nouns.h"

namespace ashlar::cli {
namespace {

constexpr Column map_columns[] = {
    {"NAME", "/name"},
    {"VOLUME", "/volume"},
    {"HOST", "/host"},
    {"GROUP", "/host_group"},
    {"TARGET", "/target"},
    {"LUN", "/lun", Shown::plain, true},
    {"READ-ONLY", "/read_only", Shown::yes_no},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument map_fields[] = {
    {.name = "VOLUME",
     .help = "What is shown",
     .pointer = "/volume",
     .completes = "volume",
     .required = true},
    {.name = "--host", .help = "To whom", .pointer = "/host", .completes = "host"},
    {.name = "--host-group", .help = "To all of them", .pointer = "/host_group", .completes = "host-group"},
    {.name = "--target",
     .help = "On which target; may be left out when there is one",
     .pointer = "/target",
     .completes = "target"},
    {.name = "--lun",
     .help = "0 to 16383; the lowest free one when left out",
     .type = Type::number,
     .pointer = "/lun"},
    {.name = "--read-only", .help = "Without writing", .type = Type::flag, .pointer = "/read_only"},
    {.name = "--name", .help = "VOLUME.HOST when left out", .pointer = "/name", .when = When::create},
    description_argument,
};
constexpr Verb map_verbs[] = {
    list_verb,
    show_verb,
    {.name = "create",
     .help = "Show a volume to a host",
     .run = create_map,
     .alias = "add",
     .takes = Takes::fields_of_create},
    set_verb,
    delete_verb,
};

constexpr Column access_group_columns[] = {
    {"NAME", "/name"},
    {"VOLUMES", "/volumes", Shown::list},
    {"IN FORCE", "/status/access", Shown::states},
    {"EXPLICIT", "/explicit", Shown::yes_no},
    {"STATE", "/status/state"},
    {"CONFIGURED", "/access", Shown::states, false, true},
    {"CHANGED BY", "/status/changed_by", Shown::plain, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument access_group_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--volume",
     .help = "Whose ways change together",
     .type = Type::list,
     .pointer = "/volumes",
     .completes = "volume"},
    {.name = "--access",
     .help = "For portals of group tag TAG: optimized, non_optimized, standby, unavailable, offline or "
             "transitioning; the rest is optimized",
     .type = Type::states,
     .pointer = "/access"},
    {.name = "--explicit", .help = "Hosts may change it, too", .type = Type::flag, .pointer = "/explicit"},
    description_argument,
};

constexpr Column session_columns[] = {
    {"ID", "/id"},
    {"HOST", "/host"},
    {"INITIATOR", "/initiator"},
    {"TARGET", "/target"},
    {"PEER", "/peer_address"},
    {"AGE", "/age_seconds", Shown::duration, true},
    {"COMMANDS", "/commands", Shown::plain, true},
    {"READ", "/read_bytes", Shown::size, true},
    {"WRITTEN", "/written_bytes", Shown::size, true},
    {"CONNECTIONS", "/connections", Shown::plain, true, true},
    {"LOCAL", "/local_address", Shown::plain, false, true},
    {"AUTHENTICATION", "/authentication", Shown::plain, false, true},
    {"IN FLIGHT", "/tasks_in_flight", Shown::plain, true, true},
    {"SHARD", "/shard", Shown::plain, true, true},
};
constexpr Argument session_list_arguments[] = {
    {.name = "--host", .help = "Only this one's", .completes = "host"},
};
constexpr Verb session_verbs[] = {
    {"list", "Who is logged in", list_sessions_of_hosts, session_list_arguments},
    {"show", "All about one", show_resource, id_argument},
    {"drop", "End one; its host may log in again", drop_session_of_host, id_argument},
};

constexpr Argument connect_arguments[] = {
    {.name = "VOLUME", .help = "Which volume", .completes = "volume", .required = true},
    {.name = "--host", .help = "On which host", .completes = "host", .required = true},
    {.name = "--format",
     .help = "linux, windows, esxi, proxmox, xen or k8s; as the host's OS when left out",
     .completes = "linux|windows|esxi|proxmox|xen|k8s"},
};
constexpr Verb connect_verbs[] = {
    {"show", "What to type on a host to have a volume there", show_connect, connect_arguments}};

constexpr Column isns_columns[] = {
    {"NAME", "/name"},
    {"ADDRESS", "/address"},
    {"PORT", "/port", Shown::plain, true},
    {"STATE", "/status/state"},
    {"SINCE", "/status/since", Shown::time},
    {"TARGETS", "/status/targets", Shown::plain, true},
    {"PORTALS", "/status/portals", Shown::plain, true},
    {"MESSAGE", "/status/message"},
    {"ENTITY", "/entity", Shown::plain, false, true},
    {"ESI PORT", "/esi_port", Shown::plain, true, true},
    {"REGISTRATIONS", "/status/registrations", Shown::plain, true, true},
    {"FAILURES", "/status/failures", Shown::plain, true, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument isns_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--address", .help = "IPv4 or IPv6", .pointer = "/address", .required = true},
    {.name = "--port", .help = "3205 when left out", .type = Type::number, .pointer = "/port"},
    {.name = "--entity", .help = "What the array is called there; drawn when left out", .pointer = "/entity"},
    {.name = "--esi-port",
     .help = "Where the server may ask whether the array lives; 0 for none",
     .type = Type::number,
     .pointer = "/esi_port"},
    {.name = "--enabled",
     .help = "Is told",
     .type = Type::flag,
     .pointer = "/enabled",
     .negative = "--disabled"},
    description_argument,
};

constexpr Noun nouns[] = {
    {.name = "map",
     .collection = "/maps",
     .singular = "map",
     .group = "Access",
     .help = "Which host sees which volume",
     .columns = map_columns,
     .fields = map_fields,
     .verbs = map_verbs},
    {.name = "group",
     .collection = "/groups",
     .singular = "group",
     .group = "Access",
     .help = "How well volumes are reached by which portals (ALUA)",
     .columns = access_group_columns,
     .fields = access_group_fields,
     .verbs = resource_verbs},
    {.name = "isns-server",
     .collection = "/isns-servers",
     .singular = "iSNS server",
     .group = "Access",
     .help = "Servers that tell hosts where the targets are",
     .columns = isns_columns,
     .fields = isns_fields,
     .verbs = resource_verbs},
    {.name = "session",
     .collection = "/sessions",
     .singular = "session",
     .group = "Access",
     .help = "Hosts that are logged in",
     .columns = session_columns,
     .verbs = session_verbs,
     .key = "/id"},
    {.name = "connect",
     .collection = "",
     .singular = "connection",
     .group = "Access",
     .help = "How a host comes to its volume",
     .verbs = connect_verbs},
};

}  // namespace

std::span<const Noun> access_nouns() { return nouns; }

}  // namespace ashlar::cli
