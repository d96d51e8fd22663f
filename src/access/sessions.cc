#include "access/sessions.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <tuple>

#include "access/token.h"

namespace ashlar::access {
namespace {

constexpr size_t id_bytes = 32;
constexpr size_t id_characters = 43;

}  // namespace

Sessions::Sessions(int64_t idle_seconds, int64_t longest_seconds, size_t most, RandomSource random)
    : idle_seconds_(idle_seconds),
      longest_seconds_(longest_seconds),
      most_(std::max<size_t>(most, 1)),
      random_(std::move(random)) {}

bool Sessions::is_over(const Session& session, int64_t now) const {
  return now - session.last_used >= idle_seconds_ || now - session.created >= longest_seconds_;
}

void Sessions::make_room(int64_t now) {
  std::erase_if(sessions_, [&](const auto& entry) { return is_over(entry.second, now); });
  while (sessions_.size() >= most_) {
    const auto used = [](const auto& entry) {
      return std::tie(entry.second.last_used, entry.second.created);
    };
    const auto oldest = std::ranges::min_element(
        sessions_, [&](const auto& left, const auto& right) { return used(left) < used(right); });
    sessions_.erase(oldest);
  }
}

std::pair<std::string, std::string> Sessions::begin(const std::string& user, const std::string& address,
                                                    int64_t now) {
  const std::scoped_lock lock(mutex_);
  seen_now_ = now;
  make_room(now);
  std::string id = random_text(id_bytes, random_);
  std::string csrf = random_text(id_bytes, random_);
  const std::string hash = hash_token(id);
  sessions_.insert_or_assign(hash, Session{hash, user, address, csrf, now, now});
  return {std::move(id), std::move(csrf)};
}

std::optional<Session> Sessions::find(std::string_view id, int64_t now) {
  if (id.size() != id_characters) return std::nullopt;
  const std::string hash = hash_token(id);
  const std::scoped_lock lock(mutex_);
  seen_now_ = now;
  const auto found = sessions_.find(hash);
  if (found == sessions_.end()) return std::nullopt;
  if (is_over(found->second, now)) {
    sessions_.erase(found);
    return std::nullopt;
  }
  found->second.last_used = now;
  return found->second;
}

bool Sessions::end(std::string_view id) { return id.size() == id_characters && end_hashed(hash_token(id)); }

bool Sessions::end_hashed(std::string_view id_hash) {
  const std::scoped_lock lock(mutex_);
  return sessions_.erase(std::string(id_hash)) > 0;
}

size_t Sessions::end_all_of(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  return std::erase_if(sessions_, [&](const auto& entry) { return entry.second.user == user; });
}

std::vector<Session> Sessions::list() const {
  std::vector<Session> all;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [hash, session] : sessions_) {
      if (is_over(session, seen_now_)) continue;
      all.push_back(session);
      all.back().csrf.clear();
    }
  }
  std::ranges::sort(all, {},
                    [](const Session& session) { return std::tie(session.created, session.id_hash); });
  return all;
}

bool is_csrf_of(const Session& session, std::string_view given) {
  return !given.empty() && given.size() == session.csrf.size() &&
         ::CRYPTO_memcmp(given.data(), session.csrf.data(), given.size()) == 0;
}

}  // namespace ashlar::access
