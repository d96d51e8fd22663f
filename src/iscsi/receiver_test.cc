#include "iscsi/receiver.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "loop/scripted_stream_test.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::iscsi {
namespace {

using namespace wire::iscsi;
using loop::ScriptedStream;

// Places Data-Out by buffer offset, collects the rest.
class Recorder final : public PduHandler {
 public:
  explicit Recorder(Buffer& buffer) : buffer_(buffer) {}
  DataPlan header_arrived(const uint8_t* header, ConstBytes) override {
    if (opcode(header) != Opcode::data_out) return {DataPlan::Kind::collect, nullptr, 0, 0};
    const DataOut pdu = DataOut::decode(header);
    return {DataPlan::Kind::place, &buffer_, pdu.buffer_offset, pdu.data_segment_length};
  }
  void pdu_arrived(const uint8_t* header, ConstBytes data) override {
    arrived.push_back(fmt::format("{}:{}", initiator_task_tag(header), text_of(data)));
  }
  bool header_digest_failed(const uint8_t*) override {
    bad_header = true;
    return pass_over;
  }
  bool pass_over = false;
  void data_digest_failed(const uint8_t* header) override {
    arrived.push_back(fmt::format("{}:bad", initiator_task_tag(header)));
  }
  bool stopped() const override { return bad_header; }

  std::vector<std::string> arrived;
  bool bad_header = false;

 private:
  Buffer& buffer_;
};

struct Script {
  bool header_digest, data_digest;
  std::vector<uint8_t> bytes;
  void pdu(const uint8_t* header, ConstBytes data) {
    bytes.insert(bytes.end(), header, header + basic_header_bytes);
    if (header_digest) digest(crc32c({header, basic_header_bytes}));
    if (data.empty()) return;
    const size_t start = bytes.size();
    bytes.insert(bytes.end(), data.begin(), data.end());
    bytes.resize(start + padded(static_cast<uint32_t>(data.size())));
    if (data_digest) digest(crc32c({bytes.data() + start, bytes.size() - start}));
  }
  void digest(uint32_t value) {
    uint8_t out[4];
    store_le32(out, value);
    bytes.insert(bytes.end(), out, out + 4);
  }
};

std::vector<uint8_t> pattern(size_t length, uint8_t seed) {
  std::vector<uint8_t> data(length);
  for (size_t i = 0; i < length; ++i) data[i] = static_cast<uint8_t>(seed + i * 7 + (i >> 8));
  return data;
}

void add_data_out(Script& script, uint32_t tag, uint32_t offset, ConstBytes data) {
  DataOut pdu;
  pdu.initiator_task_tag = tag;
  pdu.buffer_offset = offset;
  pdu.data_segment_length = static_cast<uint32_t>(data.size());
  uint8_t header[basic_header_bytes];
  pdu.encode(header);
  script.pdu(header, data);
}

void add_ping(Script& script, uint32_t tag, std::string_view text) {
  NopOut pdu;
  pdu.initiator_task_tag = tag;
  pdu.data_segment_length = static_cast<uint32_t>(text.size());
  uint8_t header[basic_header_bytes];
  pdu.encode(header);
  script.pdu(header, bytes_of(text));
}

void drain(Receiver& receiver, ScriptedStream& stream) {
  for (int i = 0; i < 2'000'000; ++i) {
    if (receiver.receive(stream) == Receiver::Outcome::end_of_stream) return;
  }
  FAIL() << "the stream does not end";
}

// However the network cuts the stream, the same PDUs come out and the same bytes land.
RC_GTEST_PROP(Receiver, CutsDoNotMatter, ()) {
  const auto header_digest = *rc::gen::arbitrary<bool>();
  const auto data_digest = *rc::gen::arbitrary<bool>();
  const auto pieces = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(1, 70000));
  const auto length = *rc::gen::inRange<uint32_t>(1, 200000);
  const std::string ping = *rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
  BufferPool pool;
  Buffer buffer;
  RC_ASSERT(pool.allocate(buffer, length));
  Script script{header_digest, data_digest, {}};
  const std::vector<uint8_t> data = pattern(length, 3);
  add_ping(script, 1, ping);
  add_data_out(script, 2, 0, ConstBytes(data).first(length / 3));
  add_data_out(script, 3, length / 3, ConstBytes(data).subspan(length / 3));
  add_ping(script, 4, "after");
  std::vector<uint8_t> shared(65536);
  Recorder recorder(buffer);
  Receiver receiver(recorder, shared);
  receiver.set_digests(header_digest, data_digest);
  ScriptedStream stream(script.bytes, pieces);
  drain(receiver, stream);
  const std::vector<std::string> expected = {"1:" + ping, "2:", "3:", "4:after"};
  RC_ASSERT(recorder.arrived == expected);
  RC_ASSERT(!receiver.inside_pdu());
  std::vector<uint8_t> landed(length);
  buffer.copy_out(0, landed);
  RC_ASSERT(landed == data);
}

TEST(Receiver, SeesEveryFlippedBitUnderDigests) {
  BufferPool pool;
  const std::vector<uint8_t> data = pattern(1000, 9);
  Script script{true, true, {}};
  add_data_out(script, 2, 0, data);
  for (size_t at = 0; at < script.bytes.size(); at += 13) {
    if (at >= 4 && at < 8)
      continue;  // a wrong length makes it wait for bytes that never come: no digest can help
    Buffer buffer;
    ASSERT_TRUE(pool.allocate(buffer, 1000));
    std::vector<uint8_t> bytes = script.bytes;
    bytes[at] ^= 0x10;
    std::vector<uint8_t> shared(65536);
    Recorder recorder(buffer);
    Receiver receiver(recorder, shared);
    receiver.set_digests(true, true);
    ScriptedStream stream(bytes, {});
    drain(receiver, stream);
    const bool seen = recorder.bad_header || (recorder.arrived.size() == 1 && recorder.arrived[0] == "2:bad");
    EXPECT_TRUE(seen) << "byte " << at;
  }
}

TEST(Receiver, ForgetsABufferThatGoesAway) {
  BufferPool pool;
  Buffer buffer;
  ASSERT_TRUE(pool.allocate(buffer, 100000));
  Script script{false, false, {}};
  add_data_out(script, 2, 0, pattern(100000, 1));
  add_ping(script, 3, "x");
  std::vector<uint8_t> shared(65536);
  Recorder recorder(buffer);
  Receiver receiver(recorder, shared);
  ScriptedStream stream(script.bytes, {30000, 200000});
  receiver.receive(stream);
  EXPECT_TRUE(receiver.inside_pdu());
  receiver.forget(buffer);
  buffer.release();
  drain(receiver, stream);
  EXPECT_EQ(recorder.arrived, (std::vector<std::string>{"2:", "3:x"}));
}

}  // namespace
}  // namespace ashlar::iscsi
