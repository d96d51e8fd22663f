// Any bytes as a CDB to a passed-through device of any kind, and as what such a device says: pages and sense data.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "scsi/device_answer.h"
#include "scsi/device_pages.h"
#include "scsi/passage.h"

namespace {

using namespace ashlar;
using namespace ashlar::scsi;

void decide(ConstBytes bytes) {
  std::array<uint8_t, 32> cdb{};
  std::copy_n(bytes.begin() + 1, std::min<size_t>(bytes.size() - 1, cdb.size()), cdb.begin());
  const bool is_long = (bytes[0] & 0x80) != 0;
  const block::PassthroughPolicy policy{.firmware = (bytes[0] & 0x40) != 0, .format = (bytes[0] & 0x20) != 0};
  const Passage passage = passage_of(ConstBytes(cdb).first(is_long ? 32 : 16), bytes[0] & 0x1f, policy);
  if (passage.way == Passage::Way::refuse) {
    CHECK(passage.refusal.key == SenseKey::illegal_request);
    return;
  }
  CHECK(passage.cdb_length >= 6 && passage.cdb_length <= (is_long ? 32 : 16), "{} bytes", passage.cdb_length);
  CHECK(passage.timeout.count() > 0);
}

void put_right(ConstBytes bytes) {
  const unit::Nexus nexus{.target_port = "iqn.2026-11.io.ashlar:fuzz,t,0x0001"};
  const VpdAsker asker{nexus, {}};
  const std::vector<uint8_t> page = adjust_page(bytes.subspan(1), asker, bytes[0]);
  CHECK(page.size() < 4 || load_be16(page.data() + 2) + 4u == page.size(), "a page of {} bytes", page.size());
  std::vector<uint8_t> standard(bytes.begin(), bytes.end());
  adjust_standard_data(standard, 0x10);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const ConstBytes bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: decide(bytes); break;
    case 1: put_right(bytes); break;
    default: CHECK(!(is_attention(bytes) && is_deferred(bytes)));
  }
  return 0;
}
