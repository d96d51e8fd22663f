// docs/openapi.yaml, for tests and the fuzzer: they run at the top of the tree.
#pragma once

#include <fstream>
#include <iterator>

#include "api/openapi.h"
#include "base/check.h"
#include "convert/convert.h"

namespace ashlar::api {

/// A file that cannot be read, or that OpenApi does not take, ends the program with what is wrong in it.
inline const OpenApi& openapi_file() {
  static const OpenApi loaded = [] {
    std::ifstream file("docs/openapi.yaml", std::ios::binary);
    CHECK(file.good(), "docs/openapi.yaml is not here");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    Result<Json> document = convert::parse_yaml(text);
    CHECK(document.has_value(), "{}", document.error().text());
    Result<OpenApi> api = OpenApi::load(std::move(*document));
    CHECK(api.has_value(), "{}", api.error().text());
    return std::move(*api);
  }();
  return loaded;
}

}  // namespace ashlar::api
