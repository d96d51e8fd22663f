// What the tests of generations share: small configurations that can be told apart.
#pragma once

#include <string>
#include <vector>

#include "state/crash_file_system_test.h"
#include "state/generations.h"

namespace ashlar::state {

inline Generation generation_of(const std::string& label, std::vector<Forework> before = {},
                                std::vector<Afterwork> after = {}) {
  Generation generation;
  generation.info = {.time = "2025-01-02T03:04:05Z", .author = "alice", .comment = label};
  api::Pool pool;
  pool.name = label;
  pool.kind = "memory";
  generation.configuration.pools.push_back(pool);
  generation.before = std::move(before);
  generation.after = std::move(after);
  return generation;
}
/// By its configuration; empty for none.
inline std::string label_of(const Generation& generation) {
  const auto& pools = generation.configuration.pools;
  return pools.empty() ? "" : pools.front().name;
}
inline Forework created(const std::string& backing) { return {"created_storage", "p", backing}; }
inline Afterwork deletion(const std::string& backing) { return {"delete_storage", "p", backing}; }

inline Result<void> change(GenerationStore& store, Generation generation) {
  TRY(store.prepare(std::move(generation)));
  return store.commit();
}

}  // namespace ashlar::state
