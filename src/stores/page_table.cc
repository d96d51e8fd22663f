#include "stores/page_table.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ashlar::stores {

void PageTable::Free::operator()(uint8_t* page) const { std::free(page); }

PageTable::PageTable() : roots_(std::make_unique<std::atomic<Leaf*>[]>(root_count)) {}

PageTable::~PageTable() {
  for (uint64_t i = 0; i < root_count; ++i) {
    Leaf* leaf = roots_[i].load(std::memory_order_relaxed);
    if (leaf == nullptr) continue;
    for (const std::atomic<uint8_t*>& page : leaf->pages) std::free(page.load(std::memory_order_relaxed));
    delete leaf;
  }
}

PageTable::Leaf* PageTable::find_or_make_leaf(uint64_t offset) {
  std::atomic<Leaf*>& root = roots_[offset / leaf_bytes];
  Leaf* leaf = root.load(std::memory_order_acquire);
  if (leaf != nullptr) return leaf;
  auto* made = new (std::nothrow) Leaf;
  if (made == nullptr) return nullptr;
  // Two shards may come here at once; one wins, the other throws its own away.
  if (root.compare_exchange_strong(leaf, made, std::memory_order_acq_rel)) return made;
  delete made;
  return leaf;
}

uint8_t* PageTable::find_or_make(uint64_t offset) {
  Leaf* leaf = find_or_make_leaf(offset);
  if (leaf == nullptr) return nullptr;
  std::atomic<uint8_t*>& slot = leaf->pages[offset / page_bytes % pages_per_leaf];
  uint8_t* page = slot.load(std::memory_order_acquire);
  if (page != nullptr) return page;
  auto* made = static_cast<uint8_t*>(std::aligned_alloc(4096, page_bytes));
  if (made == nullptr) return nullptr;
  std::memset(made, 0, page_bytes);
  if (slot.compare_exchange_strong(page, made, std::memory_order_acq_rel)) {
    pages_in_use_.fetch_add(1, std::memory_order_relaxed);
    return made;
  }
  std::free(made);
  return page;
}

PageTable::Page PageTable::take(uint64_t offset) {
  Leaf* leaf = roots_[offset / leaf_bytes].load(std::memory_order_acquire);
  if (leaf == nullptr) return {};
  Page page(leaf->pages[offset / page_bytes % pages_per_leaf].exchange(nullptr, std::memory_order_acq_rel));
  if (page) pages_in_use_.fetch_sub(1, std::memory_order_relaxed);
  return page;
}

uint64_t PageTable::run_length(uint64_t offset, uint64_t end, bool present) const {
  uint64_t at = offset;
  // The caller has looked at the first page, and another shard may have changed it since: it counts as it was seen.
  for (uint64_t looked = 0; at < end && looked < pages_per_leaf; ++looked) {
    const bool leaf = has_leaf(at);
    if (looked > 0 && (leaf && find(at) != nullptr) != present) break;
    const uint64_t step = leaf ? page_bytes : leaf_bytes;
    at = (at / step + 1) * step;
  }
  return std::min(at, end) - offset;
}

}  // namespace ashlar::stores
