// A target by script: it says what a test wants it to say, right or wrong. Lives in a simulated world beside the host.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "initiator/login.h"
#include "initiator/scsi_block.h"
#include "loop/sim_test.h"
#include "wire/iscsi_text.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;
using loop::Task;

inline const loop::Endpoint target_endpoint{"10.0.0.1", 3260};

/// One PDU as the target received it.
struct Pdu {
  std::array<uint8_t, iscsi::basic_header_bytes> header{};
  std::vector<uint8_t> data;
  iscsi::Opcode opcode() const { return iscsi::opcode(header.data()); }
  std::string name() const { return std::string(iscsi::pdu_name(opcode())); }
  uint32_t tag() const { return iscsi::initiator_task_tag(header.data()); }
  template <typename T>
  T as() const {
    return T::decode(header.data());
  }
};

class FakeTarget final : public loop::Acceptor, public loop::StreamWatcher {
 public:
  explicit FakeTarget(loop::SimLoop& loop) : loop_(loop) {
    loop.enter([this] {
      auto listener = loop_.listen(target_endpoint, {}, *this);
      CHECK(listener.has_value());
      listener_ = std::move(*listener);
    });
  }

  // What goes into every PDU; scripts bend them.
  uint32_t stat_sn = 1000;
  uint32_t exp_cmd_sn = 1;
  uint32_t window = 32;
  bool header_digest = false;
  bool data_digest = false;
  bool spoil_header_digest = false;  ///< of all PDUs from now on
  bool spoil_data_digest = false;
  bool hold = false;                                 ///< what is sent waits for flush()
  std::map<std::string, std::string> login_answers;  ///< instead of the echo; "" leaves the key out
  bool ended = false;                                ///< the host closed

  /// Waits for the host to connect, or for the next PDU; an empty one with NOP-Out's opcode and `ended` after the end.
  Task<Pdu> next() {
    for (;;) {
      if (std::optional<Pdu> pdu = parse()) co_return std::move(*pdu);
      if (ended) co_return Pdu{};
      news_.reset();
      co_await news_;
    }
  }
  /// The next PDU, which must be a SCSI command; keeps ExpCmdSN.
  Task<Pdu> command() {
    Pdu pdu = co_await next();
    EXPECT_EQ(pdu.name(), "SCSI Command");
    if (!iscsi::is_immediate(pdu.header.data())) exp_cmd_sn = pdu.as<iscsi::ScsiCommand>().cmd_sn + 1;
    co_return pdu;
  }

  iscsi::TargetNumbers numbers() const { return {stat_sn, exp_cmd_sn, exp_cmd_sn + window - 1}; }
  template <typename T>
  void send(T pdu, ConstBytes data = {}) {
    if constexpr (requires { pdu.data_segment_length; })
      pdu.data_segment_length = static_cast<uint32_t>(data.size());
    std::vector<uint8_t> bytes(iscsi::basic_header_bytes);
    pdu.encode(bytes.data());
    if (header_digest) append_digest(bytes, crc32c(bytes) ^ (spoil_header_digest ? 1u : 0u));
    if (!data.empty()) {
      std::vector<uint8_t> padded(data.begin(), data.end());
      padded.resize(iscsi::padded(static_cast<uint32_t>(padded.size())));
      bytes.insert(bytes.end(), padded.begin(), padded.end());
      if (data_digest) append_digest(bytes, crc32c(padded) ^ (spoil_data_digest ? 1u : 0u));
    }
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    if (!hold) flush();
  }
  /// With numbers() and StatSN counted on.
  iscsi::ScsiResponse response(uint32_t tag, uint8_t status = 0) {
    iscsi::ScsiResponse pdu;
    pdu.initiator_task_tag = tag;
    pdu.status = status;
    pdu.numbers = numbers();
    ++stat_sn;
    return pdu;
  }
  iscsi::DataIn data_in(uint32_t tag, uint32_t data_sn, uint32_t offset, bool final) const {
    iscsi::DataIn pdu;
    pdu.initiator_task_tag = tag;
    pdu.data_sn = data_sn;
    pdu.buffer_offset = offset;
    pdu.final = final;
    pdu.numbers = numbers();
    pdu.numbers.stat_sn = 0;
    return pdu;
  }
  /// `pdu` as the last Data-In, with GOOD.
  iscsi::DataIn with_status(iscsi::DataIn pdu) {
    pdu.final = pdu.has_status = true;
    pdu.numbers.stat_sn = stat_sn++;
    return pdu;
  }
  iscsi::R2t r2t(uint32_t tag, uint32_t ttt, uint32_t sn, uint32_t offset, uint32_t length) const {
    iscsi::R2t pdu;
    pdu.initiator_task_tag = tag;
    pdu.target_transfer_tag = ttt;
    pdu.numbers = numbers();
    pdu.r2t_sn = sn;
    pdu.buffer_offset = offset;
    pdu.desired_data_transfer_length = length;
    return pdu;
  }

  /// Answers to a login request; stage and transit as the host asks.
  iscsi::LoginResponse login_response(const Pdu& request) {
    const auto asked = request.as<iscsi::LoginRequest>();
    iscsi::LoginResponse pdu;
    pdu.transit = asked.transit;
    pdu.current_stage = asked.current_stage;
    pdu.next_stage = asked.next_stage;
    pdu.isid = asked.isid;
    pdu.initiator_task_tag = asked.initiator_task_tag;
    exp_cmd_sn = asked.cmd_sn;
    pdu.numbers = numbers();
    ++stat_sn;
    if (pdu.transit && pdu.next_stage == iscsi::LoginStage::full_feature_phase) pdu.tsih = 7;
    return pdu;
  }
  /// Agrees with all that is offered, but for login_answers.
  std::string agree(const Pdu& request) const {
    iscsi::TextWriter writer;
    const std::string text(text_of(request.data));
    const auto pairs = iscsi::parse_text(text);
    EXPECT_TRUE(pairs.has_value());
    for (const iscsi::TextPair& pair : *pairs) {
      const std::string key(pair.key);
      if (key == "InitiatorName" || key == "SessionType" || key == "TargetName") continue;
      std::string value(pair.value.substr(0, pair.value.find(',')));
      if (key == "MaxRecvDataSegmentLength") value = "8192";
      if (const auto found = login_answers.find(key); found != login_answers.end()) value = found->second;
      if (!value.empty()) writer.add(key, std::string_view(value));
    }
    return writer.take();
  }
  /// A whole login, with security stage.
  Task<void> log_in() {
    for (;;) {
      const Pdu request = co_await next();
      if (ended) co_return;
      EXPECT_EQ(request.name(), "Login Request");
      const iscsi::LoginResponse answer = login_response(request);
      const std::string text = agree(request);
      send(answer, bytes_of(text));
      if (answer.tsih == 0) continue;
      header_digest = text.find("HeaderDigest=CRC32C") != std::string::npos;
      data_digest = text.find("DataDigest=CRC32C") != std::string::npos;
      co_return;
    }
  }
  void close() { stream_.reset(); }
  /// As if the host had closed.
  void end() {
    ended = true;
    news_.set();
  }

  // Acceptor, StreamWatcher
  void accepted(std::unique_ptr<loop::Stream> stream) override {
    stream_ = std::move(stream);
    stream_->watch(*this);
    news_.set();
  }
  void readable() override {
    for (;;) {
      std::array<uint8_t, 4096> piece;
      const iovec part{piece.data(), piece.size()};
      const int64_t got = stream_->receive({&part, 1});
      if (got == loop::Stream::would_block) break;
      if (got <= 0) {
        ended = true;
        break;
      }
      in_.insert(in_.end(), piece.begin(), piece.begin() + got);
    }
    news_.set();
  }
  void writable() override { flush(); }
  size_t received_bytes() const { return in_.size(); }
  void flush() {
    while (stream_ && !out_.empty()) {
      const iovec part{out_.data(), out_.size()};
      const int64_t taken = stream_->send({&part, 1});
      if (taken <= 0) return;
      out_.erase(out_.begin(), out_.begin() + taken);
    }
  }

 private:
  static void append_digest(std::vector<uint8_t>& bytes, uint32_t digest) {
    bytes.resize(bytes.size() + 4);
    store_le32(bytes.data() + bytes.size() - 4, digest);
  }
  std::optional<Pdu> parse() {
    if (in_.size() < iscsi::basic_header_bytes) return {};
    const uint32_t length = iscsi::data_segment_length(in_.data());
    const size_t header = iscsi::basic_header_bytes + (header_digest ? 4 : 0);
    const size_t covered = iscsi::padded(length);
    const size_t whole = header + covered + (data_digest && length > 0 ? 4 : 0);
    if (in_.size() < whole) return {};
    Pdu pdu;
    std::copy_n(in_.begin(), pdu.header.size(), pdu.header.begin());
    pdu.data.assign(in_.begin() + static_cast<int64_t>(header),
                    in_.begin() + static_cast<int64_t>(header + length));
    if (header_digest) EXPECT_EQ(load_le32(&in_[48]), crc32c(pdu.header));
    if (data_digest && length > 0)
      EXPECT_EQ(load_le32(&in_[header + covered]), crc32c({&in_[header], covered}));
    in_.erase(in_.begin(), in_.begin() + static_cast<int64_t>(whole));
    return pdu;
  }

  loop::SimLoop& loop_;
  std::unique_ptr<loop::Listener> listener_;
  std::unique_ptr<loop::Stream> stream_;
  std::vector<uint8_t> in_;
  std::vector<uint8_t> out_;
  loop::Event news_;
};

/// The host's side of a test.
struct Host final : SessionWatcher {
  explicit Host(loop::SimLoop& its_loop) : loop(its_loop) {
    options.endpoint = target_endpoint;
    options.initiator_name = "iqn.2026-11.io.ashlar:host";
    options.target_name = "iqn.2026-11.io.ashlar:target";
    options.max_receive_data_segment_bytes = 65536;
    options.watcher = this;
  }
  loop::SimLoop& loop;
  LoginOptions options;
  std::unique_ptr<Session> session;
  std::optional<Error> login_error;
  std::optional<Error> told_closed;
  std::vector<iscsi::AsyncMessage> messages;

  Task<bool> log_in() {
    auto result = co_await login(loop, options);
    if (result) {
      session = std::move(*result);
    } else {
      login_error = result.error();
    }
    co_return session != nullptr;
  }
  void session_closed(const Error& reason) override { told_closed = reason; }
  void asynchronous_message(const iscsi::AsyncMessage& message) override { messages.push_back(message); }
};

/// A command with its data and its end, for stories that have several in flight.
struct Pending {
  Command command;
  std::vector<uint8_t> data;
  iovec part{};
  loop::Event done;
  Pending() {
    command.owner = this;
    command.done = [](Command& finished) { static_cast<Pending*>(finished.owner)->done.set(); };
  }
  void read(uint32_t bytes) {
    data.assign(bytes, 0xee);
    part = {data.data(), data.size()};
    command.cdb[0] = 0x88;
    command.data_in = {&part, 1};
  }
  void write(uint32_t bytes) {
    data.resize(bytes);
    for (uint32_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + i / 251);
    part = {data.data(), data.size()};
    command.cdb[0] = 0x8a;
    command.data_out = {&part, 1};
  }
};

/// A world with both; runs both scripts to their end.
class SessionTest : public testing::Test {
 protected:
  using TargetStory = Task<void> (*)(FakeTarget&);
  using HostStory = Task<void> (*)(Host&);

  void run(TargetStory target_story, HostStory host_story) {
    std::optional<Task<void>> target_task;
    std::optional<Task<void>> host_task;
    target_loop().enter([&] { target_task.emplace(target_story(*target)); });
    host_loop().enter([&] { host_task.emplace(host_story(*host)); });
    // A story that hangs cannot be taken down in order: it stops the whole program.
    CHECK(world.run_until([&] { return host_task->done(); }, loop::seconds(600)),
          "the host's story does not end");
    host_loop().enter([&] { host->session.reset(); });
    CHECK(world.run_until([&] { return target_task->done(); }, loop::seconds(600)),
          "the target's story does not end");
    world.run_for(loop::seconds(1));
    target_loop().enter([&] { target.reset(); });
  }
  loop::SimLoop& target_loop() { return target_process.loop(0); }
  loop::SimLoop& host_loop() { return host_process.loop(0); }

  loop::SimWorld world{1};
  loop::SimProcess& target_process = world.add_process("target", 1, loop::small_pools);
  loop::SimProcess& host_process = world.add_process("host", 1, loop::small_pools);
  std::unique_ptr<FakeTarget> target = std::make_unique<FakeTarget>(target_loop());
  std::unique_ptr<Host> host = std::make_unique<Host>(host_loop());
};

}  // namespace ashlar::initiator
