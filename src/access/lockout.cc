#include "access/lockout.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "access/token.h"
#include "base/identity.h"

namespace ashlar::access {
namespace {

constexpr uint32_t free_failures = 5;
constexpr uint32_t longest_wait_seconds = 15 * 60;
constexpr int64_t memory_seconds = 15 * 60;
constexpr uint32_t max_count = 1000;
constexpr size_t max_key_bytes = 256;

/// What a stranger sends as a name may be of any length; what is kept of it is not.
std::string bounded(std::string key) { return key.size() > max_key_bytes ? hash_token(key) : std::move(key); }

std::string key_of_user(std::string user) {
  for (char& c : user) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return bounded(std::move(user));
}

std::string key_of_address(const std::string& address) {
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return bounded(address);
  const ConstBytes bytes(parsed.s6_addr, sizeof parsed.s6_addr);
  if (!IN6_IS_ADDR_V4MAPPED(&parsed)) return hex_of(bytes.first(8));
  return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
}

}  // namespace

uint32_t Lockouts::wait_after(uint32_t failures) {
  if (failures < free_failures) return 0;
  const uint32_t doublings = std::min(failures - free_failures, 16U);
  return std::min(1U << doublings, longest_wait_seconds);
}

bool Lockouts::is_forgotten(const Failures& failures, int64_t now) {
  return now >= failures.last + wait_after(failures.count) + memory_seconds;
}

uint32_t Lockouts::wait_left(const Failures* failures, int64_t now) {
  if (failures == nullptr) return 0;
  const int64_t wait = wait_after(failures->count);
  return static_cast<uint32_t>(std::clamp<int64_t>(failures->last + wait - now, 0, wait));
}

bool Lockouts::count_one(Failures& failures, int64_t now) {
  if (is_forgotten(failures, now)) failures.count = 0;
  failures.count = std::min(failures.count + 1, max_count);
  failures.last = now;
  return failures.count == free_failures;
}

uint32_t Lockouts::wait_seconds(const std::string& user, const std::string& address, int64_t now) const {
  const std::string user_key = key_of_user(user);
  const std::string address_key = key_of_address(address);
  const std::scoped_lock lock(mutex_);
  return std::max(wait_left(by_user_.find(user_key), now), wait_left(by_address_.find(address_key), now));
}

bool Lockouts::failed(const std::string& user, const std::string& address, int64_t now) {
  const std::string user_key = key_of_user(user);
  const std::string address_key = key_of_address(address);
  const std::scoped_lock lock(mutex_);
  const bool user_began = count_one(by_user_.touch(user_key), now);
  const bool address_began = count_one(by_address_.touch(address_key), now);
  return user_began || address_began;
}

void Lockouts::succeeded(const std::string& user, const std::string& address) {
  const std::string user_key = key_of_user(user);
  const std::string address_key = key_of_address(address);
  const std::scoped_lock lock(mutex_);
  const Failures* of_user = by_user_.find(user_key);
  const Failures* of_address = by_address_.find(address_key);
  if (of_user == nullptr) return;
  const uint32_t forgiven = of_user->count;
  by_user_.erase(user_key);
  if (of_address == nullptr) return;
  if (of_address->count <= forgiven) {
    by_address_.erase(address_key);
  } else {
    by_address_.touch(address_key).count -= forgiven;
  }
}

}  // namespace ashlar::access
