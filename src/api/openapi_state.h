// What an OpenApi holds. Private to openapi.cc and openapi_reader.cc.
#pragma once

#include "api/openapi.h"

namespace ashlar::api {

/// A path of the document, in segments.
struct PathTemplate {
  struct Segment {
    std::string text;  ///< literal, or the parameter's name
    enum class Kind : uint8_t { literal, parameter, spanning } kind = Kind::literal;
  };
  std::string text;
  std::vector<Segment> segments;
  std::map<std::string, size_t> operations;  ///< by method: place in State::operations
};

struct OpenApi::State {
  Json document;
  std::vector<Operation> operations;
  std::map<std::string, size_t, std::less<>> by_id;
  std::map<std::string, Schema, std::less<>> schemas;
  std::vector<PathTemplate> paths;  ///< the more literal ones first
};

/// "/a/b" is {"a", "b"}; "/" is {""}.
std::vector<std::string_view> split_path(std::string_view path);

}  // namespace ashlar::api
