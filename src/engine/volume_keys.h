// The keys of encrypted volumes, on disk: a record each. Nothing else that the engine writes, tells or logs has one in it.
#pragma once

#include <optional>
#include <string>

#include "base/identity.h"
#include "engine/turnstile.h"
#include "layers/data_key.h"

namespace ashlar::engine {

/// Shard 0 only. A key is found by its id, which is no secret: the UUID of the volume that was made with it, unless a document
/// says another (a clone of a snapshot has the key of its origin).
class VolumeKeys {
 public:
  /// In the state folder, to be there before the first record, and nobody else's.
  static constexpr const char* folder = "keys";
  explicit VolumeKeys(std::string state_folder) : state_folder_(std::move(state_folder)) {}

  /// None: there never was one, or it was destroyed. An error: it cannot be read, or what is there is not the key of that id.
  /// Waits for whoever renews one: a volume that is opened with the key before would be lost.
  loop::Task<Result<std::optional<layers::DataKey>>> find(Uuid id);
  /// Draws a key and writes it over both halves of the record: when it answers well, the key before is in neither. After an
  /// error either may be found.
  loop::Task<Result<layers::DataKey>> renew(Uuid id);
  /// Writes over both halves and removes the record. Well, too, when there is none.
  loop::Task<Result<void>> destroy(Uuid id);

 private:
  std::string path_of(const Uuid& id) const;
  static loop::Task<Result<void>> write_twice(std::string path, std::string text);

  std::string state_folder_;
  Turnstile turnstile_{4096};
};

/// The text of a record, always of one length, and back; an error names what is wrong with it. Pure.
std::string key_text(const Uuid& id, const layers::DataKey& key);
Result<layers::DataKey> parse_key(const std::string& text, const Uuid& id);

}  // namespace ashlar::engine
