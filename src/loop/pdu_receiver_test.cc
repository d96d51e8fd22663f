#include "loop/pdu_receiver.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "loop/scripted_stream_test.h"

namespace ashlar::loop {
namespace {

// A PDU of a protocol that has all there can be: gap before the data, padding behind it, data that is only partly wanted.
struct Made {
  uint8_t tag = 0, gap_bytes = 0, padding_bytes = 0;
  enum Way : uint8_t { place, collect, pass_over, stop } way = place;
  std::vector<uint8_t> data = {};
  uint32_t useful = UINT32_MAX;
};
constexpr size_t made_header_bytes = 12;

void append(std::vector<uint8_t>& stream, const Made& made, bool digest) {
  std::array<uint8_t, made_header_bytes> header{made.tag, made.gap_bytes, made.padding_bytes, made.way};
  store_le32(header.data() + 4, static_cast<uint32_t>(made.data.size()));
  store_le32(header.data() + 8, made.useful);
  stream.insert(stream.end(), header.begin(), header.end());
  if (made.data.empty()) return;
  stream.insert(stream.end(), made.gap_bytes, 0xee);
  const size_t begin = stream.size();
  stream.insert(stream.end(), made.data.begin(), made.data.end());
  stream.insert(stream.end(), made.padding_bytes, 0x77);
  if (!digest) return;
  const uint32_t value = crc32c(ConstBytes(stream).subspan(begin));
  stream.resize(stream.size() + 4);
  store_le32(stream.data() + stream.size() - 4, value);
}

class MadeReceiver final : public PduStop, public PduReceiver {
 public:
  MadeReceiver(Bytes shared, Buffer& buffer, bool digest)
      : PduReceiver(*this, shared), buffer_(buffer), digest_(digest) {}
  bool stopped() const override { return stopped_; }
  std::vector<std::string> told;

 private:
  Frame header_of(ConstBytes bytes) override {
    if (bytes.size() < made_header_bytes) return {};
    const uint32_t data_bytes = load_le32(bytes.data() + 4);
    return {.header_bytes = made_header_bytes,
            .gap_bytes = data_bytes > 0 ? bytes[1] : 0u,
            .data_bytes = data_bytes,
            .padding_bytes = data_bytes > 0 ? bytes[2] : uint8_t{0},
            .data_digest = digest_ && data_bytes > 0,
            .passed_over = bytes[3] == Made::pass_over};
  }
  DataPlan header_arrived(ConstBytes header) override {
    tag_ = header[0];
    way_ = static_cast<Made::Way>(header[3]);
    if (way_ == Made::collect) return {.kind = DataPlan::Kind::collect};
    const uint32_t useful = std::min(load_le32(header.data() + 8), load_le32(header.data() + 4));
    return {.kind = DataPlan::Kind::place, .buffer = &buffer_, .offset = 0, .useful = useful};
  }
  void pdu_arrived(ConstBytes data) override {
    told.push_back(fmt::format("{}:{}", tag_, std::string(data.begin(), data.end())));
    stopped_ = way_ == Made::stop;
  }
  void data_digest_failed() override { told.push_back(fmt::format("{}:bad", tag_)); }

  Buffer& buffer_;
  const bool digest_;
  uint8_t tag_ = 0;
  Made::Way way_ = Made::place;
  bool stopped_ = false;
};

std::vector<uint8_t> numbered(size_t bytes) {
  std::vector<uint8_t> data(bytes);
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + (i >> 8) + 1);
  return data;
}
std::vector<uint8_t> said(std::string_view text) { return {text.begin(), text.end()}; }

void receive_all(PduReceiver& receiver, ScriptedStream& stream) {
  while (receiver.receive(stream) != PduReceiver::Outcome::end_of_stream) {
  }
}

RC_GTEST_PROP(PduReceiver, CutsDoNotMatter, ()) {
  const auto digest = *rc::gen::arbitrary<bool>();
  const auto gap = *rc::gen::arbitrary<uint8_t>();
  const auto padding = *rc::gen::inRange<uint8_t>(0, 4);
  const auto length = *rc::gen::inRange<uint32_t>(1, 150000);
  const auto useful = *rc::gen::inRange<uint32_t>(0, length + 1);
  const auto pieces = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(1, 70000));
  std::vector<uint8_t> bytes;
  const std::vector<uint8_t> data = numbered(length);
  append(bytes, {1, gap, padding, Made::collect, said("before")}, digest);
  append(bytes, {2, gap, padding, Made::pass_over, data}, digest);
  append(bytes, {3, gap, padding, Made::place, data, useful}, digest);
  append(bytes, {4, 0, 0, Made::pass_over}, digest);
  append(bytes, {5, 0, 0, Made::collect}, digest);
  append(bytes, {6, gap, padding, Made::collect, said("after")}, digest);
  BufferPool pool;
  Buffer buffer;
  RC_ASSERT(pool.allocate(buffer, length));
  buffer.fill_zero(0, length);
  std::vector<uint8_t> shared(65536);
  MadeReceiver receiver(shared, buffer, digest);
  ScriptedStream stream(bytes, pieces);
  receive_all(receiver, stream);
  RC_ASSERT(receiver.told == (std::vector<std::string>{"1:before", "3:", "5:", "6:after"}));
  RC_ASSERT(!receiver.inside_pdu());
  std::vector<uint8_t> landed(length);
  buffer.copy_out(0, landed);
  std::vector<uint8_t> expected(length);
  std::copy_n(data.begin(), useful, expected.begin());
  RC_ASSERT(landed == expected);
}

// Also of data past what is useful, and of the padding; not of the gap, which no digest covers.
TEST(PduReceiver, ADigestCoversDataAndPadding) {
  for (const size_t piece : {size_t{1}, size_t{1} << 20}) {
    std::vector<uint8_t> bytes;
    append(bytes, {1, 5, 3, Made::place, numbered(40000), 20000}, true);
    constexpr size_t data_at = made_header_bytes + 5;
    for (size_t at = made_header_bytes; at < bytes.size(); at += at + 7 < bytes.size() ? 4001 : 1) {
      std::vector<uint8_t> bent = bytes;
      bent[at] ^= 0x40;
      BufferPool pool;
      Buffer buffer;
      ASSERT_TRUE(pool.allocate(buffer, 40000));
      std::vector<uint8_t> shared(65536);
      MadeReceiver receiver(shared, buffer, true);
      ScriptedStream stream(bent, {made_header_bytes, piece});
      receive_all(receiver, stream);
      EXPECT_EQ(receiver.told, std::vector<std::string>{at < data_at ? "1:" : "1:bad"}) << "byte " << at;
    }
  }
}

TEST(PduReceiver, WhatComesBehindAStopIsTheCallers) {
  std::vector<uint8_t> bytes;
  append(bytes, {1, 0, 0, Made::stop, said("last")}, false);
  const std::vector<uint8_t> rest = said("of another protocol, or shard");
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  BufferPool pool;
  Buffer buffer;
  ASSERT_TRUE(pool.allocate(buffer, 4096));
  std::vector<uint8_t> shared(65536);
  MadeReceiver receiver(shared, buffer, false);
  receiver.feed(bytes);
  EXPECT_EQ(receiver.told, std::vector<std::string>{"1:"});
  EXPECT_EQ(receiver.take_rest(), rest);
  EXPECT_FALSE(receiver.inside_pdu());
}

TEST(PduReceiver, ForgetsABufferThatGoesAway) {
  std::vector<uint8_t> bytes;
  append(bytes, {1, 0, 0, Made::place, numbered(100000)}, true);
  append(bytes, {2, 0, 0, Made::collect, said("x")}, true);
  BufferPool pool;
  Buffer buffer;
  ASSERT_TRUE(pool.allocate(buffer, 100000));
  std::vector<uint8_t> shared(65536);
  MadeReceiver receiver(shared, buffer, true);
  ScriptedStream stream(bytes, {30000, 200000});
  EXPECT_EQ(receiver.receive(stream), PduReceiver::Outcome::drained);
  EXPECT_TRUE(receiver.inside_pdu());
  receiver.forget(buffer);
  buffer.release();
  receive_all(receiver, stream);
  EXPECT_EQ(receiver.told, (std::vector<std::string>{"1:", "2:x"}))
      << "its digest is held against it all the same";
}

TEST(PduReceiver, GoesOnInAnotherBuffer) {
  const std::vector<uint8_t> data = numbered(4096);
  for (const uint32_t end : {4096u, 3000u, 500u}) {
    std::vector<uint8_t> bytes;
    append(bytes, {1, 0, 0, Made::place, data}, true);
    append(bytes, {2, 0, 0, Made::collect, said("x")}, true);
    BufferPool pool;
    Buffer buffer, other;
    ASSERT_TRUE(pool.allocate(buffer, 4096) && pool.allocate(other, 4096));
    std::vector<uint8_t> shared(65536);
    MadeReceiver receiver(shared, buffer, true);
    ScriptedStream stream(bytes, {1000, 2000, 200000});
    receiver.receive(stream);
    EXPECT_EQ(receiver.redirect(other, buffer, end), 0u) << "nothing is placed there";
    const uint32_t placed = receiver.redirect(buffer, other, end);
    EXPECT_EQ(placed, std::min<uint32_t>(1000 - made_header_bytes, end));
    std::vector<uint8_t> begin(placed);
    buffer.copy_out(0, begin);
    buffer.release();
    other.copy_in(0, begin);
    receive_all(receiver, stream);
    EXPECT_EQ(receiver.told, (std::vector<std::string>{"1:", "2:x"}));
    std::vector<uint8_t> all(end);
    other.copy_out(0, all);
    EXPECT_TRUE(std::ranges::equal(all, ConstBytes(data).first(end)));
  }
}

}  // namespace
}  // namespace ashlar::loop
