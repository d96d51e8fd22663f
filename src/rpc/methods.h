// The methods of the engine's socket: their names, and their parameters as types. docs/rpc.md tells them in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/document_fields.h"

namespace ashlar::rpc {

namespace method {
constexpr std::string_view apply = "apply";                  ///< ApplyParams -> ApplyReport
constexpr std::string_view amend = "amend";                  ///< AmendParams -> ApplyReport
constexpr std::string_view document = "document";            ///< DocumentParams -> Document
constexpr std::string_view status = "status";                ///< StatusParams -> EngineStatus
constexpr std::string_view stats = "stats";                  ///< {} -> Stats
constexpr std::string_view sessions = "sessions";            ///< {} -> {"sessions": [SessionStatus]}
constexpr std::string_view session_drop = "session.drop";    ///< SessionDropParams -> {}
constexpr std::string_view volume_resize = "volume.resize";  ///< VolumeResizeParams -> VolumeStatus
constexpr std::string_view pool_level = "pool.level";        ///< PoolLevelParams -> {}
constexpr std::string_view volume_clear_reservations = "volume.clear_reservations";  ///< VolumeParams -> {}
constexpr std::string_view volume_allow_removal = "volume.allow_removal";            ///< VolumeParams -> {}
constexpr std::string_view key_destroy = "key.destroy";                              ///< KeyParams -> {}
constexpr std::string_view volume_forget = "volume.forget";  ///< VolumeForgetParams -> {}
constexpr std::string_view events = "events";    ///< EventsParams -> EventPage, then notifications "event"
constexpr std::string_view version = "version";  ///< {} -> Version
constexpr std::string_view stop = "stop";        ///< StopParams -> {}, when all is answered
constexpr std::string_view event_notification = "event";  ///< params: Event
}  // namespace method

struct NoParams {};
struct ApplyParams {
  Document document;
  bool dry_run = false;
};
struct AmendParams {
  uint64_t base = 0;  ///< ApplyReport::revision that it was made for; another one in force: stale
  Document changed;   ///< see Amendment
  Removals gone;
  bool dry_run = false;
};
struct StatusParams {
  /// "volumes": no other list; "volumes/db1": that one alone. Empty: all.
  std::string only;
};
struct DocumentParams {
  bool secrets = false;  ///< show CHAP secrets instead of "(redacted)"
};
struct SessionDropParams {
  uint64_t id = 0;
  std::string reason;
};
struct VolumeResizeParams {
  std::string name;
  uint64_t size_bytes = 0;
  bool shrink = false;  ///< without it a smaller size is refused: what lies past it is lost
};
struct PoolVolume {
  std::string name;
  std::optional<uint64_t> used_bytes;  ///< of the pool, by this volume
};
/// How full a pool is, for the thin volumes that live in it (log page 0Ch, 38h/07h). The engine keeps it until it ends; a volume
/// that is not open is passed over.
struct PoolLevelParams {
  uint64_t size_bytes = 0;  ///< 0: not known
  uint64_t available_bytes = 0;
  uint64_t threshold_bytes = 0;  ///< hosts are told when no more is available; 0: never
  std::vector<PoolVolume> volumes;
};
struct VolumeParams {
  std::string name;
};
struct KeyParams {
  std::string id;  ///< VolumeDocument::key_id
};
struct VolumeForgetParams {
  std::string uuid;  ///< of its identity: a new volume may have its name
};
struct EventsParams {
  uint64_t since = 0;  ///< the last id that the caller has seen
  bool wait = false;   ///< keep telling: one notification an event, until the connection closes
};
struct StopParams {
  uint32_t grace_seconds = 10;  ///< longest wait for what is in flight
};

template <typename V, Is<NoParams> T>
void visit_fields(V& /*v*/, T& /*params*/) {}

template <typename V, Is<ApplyParams> T>
void visit_fields(V& v, T& params) {
  v.field("document", params.document, required);
  v.field("dry_run", params.dry_run);
}

template <typename V, Is<AmendParams> T>
void visit_fields(V& v, T& params) {
  v.field("base", params.base, required);
  v.field("changed", params.changed);
  v.field("gone", params.gone);
  v.field("dry_run", params.dry_run);
}

template <typename V, Is<StatusParams> T>
void visit_fields(V& v, T& params) {
  v.field("only", params.only);
}

template <typename V, Is<DocumentParams> T>
void visit_fields(V& v, T& params) {
  v.field("secrets", params.secrets);
}

template <typename V, Is<SessionDropParams> T>
void visit_fields(V& v, T& params) {
  v.field("id", params.id, required);
  v.field("reason", params.reason);
}

template <typename V, Is<VolumeResizeParams> T>
void visit_fields(V& v, T& params) {
  v.field("name", params.name, required);
  v.size("size", params.size_bytes, required);
  v.field("shrink", params.shrink);
}

template <typename V, Is<PoolVolume> T>
void visit_fields(V& v, T& volume) {
  v.field("name", volume.name, required);
  v.field("used_bytes", volume.used_bytes);
}

template <typename V, Is<PoolLevelParams> T>
void visit_fields(V& v, T& params) {
  v.field("size_bytes", params.size_bytes, required);
  v.field("available_bytes", params.available_bytes, required);
  v.field("threshold_bytes", params.threshold_bytes);
  v.field("volumes", params.volumes);
}

template <typename V, Is<VolumeForgetParams> T>
void visit_fields(V& v, T& params) {
  v.field("uuid", params.uuid, required);
}

template <typename V, Is<VolumeParams> T>
void visit_fields(V& v, T& params) {
  v.field("name", params.name, required);
}

template <typename V, Is<KeyParams> T>
void visit_fields(V& v, T& params) {
  v.field("id", params.id, required);
}

template <typename V, Is<EventsParams> T>
void visit_fields(V& v, T& params) {
  v.field("since", params.since);
  v.field("wait", params.wait);
}

template <typename V, Is<StopParams> T>
void visit_fields(V& v, T& params) {
  v.field("grace_seconds", params.grace_seconds);
}

}  // namespace ashlar::rpc
