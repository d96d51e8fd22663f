// Any bytes as any PDU, entry or page: what is decoded survives being encoded, and lengths never leave the PDU.
#include <cstring>
#include <vector>

#include "base/check.h"
#include "wire/nvme_fabrics.h"
#include "wire/nvme_identify.h"
#include "wire/nvme_log.h"
#include "wire/nvme_tcp_pdu.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::nvme;

void headers(const uint8_t* data) {
  const CommonHeader header = CommonHeader::decode(data);
  std::array<uint8_t, most_header_bytes> again{};
  header.encode(again.data());
  CHECK(CommonHeader::decode(again.data()) == header && !pdu_name(header.type).empty());
  for (const bool header_digest : {false, true}) {
    for (const bool data_digest : {false, true}) {
      if (check_header(header, header_digest, data_digest, 1 << 20).found) continue;
      CHECK(data_bytes_of(header) <= 1 << 20 && data_bytes_of(header) < header.pdu_bytes);
      CHECK(header.header_bytes == header_bytes_of(header.type));
    }
  }
  const DataTransfer transfer = DataTransfer::decode(data);
  transfer.encode(again.data());
  CHECK(DataTransfer::decode(again.data()) == transfer);
}

void entries(const uint8_t* data) {
  const Submission entry = Submission::copy_of(data);
  Submission again;
  const Connect connect = Connect::decode(entry);
  connect.encode(again);
  CHECK(Connect::decode(again) == connect);
  const PropertyAccess access = PropertyAccess::decode(entry);
  access.encode(again, FabricsType::property_get);
  CHECK(PropertyAccess::decode(again) == access || !access.known_size);
  const LogRequest request = LogRequest::decode(entry);
  request.encode(again);
  CHECK(LogRequest::decode(again) == request);
  const BlockRange range = block_range(entry);
  CHECK(range.blocks >= 1 && range.blocks <= 65536);
  entry.data();
}

void pages(ConstBytes bytes) {
  decode_access_groups(bytes);
  const DiscoveryLog log = decode_discovery(bytes);
  CHECK(log.entries.size() <= bytes.size() / discovery_entry_bytes);
  if (bytes.size() >= connect_data_bytes) {
    const ConnectData data = ConnectData::decode(bytes);
    CHECK(ConnectData::decode(data.encode()) == data);
  }
  if (bytes.size() < identify_bytes) return;
  IdentifyPage page;
  std::memcpy(page.data(), bytes.data(), page.size());
  decode_controller(page);
  decode_namespace(page);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < most_header_bytes) return 0;
  headers(data);
  entries(data);
  const Initialization initialization = Initialization::decode(data);
  std::array<uint8_t, most_header_bytes> again;
  initialization.encode(again.data(), PduType::initialize_request);
  CHECK(Initialization::decode(again.data()) == initialization);
  pages({data, size});
  return 0;
}
