// A channel on an open simulated file, and its operations in flight. Internal to the simulation.
#pragma once

#include <memory>
#include <vector>

#include "loop/file.h"
#include "loop/sim_disk.h"

namespace ashlar::loop {

/// An operation between submit and completion. Reads and writes may take effect in steps: who looks meanwhile sees a part.
struct SimFlight {
  FileOperation* operation = nullptr;
  SimLoop* loop = nullptr;
  std::shared_ptr<SimInode> inode;
  uint64_t submitted = 0;         ///< the disk's sequence, for sync
  uint64_t done_bytes = 0;        ///< of a read or write: how much took effect
  int error = 0;                  ///< errno that it is to end with
  bool over = false;              ///< no further effect
  std::vector<uint64_t> changes;  ///< of the content

  /// Takes effect for up to `limit` more bytes (all of it for the verbs that are not read or write).
  void advance(uint64_t limit, SimDisk& disk);
  /// What a failed or cut off operation leaves: nothing, all, or up to some sector; then it is over.
  void end_partially(SimDisk& disk);

 private:
  void read_some(uint64_t to);
  void write_some(uint64_t to);
  void find_extent();
};

class SimFile final : public File {
 public:
  /// What all channels share: the lock goes with it.
  struct Open {
    Open(SimDisk& owner, std::shared_ptr<SimInode> file, uint64_t number)
        : disk(owner), inode(std::move(file)), id(number) {}
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    ~Open() {
      if (inode->locked_by == id) inode->locked_by = 0;
    }
    SimDisk& disk;
    std::shared_ptr<SimInode> inode;
    const uint64_t id;
    bool writable = false;
    Traits traits;
  };
  SimFile(SimLoop& loop, std::shared_ptr<Open> open) : loop_(loop), open_(std::move(open)) {}
  const Traits& traits() const override { return open_->traits; }
  uint64_t size() const override { return open_->inode->content.current().size(); }
  void submit(FileOperation& operation) override;
  std::unique_ptr<File> on(Loop& shard) override;
  Task<Result<void>> resize(uint64_t bytes, bool allocate) override;

 private:
  /// errno for an operation that the kernel would refuse, or 0.
  int refusal(const FileOperation& operation) const;
  SimLoop& loop_;
  std::shared_ptr<Open> open_;
};

}  // namespace ashlar::loop
