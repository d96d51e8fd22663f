// Desired minus running = an ordered list of steps, each with its inverse. Pure: no device, no socket, no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/identity.h"
#include "base/result.h"
#include "rpc/document.h"
#include "rpc/status.h"

namespace ashlar::engine {

enum class StepKind : uint8_t {
  open_volume,    ///< its store, its layers, its unit; no host sees it yet
  close_volume,   ///< no host sees it any more; what it holds stays in the store
  resize_volume,  ///< online
  set_write_cache,
  set_key_shared,   ///< whether hosts may erase the key of an encrypted volume
  change_medium,    ///< of a CD-ROM drive; hosts are told, no session ends
  set_credentials,  ///< of a unit of another array, from the next login there on
  add_portal,       ///< listen
  remove_portal,    ///< listen no more; sessions go on, unless publish ends them
  set_group,        ///< how the volumes of an access group are reached; hosts are told, no session ends
  publish,          ///< `after` becomes what hosts see, at once
};

struct Step {
  StepKind kind = StepKind::publish;
  std::string place;  ///< in the desired document, for errors: "volumes[2]"; empty when it is not from there
  rpc::VolumeDocument volume;  ///< open_volume, close_volume: all of it; all others: as it is before
  uint64_t size_bytes = 0;     ///< resize_volume: the new size
  bool write_cache = false;    ///< set_write_cache: the new setting
  bool key_shared = false;     ///< set_key_shared: from now on
  std::string medium;          ///< change_medium: the new path; empty: none
  rpc::StoreDocument store;    ///< set_credentials: with the new ones
  rpc::PortalDocument portal;  ///< add_portal, remove_portal
  std::string group;           ///< set_group: its name
  std::shared_ptr<const rpc::Document> before, after;  ///< publish, set_group: never null
};

/// The step that takes `step` back.
Step inverse(const Step& step);
/// For the plan that people read.
rpc::StepReport describe(const Step& step);

struct Plan {
  std::vector<Step> steps;  ///< in the order in which they are to be run; empty: nothing differs
};

/// Steps from `running` to `desired`. Both are checked documents with complete identities. Refuses (already_exists, with the
/// place in `desired`) what cannot be changed on a volume that exists, and says how to get it.
Result<Plan> make_plan(std::shared_ptr<const rpc::Document> running,
                       std::shared_ptr<const rpc::Document> desired);
Result<Plan> make_plan(const rpc::Document& running, const rpc::Document& desired);

/// An identity that the engine drew, and for what.
struct KeptIdentity {
  std::string volume;
  rpc::StoreDocument store;
  rpc::IdentityDocument identity;
  bool operator==(const KeptIdentity&) const = default;
};

/// Identities that the engine drew: kept, so that the same volume on the same store has the same identity when a later
/// document leaves it out, also after it was away. Bounded: the oldest are forgotten.
class DrawnIdentities {
 public:
  static constexpr size_t capacity = 4096;
  void remember(KeptIdentity kept);
  /// Null when none was drawn for a volume of that name on that store.
  const rpc::IdentityDocument* find(const rpc::VolumeDocument& volume) const;
  /// Oldest first.
  const std::vector<KeptIdentity>& all() const { return kept_; }

 private:
  std::vector<KeptIdentity> kept_;
};

/// Makes the identities of `desired` complete and canonical: from the volume of that name in `running`, from `kept`, or from
/// `draw`.
struct Completed {
  std::vector<rpc::DrawnIdentity> drawn;
  bool changed = false;  ///< an identity is not as it was
};
Completed complete_identities(rpc::Document& desired, const rpc::Document& running,
                              const DrawnIdentities& kept, const std::function<Uuid()>& draw);

}  // namespace ashlar::engine
