#include "agent/merging.h"

#include <algorithm>

#include "agent/recycling.h"
#include "api/lists.h"
#include "api/settings.h"
#include "base/check.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using api::Json;

// Unique within one change: one volume of a name goes at a time.
std::string mark_for(const std::string& name, int64_t now) {
  uint32_t mark = static_cast<uint32_t>(now);
  for (const char c : name) mark = mark * 31 + static_cast<uint8_t>(c);
  return fmt::format("{:08x}", mark);
}

template <typename List>
void take(List& list, const List& from, bool prune) {
  for (const auto& each : from) {
    if (auto* there = api::find_named(list, each.name)) {
      *there = each;
    } else {
      list.push_back(each);
    }
  }
  if (prune)
    std::erase_if(list, [&](const auto& each) { return api::find_named(from, each.name) == nullptr; });
}

Result<void> recycle_others(Configuration& next, const std::vector<api::Volume>& kept, int64_t now) {
  const std::vector<api::Volume> before = next.volumes;
  for (const api::Volume& each : before) {
    if (api::find_named(kept, each.name) != nullptr) continue;
    TRY(recycle(next, each.name, now, api::setting_number(next, "recycle_bin.hours"),
                mark_for(each.name, now)));
  }
  return {};
}

}  // namespace

Result<void> merge_wish(Configuration& next, const Json& wish, bool prune, int64_t now) {
  TRY_ASSIGN(const Configuration wanted, api::read_configuration(wish));
  for (const api::Kind& kind : api::kinds) {
    const auto found = wish.find(std::string(kind.member));
    if (found != wish.end() && !kind.portable && !found->empty())
      return fail(ErrorCode::invalid_argument, std::string(kind.member),
                  "{}s are not part of exports and imports: change them one by one", kind.singular);
  }
  if (prune && wish.contains("volumes")) TRY(recycle_others(next, wanted.volumes, now));
  api::for_each_list(next, [&](std::string_view member, auto& list) {
    if (!api::find_kind(member)->portable || !wish.contains(std::string(member))) return;
    api::for_each_list(wanted, [&](std::string_view other, const auto& from) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(from)>,
                                   std::remove_cvref_t<decltype(list)>>) {
        if (member == other) take(list, from, prune);
      }
    });
  });
  return {};
}

Result<void> roll_back(Configuration& next, const Configuration& old, uint64_t number, int64_t now) {
  Configuration wish = old;
  TRY(recycle_others(next, wish.volumes, now));
  for (api::Volume& each : wish.volumes) {
    const api::Volume* today = api::find_named(next.volumes, each.name);
    if (today != nullptr) {
      // Restored from a snapshot, or grown, since then: the wish is about settings, not about data.
      each.backing = today->backing;
      each.origin = today->origin;
      each.size_bytes = std::max(each.size_bytes, today->size_bytes);
      each.created_at = today->created_at;
      continue;
    }
    const auto in_bin = std::ranges::find_if(next.recycle_bin, [&each](const api::DeletedVolume& deleted) {
      if (api::is_cdrom(each)) return deleted.volume.name == each.name && api::is_cdrom(deleted.volume);
      return deleted.volume.pool == each.pool && deleted.volume.backing == each.backing;
    });
    if (in_bin == next.recycle_bin.end()) {
      if (api::is_cdrom(each)) continue;  // it had no data of its own
      return fail(ErrorCode::unsupported, "volumes/" + each.name,
                  "its data was deleted after generation {}, and a rollback cannot bring that back", number);
    }
    const std::string entry = in_bin->name;
    TRY(recover(next, entry, ""));
  }
  wish.snapshots = next.snapshots;
  wish.users = next.users;
  wish.tokens = next.tokens;
  wish.recycle_bin = next.recycle_bin;
  next = std::move(wish);
  return {};
}

}  // namespace ashlar::agent
