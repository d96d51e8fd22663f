// The agent's line to the engine: its socket's methods, as calls. The engine may be away at any time; it says so.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "rpc/document.h"
#include "rpc/events.h"
#include "rpc/initiator_methods.h"
#include "rpc/methods.h"
#include "rpc/status.h"

namespace ashlar::agent {

/// Any thread. Errors of a line that is down are `closed`: the engine is away, or answers nothing within its time.
class EngineLink {
 public:
  virtual ~EngineLink() = default;
  virtual Result<rpc::ApplyReport> apply(const rpc::Document& document, bool dry_run) = 0;
  virtual Result<rpc::EngineStatus> status() = 0;
  /// The same with only "volumes", or only "volumes/db1", in its lists: after a change one of a thousand is asked for.
  virtual Result<rpc::EngineStatus> status_of(const std::string& resources) = 0;
  virtual Result<rpc::Stats> stats() = 0;
  virtual Result<std::vector<rpc::SessionStatus>> sessions() = 0;
  virtual Result<rpc::Document> document() = 0;  ///< secrets included
  virtual Result<void> drop_session(uint64_t id, const std::string& reason) = 0;
  virtual Result<void> clear_reservations(const std::string& volume) = 0;
  /// A volume is gone for good: what the engine kept of its unit goes, too. busy: it serves one of that UUID.
  virtual Result<void> forget_unit(const std::string& uuid) = 0;
  virtual Result<void> allow_removal(const std::string& volume) = 0;
  virtual Result<void> destroy_key(const std::string& id) = 0;
  virtual Result<void> resize(const std::string& volume, uint64_t size_bytes, bool shrink) = 0;
  /// What another array has, or what a unit of it is, by rpc::method::initiator_discover or _inspect. Takes as long as that array: many
  /// seconds, on a line of its own, so that nothing else waits. exhausted: too many of these are under way.
  virtual Result<rpc::Json> ask_elsewhere(std::string_view method, const rpc::InitiatorParams& params) = 0;
  virtual Result<void> pool_level(const rpc::PoolLevelParams& level) = 0;
  /// Events after `since`, as they come, until `take` says false or the line is down (the error). Blocks.
  virtual Result<void> follow(uint64_t since, const std::function<bool(const rpc::Event&)>& take) = 0;
};

/// `connect` gives a connected descriptor of the engine's socket (the root helper's connect_engine, or a plain connect).
std::unique_ptr<EngineLink> make_engine_link(std::function<Result<int>()> connect);

}  // namespace ashlar::agent
