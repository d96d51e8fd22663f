#include "rpc/document.h"

#include "rpc/document_fields.h"

namespace ashlar::rpc {

Result<Document> parse_document(std::string_view json) {
  TRY_ASSIGN(const Json tree, parse_json(json));
  return decode<Document>(tree, "", Unknown::refuse);
}

std::string print_document(const Document& document) {
  return print_json(encode(document, Secrets::show), 2) + "\n";
}

}  // namespace ashlar::rpc
