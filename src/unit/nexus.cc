#include "unit/nexus.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::unit {
namespace {

// SAM-5 5.14.4: these start a nexus or a unit afresh, so what was to be told before is told by them.
bool is_reset(Attention attention) { return attention <= Attention::reset_of_unit; }

}  // namespace

void AttentionQueue::raise(Attention attention) {
  if (is_reset(attention)) {
    if (count_ > 0 && is_reset(items_[0])) attention = std::min(attention, items_[0]);
    items_[0] = attention;
    count_ = 1;
    return;
  }
  const auto end = items_.begin() + count_;
  if (std::find(items_.begin(), end, attention) != end) return;
  CHECK(count_ < capacity);
  items_[count_++] = attention;
}

Attention AttentionQueue::pop() {
  CHECK(count_ > 0);
  const Attention first = items_[0];
  clear(first);
  return first;
}

bool AttentionQueue::clear(Attention attention) {
  const auto end = items_.begin() + count_;
  const auto found = std::find(items_.begin(), end, attention);
  if (found == end) return false;
  std::copy(found + 1, end, found);
  --count_;
  return true;
}

}  // namespace ashlar::unit
