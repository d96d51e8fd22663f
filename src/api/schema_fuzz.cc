// Any JSON against every schema of docs/openapi.yaml, and any bytes as text of its parameters: no crash, it ends, errors say
// something, and what is taken is taken again without its read-only members. The same bytes as a schema and as a document.
#include <cstdlib>

#include "api/openapi_file_test.h"
#include "base/bytes.h"

namespace {

using namespace ashlar;

void expect_said(const Result<void>& checked) {
  if (!checked && checked.error().message.empty()) std::abort();
}

void check_all(const api::Json& value) {
  const api::OpenApi& file = api::openapi_file();
  for (const api::Operation& operation : file.operations()) {
    if (operation.body) {
      expect_said(file.check_body(operation, &value));
      const api::Schema* schema = find_json(operation.body->content);
      const api::CheckMode mode{.partial = operation.body->partial};
      if (schema != nullptr && schema->check(value, mode) &&
          !schema->check(schema->without_read_only(value), mode))
        std::abort();
    }
    for (const auto& [status, content] : operation.responses)
      expect_said(file.check_response(operation, status, &value));
  }
}

void check_text(const std::string& text) {
  const api::OpenApi& file = api::openapi_file();
  const api::Match match = file.match("GET", text);
  expect_said(file.check_path(match));
  for (const api::Operation& operation : file.operations()) {
    for (const api::Parameter& each : operation.parameters) {
      if (const auto read = each.schema.read_text(text, each.name); !read && read.error().message.empty())
        std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of({data, size}));
  check_text(text);
  const Result<api::Json> value = api::parse_json(text);
  if (!value) return 0;
  check_all(*value);
  api::SchemaCompiler compiler(*value);
  if (const Result<api::Schema> schema = compiler.compile(*value, "fuzz")) expect_said(schema->check(*value));
  if (const Result<api::OpenApi> document = api::OpenApi::load(*value);
      !document && document.error().message.empty())
    std::abort();
  return 0;
}
