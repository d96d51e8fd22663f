// What the agent stands on, made of memory for tests: its files, its pools, its engine. Each call of each may be made to fail,
// or be the last one before the power is cut.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agent/engine_link.h"
#include "state/crash_file_system_test.h"
#include "storage/privileged.h"

namespace ashlar::agent {

/// When it is off, no call has an effect any more and all of them fail.
struct Power {
  std::atomic<bool> off = false;
};

/// Counts calls of one kind, and says what is to happen at one of them.
class Faults {
 public:
  enum class Kind : uint8_t { none, refuse, away, lost_answer, cut_before, cut_after };
  /// The `times` calls from number `call` (from 0, of all that were ever made) on.
  void plant(uint64_t call, Kind kind, uint64_t times = 1) {
    from_ = call;
    kind_ = kind;
    times_ = times;
  }
  void plant_next(Kind kind, uint64_t times = 1) { plant(calls_, kind, times); }
  void clear() { kind_ = Kind::none; }
  Kind next() {
    const uint64_t call = calls_++;
    return call >= from_ && call - from_ < times_ ? kind_.load() : Kind::none;
  }
  uint64_t calls() const { return calls_; }

 private:
  std::atomic<uint64_t> calls_ = 0, from_ = 0, times_ = 0;
  std::atomic<Kind> kind_ = Kind::none;
};

/// A disk that may be cut off, behind a lock: requests read secrets while others change them.
class LockedFiles final : public state::FileSystem {
 public:
  LockedFiles(state::CrashFileSystem& disk, Power& power) : disk_(disk), power_(power) {}
  Result<std::string> read(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  bool exists(const std::string& path) override;
  Result<void> make_folder(const std::string& path, uint32_t mode) override;
  Result<void> write(const std::string& path, std::string_view bytes, uint32_t mode) override;
  Result<void> sync_file(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;

 private:
  template <typename Work>
  auto locked(const std::string& path, Work work) -> decltype(work());
  state::CrashFileSystem& disk_;
  Power& power_;
  std::mutex mutex_;
};

/// Folders with files in them; safe as soon as a verb has answered, as the real one promises.
class FakePrivileged final : public storage::Privileged {
 public:
  struct File {
    uint64_t bytes = 0;
    bool allocated = false;
    std::string content;  ///< what a host would have written: goes along with a clone
    bool operator==(const File&) const = default;
  };
  using Folders = std::map<std::string, std::map<std::string, File>>;

  explicit FakePrivileged(Power& power) : power_(power) {}
  Folders folders() const;
  void set_folders(Folders folders);
  void write(const std::string& folder, const std::string& name, const std::string& content);
  void add_device(const std::string& stable_id, uint64_t bytes);
  void set_available(uint64_t bytes) { available_ = bytes; }
  Faults faults;

  Result<void> allow_folder(const std::string& folder) override;
  Result<storage::FolderFacts> folder_facts(const std::string& folder) override;
  Result<std::vector<storage::FileFacts>> list_files(const std::string& folder) override;
  Result<storage::FileFacts> file_facts(const std::string& folder, const std::string& name) override;
  Result<void> create_file(const std::string& folder, const std::string& name, uint64_t bytes,
                           bool allocate) override;
  Result<void> clone_file(const std::string& folder, const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& folder, const std::string& name) override;
  Result<std::vector<storage::DeviceFacts>> list_devices() override;
  Result<int> connect_engine(const std::string& socket_path) override;

 private:
  template <typename T, typename Work>
  Result<T> verb(const std::string& folder, Work work);
  Power& power_;
  mutable std::mutex mutex_;
  Folders folders_;
  std::vector<storage::DeviceFacts> devices_;
  std::atomic<uint64_t> available_ = uint64_t{1} << 40;
};

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
  Result<void> pool_level(const rpc::PoolLevelParams& level) override;
  /// All that it was told, oldest first.
  std::vector<rpc::PoolLevelParams> pool_levels() const;
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
  std::atomic<bool> away_ = false;
  std::atomic<uint64_t> applies_ = 0;
};

/// A session of a host at a target.
rpc::SessionStatus session_of(uint64_t id, const std::string& host, const std::string& initiator,
                              const std::string& target,
                              const std::string& local_address = "192.0.2.10:3260");

}  // namespace ashlar::agent
