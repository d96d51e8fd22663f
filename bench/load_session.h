// The quiet part of a load session: connect, log in, ask the unit for its size. Blocking, one PDU after another.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "load_options.h"
#include "wire/iscsi_pdu.h"
#include "wire/iscsi_text.h"

namespace bench {

namespace iscsi = ashlar::wire::iscsi;

class LoadSession {
 public:
  LoadSession(const LoadSession&) = delete;
  LoadSession& operator=(const LoadSession&) = delete;

 protected:
  static constexpr uint32_t max_segment = 262144;  // that we declare and send at most
  static constexpr size_t header_bytes = iscsi::basic_header_bytes;

  LoadSession(const LoadOptions& options, uint32_t index) : options_(options) {
    connect();
    login(index);
    measure_unit();
  }
  ~LoadSession() { close(socket_); }

  const LoadOptions& options_;
  int socket_ = -1;
  uint32_t cmd_sn_ = 1;
  uint32_t max_cmd_sn_ = 0;
  uint32_t exp_stat_sn_ = 0;
  uint32_t max_send_segment_ = 8192;
  uint32_t first_burst_ = 65536;
  bool immediate_data_ = true;
  uint32_t unit_block_bytes_ = 512;
  uint64_t span_operations_ = 0;

 private:
  static constexpr uint32_t setup_tag = 0x7fff0000;

  void connect();
  void login(uint32_t index);
  void measure_unit();
  void send_all(ashlar::ConstBytes bytes);
  void receive_all(ashlar::Bytes bytes);
  std::vector<uint8_t> receive_pdu(uint8_t* header);
  void take_text(const std::string& text);
  uint8_t execute(const std::array<uint8_t, 16>& cdb, ashlar::Bytes data_in);
};

inline void LoadSession::connect() {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  if (inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1)
    die("{} is no IPv4 address", options_.host);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    die("connect to {}:{}: {}", options_.host, options_.port, std::strerror(errno));
  }
}

inline void LoadSession::send_all(ashlar::ConstBytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) die("send: {}", std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
}

inline void LoadSession::receive_all(ashlar::Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t got = recv(socket_, bytes.data(), bytes.size(), 0);
    if (got <= 0) die("the target closed the connection while it was set up");
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
}

inline std::vector<uint8_t> LoadSession::receive_pdu(uint8_t* header) {
  receive_all({header, header_bytes});
  const uint32_t length = iscsi::data_segment_length(header);
  std::vector<uint8_t> data(iscsi::padded(length));
  receive_all(data);
  data.resize(length);
  return data;
}

inline void LoadSession::login(uint32_t index) {
  iscsi::TextWriter text;
  text.add("InitiatorName",
           std::string_view(fmt::format("iqn.2026-11.io.ashlar:load-{}-{}", getpid(), index)));
  text.add("TargetName", std::string_view(options_.target));
  text.add("SessionType", "Normal");
  text.add("HeaderDigest", "None");
  text.add("DataDigest", "None");
  text.add("MaxRecvDataSegmentLength", uint64_t{max_segment});
  text.add("InitialR2T", false);
  text.add("ImmediateData", true);
  text.add("MaxBurstLength", uint64_t{1048576});
  text.add("FirstBurstLength", uint64_t{max_segment});
  text.add("MaxOutstandingR2T", uint64_t{8});
  text.add("MaxConnections", uint64_t{1});
  text.add("DefaultTime2Wait", uint64_t{2});
  text.add("DefaultTime2Retain", uint64_t{0});
  text.add("ErrorRecoveryLevel", uint64_t{0});
  std::string out = text.take();
  for (int round = 0; round < 8; ++round) {
    iscsi::LoginRequest request;
    request.transit = true;
    request.current_stage = iscsi::LoginStage::login_operational_negotiation;
    request.next_stage = iscsi::LoginStage::full_feature_phase;
    request.data_segment_length = static_cast<uint32_t>(out.size());
    request.isid = {0x80, static_cast<uint8_t>(getpid() >> 8), static_cast<uint8_t>(getpid()),
                    0,    static_cast<uint8_t>(index >> 8),    static_cast<uint8_t>(index)};
    request.cmd_sn = cmd_sn_;
    request.exp_stat_sn = exp_stat_sn_;
    std::array<uint8_t, header_bytes> header;
    request.encode(header.data());
    out.resize(iscsi::padded(static_cast<uint32_t>(out.size())));
    send_all(header);
    send_all(ashlar::bytes_of(out));
    const std::vector<uint8_t> answer = receive_pdu(header.data());
    const iscsi::LoginResponse response = iscsi::LoginResponse::decode(header.data());
    if (response.status != iscsi::LoginStatus::success)
      die("login refused: {}", iscsi::name_of(response.status));
    take_text(std::string(ashlar::text_of(answer)));
    exp_stat_sn_ = response.numbers.stat_sn + 1;
    max_cmd_sn_ = response.numbers.max_cmd_sn;
    if (response.transit) return;
    out.clear();
  }
  die("the login does not end");
}

inline void LoadSession::take_text(const std::string& text) {
  const auto pairs = iscsi::parse_text(text);
  if (!pairs) die("login text: {}", pairs.error().text());
  for (const iscsi::TextPair& pair : *pairs) {
    if (pair.key == "ImmediateData") immediate_data_ = pair.value == "Yes";
    const auto number = iscsi::parse_number(pair.key, pair.value);
    if (!number) continue;
    if (pair.key == "MaxRecvDataSegmentLength") max_send_segment_ = static_cast<uint32_t>(*number);
    if (pair.key == "FirstBurstLength") first_burst_ = static_cast<uint32_t>(*number);
  }
}

inline uint8_t LoadSession::execute(const std::array<uint8_t, 16>& cdb, ashlar::Bytes data_in) {
  iscsi::ScsiCommand command;
  command.read = !data_in.empty();
  command.attribute = static_cast<uint8_t>(iscsi::TaskAttribute::simple);
  command.lun[1] = static_cast<uint8_t>(options_.lun);
  command.initiator_task_tag = setup_tag;
  command.expected_data_transfer_length = static_cast<uint32_t>(data_in.size());
  command.cmd_sn = cmd_sn_++;
  command.exp_stat_sn = exp_stat_sn_;
  command.cdb = cdb;
  std::array<uint8_t, header_bytes> header;
  command.encode(header.data());
  send_all(header);
  for (;;) {
    const std::vector<uint8_t> data = receive_pdu(header.data());
    const auto numbers = iscsi::TargetNumbers::decode(header.data());
    max_cmd_sn_ = numbers.max_cmd_sn;
    const iscsi::Opcode opcode = iscsi::opcode(header.data());
    if (opcode == iscsi::Opcode::data_in) {
      const iscsi::DataIn pdu = iscsi::DataIn::decode(header.data());
      if (pdu.buffer_offset + data.size() > data_in.size()) die("Data-In past the end");
      std::copy(data.begin(), data.end(), data_in.begin() + pdu.buffer_offset);
      if (!pdu.has_status) continue;
      exp_stat_sn_ = numbers.stat_sn + 1;
      return pdu.status;
    }
    if (opcode == iscsi::Opcode::scsi_response) {
      exp_stat_sn_ = numbers.stat_sn + 1;
      return iscsi::ScsiResponse::decode(header.data()).status;
    }
  }
}

inline void LoadSession::measure_unit() {
  // The unit attentions of a new session come first.
  for (int i = 0; i < 10 && execute({}, {}) != 0; ++i) {
  }
  std::array<uint8_t, 32> capacity{};
  const uint8_t status = execute({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}, capacity);
  if (status != 0) die("READ CAPACITY (16) of LUN {}: status {:02x}", options_.lun, status);
  const uint64_t blocks = ashlar::load_be64(capacity.data()) + 1;
  unit_block_bytes_ = ashlar::load_be32(&capacity[8]);
  uint64_t span = blocks * unit_block_bytes_;
  if (options_.span_bytes != 0) span = std::min(span, options_.span_bytes);
  span_operations_ = span / options_.block_bytes;
  if (options_.block_bytes % unit_block_bytes_ != 0 || span_operations_ == 0) {
    die("{} bytes fit neither blocks of {} nor {} bytes", options_.block_bytes, unit_block_bytes_, span);
  }
}

}  // namespace bench
