#include "cli/storage_commands.h"

#include "cli/body.h"
#include "cli/output.h"
#include "cli/resource_commands.h"
#include "cli/table.h"
#include "json/sizes.h"

namespace ashlar::cli {
namespace {

// The name that the recycle bin has for what was typed: its own, or that of the volume when only one of that name is in it.
Result<std::string> name_in_bin(Invocation& invocation, const std::string& typed) {
  TRY_ASSIGN(const Json items, fetch_all(invocation, path_of("/recycle-bin")));
  std::vector<std::string> fitting;
  for (const Json& item : items) {
    const Json& name = value_at(item, "/name");
    if (name == typed) return typed;
    if (name.is_string() && value_at(item, "/volume/name") == typed)
      fitting.push_back(name.get<std::string>());
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) {
    return fail(ErrorCode::not_found, typed,
                "is not in the recycle bin: `ashlar volume deleted` shows what is");
  }
  return invocation.usage(typed,
                          fmt::format("was deleted more than once; say which: {}", fmt::join(fitting, ", ")));
}

Result<void> clone(Invocation& invocation, const std::string& snapshot, const std::string& name) {
  Change change;
  change.method = "POST";
  change.path = path_of("/snapshots", {snapshot, "clone"});
  change.body = Json::object({{"name", name}});
  if (invocation.has("--description")) change.body["comment"] = invocation.text("--description");
  change.done = fmt::format("volume {} is a clone of {}", printable(name), printable(snapshot));
  change.result_path = path_of("/volumes", {name});
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Change snapshot_change(const std::string& volume, const std::string& name, const Json& more) {
  Change change;
  change.method = "POST";
  change.path = path_of("/snapshots");
  change.body = more;
  change.body["name"] = name;
  change.body["volume"] = volume;
  change.done = fmt::format("snapshot {} is created", printable(name));
  change.result_path = path_of("/snapshots", {name});
  change.pace = Pace::slow;
  return change;
}

}  // namespace

Result<void> resize_volume(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  TRY_ASSIGN(const Answer current, invocation.get(path_of("/volumes", {name})));
  const Json& size = value_at(current.body, "/size_bytes");
  TRY_ASSIGN(const uint64_t bytes, new_size(invocation, invocation.text("SIZE"),
                                            size.is_number_unsigned() ? size.get<uint64_t>() : 0));
  Change change;
  change.method = "POST";
  change.path = path_of("/volumes", {name, "resize"});
  change.body = Json::object({{"size_bytes", bytes}, {"shrink", invocation.has("--shrink")}});
  change.etag = current.etag;
  change.done = fmt::format("volume {} has {}", printable(name), json::print_size(bytes));
  change.result_path = path_of("/volumes", {name});
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Result<void> clear_reservations(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  if (!invocation.options.dry_run) {
    TRY(invocation.confirm(
        fmt::format("End every reservation on volume {}? A host that relies on one may then "
                    "write beside another",
                    printable(name))));
  }
  TRY(invocation.act("POST", path_of("/volumes", {name, "clear-reservations"})));
  invocation.talk(fmt::format("volume {} is not reserved any more\n", printable(name)));
  return {};
}

Result<void> insert_medium(Invocation& invocation) {
  const std::string name = invocation.text("NAME"), medium = invocation.text("MEDIUM");
  Change change;
  change.method = "POST";
  change.path = path_of("/volumes", {name, "insert"});
  change.body = Json::object({{"medium", medium}});
  change.done = fmt::format("{} is in drive {}", printable(medium), printable(name));
  return change_and_show(invocation, change);
}

Result<void> eject_medium(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  Change change;
  change.method = "POST";
  change.path = path_of("/volumes", {name, "eject"});
  change.done = fmt::format("drive {} is empty", printable(name));
  return change_and_show(invocation, change);
}

Result<void> clone_volume(Invocation& invocation) {
  const std::string source = invocation.text("SOURCE"), name = invocation.text("NEW");
  if (source.contains('@')) return clone(invocation, source, name);
  // A volume moves while it is copied: it is frozen first, and what was frozen stays, since the clone may live off it.
  const std::string snapshot = fmt::format("{}@for-{}", source, name);
  TRY_ASSIGN(const std::optional<Answer> frozen,
             make_change(invocation, snapshot_change(source, snapshot, Json::object())));
  if (frozen) return clone(invocation, snapshot, name);
  invocation.talk(fmt::format("then: ashlar snapshot clone {} {}\n", printable(snapshot), printable(name)));
  return {};
}

Result<void> list_deleted(Invocation& invocation) {
  const Noun& bin = *find_noun("deleted");
  TRY_ASSIGN(const Json items, fetch_items(invocation, bin));
  show_items(invocation, bin.columns, items);
  return {};
}

Result<void> recover_volume(Invocation& invocation) {
  TRY_ASSIGN(const std::string name, name_in_bin(invocation, invocation.text("NAME")));
  Change change;
  change.method = "POST";
  change.path = path_of("/recycle-bin", {name, "recover"});
  change.body = Json::object();
  if (invocation.has("--name")) change.body["name"] = invocation.text("--name");
  change.done = fmt::format("{} is recovered", printable(name));
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Result<void> purge_volume(Invocation& invocation) {
  const std::string typed = invocation.text("NAME");
  Change change;
  change.question = fmt::format("Destroy {} for ever?", printable(typed));
  if (!invocation.options.dry_run) TRY(invocation.confirm(change.question));
  change.question.clear();
  TRY_ASSIGN(const std::string name, name_in_bin(invocation, typed));
  change.method = "DELETE";
  change.path = path_of("/recycle-bin", {name});
  change.done = fmt::format("{} is gone for ever", printable(name));
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Result<void> create_snapshot(Invocation& invocation) {
  std::string volume = invocation.text("VOLUME");
  TRY_ASSIGN(const Json body, create_body(invocation));
  return change_and_show(
      invocation, snapshot_change(volume, fmt::format("{}@{}", volume, invocation.text("--name")), body));
}

Result<void> restore_snapshot(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  Change change;
  change.method = "POST";
  change.path = path_of("/snapshots", {name, "restore"});
  change.question = fmt::format("Put {} back to {}? What was written since is lost.",
                                printable(name.substr(0, name.find('@'))), printable(name));
  change.done = fmt::format("{} is restored", printable(name));
  change.pace = Pace::slow;
  return change_and_show(invocation, change);
}

Result<void> clone_snapshot(Invocation& invocation) {
  return clone(invocation, invocation.text("NAME"), invocation.text("NEW"));
}

}  // namespace ashlar::cli
