// Any bytes as a document: no crash, and what is taken survives printing.
#include <cstdlib>

#include "base/bytes.h"
#include "rpc/document.h"
#include "rpc/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ashlar::text_of({data, size});
  if (const auto request = ashlar::rpc::parse_request(text);
      request && ashlar::rpc::print_json(request->params).empty())
    std::abort();
  const auto document = ashlar::rpc::parse_document(text);
  if (!document) return 0;
  if (const auto checked = ashlar::rpc::check_document(*document);
      !checked && checked.error().message.empty())
    std::abort();
  const auto again = ashlar::rpc::parse_document(ashlar::rpc::print_document(*document));
  if (!again || *again != *document) std::abort();
  return 0;
}
