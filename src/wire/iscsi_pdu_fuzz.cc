// Any 48 bytes as any PDU, any bytes as additional header segments: what is decoded survives being encoded.
#include <cstring>
#include <vector>

#include "base/check.h"
#include "wire/iscsi_pdu.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::iscsi;

template <typename Pdu>
void round_trip(const uint8_t* header) {
  const Pdu pdu = Pdu::decode(header);
  std::array<uint8_t, basic_header_bytes> again;
  pdu.encode(again.data());
  CHECK(Pdu::decode(again.data()) == pdu);
}

void every_pdu(const uint8_t* header) {
  round_trip<NopOut>(header);
  round_trip<ScsiCommand>(header);
  round_trip<TaskManagementRequest>(header);
  round_trip<LoginRequest>(header);
  round_trip<TextRequest>(header);
  round_trip<DataOut>(header);
  round_trip<LogoutRequest>(header);
  round_trip<SnackRequest>(header);
  round_trip<NopIn>(header);
  round_trip<ScsiResponse>(header);
  round_trip<TaskManagementResponse>(header);
  round_trip<LoginResponse>(header);
  round_trip<TextResponse>(header);
  round_trip<DataIn>(header);
  round_trip<LogoutResponse>(header);
  round_trip<R2t>(header);
  round_trip<AsyncMessage>(header);
  round_trip<Reject>(header);
  CHECK(!pdu_name(opcode(header)).empty());
  CHECK(additional_header_bytes(header) <= max_additional_header_bytes);
}

void additional_headers(ConstBytes bytes) {
  AdditionalHeaders headers(bytes);
  AdditionalHeader header;
  std::vector<uint8_t> again(max_additional_header_bytes);
  size_t content = 0;
  while (headers.next(header)) {
    content += header.content.size();
    CHECK(content <= bytes.size());
    header.read_length();
    const size_t size = encode(header, again);
    if (size == 0) continue;
    AdditionalHeaders second(ConstBytes(again).first(size));
    AdditionalHeader copy;
    CHECK(second.next(copy) && copy.type == header.type && copy.content.size() == header.content.size());
    CHECK(std::memcmp(copy.content.data(), header.content.data(), copy.content.size()) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < basic_header_bytes) return 0;
  every_pdu(data);
  const ConstBytes rest(data + basic_header_bytes, size - basic_header_bytes);
  additional_headers(rest.first(std::min<size_t>(rest.size(), additional_header_bytes(data))));
  return 0;
}
