// The array and its secrets: how they get into the store, and when they go.
#include "access/access.h"
#include "agent/array.h"
#include "agent/authentication.h"
#include "agent/secret_fields.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

constexpr uint32_t secret_bytes = 16;

}  // namespace

// The same secret sent again is no change: a file that is applied every night must not make a generation every night.
bool Array::is_secret(const std::string& reference, SecretKind kind, const std::string& plain,
                      const Change& change) const {
  if (reference.empty()) return false;
  const auto kept = secrets_->get(reference);
  if (!kept) return false;
  if (kind != SecretKind::password) return *kept == plain;
  // One that counts once is used up by being set again.
  if (change.one_time_passwords || kept->starts_with(one_time_mark)) return false;
  return access::verify_password(plain, *kept);
}

Result<void> Array::take_in(Configuration& next, const Configuration& before, const Change& change) {
  const KeepSecret keep = [&](SecretKind kind, const std::string& path, const std::string& plain,
                              const std::string& now) -> Result<std::string> {
    if (is_secret(now, kind, plain, change)) return now;
    if (kind != SecretKind::password) return keep_secret(plain, change.dry_run);
    const size_t slash = path.find('/') + 1;
    TRY(access::check_password(plain, path.substr(slash, path.rfind('/') - slash), path));
    TRY_ASSIGN(const std::string hash, access::hash_password(plain));
    return keep_secret(change.one_time_passwords ? std::string(one_time_mark) + hash : hash, change.dry_run);
  };
  return take_in_secrets(next, before, keep, [this](const std::string& reference) {
    return state::SecretStore::is_reference(reference) && secrets_->get(reference).has_value();
  });
}

Result<std::string> Array::keep_secret(const std::string& plain, bool dry_run) {
  if (!dry_run) return secrets_->put(plain);
  std::array<uint8_t, secret_bytes> random{};
  parts_.random(random);
  return "secret:" + hex_of(random);
}

// A secret stays as long as a file of a generation names it, also one that was put aside as damaged; beyond that nobody can
// ask for it. The files are searched as text: a generation of a thousand volumes has megabytes, and 200 are kept.
void Array::remove_old_secrets() {
  constexpr std::string_view mark = "secret:";
  constexpr size_t id_digits = 2 * secret_bytes;
  const std::string folder = parts_.folder + "/config";
  const auto names = parts_.files->list(folder);
  if (!names) return;
  std::set<std::string> used;
  for (const std::string& name : *names) {
    const auto text = parts_.files->read(fmt::format("{}/{}", folder, name));
    if (!text) return;  // what cannot be read may need any of them
    for (size_t at = text->find(mark); at != std::string::npos; at = text->find(mark, at + 1))
      used.insert(text->substr(at, mark.size() + id_digits));
  }
  const auto removed = secrets_->remove_all_but(used);
  if (!removed) log_warning("agent", "old secrets stay: {}", removed.error().text());
}

}  // namespace ashlar::agent
