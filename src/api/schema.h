// JSON Schema 2020-12, as much of it as docs/openapi.yaml uses: compiled once, then asked about every request.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/words.h"
#include "base/result.h"

namespace ashlar::api {

struct SchemaNode;

/// Which way a value goes. A request may say anything in `readOnly` members (they are overlooked) and need not have them;
/// an answer need not have `writeOnly` ones.
enum class Direction : bool { request, response };

struct CheckMode {
  Direction direction = Direction::request;
  /// A merge patch (RFC 7396): nothing is required, and null takes a member away. Within lists all is as usual, because a
  /// patch replaces a list as a whole.
  bool partial = false;
};

/// One compiled schema. Cheap to copy; keeps alive all that it refers to; check() may be called from any thread.
/// Differs from the standard in one thing: 1.0 is no integer, because the types behind it take none.
class Schema {
 public:
  /// Takes everything.
  Schema();

  /// invalid_argument or out_of_range with the path of the value ("identity.naa", "layers[1].kind"), `place` in front of it,
  /// and what to mend. The first breach only. Ends for every value: depth and steps are bounded.
  Result<void> check(const Json& value, CheckMode mode = {}, std::string_view place = "") const;

  /// The value of a query parameter or header: `text` as the type that the schema asks for, checked.
  Result<Json> read_text(std::string_view text, std::string_view place) const;

  /// `value` less all members that are `readOnly` here.
  Json without_read_only(Json value) const;

  /// The `default` that the schema names.
  const std::optional<Json>& default_value() const;
  /// The names of an object's properties, and the schema of one of them; references are followed.
  std::map<std::string, Schema> properties() const;
  /// The names that it requires; references are followed.
  std::vector<std::string> required() const;
  bool read_only() const;
  bool write_only() const;

 private:
  friend class SchemaCompiler;
  explicit Schema(std::shared_ptr<const SchemaNode> node) : node_(std::move(node)) {}
  Schema with(const SchemaNode& node) const {
    return Schema(std::shared_ptr<const SchemaNode>(node_, &node));
  }

  std::shared_ptr<const SchemaNode> node_;
};

/// Compiles the schemas of one document; what several of them refer to is compiled once.
class SchemaCompiler {
 public:
  /// `document` must outlive the compiler (not the schemas); "$ref": "#/components/..." is looked up in it.
  explicit SchemaCompiler(const Json& document);
  ~SchemaCompiler();
  SchemaCompiler(const SchemaCompiler&) = delete;
  SchemaCompiler& operator=(const SchemaCompiler&) = delete;

  /// Takes one keyword of ours, `x-ashlar-partial`: as CheckMode::partial, from that schema on.
  /// Refuses what check() would overlook: unknown keywords (but annotations and "x-..."), references that lead nowhere or in
  /// a ring, patterns without a `maxLength` of at most 256 beside them. `place` names the schema in errors.
  Result<Schema> compile(const Json& schema, const std::string& place);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The value at a pointer of the form "#/a/b" (RFC 6901), or null.
const Json* find_by_pointer(const Json& document, std::string_view pointer);

}  // namespace ashlar::api
