// What differs between two documents, so that of five thousand mappings only the new one is sent.
#pragma once

#include <string>
#include <vector>

#include "rpc/document.h"

namespace ashlar::rpc {

/// Keys of what goes. A mapping's key is host, target and volume: a document has no two of them.
struct Removals {
  std::vector<std::string> volumes, hosts, portals, targets, groups;
  std::vector<MappingDocument> mappings;  ///< by their keys; the rest of each says nothing
  bool operator==(const Removals&) const = default;
};

struct Amendment {
  Document changed;  ///< what is new, or is not as it was: whole resources
  Removals gone;
  /// How many resources it speaks of.
  size_t size() const;
};

/// amend(from, difference(from, to)) has the resources of `to`, each once; and in the order of `to` when both are sorted.
/// Names are unique in both.
Amendment difference(const Document& from, const Document& to);

/// Puts `amendment` into `document`. What is to go and is not there is overlooked: check_document() judges the outcome. A list
/// that was sorted by its key stays so; to others new resources are appended.
void amend(Document& document, Amendment amendment);

/// Every list by its key: the order in which equal documents are equal.
void sort_document(Document& document);

}  // namespace ashlar::rpc
