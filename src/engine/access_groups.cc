#include "engine/access_groups.h"

#include <algorithm>
#include <set>

#include "base/name_index.h"

namespace ashlar::engine {
namespace {

using unit::AccessState;

// In the order of rpc::access_states.
constexpr AccessState states_by_word[] = {AccessState::active_optimized, AccessState::active_non_optimized,
                                          AccessState::standby,          AccessState::unavailable,
                                          AccessState::offline,          AccessState::transitioning};
static_assert(std::size(states_by_word) == std::size(rpc::access_states));

// The document was checked: the word is one of them.
AccessState state_of(const std::string& word) {
  const auto at = std::ranges::find(rpc::access_states, word);
  CHECK(at != std::end(rpc::access_states), "an access state '{}'", word);
  return states_by_word[at - std::begin(rpc::access_states)];
}

std::string word_of(AccessState state) {
  const auto at = std::ranges::find(states_by_word, state);
  return std::string(rpc::access_states[at - std::begin(states_by_word)]);
}

std::string word_of(unit::AccessChanger changer) {
  switch (changer) {
    case unit::AccessChanger::nobody: return "";
    case unit::AccessChanger::host: return "host";
    case unit::AccessChanger::array: return "document";
  }
  return "";
}

unit::AccessStates states_of(const rpc::GroupDocument& group) {
  unit::AccessStates states;
  states.group = group.name;
  states.explicit_changes = group.explicit_changes;
  for (const rpc::PortGroupDocument& access : group.access) {
    states.port_groups.push_back(
        {.tag = access.group_tag, .state = state_of(access.state), .preferred = access.preferred});
  }
  std::ranges::sort(states.port_groups, {}, &unit::PortGroupAccess::tag);
  return states;
}

bool in_a_group(const rpc::Document& document, const std::string& volume) {
  return std::ranges::any_of(document.groups, [&](const rpc::GroupDocument& group) {
    return std::ranges::find(group.volumes, volume) != group.volumes.end();
  });
}

}  // namespace

scsi::Domain::AccessGroup access_group(const Step& step, const Volumes& volumes) {
  const rpc::GroupDocument* before = NameIndex(step.before->groups).find(step.group);
  const rpc::GroupDocument* after = NameIndex(step.after->groups).find(step.group);
  scsi::Domain::AccessGroup group;
  group.states.group = step.group;
  if (after != nullptr) {
    group.states = states_of(*after);
    group.keep_states = before != nullptr && before->access == after->access &&
                        before->explicit_changes == after->explicit_changes;
    for (const std::string& volume : after->volumes) {
      const unit::OpenUnit* unit = volumes.find(volume);
      CHECK(unit != nullptr, "group {} of volume {}, which is not open", step.group, volume);
      group.units.emplace(volume, unit->on_shard[0]);
    }
  }
  if (before == nullptr) return group;
  const NameIndex kept(step.after->volumes);
  for (const std::string& volume : before->volumes) {
    if (kept.find(volume) != nullptr && !in_a_group(*step.after, volume)) group.leaving.push_back(volume);
  }
  return group;
}

std::string text_of(const unit::AccessStates& states) {
  std::string text;
  for (const unit::PortGroupAccess& each : states.port_groups) {
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", each.tag, word_of(each.state),
                        each.preferred ? " preferred" : "");
  }
  return text;
}

rpc::GroupStatus group_status(const rpc::GroupDocument& group, const rpc::Document& document,
                              const unit::AccessStates* in_force) {
  const unit::AccessStates wished = states_of(group);
  const unit::AccessStates& states = in_force != nullptr ? *in_force : wished;
  rpc::GroupStatus status;
  status.name = group.name;
  status.volumes = group.volumes;
  status.explicit_changes = group.explicit_changes;
  status.changed_by = states.changed_by;
  std::set<uint16_t> tags;
  for (const rpc::PortalDocument& portal : document.portals) tags.insert(portal.group_tag);
  for (const uint16_t tag : tags) {
    const unit::PortGroupAccess access = states.of(tag);
    status.access.push_back({tag, word_of(access.state), access.preferred, word_of(access.changer)});
  }
  return status;
}

}  // namespace ashlar::engine
