// For tests: a whole target with one volume, and a host that sends bytes, on a simulated network.
#pragma once

#include <cstdlib>

#include "iscsi/server_impl.h"
#include "loop/sim_test.h"
#include "stores/stores.h"
#include "unit/local_unit.h"

namespace ashlar::iscsi::whole_target {

using namespace wire::iscsi;

constexpr uint64_t volume_bytes = 4 << 20;

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

/// LUN 0, and LUN 1, which is the same volume for reading.
class Array final : public loop::Acceptor {
 public:
  Array()
      : world(7), process(world.add_process("array", 1, sizes)), host(world.add_process("host", 1, sizes)) {
    loop::SimLoop& loop = process.loop(0);
    unit.emplace(run_story(loop, open_volume));
    loop.enter([&] {
      domains.push_back(std::make_unique<scsi::Domain>(loop, domains));
      servers.push_back(std::make_unique<Server>(loop, *domains[0], servers, Server::EventSink{}));
      servers[0]->replace_directory(directory());
      auto listening = loop.listen(portal.endpoint, {}, *this);
      CHECK(listening.has_value(), "{}", listening.error().text());
      listener = std::move(*listening);
    });
  }
  void accepted(std::unique_ptr<loop::Stream> stream) override {
    servers[0]->serve(std::move(stream), portal);
  }

  std::shared_ptr<Directory> directory() {
    auto view = std::make_shared<unit::HostView>();
    view->host = "any";
    view->luns[0] = {0, false, "volume", unit->on_shard};
    view->luns[1] = {1, true, "volume", unit->on_shard};
    auto target = std::make_shared<Target>();
    target->name = "iqn.2026-11.io.ashlar:fuzz";
    target->portals = {portal};
    target->any_host = view;
    auto made = std::make_shared<Directory>();
    made->settings.login_timeout_seconds = 1;
    made->targets[target->name] = target;
    return made;
  }

  static constexpr BufferPool::Sizes sizes{.small = 512, .medium = 128, .large = 64};
  loop::SimWorld world;
  loop::SimProcess& process;
  loop::SimProcess& host;
  Portal portal{"p1", {"10.0.0.1", 3260}, 1};
  std::optional<unit::OpenUnit> unit;
  scsi::Domain::Group domains;
  Server::Group servers;
  std::unique_ptr<loop::Listener> listener;
};

class Host final : public loop::StreamWatcher {
 public:
  explicit Host(Array& array) : array_(array) {
    loop::SimLoop& loop = array.host.loop(0);
    auto connected = run_story(loop, connect_to, array.portal.endpoint);
    CHECK(connected.has_value(), "{}", connected.error().text());
    stream_ = std::move(*connected);
    loop.enter([&] { stream_->watch(*this); });
  }
  ~Host() {
    array_.host.loop(0).enter([&] { stream_.reset(); });
  }
  void readable() override {
    uint8_t sink[65536];
    const iovec part{sink, sizeof sink};
    for (;;) {
      const int64_t received = stream_->receive({&part, 1});
      if (received <= 0) return;
      heard.insert(heard.end(), sink, sink + received);
    }
  }
  void writable() override {}
  // The network may take less than it is offered. What it does not take in time is dropped: the target has closed.
  void send(ConstBytes bytes) {
    for (int attempt = 0; attempt < 64 && !bytes.empty(); ++attempt) {
      array_.host.loop(0).enter([&] {
        const iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
        const int64_t taken = stream_->send({&part, 1});
        if (taken > 0) bytes = bytes.subspan(static_cast<size_t>(taken));
      });
      array_.world.run_for(loop::milliseconds(5));
    }
  }
  void send_pdu(const uint8_t* header, ConstBytes data, ConstBytes additional = {}) {
    std::vector<uint8_t> bytes(header, header + basic_header_bytes);
    bytes.insert(bytes.end(), additional.begin(), additional.end());
    bytes.insert(bytes.end(), data.begin(), data.end());
    bytes.resize(basic_header_bytes + additional.size() + padded(static_cast<uint32_t>(data.size())));
    send(bytes);
  }
  // True when the target let it in.
  bool login() {
    static constexpr char text[] =
        "InitiatorName=iqn.2026-11.io.ashlar:host\0TargetName=iqn.2026-11.io.ashlar:fuzz\0SessionType=Normal\0"
        "InitialR2T=No\0ImmediateData=Yes\0FirstBurstLength=65536\0MaxBurstLength=262144\0MaxOutstandingR2T=4\0";
    LoginRequest request;
    request.transit = true;
    request.current_stage = LoginStage::login_operational_negotiation;
    request.next_stage = LoginStage::full_feature_phase;
    request.cmd_sn = 1;
    request.data_segment_length = sizeof text - 1;
    uint8_t header[basic_header_bytes];
    request.encode(header);
    heard.clear();
    send_pdu(header, {reinterpret_cast<const uint8_t*>(text), sizeof text - 1});
    array_.world.run_until([&] { return heard.size() >= basic_header_bytes; }, loop::seconds(1));
    return heard.size() >= basic_header_bytes &&
           LoginResponse::decode(heard.data()).status == LoginStatus::success;
  }
  std::vector<uint8_t> heard;

 private:
  static loop::Task<Result<std::unique_ptr<loop::Stream>>> connect_to(loop::Endpoint endpoint) {
    auto stream = co_await loop::Loop::current().connect(endpoint, loop::seconds(5));
    co_return stream;
  }
  Array& array_;
  std::unique_ptr<loop::Stream> stream_;
};

}  // namespace ashlar::iscsi::whole_target
