#include "loop/source_table.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/identity.h"

namespace ashlar::loop {

std::string SourceTable::source_of(const std::string& address) {
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return address;
  static constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
    return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  return hex_of(ConstBytes(bytes).first(8)) + "/64";
}

void SourceTable::login_over(const std::string& source) {
  const auto found = entries_.find(source);
  CHECK(found != entries_.end() && found->second.half_open > 0, "a login of {} ended twice", source);
  if (--found->second.half_open == 0 && found->second.failures == 0) entries_.erase(found);
}

uint32_t SourceTable::half_open(const std::string& source) const {
  const auto found = entries_.find(source);
  return found == entries_.end() ? 0 : found->second.half_open;
}

uint32_t SourceTable::most_half_open() const {
  uint32_t most = 0;
  for (const auto& [source, entry] : entries_) most = std::max(most, entry.half_open);
  return most;
}

// Sources with a login under way stay: their number is bounded by that of half-open connections.
void SourceTable::make_room() {
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->second.half_open > 0) continue;
    if (oldest == entries_.end() || entry->second.last_failure < oldest->second.last_failure) oldest = entry;
  }
  if (oldest != entries_.end()) entries_.erase(oldest);
}

void SourceTable::proof_failed(const std::string& source, Instant now) {
  if (!entries_.contains(source) && entries_.size() >= capacity) make_room();
  Entry& entry = entries_[source];
  if (entry.failures > 0 && now - entry.last_failure > memory) entry.failures = 0;
  ++entry.failures;
  entry.last_failure = now;
}

void SourceTable::proof_succeeded(const std::string& source) {
  const auto found = entries_.find(source);
  if (found == entries_.end()) return;
  found->second.failures = 0;
  if (found->second.half_open == 0) entries_.erase(found);
}

bool SourceTable::has_failures(const std::string& source) const {
  const auto found = entries_.find(source);
  return found != entries_.end() && found->second.failures > 0;
}

Nanoseconds SourceTable::held_back(const std::string& source, Instant now) const {
  const auto found = entries_.find(source);
  if (found == entries_.end() || found->second.failures < free_failures) return {};
  const Entry& entry = found->second;
  const uint32_t doublings = std::min(entry.failures - free_failures, 6u);
  const Nanoseconds wait = std::min(first_wait * (1 << doublings), longest_wait);
  const Nanoseconds waited = now - entry.last_failure;
  return waited >= wait ? Nanoseconds{} : wait - waited;
}

}  // namespace ashlar::loop
