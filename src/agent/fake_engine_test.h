// The engine, made of memory for the agent's tests. Each call of it may be made to fail, or be the last one before the power is cut.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agent/engine_link.h"
#include "agent/fake_disk_test.h"

namespace ashlar::agent {

/// An engine that takes documents as the real one does (engine/plan.cc), and opens nothing.
class FakeEngine final : public EngineLink {
 public:
  explicit FakeEngine(Power& power) : power_(power) {}
  rpc::Document served() const;
  void reserve(const std::string& volume, rpc::ReservationStatus reservations);
  void set_sessions(std::vector<rpc::SessionStatus> sessions);
  void set_away(bool away) { away_ = away; }
  /// As after its restart: nothing is served.
  void forget() { set_served({}); }
  void set_served(rpc::Document document);
  /// Volumes and portals of these names cannot be opened.
  void set_broken(std::set<std::string> names);
  uint64_t applies() const { return applies_; }
  std::vector<std::string> dropped() const;
  Faults faults;
  /// Called by apply() before anything else, under no lock: to hold a change up. Set it before threads begin.
  std::function<void()> at_apply;

  Result<rpc::ApplyReport> apply(const rpc::Document& document, bool dry_run) override;
  Result<rpc::EngineStatus> status() override;
  Result<rpc::EngineStatus> status_of(const std::string& /*resources*/) override { return status(); }
  Result<rpc::Stats> stats() override;
  Result<std::vector<rpc::SessionStatus>> sessions() override;
  Result<rpc::Document> document() override;
  Result<void> drop_session(uint64_t id, const std::string& reason) override;
  Result<void> clear_reservations(const std::string& volume) override;
  Result<void> forget_unit(const std::string& uuid) override;
  std::vector<std::string> forgotten() const;
  Result<void> allow_removal(const std::string& volume) override;
  /// A host keeps the medium of these drives in, until allow_removal().
  void set_prevented(std::set<std::string> volumes);
  Result<void> destroy_key(const std::string& id) override;
  std::vector<std::string> destroyed_keys() const;
  Result<void> resize(const std::string& volume, uint64_t size_bytes, bool shrink) override;
  /// As at_elsewhere answers; unsupported without it.
  Result<rpc::Json> ask_elsewhere(std::string_view method, const rpc::InitiatorParams& params) override;
  std::function<Result<rpc::Json>(std::string_view, const rpc::InitiatorParams&)> at_elsewhere;
  Result<void> pool_level(const rpc::PoolLevelParams& level) override;
  /// All that it was told, oldest first.
  std::vector<rpc::PoolLevelParams> pool_levels() const;
  /// To be followed once; then the line is down.
  void set_events(std::vector<rpc::Event> events);
  Result<void> follow(uint64_t since, const std::function<bool(const rpc::Event&)>& take) override;

 private:
  template <typename T, typename Work>
  Result<T> call(Work work);
  Result<void> check_volumes(const rpc::Document& document) const;

  Power& power_;
  mutable std::mutex mutex_;
  rpc::Document served_;
  std::vector<rpc::SessionStatus> sessions_;
  std::map<std::string, rpc::ReservationStatus> reservations_;
  std::set<std::string> broken_, prevented_;
  std::vector<std::string> dropped_;
  std::vector<std::string> forgotten_;
  std::vector<rpc::PoolLevelParams> pool_levels_;
  std::vector<std::string> destroyed_keys_;
  std::vector<rpc::Event> events_;
  std::atomic<bool> away_ = false;
  std::atomic<uint64_t> applies_ = 0;
};

/// A session of a host at a target.
rpc::SessionStatus session_of(uint64_t id, const std::string& host, const std::string& initiator,
                              const std::string& target,
                              const std::string& local_address = "192.0.2.10:3260");

}  // namespace ashlar::agent
