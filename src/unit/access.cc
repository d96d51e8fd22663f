#include "unit/access.h"

#include <algorithm>

namespace ashlar::unit {
namespace {

PortGroupAccess& entry(AccessStates& states, uint16_t tag) {
  auto& list = states.port_groups;
  const auto at = std::ranges::lower_bound(list, tag, {}, &PortGroupAccess::tag);
  if (at != list.end() && at->tag == tag) return *at;
  return *list.insert(at, {.tag = tag});
}

// SPC-4 6.45: not a transition, which only happens, and not offline, which is a state of a port and not of a group.
bool may_ask_for(AccessState state) { return state <= AccessState::unavailable; }

// The array made it so because the units cannot be reached that way: a host's word does not change that.
bool is_kept_out(const PortGroupAccess& group) {
  return !may_ask_for(group.state) ||
         (group.state == AccessState::unavailable && group.changer != AccessChanger::host);
}

bool any_active(const AccessStates& states, const std::vector<uint16_t>& tags) {
  return std::ranges::any_of(tags, [&](uint16_t tag) { return is_active(states.of(tag).state); });
}

AccessStatus check(const AccessStates& now, const HostAccessChange& change, size_t index) {
  const auto& [tag, state] = change.wishes[index];
  const auto same_tag = [tag](const auto& wish) { return wish.first == tag; };
  const auto before = change.wishes.begin() + static_cast<std::ptrdiff_t>(index);
  if (std::ranges::find(change.known_tags, tag) == change.known_tags.end() ||
      std::any_of(change.wishes.begin(), before, same_tag))
    return AccessStatus::unknown_group;
  if (!may_ask_for(state)) return AccessStatus::invalid_state;
  return is_kept_out(now.of(tag)) ? AccessStatus::failed : AccessStatus::good;
}

}  // namespace

bool is_access_state(uint8_t number) {
  return number <= static_cast<uint8_t>(AccessState::unavailable) ||
         number == static_cast<uint8_t>(AccessState::offline) ||
         number == static_cast<uint8_t>(AccessState::transitioning);
}

PortGroupAccess AccessStates::of(uint16_t tag) const {
  const auto at = std::ranges::lower_bound(port_groups, tag, {}, &PortGroupAccess::tag);
  return at != port_groups.end() && at->tag == tag ? *at : PortGroupAccess{.tag = tag};
}

// SPC-4 5.15.2.4.2 to 5.15.2.4.8.
bool allows(AccessState state, AccessNeed need) {
  switch (state) {
    case AccessState::active_optimized:
    case AccessState::active_non_optimized: return true;
    case AccessState::standby: return need != AccessNeed::medium;
    case AccessState::unavailable: return need == AccessNeed::steering || need == AccessNeed::nothing;
    case AccessState::offline:
    case AccessState::transitioning: return need == AccessNeed::nothing;
  }
  return false;
}

namespace {

bool in_transition(const AccessStates& states) {
  return std::ranges::any_of(states.port_groups, [](const PortGroupAccess& group) {
    return group.state == AccessState::transitioning;
  });
}

}  // namespace

AccessOutcome apply(const AccessStates& now, const HostAccessChange& change) {
  AccessOutcome outcome{.after = now};
  const auto refused = [&](AccessStatus status, size_t wrong) {
    outcome.status = status;
    outcome.wrong = wrong;
    outcome.after = now;
    return outcome;
  };
  if (now.group.empty() || !now.explicit_changes) return refused(AccessStatus::not_allowed, 0);
  for (size_t i = 0; i < change.wishes.size(); ++i) {
    if (const AccessStatus status = check(now, change, i); status != AccessStatus::good)
      return refused(status, i);
  }
  for (const auto& [tag, state] : change.wishes) {
    if (now.of(tag).state == state) continue;
    PortGroupAccess& group = entry(outcome.after, tag);
    group.state = state;
    group.changer = AccessChanger::host;
    outcome.after.changed_by = change.initiator_port;
  }
  // Nobody could reach the units any more, and no host could help another.
  if (!change.wishes.empty() && !any_active(outcome.after, change.known_tags))
    return refused(AccessStatus::invalid_combination, change.wishes.size() - 1);
  return outcome;
}

AccessStates apply(const AccessStates& now, const AccessStates& wish) {
  AccessStates after = wish;
  after.changed_by.clear();
  // What stood otherwise and is not listed any more was changed as well.
  for (const PortGroupAccess& group : now.port_groups) entry(after, group.tag);
  std::ranges::sort(after.port_groups, {}, &PortGroupAccess::tag);
  for (PortGroupAccess& group : after.port_groups) {
    const PortGroupAccess before = now.of(group.tag);
    group.changer = before.state == group.state ? before.changer : AccessChanger::array;
  }
  std::erase_if(after.port_groups,
                [](const PortGroupAccess& group) { return group == PortGroupAccess{.tag = group.tag}; });
  after.before_transition.reset();
  if (in_transition(after))
    after.before_transition = now.before_transition ? now.before_transition : now.port_groups;
  return after;
}

AccessNews news(const AccessStates& before, const AccessStates& after) {
  AccessNews told;
  told.identity = before.explicit_changes != after.explicit_changes;
  const auto compare = [&](const PortGroupAccess& each) {
    const PortGroupAccess was = before.of(each.tag);
    const PortGroupAccess is = after.of(each.tag);
    if (is.state == AccessState::transitioning) return;
    told.states = told.states || was.state != is.state || was.preferred != is.preferred;
  };
  std::ranges::for_each(before.port_groups, compare);
  std::ranges::for_each(after.port_groups, compare);
  if (told.states && before.before_transition && !in_transition(after)) {
    const AccessStates began{.port_groups = *before.before_transition};
    const auto same = [](const AccessStates& a, const AccessStates& b) {
      return std::ranges::all_of(a.port_groups, [&b](const PortGroupAccess& group) {
        return b.of(group.tag).state == group.state && b.of(group.tag).preferred == group.preferred;
      });
    };
    told.failed = same(began, after) && same(after, began);
  }
  return told;
}

}  // namespace ashlar::unit
