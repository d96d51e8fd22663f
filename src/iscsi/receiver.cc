#include "iscsi/receiver.h"

#include <algorithm>

namespace ashlar::iscsi {

using wire::iscsi::additional_header_bytes;
using wire::iscsi::basic_header_bytes;

Receiver::Frame Receiver::header_of(ConstBytes bytes) {
  if (bytes.size() < basic_header_bytes) return {};
  const uint8_t* header = bytes.data();
  const size_t signed_bytes = basic_header_bytes + additional_header_bytes(header);
  const size_t total = signed_bytes + (header_digest_ ? digest_bytes : 0);
  if (bytes.size() < total) return {};
  // Digests travel little-endian (RFC 7143 13.1 and its examples in appendix A).
  const bool wrong = header_digest_ && crc32c(bytes.first(signed_bytes)) != load_le32(header + signed_bytes);
  if (wrong && !handler_.header_digest_failed(header)) return {};
  const uint32_t data_bytes = wire::iscsi::data_segment_length(header);
  return {.header_bytes = total,
          .gap_bytes = 0,
          .data_bytes = data_bytes,
          .padding_bytes = static_cast<uint8_t>(wire::iscsi::padded(data_bytes) - data_bytes),
          .data_digest = data_digest_ && data_bytes > 0,
          .passed_over = wrong};
}

DataPlan Receiver::header_arrived(ConstBytes header) {
  std::copy_n(header.begin(), basic_header_bytes, header_.begin());
  return handler_.header_arrived(header.data(),
                                 header.subspan(basic_header_bytes, additional_header_bytes(header.data())));
}

}  // namespace ashlar::iscsi
