#include "iscsi/additional_segments.h"

#include <algorithm>

namespace ashlar::iscsi {

using wire::iscsi::AdditionalHeader;
using wire::iscsi::AdditionalHeaders;
using wire::iscsi::AdditionalHeaderType;

const char* AdditionalSegments::read(ConstBytes segments) {
  AdditionalHeaders headers(segments);
  bool extended = false;
  for (AdditionalHeader header; headers.next(header);) {
    if (header.type == AdditionalHeaderType::bidirectional_read_length) {
      if (header.content.size() != 4) return "an expected read length that is not of 4 bytes";
      if (read_length) return "two expected read lengths";
      read_length = header.read_length();
    } else if (header.type == AdditionalHeaderType::extended_cdb) {
      if (header.content.empty()) return "an extension of the CDB without a byte";
      if (extended) return "two extensions of the CDB";
      extended = true;
      cdb_bytes = static_cast<uint8_t>(std::min(header.content.size(), cdb.size()));
      std::copy_n(header.content.begin(), cdb_bytes, cdb.begin());
    }
  }
  return headers.malformed() ? "an additional header segment that does not fit" : nullptr;
}

}  // namespace ashlar::iscsi
