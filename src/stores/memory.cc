// The memory store: a sparse disk in pages. Every operation is done inside submit() and answered by the ready list, so a
// shard holds no page between two turns; pages that discard takes out are freed when every shard has passed a turn.
#include <algorithm>
#include <cstring>

#include "block/live_limits.h"
#include "stores/page_table.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

using block::Operation;
using block::Status;

constexpr uint64_t page_bytes = PageTable::page_bytes;
// Zeroing is done in the turn: at 10 GB/s this much holds the shard up for 25 ms.
constexpr uint64_t max_zeroing_bytes = 256 << 20;

struct Memory {
  std::atomic<uint64_t> size = 0;
  PageTable pages;
};

// Zeroes the range in whatever pages it has. Whole pages are moved to `taken` when that is given.
void zero_range(Memory& memory, uint64_t offset, uint64_t length, std::vector<PageTable::Page>* taken) {
  const uint64_t end = offset + length;
  while (offset < end) {
    if (!memory.pages.has_leaf(offset)) {
      offset = (offset / PageTable::leaf_bytes + 1) * PageTable::leaf_bytes;
      continue;
    }
    const uint64_t in_page = offset % page_bytes;
    const uint64_t count = std::min(page_bytes - in_page, end - offset);
    if (count == page_bytes && taken != nullptr) {
      if (PageTable::Page page = memory.pages.take(offset)) taken->push_back(std::move(page));
    } else if (uint8_t* page = memory.pages.find(offset)) {
      std::memset(page + in_page, 0, count);
    }
    offset += count;
  }
}

class MemoryChannel final : public block::BlockDevice {
 public:
  MemoryChannel(loop::Loop& loop, std::shared_ptr<Memory> memory, const block::Limits& limits)
      : loop_(loop), memory_(std::move(memory)), limits_(limits, memory_->size) {}
  const block::Limits& limits() const override { return limits_.get(); }

  void submit(block::Request& request) override {
    switch (request.operation) {
      case Operation::read: read(request); break;
      case Operation::write:
        if (!write(request)) return request.complete(Status::no_space);
        break;
      case Operation::flush: break;
      case Operation::discard: give_back(request); break;
      case Operation::write_zeroes:
        // Pages that are not there stay so: they read as zeroes, and taking memory for zeroes helps nobody.
        request.may_discard ? give_back(request)
                            : zero_range(*memory_, request.offset, request.length, nullptr);
        break;
      case Operation::find_extent: find_extent(request); break;
    }
    request.complete(Status::ok);
  }

 private:
  void read(const block::Request& request) {
    uint64_t offset = request.offset;
    for (const iovec& part : request.parts) {
      auto* target = static_cast<uint8_t*>(part.iov_base);
      for (size_t left = part.iov_len; left > 0;) {
        const uint64_t in_page = offset % page_bytes;
        const size_t count = std::min<size_t>(page_bytes - in_page, left);
        const uint8_t* page = memory_->pages.find(offset);
        page == nullptr ? std::memset(target, 0, count) : std::memcpy(target, page + in_page, count);
        target += count;
        offset += count;
        left -= count;
      }
    }
  }

  // So that a write that finds no memory has written nothing.
  bool make_pages(const block::Request& request) {
    for (uint64_t at = request.offset; at < request.offset + request.length;
         at += page_bytes - at % page_bytes) {
      if (memory_->pages.find_or_make(at) == nullptr) return false;
    }
    return true;
  }

  bool write(const block::Request& request) {
    if (request.atomic && !make_pages(request)) return false;
    uint64_t offset = request.offset;
    for (const iovec& part : request.parts) {
      const auto* source = static_cast<const uint8_t*>(part.iov_base);
      for (size_t left = part.iov_len; left > 0;) {
        const uint64_t in_page = offset % page_bytes;
        const size_t count = std::min<size_t>(page_bytes - in_page, left);
        uint8_t* page = memory_->pages.find_or_make(offset);
        if (page == nullptr) return false;
        std::memcpy(page + in_page, source, count);
        source += count;
        offset += count;
        left -= count;
      }
    }
    return true;
  }

  void give_back(const block::Request& request) {
    auto taken = std::make_shared<std::vector<PageTable::Page>>();
    zero_range(*memory_, request.offset, request.length, taken.get());
    if (taken->empty()) return;
    // Another shard may be copying from one of these pages right now. When its mailbox has run this, it no longer is; the
    // last shard to let go frees them.
    loop::Shards& shards = loop_.shards();
    for (uint32_t i = 0; i < shards.count(); ++i) shards.send(i, [taken] {});
  }

  void find_extent(block::Request& request) {
    request.extent_allocated = memory_->pages.find(request.offset) != nullptr;
    request.extent_length =
        memory_->pages.run_length(request.offset, limits().size_bytes, request.extent_allocated);
  }

  loop::Loop& loop_;
  std::shared_ptr<Memory> memory_;
  block::LiveLimits limits_;
};

loop::Task<void> shrink(std::shared_ptr<Memory> memory, uint64_t from, uint64_t to) {
  // What is past the new end must read as zeroes should the disk grow again. No shard writes there any more once each has
  // begun a turn with the new size.
  std::function<void(loop::Loop&)> nothing = [](loop::Loop&) {};
  co_await loop::on_every_shard(loop::Loop::current().shards(), nothing);
  std::vector<PageTable::Page> taken;
  zero_range(*memory, to, (from + page_bytes - 1) / page_bytes * page_bytes - to, &taken);
}

class MemoryStore final : public block::Store {
 public:
  explicit MemoryStore(const block::Limits& limits) : limits_(limits, memory_->size) {
    memory_->size = limits.size_bytes;
  }
  const block::Limits& limits() const override { return limits_.get(); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<MemoryChannel>(shard, memory_, limits_.get());
  }
  loop::Task<Result<void>> resize(uint64_t bytes) override {
    if (bytes > PageTable::max_bytes) {
      co_return fail(ErrorCode::out_of_range, "size_bytes", "kind memory holds up to {} bytes, not {}",
                     PageTable::max_bytes, bytes);
    }
    const uint64_t before = memory_->size.exchange(bytes, std::memory_order_relaxed);
    if (bytes < before) co_await shrink(memory_, before, bytes);
    co_return Result<void>();
  }
  void collect(std::map<std::string, uint64_t>& counters) const override {
    counters["memory.bytes_in_use"] = memory_->pages.pages_in_use() * page_bytes;
  }

 private:
  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
  block::LiveLimits limits_;
};

}  // namespace

loop::Task<OpenedStore> open_memory(block::StoreSpec spec) {
  if (spec.size_bytes == 0 || spec.size_bytes > PageTable::max_bytes) {
    co_return fail(ErrorCode::out_of_range, "size_bytes", "kind memory needs a size of 1 to {} bytes, not {}",
                   PageTable::max_bytes, spec.size_bytes);
  }
  block::Limits limits;
  limits.size_bytes = spec.size_bytes;
  limits.block_bytes = spec.block_bytes;
  limits.discard_granularity_bytes = spec.block_bytes;
  // Nothing of it survives a loss of power, so nothing does in part.
  limits.atomic_write_bytes = 1u << 20;
  limits.max_discard_bytes = max_zeroing_bytes;
  limits.discard_zeroes = true;
  limits.find_extent = true;
  limits.read_only = spec.read_only;
  limits.volatile_cache = false;  // no flush would make it any safer
  co_return std::make_shared<MemoryStore>(limits);
}

}  // namespace ashlar::stores
