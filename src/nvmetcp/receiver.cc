#include "nvmetcp/receiver.h"

#include <algorithm>

namespace ashlar::nvmetcp {

using wire::nvme::common_header_bytes;
using wire::nvme::FatalError;
using wire::nvme::PduFlag;

Receiver::Frame Receiver::header_of(ConstBytes bytes) {
  if (bytes.size() < common_header_bytes) return {};
  common_ = CommonHeader::decode(bytes.data());
  const wire::nvme::HeaderFault fault =
      check_header(common_, header_digest_, data_digest_, handler_.most_data_bytes(common_.type));
  if (fault.found) {
    handler_.header_failed({fault.error, fault.offset}, bytes.first(common_header_bytes));
    return {};
  }
  const bool signed_header = common_.has(PduFlag::header_digest);
  const size_t total = common_.header_bytes + (signed_header ? digest_bytes : 0);
  if (bytes.size() < total) return {};
  if (signed_header) {
    const uint32_t received = load_le32(bytes.data() + common_.header_bytes);
    if (crc32c(bytes.first(common_.header_bytes)) != received) {
      handler_.header_failed({FatalError::header_digest_error, received}, bytes.first(common_.header_bytes));
      return {};
    }
  }
  const uint32_t data_bytes = data_bytes_of(common_);
  const bool has_gap = data_bytes > 0 && common_.data_offset > total;
  return {.header_bytes = total,
          .gap_bytes = has_gap ? static_cast<uint32_t>(common_.data_offset - total) : 0,
          .data_bytes = data_bytes,
          .padding_bytes = 0,
          .data_digest = data_bytes > 0 && common_.has(PduFlag::data_digest),
          .passed_over = false};
}

DataPlan Receiver::header_arrived(ConstBytes header) {
  std::copy_n(header.begin(), common_.header_bytes, header_.begin());
  return handler_.header_arrived(common_, header_.data());
}

}  // namespace ashlar::nvmetcp
