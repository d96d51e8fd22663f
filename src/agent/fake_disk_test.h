// What the agent stands on, made of memory for tests: its files and its pools (its engine: fake_engine_test.h). Each call of
// each may be made to fail, or be the last one before the power is cut.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

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

/// A call with its fault: `work` is done or not, and its answer arrives or not.
template <typename T, typename Work>
Result<T> with_fault(Faults& faults, Power& power, const std::string& place, Work work) {
  const auto gone = [&place] { return fail(ErrorCode::closed, place, "is away"); };
  if (power.off) return gone();
  using Kind = Faults::Kind;
  const Kind fault = faults.next();
  if (fault == Kind::refuse) return fail(ErrorCode::io_error, place, "is made to fail");
  if (fault == Kind::cut_before) power.off = true;
  if (fault == Kind::away || fault == Kind::cut_before) return gone();
  Result<T> result = work();
  if (fault == Kind::cut_after) power.off = true;
  if (fault == Kind::lost_answer || fault == Kind::cut_after) return gone();
  return result;
}

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

}  // namespace ashlar::agent
