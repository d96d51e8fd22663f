#include "stores/stores.h"

namespace ashlar::stores {

void add_all(block::Registry& registry) {
  registry.add_store("null", {}, open_null);
  registry.add_store("memory", {}, open_memory);
}

}  // namespace ashlar::stores
