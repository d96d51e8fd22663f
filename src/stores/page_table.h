// The sparse memory of the memory store: 64 KiB pages that shards find and fault in without locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace ashlar::stores {

/// Two levels of atomic pointers. Any thread may look up and fault in pages; a page that is taken out must not be freed
/// while a thread may still use it: see MemoryStore for who waits for whom.
class PageTable {
 public:
  static constexpr uint64_t page_bytes = 64 << 10;
  static constexpr uint64_t pages_per_leaf = 8192;  ///< 512 MiB of disk, 64 KiB of pointers
  static constexpr uint64_t leaf_bytes = page_bytes * pages_per_leaf;
  static constexpr uint64_t max_bytes = uint64_t{16} << 40;

  struct Free {
    void operator()(uint8_t* page) const;
  };
  using Page = std::unique_ptr<uint8_t, Free>;

  PageTable();
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  /// The page that holds `offset`, or nullptr when it was never written.
  uint8_t* find(uint64_t offset) const {
    const Leaf* leaf = roots_[offset / leaf_bytes].load(std::memory_order_acquire);
    return leaf == nullptr
               ? nullptr
               : leaf->pages[offset / page_bytes % pages_per_leaf].load(std::memory_order_acquire);
  }
  /// The page that holds `offset`, made of zeroes when it is not there; nullptr when the machine has no memory left.
  uint8_t* find_or_make(uint64_t offset);
  /// Takes the page that holds `offset` out of the table; empty when there is none.
  Page take(uint64_t offset);
  /// Bytes from `offset` to the next change between present and absent pages, at most to `end`. Looks at no more than one
  /// leaf of pages, so it may tell less than there is.
  uint64_t run_length(uint64_t offset, uint64_t end, bool present) const;
  /// True if there is a leaf for `offset`: what has none need not be walked page by page.
  bool has_leaf(uint64_t offset) const {
    return roots_[offset / leaf_bytes].load(std::memory_order_acquire) != nullptr;
  }
  uint64_t pages_in_use() const { return pages_in_use_.load(std::memory_order_relaxed); }

 private:
  struct Leaf {
    std::atomic<uint8_t*> pages[pages_per_leaf] = {};
  };
  static constexpr uint64_t root_count = max_bytes / leaf_bytes;
  Leaf* find_or_make_leaf(uint64_t offset);
  std::unique_ptr<std::atomic<Leaf*>[]> roots_;  // 256 KiB
  std::atomic<uint64_t> pages_in_use_ = 0;
};

}  // namespace ashlar::stores
