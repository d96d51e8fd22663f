// What the helper and its client say to each other: one JSON object a line. A request is {"verb": "...", "arguments": {...}};
// its answer {"result": {...}} or {"error": {"code", "place", "message"}}. Both sides read with bounds and refuse what they do
// not know.
#pragma once

#include <string>
#include <string_view>

#include "json/fields.h"
#include "storage/privileged.h"

namespace ashlar::storage {

constexpr size_t max_request_bytes = 16384;  // two paths and two names, escaped
constexpr size_t max_answer_bytes = json::max_json_bytes;

struct HelperRequest {
  std::string verb;
  json::Json arguments = json::Json::object();
};
Result<HelperRequest> parse_request(std::string_view line);
std::string print_request(std::string_view verb, const json::Json& arguments);

/// The result that an answer carries, or the error that it tells. protocol_error: it is no answer.
Result<json::Json> parse_answer(std::string_view line);
std::string print_answer(const Result<json::Json>& result);

struct NoArguments {};
struct FolderArguments {
  std::string folder;
};
struct FileArguments {
  std::string folder, name;
};
struct CreateArguments {
  std::string folder, name;
  uint64_t bytes = 0;
  bool allocate = false;
};
struct CloneArguments {
  std::string folder, from, to;
};
struct SocketArguments {
  std::string socket_path;
};
struct FileList {
  std::vector<FileFacts> files;
};
struct DeviceList {
  std::vector<DeviceFacts> devices;
};

template <typename V, json::Is<NoArguments> T>
void visit_fields(V& /*v*/, T& /*arguments*/) {}

template <typename V, json::Is<FolderArguments> T>
void visit_fields(V& v, T& arguments) {
  v.field("folder", arguments.folder, json::required);
}

template <typename V, json::Is<FileArguments> T>
void visit_fields(V& v, T& arguments) {
  v.field("folder", arguments.folder, json::required);
  v.field("name", arguments.name, json::required);
}

template <typename V, json::Is<CreateArguments> T>
void visit_fields(V& v, T& arguments) {
  v.field("folder", arguments.folder, json::required);
  v.field("name", arguments.name, json::required);
  v.field("bytes", arguments.bytes, json::required);
  v.field("allocate", arguments.allocate, json::required);
}

template <typename V, json::Is<CloneArguments> T>
void visit_fields(V& v, T& arguments) {
  v.field("folder", arguments.folder, json::required);
  v.field("from", arguments.from, json::required);
  v.field("to", arguments.to, json::required);
}

template <typename V, json::Is<SocketArguments> T>
void visit_fields(V& v, T& arguments) {
  v.field("socket_path", arguments.socket_path, json::required);
}

template <typename V, json::Is<FileList> T>
void visit_fields(V& v, T& list) {
  v.field("files", list.files, json::required);
}

template <typename V, json::Is<DeviceList> T>
void visit_fields(V& v, T& list) {
  v.field("devices", list.devices, json::required);
}

}  // namespace ashlar::storage
