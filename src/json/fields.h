// One list of fields per type serves both directions: FieldReader fills the fields from JSON, FieldWriter makes JSON of them.
// A type takes part by a function found by its namespace:
//   template <typename V, Is<PortalDocument> T> void visit_fields(V& v, T& portal) { v.field("name", portal.name, required); ... }
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "json/json.h"
#include "json/sizes.h"

namespace ashlar::json {

template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

enum class Need : bool { optional, required };
constexpr Need required = Need::required;

/// What to do with keys that nobody asked for: refuse what a person wrote, overlook what a newer engine tells.
enum class Unknown : bool { refuse, overlook };

// Scalars; `path` names the value in the error.
Result<void> read_value(const Json& json, const std::string& path, bool& value);
Result<void> read_value(const Json& json, const std::string& path, std::string& value);
Result<void> read_value(const Json& json, const std::string& path, int64_t& value);
Result<void> read_value(const Json& json, const std::string& path, uint64_t& value);
Result<void> read_value(const Json& json, const std::string& path, double& value);
/// Anything: for values whose type is decided elsewhere.
Result<void> read_value(const Json& json, const std::string& path, Json& value);
/// A number, or text as parse_size() takes it.
Result<void> read_size(const Json& json, const std::string& path, uint64_t& value);
/// `number` no greater than `highest`.
Result<void> check_highest(uint64_t number, uint64_t highest, const std::string& path);
[[nodiscard]] Error wrong_type(const Json& json, const std::string& path, std::string_view wanted);
/// "; did you mean ...? Known here: ..." for a word that is none of `known`.
std::string advice(std::string_view word, const std::vector<std::string_view>& known);

class FieldReader {
 public:
  FieldReader(const Json& object, std::string path, Unknown unknown)
      : object_(object), path_(std::move(path)), unknown_(unknown) {}

  template <typename T>
  void field(const char* name, T& value, Need need = Need::optional) {
    if (const Json* json = find(name, need)) keep(read(*json, path_of(name), value));
  }
  /// A secret: as a string here; FieldWriter may redact it.
  void secret(const char* name, std::string& value) { field(name, value); }
  template <std::unsigned_integral T>
  void size(const char* name, T& value, Need need = Need::optional) {
    const Json* json = find(name, need);
    if (json == nullptr) return;
    uint64_t number = 0;
    const std::string path = path_of(name);
    Result<void> done = read_size(*json, path, number);
    if (done) done = check_highest(number, std::numeric_limits<T>::max(), path);
    if (done) value = static_cast<T>(number);
    keep(std::move(done));
  }

  /// Unknown keys first: they explain a missing one.
  Result<void> finish();

 private:
  std::string path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
  }
  const Json* find(const char* name, Need need);
  void keep(Result<void> done) {
    if (!done && !error_) error_ = std::move(done).error();
  }

  template <typename T>
  Result<void> read(const Json& json, const std::string& path, T& value) {
    return read_value(json, path, value);
  }
  template <typename T>
    requires(std::same_as<T, uint16_t> || std::same_as<T, uint32_t>)
  Result<void> read(const Json& json, const std::string& path, T& value) {
    uint64_t number = 0;
    TRY(read_value(json, path, number));
    TRY(check_highest(number, std::numeric_limits<T>::max(), path));
    value = static_cast<T>(number);
    return {};
  }
  template <typename T>
    requires requires(FieldReader& reader, T& value) { visit_fields(reader, value); }
  Result<void> read(const Json& json, const std::string& path, T& value) {
    if (!json.is_object()) return std::unexpected(wrong_type(json, path, "an object"));
    FieldReader reader(json, path, unknown_);
    visit_fields(reader, value);
    return reader.finish();
  }
  template <typename T>
  Result<void> read(const Json& json, const std::string& path, std::optional<T>& value) {
    value.reset();
    return json.is_null() ? Result<void>{} : read(json, path, value.emplace());
  }
  template <typename T>
  Result<void> read(const Json& json, const std::string& path, std::vector<T>& value) {
    if (!json.is_array()) return std::unexpected(wrong_type(json, path, "a list"));
    value.clear();
    for (size_t i = 0; i < json.size(); ++i) {
      T item{};
      TRY(read(json[i], fmt::format("{}[{}]", path, i), item));
      value.push_back(std::move(item));
    }
    return {};
  }
  template <typename T>
  Result<void> read(const Json& json, const std::string& path, std::map<std::string, T>& value) {
    if (!json.is_object()) return std::unexpected(wrong_type(json, path, "an object"));
    value.clear();
    for (const auto& [name, member] : json.items()) {
      T item{};
      TRY(read(member, fmt::format("{}.{}", path, name), item));
      value.emplace(name, std::move(item));
    }
    return {};
  }

  const Json& object_;
  std::string path_;
  Unknown unknown_;
  std::vector<std::string_view> known_;
  std::optional<Error> error_;
};

/// Secrets as they are, or "(redacted)": shorter than any secret may be, so that it cannot be applied by mistake.
enum class Secrets : bool { redact, show };
constexpr std::string_view redacted = "(redacted)";

class FieldWriter {
 public:
  explicit FieldWriter(Secrets secrets) : secrets_(secrets) {}

  template <typename T>
  void field(const char* name, const T& value, Need /*need*/ = Need::optional) {
    json_[name] = write(value);
  }
  template <typename T>
  void field(const char* name, const std::optional<T>& value, Need /*need*/ = Need::optional) {
    if (value) json_[name] = write(*value);
  }
  void secret(const char* name, const std::string& value) {
    json_[name] = value.empty() || secrets_ == Secrets::show ? value : std::string(redacted);
  }
  void size(const char* name, uint64_t value, Need /*need*/ = Need::optional) { json_[name] = value; }
  Json take() && { return std::move(json_); }

 private:
  template <typename T>
  Json write(const T& value) {
    if constexpr (requires(FieldWriter& writer) { visit_fields(writer, value); }) {
      FieldWriter writer(secrets_);
      visit_fields(writer, value);
      return std::move(writer).take();
    } else {
      return Json(value);
    }
  }
  template <typename T>
  Json write(const std::vector<T>& items) {
    Json list = Json::array();
    for (const T& item : items) list.push_back(write(item));
    return list;
  }
  template <typename T>
  Json write(const std::map<std::string, T>& items) {
    Json object = Json::object();
    for (const auto& [name, item] : items) object[name] = write(item);
    return object;
  }

  Secrets secrets_;
  Json json_ = Json::object();
};

/// T from its JSON; `path` stands before the names of fields in errors (may be empty).
template <typename T>
Result<T> decode(const Json& json, std::string path, Unknown unknown) {
  if (!json.is_object()) return std::unexpected(wrong_type(json, path, "an object"));
  T value{};
  FieldReader reader(json, std::move(path), unknown);
  visit_fields(reader, value);
  TRY(reader.finish());
  return value;
}

template <typename T>
Json encode(const T& value, Secrets secrets = Secrets::redact) {
  FieldWriter writer(secrets);
  visit_fields(writer, value);
  return std::move(writer).take();
}

}  // namespace ashlar::json
