#include "scsi/rod_tokens.h"

#include <algorithm>

namespace ashlar::scsi {
namespace {

constexpr size_t secret_at = 128;  // EXTENDED ROD TOKEN DATA

// SPC-4 5.17.6.4.2 and SBC-3 6.5.2: type, length, number, the unit that made it, how much it stands for, blocks of which size.
void write_bytes(RodToken& token, ConstBytes naa, const std::array<uint8_t, 64>& secret) {
  Writer writer(token.bytes);
  writer.u32(access_upon_reference_rod);
  writer.u16(0);
  writer.u16(wire::scsi::rod_token_bytes - 8);
  writer.u64(token.number);
  writer.u8(wire::scsi::identification_cscd);  // CREATOR LOGICAL UNIT DESCRIPTOR, 32 bytes
  writer.zeroes(3);
  writer.u8(0x01);
  writer.u8(0x03);
  writer.u8(0);
  writer.u8(static_cast<uint8_t>(naa.size()));
  writer.bytes(naa);
  writer.zeroes(20 - naa.size());
  writer.u32(token.block_bytes);
  writer.u64(0);  // NUMBER OF BYTES REPRESENTED, 16 bytes
  writer.u64(token.length);
  writer.zeroes(96 - writer.size());
  writer.u32(token.block_bytes);
  writer.zeroes(secret_at - writer.size());
  writer.bytes(secret);
}

// In a time that does not tell where they begin to differ.
bool same_bytes(ConstBytes a, ConstBytes b) {
  uint8_t difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace

void RodTokens::forget_expired(loop::Instant now) {
  std::erase_if(tokens_, [now](const auto& entry) { return entry.second->expires <= now; });
}

bool RodTokens::add(const std::shared_ptr<RodToken>& token, const std::array<uint8_t, 64>& secret,
                    loop::Instant now) {
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  const auto same_creator = [&](const auto& entry) { return entry.second->creator == token->creator; };
  if (tokens_.size() >= most) return false;
  if (static_cast<size_t>(std::ranges::count_if(tokens_, same_creator)) >= most_of_creator) return false;
  token->number = ++last_number_;
  token->dies = now + loop::seconds(max_token_lifetime_seconds);
  token->expires = std::min(now + token->inactivity, token->dies);
  const std::shared_ptr<unit::LogicalUnit> unit = token->unit_on_shard.front().lock();
  write_bytes(*token, unit ? unit->identity().naa.bytes() : ConstBytes(), secret);
  tokens_.emplace(token->number, token);
  return true;
}

RodTokens::Finding RodTokens::use(ConstBytes bytes, loop::Instant now, std::shared_ptr<RodToken>& token) {
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  const auto found = tokens_.find(load_be64(&bytes[8]));
  if (found == tokens_.end() || !same_bytes(found->second->bytes, bytes)) return Finding::unknown;
  if (found->second->revoked) return Finding::revoked;
  token = found->second;
  token->expires = std::min(now + token->inactivity, token->dies);
  return Finding::valid;
}

void RodTokens::remove(const RodToken& token) {
  const std::lock_guard lock(mutex_);
  tokens_.erase(token.number);
}

void RodTokens::revoke(const unit::NexusName& creator, const std::string& volume) {
  const std::lock_guard lock(mutex_);
  for (auto& [number, token] : tokens_) {
    if (token->creator == creator && token->volume == volume) token->revoked = true;
  }
}

std::vector<std::shared_ptr<RodToken>> RodTokens::of(const unit::NexusName& creator,
                                                     const std::string& volume, loop::Instant now) {
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  std::vector<std::shared_ptr<RodToken>> found;
  for (auto& [number, token] : tokens_) {
    if (token->creator == creator && token->volume == volume && !token->revoked) found.push_back(token);
  }
  return found;
}

}  // namespace ashlar::scsi
