// For tests and the connection fuzzer: a whole target on the simulated loop, and hosts that send PDUs written by hand.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "iscsi/login_testing.h"
#include "iscsi/server_impl.h"
#include "loop/sim_test.h"
#include "stores/stores.h"
#include "unit/local_unit.h"

namespace ashlar::iscsi::testing {

constexpr uint64_t volume_bytes = 4 << 20;
inline const std::string served_target = "iqn.2026-11.io.ashlar:fuzz";
inline const std::string raw_initiator = "iqn.2026-11.io.ashlar:host";

inline loop::Task<unit::OpenUnit> open_volume() {
  block::Registry registry;
  stores::add_all(registry);
  block::StoreSpec spec;
  spec.kind = "memory";
  spec.size_bytes = volume_bytes;
  auto store = co_await registry.open(spec, "volume");
  CHECK(store.has_value(), "{}", store.error().text());
  unit::Identity identity;
  identity.name = "volume";
  identity.serial = "0123456789abcdef";
  unit::Geometry geometry;
  geometry.size_bytes = volume_bytes;
  auto opened = co_await unit::open_unit(identity, geometry, *store);
  CHECK(opened.has_value(), "{}", opened.error().text());
  co_return *opened;
}

inline loop::Task<bool> close_volume(unit::OpenUnit opened) {
  auto closing = unit::close_unit(std::move(opened));
  co_await closing;
  co_return true;
}

/// One target, one volume as LUN 0 (and read-only as LUN 1), open to every host.
class Array {
 public:
  explicit Array(uint32_t shards = 1)
      : world(7),
        process(world.add_process("array", shards, sizes)),
        host(world.add_process("host", 1, sizes)),
        other_host(world.add_process("other-host", 1, sizes)) {
    unit.emplace(run_story(process.loop(0), open_volume));
    domains.resize(shards);
    servers.resize(shards);
    for (uint32_t i = 0; i < shards; ++i) {
      process.loop(i).enter([&] { domains[i] = std::make_unique<scsi::Domain>(process.loop(i), domains); });
    }
    for (uint32_t i = 0; i < shards; ++i) {
      process.loop(i).enter([&] {
        Server::EventSink sink = [this](ServerEvent event) {
          if (events.size() < 1000) events.push_back(std::move(event));
        };
        servers[i] = std::make_unique<Server>(process.loop(i), *domains[i], servers, std::move(sink));
      });
    }
    publish(directory());
    for (uint32_t i = 0; i < shards; ++i) {
      doors.push_back(std::make_unique<Door>(*servers[i], portal));
      process.loop(i).enter([&] {
        auto listening = process.loop(i).listen(portal.endpoint, {.shared_port = true}, *doors[i]);
        CHECK(listening.has_value(), "{}", listening.error().text());
        listeners.push_back(std::move(*listening));
      });
    }
  }
  /// Sessions must have ended.
  ~Array() {
    for (uint32_t i = 0; i < servers.size(); ++i) {
      process.loop(i).enter([&] {
        listeners[i].reset();
        if (!servers[i]->impl().stopping) servers[i]->stop(loop::seconds(1), [] {});
      });
    }
    world.run_for(loop::seconds(10));
    for (uint32_t i = 0; i < servers.size(); ++i) process.loop(i).enter([&] { servers[i].reset(); });
    world.run_for(loop::seconds(1));
    for (uint32_t i = 0; i < domains.size(); ++i) process.loop(i).enter([&] { domains[i].reset(); });
    run_story(process.loop(0), close_volume, std::move(*unit));
  }

  std::shared_ptr<Directory> directory() {
    auto view = std::make_shared<unit::HostView>();
    view->host = "any";
    view->luns[0] = {0, false, "volume", unit->on_shard};
    view->luns[1] = {1, true, "volume", unit->on_shard};
    auto target = std::make_shared<Target>();
    target->name = served_target;
    target->portals = {portal};
    target->any_host = view;
    auto made = std::make_shared<Directory>();
    made->targets[target->name] = target;
    return made;
  }
  void publish(const std::shared_ptr<Directory>& made) {
    for (uint32_t i = 0; i < servers.size(); ++i)
      process.loop(i).enter([&] { servers[i]->replace_directory(made); });
  }
  size_t connections() const {
    size_t sum = 0;
    for (const auto& server : servers) sum += server->impl().connections.size();
    return sum;
  }
  size_t count_events(const std::string& kind) const {
    return static_cast<size_t>(std::ranges::count(events, kind, &ServerEvent::kind));
  }

  static constexpr BufferPool::Sizes sizes{.small = 512, .medium = 128, .large = 64};
  loop::SimWorld world;
  loop::SimProcess& process;
  loop::SimProcess& host;
  loop::SimProcess& other_host;
  Portal portal{"p1", {"10.0.0.1", 3260}, 1, {}};
  std::optional<unit::OpenUnit> unit;
  scsi::Domain::Group domains;
  Server::Group servers;
  std::vector<ServerEvent> events;

 private:
  class Door final : public loop::Acceptor {
   public:
    Door(Server& server, const Portal& portal) : server_(server), portal_(portal) {}
    void accepted(std::unique_ptr<loop::Stream> stream) override {
      server_.serve(std::move(stream), portal_);
    }

   private:
    Server& server_;
    const Portal& portal_;
  };
  std::vector<std::unique_ptr<Door>> doors;
  std::vector<std::unique_ptr<loop::Listener>> listeners;
};

/// READ(10) of LUN 0 from its beginning, of blocks of 512 bytes.
inline wire::iscsi::ScsiCommand read_command(uint32_t tag, uint32_t cmd_sn, uint8_t blocks = 1) {
  wire::iscsi::ScsiCommand command;
  command.read = true;
  command.initiator_task_tag = tag;
  command.cmd_sn = cmd_sn;
  command.expected_data_transfer_length = blocks * 512u;
  command.cdb = {0x28, 0, 0, 0, 0, 0, 0, 0, blocks};
  return command;
}

/// A PDU that the target sent.
struct HeardPdu {
  std::array<uint8_t, wire::iscsi::basic_header_bytes> header{};
  std::vector<uint8_t> data;
  wire::iscsi::Opcode opcode() const { return wire::iscsi::opcode(header.data()); }
};

/// One connection of a host, to which nothing is too wrong to be sent.
class RawHost final : public loop::StreamWatcher {
 public:
  explicit RawHost(Array& array) : RawHost(array, array.host) {}
  RawHost(Array& array, loop::SimProcess& from) : array_(array), process_(from) {
    loop::SimLoop& loop = process_.loop(0);
    auto connected = run_story(loop, connect_to, array.portal.endpoint);
    CHECK(connected.has_value(), "{}", connected.error().text());
    stream_ = std::move(*connected);
    loop.enter([&] { stream_->watch(*this); });
  }
  ~RawHost() { hang_up(); }
  void hang_up() {
    process_.loop(0).enter([&] { stream_.reset(); });
  }
  std::string local_address() const { return stream_->local().address; }
  void readable() override {
    uint8_t sink[65536];
    const iovec part{sink, sizeof sink};
    for (;;) {
      const int64_t received = stream_->receive({&part, 1});
      if (received == 0 || (received < 0 && received != loop::Stream::would_block)) closed = true;
      if (received <= 0) return;
      heard.insert(heard.end(), sink, sink + received);
    }
  }
  void writable() override {}
  /// The network may take less than it is offered. What it does not take in time is dropped: the target has closed.
  void send(ConstBytes bytes) {
    for (int attempt = 0; attempt < 64 && !bytes.empty(); ++attempt) {
      process_.loop(0).enter([&] {
        const iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
        const int64_t taken = stream_->send({&part, 1});
        if (taken > 0) bytes = bytes.subspan(static_cast<size_t>(taken));
      });
      array_.world.run_for(loop::milliseconds(5));
    }
  }
  /// With the digests that were agreed; `spoilt_header` and `spoilt_data` make them wrong.
  void send_raw(const uint8_t* header, ConstBytes data, bool spoilt_header = false, bool spoilt_data = false,
                ConstBytes additional = {}) {
    send(pdu_bytes(header, data, spoilt_header, spoilt_data, additional));
  }
  std::vector<uint8_t> pdu_bytes(const uint8_t* header, ConstBytes data, bool spoilt_header = false,
                                 bool spoilt_data = false, ConstBytes additional = {}) const {
    std::vector<uint8_t> bytes(header, header + wire::iscsi::basic_header_bytes);
    bytes.insert(bytes.end(), additional.begin(), additional.end());
    if (header_digest) append_crc(bytes, crc32c(bytes) ^ (spoilt_header ? 1 : 0));
    const size_t begin = bytes.size();
    bytes.insert(bytes.end(), data.begin(), data.end());
    bytes.resize(begin + wire::iscsi::padded(static_cast<uint32_t>(data.size())));
    if (data_digest && !data.empty())
      append_crc(bytes, crc32c(ConstBytes(bytes).subspan(begin)) ^ (spoilt_data ? 1 : 0));
    return bytes;
  }
  template <typename Pdu>
  void send_pdu(const Pdu& pdu, ConstBytes data = {}) {
    uint8_t header[wire::iscsi::basic_header_bytes];
    pdu.encode(header);
    send_raw(header, data);
  }
  /// The next PDU of the target, or none within two seconds.
  std::optional<HeardPdu> next_pdu(loop::Nanoseconds patience = loop::seconds(2)) {
    std::optional<HeardPdu> found;
    array_.world.run_until([&] { return (found = take_pdu()).has_value(); }, patience);
    return found;
  }
  /// The next one of that kind; others are passed over.
  std::optional<HeardPdu> next_pdu(wire::iscsi::Opcode opcode,
                                   loop::Nanoseconds patience = loop::seconds(2)) {
    for (;;) {
      std::optional<HeardPdu> pdu = next_pdu(patience);
      if (!pdu || pdu->opcode() == opcode) return pdu;
    }
  }

  struct Login {
    std::string extra_keys = {};  ///< with their NULs
    uint16_t tsih = 0;
    uint16_t connection_id = 0;
    uint32_t cmd_sn = 1;
    std::array<uint8_t, 6> isid{0x40, 0, 0, 0, 0, 1};
    std::string initiator = raw_initiator;
    std::string target = served_target;
    /// Called between the first request, with all keys, and a second one that asks for the full feature phase.
    std::function<void()> meanwhile = {};
  };
  /// The last answer of the login; full feature phase begins when its status is success.
  wire::iscsi::LoginResponse log_in(const Login& login) {
    std::string text = "InitiatorName=" + login.initiator;
    text += '\0';
    text += "TargetName=" + login.target;
    text += '\0';
    // Only the leading login says it (RFC 7143 13.21).
    if (login.tsih == 0) text += std::string("SessionType=Normal\0", 19);
    text += login.extra_keys;
    wire::iscsi::LoginRequest request;
    request.transit = true;
    request.current_stage = wire::iscsi::LoginStage::login_operational_negotiation;
    request.next_stage = wire::iscsi::LoginStage::full_feature_phase;
    request.cmd_sn = login.cmd_sn;
    request.tsih = login.tsih;
    request.connection_id = login.connection_id;
    request.isid = login.isid;
    request.data_segment_length = static_cast<uint32_t>(text.size());
    if (login.meanwhile) request.transit = false;
    heard.clear();
    send_pdu(request, bytes_of(text));
    auto answer = next_pdu(wire::iscsi::Opcode::login_response);
    wire::iscsi::LoginResponse response;
    response.status = wire::iscsi::LoginStatus::target_error;
    if (!answer) return response;
    answer_text.assign(answer->data.begin(), answer->data.end());
    if (login.meanwhile) {
      login.meanwhile();
      request.transit = true;
      request.data_segment_length = 0;
      send_pdu(request);
      answer = next_pdu(wire::iscsi::Opcode::login_response);
      if (!answer) return response;
    }
    response = wire::iscsi::LoginResponse::decode(answer->header.data());
    header_digest = answer_text.find("HeaderDigest=CRC32C") != std::string::npos;
    data_digest = answer_text.find("DataDigest=CRC32C") != std::string::npos;
    return response;
  }
  /// True when the target let it in.
  bool login() {
    static constexpr char keys[] =
        "InitialR2T=No\0ImmediateData=Yes\0FirstBurstLength=65536\0MaxBurstLength=262144\0MaxOutstandingR2T=4\0";
    return log_in({.extra_keys = std::string(keys, sizeof keys - 1)}).status ==
           wire::iscsi::LoginStatus::success;
  }

  /// ABORT TASK, as an immediate function; its answer.
  wire::iscsi::TaskManagementOutcome abort(uint32_t task_tag, uint32_t task_cmd_sn, uint32_t cmd_sn) {
    wire::iscsi::TaskManagementRequest request;
    request.immediate = true;
    request.function = wire::iscsi::TaskManagementFunction::abort_task;
    request.initiator_task_tag = 51;
    request.referenced_task_tag = task_tag;
    request.ref_cmd_sn = task_cmd_sn;
    request.cmd_sn = cmd_sn;
    send_pdu(request);
    const auto answer = next_pdu(wire::iscsi::Opcode::task_management_response);
    return answer ? wire::iscsi::TaskManagementResponse::decode(answer->header.data()).response
                  : wire::iscsi::TaskManagementOutcome::function_rejected;
  }

  std::vector<uint8_t> heard;
  std::string answer_text;  ///< of the last login response
  bool header_digest = false, data_digest = false;
  bool closed = false;  ///< the target has closed the connection

 private:
  static void append_crc(std::vector<uint8_t>& bytes, uint32_t crc) {
    uint8_t raw[4];
    store_le32(raw, crc);
    bytes.insert(bytes.end(), raw, raw + 4);
  }
  std::optional<HeardPdu> take_pdu() {
    if (heard.size() < wire::iscsi::basic_header_bytes) return std::nullopt;
    const uint32_t length = wire::iscsi::data_segment_length(heard.data());
    const size_t begin = wire::iscsi::basic_header_bytes + (header_digest ? 4 : 0);
    const size_t total = begin + wire::iscsi::padded(length) + (data_digest && length > 0 ? 4 : 0);
    if (heard.size() < total) return std::nullopt;
    HeardPdu pdu;
    std::copy_n(heard.begin(), wire::iscsi::basic_header_bytes, pdu.header.begin());
    const auto data = heard.begin() + static_cast<ptrdiff_t>(begin);
    pdu.data.assign(data, data + length);
    heard.erase(heard.begin(), heard.begin() + static_cast<ptrdiff_t>(total));
    return pdu;
  }
  static loop::Task<Result<std::unique_ptr<loop::Stream>>> connect_to(loop::Endpoint endpoint) {
    auto stream = co_await loop::Loop::current().connect(endpoint, loop::seconds(5));
    co_return stream;
  }
  Array& array_;
  loop::SimProcess& process_;
  std::unique_ptr<loop::Stream> stream_;
};

}  // namespace ashlar::iscsi::testing
