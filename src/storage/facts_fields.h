// The fields of the facts (storage/privileged.h) as JSON: between the helper and its client, and in the API.
#pragma once

#include "json/fields.h"
#include "storage/privileged.h"

namespace ashlar::storage {

template <typename V, json::Is<FolderFacts> T>
void visit_fields(V& v, T& facts) {
  v.field("file_system", facts.file_system);
  v.field("reflink", facts.reflink);
  v.field("punch_hole", facts.punch_hole);
  v.field("read_only", facts.read_only);
  v.field("mount_root", facts.mount_root);
  v.field("size_bytes", facts.size_bytes);
  v.field("available_bytes", facts.available_bytes);
}

template <typename V, json::Is<FileFacts> T>
void visit_fields(V& v, T& facts) {
  v.field("name", facts.name);
  v.field("size_bytes", facts.size_bytes);
  v.field("allocated_bytes", facts.allocated_bytes);
}

template <typename V, json::Is<DeviceFacts> T>
void visit_fields(V& v, T& facts) {
  v.field("path", facts.path);
  v.field("stable_id", facts.stable_id);
  v.field("size_bytes", facts.size_bytes);
  v.field("block_bytes", facts.block_bytes);
  v.field("model", facts.model);
  v.field("serial", facts.serial);
  v.field("rotational", facts.rotational);
  v.field("holds", facts.holds);
}

}  // namespace ashlar::storage
