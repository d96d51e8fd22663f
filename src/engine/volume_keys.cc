#include "engine/volume_keys.h"

#include <openssl/evp.h>

#include <array>

#include "base/log.h"
#include "engine/record_file.h"
#include "loop/loop.h"
#include "rpc/document_fields.h"

namespace ashlar::engine {
namespace {

constexpr std::string_view cipher_name = "aes-256-xts-plain64";
// Longer than any record, so that one that takes the place of another covers all of it.
constexpr size_t text_bytes = 512;

struct KeptKey {
  std::string cipher;
  std::string key;    // 128 hex digits
  std::string check;  // 32 hex digits
};

template <typename V, rpc::Is<KeptKey> T>
void visit_fields(V& v, T& kept) {
  v.field("cipher", kept.cipher, rpc::required);
  v.field("key", kept.key, rpc::required);
  v.field("check", kept.check, rpc::required);
}

// Tells this key of this id from every other, and tells nothing of the key.
std::string check_value(const Uuid& id, const layers::DataKey& key) {
  constexpr std::string_view purpose = "Ashlar volume key";
  std::array<uint8_t, purpose.size() + sizeof(Uuid) + layers::DataKey::size> input{};
  auto end = std::ranges::copy(purpose, input.begin()).out;
  end = std::ranges::copy(id, end).out;
  std::ranges::copy(key.bytes(), end);
  std::array<uint8_t, 32> digest{};
  const int done = EVP_Digest(input.data(), input.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_cleanse(input.data(), input.size());
  CHECK(done == 1, "OpenSSL has no SHA-256, or no memory for it");
  return hex_of(ConstBytes(digest).first(16));
}

void wipe(std::string& text) { OPENSSL_cleanse(text.data(), text.size()); }

Result<layers::DataKey> draw_key() {
  layers::DataKey key;
  for (int tries = 0; tries < 4; ++tries) {
    loop::Loop::current().random(key.bytes());
    if (key.usable()) return key;
  }
  return fail(ErrorCode::io_error, "key", "the system's randomness gives the same again and again");
}

}  // namespace

std::string key_text(const Uuid& id, const layers::DataKey& key) {
  KeptKey kept{.cipher = std::string(cipher_name), .key = hex_of(key.bytes()), .check = check_value(id, key)};
  std::string text = rpc::print_json(rpc::encode(kept));
  wipe(kept.key);
  text.resize(text_bytes, ' ');
  return text;
}

Result<layers::DataKey> parse_key(const std::string& text, const Uuid& id) {
  TRY_ASSIGN(const rpc::Json json, rpc::parse_json(text));
  TRY_ASSIGN(KeptKey kept, rpc::decode<KeptKey>(json, "", rpc::Unknown::refuse));
  if (kept.cipher != cipher_name)
    return fail(ErrorCode::unsupported, "cipher", "'{}' is not known here, only {}", kept.cipher,
                cipher_name);
  layers::DataKey key;
  const Result<void> parsed = parse_hex(kept.key, key.bytes(), "key");
  wipe(kept.key);
  // The text of an error would repeat what it could not read.
  if (!parsed) return fail(ErrorCode::invalid_argument, "key", "is not {} hexadecimal digits", 2 * key.size);
  if (!key.usable() || check_value(id, key) != kept.check)
    return fail(ErrorCode::invalid_argument, "check", "does not fit: this is not the key {}", uuid_text(id));
  return key;
}

std::string VolumeKeys::path_of(const Uuid& id) const {
  return fmt::format("{}/{}/{}", state_folder_, folder, uuid_text(id));
}

loop::Task<Result<std::optional<layers::DataKey>>> VolumeKeys::find(Uuid id) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  const std::string path = path_of(id);
  auto reading = read_record(path);
  Result<std::optional<std::string>> text = co_await reading;
  if (!text) co_return std::unexpected(text.error());
  if (!*text) co_return std::optional<layers::DataKey>{};
  Result<layers::DataKey> key = parse_key(**text, id);
  wipe(**text);
  if (key) co_return std::optional<layers::DataKey>{*key};
  key.error().place = path + ": " + key.error().place;
  co_return std::unexpected(key.error());
}

// A record has two halves, which are written in turn.
loop::Task<Result<void>> VolumeKeys::write_twice(std::string path, std::string text) {
  Result<void> written;
  for (int half = 0; half < 2 && written; ++half) {
    auto writing = write_record(path, text);
    written = co_await writing;
  }
  wipe(text);
  co_return written;
}

loop::Task<Result<layers::DataKey>> VolumeKeys::renew(Uuid id) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  CO_TRY_ASSIGN(const layers::DataKey key, draw_key());
  auto writing = write_twice(path_of(id), key_text(id, key));
  const Result<void> written = co_await writing;
  CO_TRY(written);
  log_info("engine", "a new key was drawn id={}", uuid_text(id));
  co_return key;
}

loop::Task<Result<void>> VolumeKeys::destroy(Uuid id) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  const std::string path = path_of(id);
  auto looking = read_record(path);
  const Result<std::optional<std::string>> there = co_await looking;
  if (there && !*there) co_return Result<void>{};
  auto writing = write_twice(path, std::string(text_bytes, ' '));
  const Result<void> written = co_await writing;
  CO_TRY(written);
  auto removing = loop::Loop::current().remove(path);
  const Result<void> removed = co_await removing;
  CO_TRY(removed);
  log_info("engine", "a key was destroyed id={}", uuid_text(id));
  co_return Result<void>{};
}

}  // namespace ashlar::engine
