// Hosts, and how they come to volumes.
#include "cli/access_commands.h"
#include "cli/nouns.h"

namespace ashlar::cli {
namespace {

constexpr Verb resource_verbs[] = {list_verb, show_verb, create_verb, set_verb, delete_verb};

constexpr Column host_columns[] = {
    {"NAME", "/name"},
    {"OS", "/os"},
    {"INITIATORS", "/initiators", Shown::list},
    {"ANY", "/any", Shown::yes_no},
    {"STATE", "/status/state"},
    {"SESSIONS", "/status/sessions", Shown::plain, true},
    {"CHAP USER", "/chap/user", Shown::plain, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument host_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--os",
     .help = "What runs on it",
     .pointer = "/os",
     .completes = "generic|linux|windows|esxi|proxmox|xen"},
    {.name = "--initiator", .help = "Its iSCSI names", .type = Type::list, .pointer = "/initiators"},
    {.name = "--any", .help = "Every initiator that no host names", .type = Type::flag, .pointer = "/any"},
    {.name = "--chap-user", .help = "What it logs in as", .pointer = "/chap/user"},
    {.name = "--chap-secret",
     .help = "12 to 255 bytes; - asks, @FILE reads",
     .type = Type::secret,
     .pointer = "/chap/secret"},
    {.name = "--mutual-user", .help = "What the array proves itself as", .pointer = "/chap/mutual_user"},
    {.name = "--mutual-secret",
     .help = "12 to 255 bytes; - asks, @FILE reads",
     .type = Type::secret,
     .pointer = "/chap/mutual_secret"},
    {.name = "--no-chap", .help = "Without CHAP", .type = Type::clear, .pointer = "/chap", .when = When::set},
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

constexpr Column portal_columns[] = {
    {"NAME", "/name"},
    {"ADDRESS", "/address"},
    {"PORT", "/port", Shown::plain, true},
    {"PROTOCOL", "/protocol"},
    {"LISTENING", "/status/listening", Shown::yes_no},
    {"GROUP", "/group_tag", Shown::plain, true, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument portal_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--address",
     .help = "IPv4 or IPv6; 0.0.0.0 and :: are all",
     .pointer = "/address",
     .required = true},
    {.name = "--port", .help = "3260 when left out", .type = Type::number, .pointer = "/port"},
    {.name = "--protocol", .help = "iscsi", .pointer = "/protocol", .completes = "iscsi|iscsi"},
    {.name = "--group-tag", .help = "1 when left out", .type = Type::number, .pointer = "/group_tag"},
    {.name = "--discovery-user", .help = "What discovery logs in as", .pointer = "/discovery_chap/user"},
    {.name = "--discovery-secret",
     .help = "12 to 255 bytes; - asks, @FILE reads",
     .type = Type::secret,
     .pointer = "/discovery_chap/secret"},
    {.name = "--discovery-mutual-user",
     .help = "What the array proves itself as in discovery",
     .pointer = "/discovery_chap/mutual_user"},
    {.name = "--discovery-mutual-secret",
     .help = "12 to 255 bytes; - asks, @FILE reads",
     .type = Type::secret,
     .pointer = "/discovery_chap/mutual_secret"},
    {.name = "--no-discovery-chap",
     .help = "Discovery without a proof of its own",
     .type = Type::clear,
     .pointer = "/discovery_chap",
     .when = When::set},
    description_argument,
};

constexpr Column target_columns[] = {
    {"NAME", "/name"},
    {"PORTALS", "/portals", Shown::list},
    {"SESSIONS", "/status/sessions", Shown::plain, true},
    {"ALIAS", "/alias"},
    {"PROTOCOL", "/protocol", Shown::plain, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument target_fields[] = {
    {.name = "NAME", .help = "iqn., eui. or naa.", .pointer = "/name", .required = true},
    {.name = "--alias", .help = "For people", .pointer = "/alias"},
    {.name = "--portal",
     .help = "Where it is; all when left out",
     .type = Type::list,
     .pointer = "/portals",
     .completes = "portal"},
    {.name = "--redirect", .help = "ADDRESS:PORT where hosts are sent instead", .pointer = "/redirect"},
    {.name = "--redirect-permanent",
     .help = "They forget this address",
     .type = Type::flag,
     .pointer = "/redirect_permanent"},
    {.name = "--max-sessions",
     .help = "How many it takes; 0 is any number",
     .type = Type::number,
     .pointer = "/max_sessions"},
    {.name = "--protocol", .help = "iscsi", .pointer = "/protocol", .completes = "iscsi|iscsi"},
    description_argument,
};

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
     .help = "linux, windows, esxi, proxmox or k8s; as the host's OS when left out",
     .completes = "linux|windows|esxi|proxmox|k8s"},
};
constexpr Verb connect_verbs[] = {
    {"show", "What to type on a host to have a volume there", show_connect, connect_arguments}};

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
    {.name = "portal",
     .collection = "/portals",
     .singular = "portal",
     .group = "Access",
     .help = "Addresses that the array listens on",
     .columns = portal_columns,
     .fields = portal_fields,
     .verbs = resource_verbs},
    {.name = "target",
     .collection = "/targets",
     .singular = "target",
     .group = "Access",
     .help = "What hosts log in to",
     .columns = target_columns,
     .fields = target_fields,
     .verbs = resource_verbs},
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
