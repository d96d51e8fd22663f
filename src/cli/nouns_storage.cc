// Pools, disks, volumes, snapshots.
#include "cli/nouns.h"
#include "cli/storage_commands.h"

namespace ashlar::cli {
namespace {

constexpr Column pool_columns[] = {
    {"NAME", "/name"},
    {"KIND", "/kind"},
    {"STATE", "/status/state"},
    {"SIZE", "/status/size_bytes", Shown::size, true},
    {"USED", "/status/used_bytes", Shown::size, true},
    {"FREE", "/status/available_bytes", Shown::size, true},
    {"PATH", "/path", Shown::plain, false, true},
    {"DEVICES", "/devices", Shown::list, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument pool_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--kind",
     .help = "dir, device, memory or null",
     .pointer = "/kind",
     .completes = "dir|device|memory|null",
     .required = true,
     .when = When::create},
    {.name = "--path", .help = "dir: the folder, which must exist", .pointer = "/path"},
    {.name = "--device", .help = "device: stable ids of disks", .type = Type::list, .pointer = "/devices"},
    {.name = "--warn-percent",
     .help = "How full it may be before a warning",
     .type = Type::number,
     .pointer = "/warn_percent"},
    {.name = "--critical-percent",
     .help = "How full it may be before an alarm",
     .type = Type::number,
     .pointer = "/critical_percent"},
    description_argument,
};
constexpr Verb resource_verbs[] = {list_verb, show_verb, create_verb, set_verb, delete_verb};

constexpr Column disk_columns[] = {
    {"PATH", "/path"},
    {"SIZE", "/size_bytes", Shown::size, true},
    {"MODEL", "/model"},
    {"SERIAL", "/serial"},
    {"HOLDS", "/holds"},
    {"ID", "/stable_id", Shown::plain, false, true},
    {"BLOCK", "/block_bytes", Shown::plain, true, true},
    {"ROTATES", "/rotational", Shown::yes_no, false, true},
};
constexpr Verb list_only[] = {list_verb};

constexpr Column volume_columns[] = {
    {"NAME", "/name"},
    {"STATE", "/status/state"},
    {"SIZE", "/size_bytes", Shown::size, true},
    {"USED", "/status/allocated_bytes", Shown::size, true},
    {"POOL", "/pool"},
    {"THIN", "/thin", Shown::yes_no},
    {"SESSIONS", "/status/sessions", Shown::plain, true},
    {"SERIAL", "/identity/serial"},
    {"BLOCK", "/block_bytes", Shown::plain, true, true},
    {"NAA", "/identity/naa", Shown::plain, false, true},
    {"READ-ONLY", "/read_only", Shown::yes_no, false, true},
    {"CACHE", "/write_cache", Shown::yes_no, false, true},
    {"PROFILE", "/profile", Shown::plain, false, true},
    {"ORIGIN", "/origin", Shown::plain, false, true},
    {"CREATED", "/created_at", Shown::time, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument volume_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--pool",
     .help = "Where it lives",
     .pointer = "/pool",
     .completes = "pool",
     .required = true,
     .when = When::create},
    {.name = "--size",
     .help = "20GiB; change it with resize",
     .type = Type::size,
     .pointer = "/size_bytes",
     .when = When::create},
    {.name = "--device", .help = "Which of the pool's devices", .pointer = "/device", .when = When::create},
    {.name = "--block-size",
     .help = "512 or 4096",
     .type = Type::size,
     .pointer = "/block_bytes",
     .completes = "512|4096",
     .when = When::create},
    {.name = "--physical-block-size",
     .help = "What hosts are told to align to",
     .type = Type::size,
     .pointer = "/physical_block_bytes",
     .when = When::create},
    {.name = "--thin",
     .help = "Space as it is written, or (--thick) all of it now",
     .type = Type::flag,
     .pointer = "/thin",
     .when = When::create,
     .negative = "--thick"},
    {.name = "--read-only", .help = "Hosts cannot write", .type = Type::flag, .pointer = "/read_only"},
    {.name = "--write-cache",
     .help = "Acknowledge before it is on stable storage; hosts flush",
     .type = Type::flag,
     .pointer = "/write_cache"},
    {.name = "--removable",
     .help = "Tell hosts that it is a removable medium",
     .type = Type::flag,
     .pointer = "/removable"},
    {.name = "--profile",
     .help = "Which type of host must be able to use it",
     .pointer = "/profile",
     .completes = "generic|linux|windows|esxi|xen"},
    {.name = "--naa",
     .help = "16 or 32 hex digits; drawn when left out",
     .pointer = "/identity/naa",
     .when = When::create},
    {.name = "--eui64",
     .help = "16 hex digits; drawn when left out",
     .pointer = "/identity/eui64",
     .when = When::create},
    {.name = "--uuid", .help = "Drawn when left out", .pointer = "/identity/uuid", .when = When::create},
    {.name = "--serial", .help = "Drawn when left out", .pointer = "/identity/serial", .when = When::create},
    {.name = "--vendor", .help = "As hosts see it", .pointer = "/identity/vendor", .when = When::create},
    {.name = "--product", .help = "As hosts see it", .pointer = "/identity/product", .when = When::create},
    {.name = "--revision", .help = "As hosts see it", .pointer = "/identity/revision", .when = When::create},
    {.name = "--layer",
     .help = "KIND[:NAME=VALUE,...], from the storage upwards",
     .type = Type::layers,
     .pointer = "/layers"},
    description_argument,
};
constexpr Argument resize_arguments[] = {
    {.name = "NAME", .help = "The volume", .completes = ".", .required = true},
    {.name = "SIZE", .help = "The new size, 20GiB, or what is added, +10GiB", .required = true},
    {.name = "--shrink",
     .help = "Allow a smaller size: what lies past the new end is lost",
     .type = Type::lone},
};
constexpr Argument volume_clone_arguments[] = {
    {.name = "SOURCE",
     .help = "A volume, or a snapshot: VOLUME@SNAPSHOT",
     .completes = "volume",
     .required = true},
    {.name = "NEW", .help = "The name of the new volume", .required = true},
    description_argument,
};
constexpr Argument recover_arguments[] = {
    {.name = "NAME",
     .help = "The volume, or its name in the recycle bin",
     .completes = "deleted",
     .required = true},
    {.name = "--name", .help = "Under another name"},
};
constexpr Argument purge_arguments[] = {
    {.name = "NAME",
     .help = "The volume, or its name in the recycle bin",
     .completes = "deleted",
     .required = true},
};
constexpr Verb volume_verbs[] = {
    list_verb,
    show_verb,
    create_verb,
    set_verb,
    {"resize", "Change its size while hosts use it", resize_volume, resize_arguments},
    {"clone", "A new volume with the same content", clone_volume, volume_clone_arguments},
    {"clear-reservations", "Shut hosts out no longer that others shut out", clear_reservations,
     name_argument},
    {.name = "delete", .help = "Into the recycle bin", .run = delete_resource, .arguments = name_argument},
    {"deleted", "What is in the recycle bin", list_deleted},
    {"recover", "Have a deleted one back", recover_volume, recover_arguments},
    {"purge", "Empty it out of the recycle bin: for ever", purge_volume, purge_arguments},
};

constexpr Column deleted_columns[] = {
    {"NAME", "/name"},
    {"VOLUME", "/volume/name"},
    {"SIZE", "/volume/size_bytes", Shown::size, true},
    {"POOL", "/volume/pool"},
    {"DELETED", "/deleted_at", Shown::time},
    {"GOES AT", "/purge_at", Shown::time},
};

constexpr Verb deleted_verbs[] = {
    list_verb,
    show_verb,
    {"recover", "Have it back", recover_volume, recover_arguments},
    {"purge", "Away for ever", purge_volume, purge_arguments},
};

constexpr Column snapshot_columns[] = {
    {"NAME", "/name"},
    {"VOLUME", "/volume"},
    {"SIZE", "/size_bytes", Shown::size, true},
    {"CREATED", "/created_at", Shown::time},
    {"DESCRIPTION", "/comment"},
};
constexpr Argument snapshot_fields[] = {
    {.name = "VOLUME",
     .help = "Of which volume",
     .pointer = "/volume",
     .completes = "volume",
     .required = true},
    {.name = "--name", .help = "What stands behind the @", .required = true, .when = When::create},
    description_argument,
};
constexpr Argument snapshot_clone_arguments[] = {
    {.name = "NAME", .help = "The snapshot", .completes = ".", .required = true},
    {.name = "NEW", .help = "The name of the new volume", .required = true},
    description_argument,
};
constexpr Verb snapshot_verbs[] = {
    list_verb,
    show_verb,
    {.name = "create",
     .help = "Freeze a volume",
     .run = create_snapshot,
     .alias = "add",
     .takes = Takes::fields_of_create},
    set_verb,
    {"restore", "Put its volume back to it: what was written since is lost", restore_snapshot, name_argument},
    {"clone", "A new volume with its content", clone_snapshot, snapshot_clone_arguments},
    delete_verb,
};

constexpr Noun nouns[] = {
    {.name = "pool",
     .collection = "/pools",
     .singular = "pool",
     .group = "Storage",
     .help = "Pools: where volumes live",
     .columns = pool_columns,
     .fields = pool_fields,
     .verbs = resource_verbs},
    {.name = "disk",
     .collection = "/disks",
     .singular = "disk",
     .group = "Storage",
     .help = "Disks of this machine",
     .columns = disk_columns,
     .verbs = list_only,
     .key = "/path"},
    {.name = "volume",
     .collection = "/volumes",
     .singular = "volume",
     .group = "Storage",
     .help = "Volumes",
     .columns = volume_columns,
     .fields = volume_fields,
     .verbs = volume_verbs,
     .slow = true},
    {.name = "deleted",
     .collection = "/recycle-bin",
     .singular = "deleted volume",
     .group = "Storage",
     .help = "The recycle bin: see also volume deleted, recover and purge",
     .columns = deleted_columns,
     .verbs = deleted_verbs,
     .slow = true},
    {.name = "snapshot",
     .collection = "/snapshots",
     .singular = "snapshot",
     .group = "Storage",
     .help = "Snapshots: VOLUME@NAME",
     .columns = snapshot_columns,
     .fields = snapshot_fields,
     .verbs = snapshot_verbs,
     .slow = true},
};

}  // namespace

std::span<const Noun> storage_nouns() { return nouns; }

}  // namespace ashlar::cli
