// Any bytes as a request or an answer: no crash, and what is taken survives printing.
#include <cstdlib>

#include "base/bytes.h"
#include "storage/facts_fields.h"
#include "storage/helper_message.h"

using namespace ashlar;
using namespace ashlar::storage;

template <typename T>
static void decode_all(const json::Json& tree) {
  const auto value = json::decode<T>(tree, "", json::Unknown::refuse);
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return;
  }
  if (!json::decode<T>(json::encode(*value), "", json::Unknown::refuse)) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = text_of({data, size});
  if (const auto request = parse_request(text)) {
    const auto again = parse_request(print_request(request->verb, request->arguments));
    if (again && again->verb != request->verb) std::abort();
    decode_all<NoArguments>(request->arguments);
    decode_all<FolderArguments>(request->arguments);
    decode_all<FileArguments>(request->arguments);
    decode_all<CreateArguments>(request->arguments);
    decode_all<CloneArguments>(request->arguments);
    decode_all<SocketArguments>(request->arguments);
  }
  const auto answer = parse_answer(text);
  if (!answer && answer.error().text().empty()) std::abort();
  if (!answer || !answer->is_object()) return 0;
  decode_all<FolderFacts>(*answer);
  decode_all<FileFacts>(*answer);
  decode_all<FileList>(*answer);
  decode_all<DeviceList>(*answer);
  return 0;
}
