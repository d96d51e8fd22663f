// For tests: a whole NVMe/TCP target on the simulated loop over several shards, and hosts beside it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "initiator/nvme_controller.h"
#include "loop/sim_test.h"
#include "nvmetcp/server_impl.h"
#include "scsi/nexus_state.h"
#include "stores/stores.h"
#include "unit/local_unit.h"

namespace ashlar::nvmetcp::test {

using initiator::NvmeAnswer;
using initiator::NvmeController;
using initiator::NvmeQueue;
using initiator::NvmeQueueOptions;
using loop::Task;
using nvme::Status;
using wire::nvme::IoOpcode;
using wire::nvme::Submission;

constexpr uint64_t volume_bytes = 8 << 20;
inline const std::string subsystem = "nqn.2026-11.io.ashlar:test";
inline const loop::Endpoint endpoint{"10.0.0.1", 4420};
inline const loop::Endpoint second_endpoint{"10.0.0.1", 4421};

inline const std::vector<uint8_t> no_data;  ///< data of a command that sends none

inline std::string host_name(int number) {
  return "nqn.2014-08.org.nvmexpress:uuid:host" + std::to_string(number);
}

inline Task<unit::OpenUnit> open_volume(std::string name) {
  block::Registry registry;
  stores::add_all(registry);
  block::StoreSpec spec;
  spec.kind = "memory";
  spec.size_bytes = volume_bytes;
  auto opening = registry.open(spec, name);
  auto store = co_await opening;
  CHECK(store.has_value(), "{}", store.error().text());
  unit::Identity identity;
  identity.name = name;
  identity.serial = "0123456789abcdef";
  identity.uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, static_cast<uint8_t>(name.size())};
  identity.eui64 = {0x30, 1, 2, 3, 4, 5, 6, 7};
  unit::Geometry geometry;
  geometry.size_bytes = volume_bytes;
  auto opened = co_await unit::open_unit(identity, geometry, *store);
  CHECK(opened.has_value(), "{}", opened.error().text());
  co_return *opened;
}

inline Task<bool> close_volume(unit::OpenUnit opened) {
  auto closing = unit::close_unit(std::move(opened));
  co_await closing;
  co_return true;
}

/// The controller, or a failed test.
inline Task<std::unique_ptr<NvmeController>> attach(NvmeQueueOptions options, uint16_t io_queues = 1) {
  auto attaching = NvmeController::attach(loop::Loop::current(), std::move(options), io_queues);
  auto attached = co_await attaching;
  CHECK(attached.has_value(), "{}", attached.error().text());
  co_return std::move(*attached);
}

/// One subsystem at two ports (group tags 1 and 2): the volume as namespace 1 and, read only, as namespace 2; open to every host.
class Array {
 public:
  explicit Array(uint32_t shards = 1, nvme::PortTls tls = nvme::PortTls::off)
      : second_tls(tls),
        world(11),
        process(world.add_process("array", shards, sizes)),
        host(world.add_process("host", 1, sizes)) {
    unit.emplace(run_story(process.loop(0), open_volume, std::string("volume")));
    scsi_domains.resize(shards);
    domains.resize(shards);
    servers.resize(shards);
    each(
        [&](uint32_t i) { scsi_domains[i] = std::make_unique<scsi::Domain>(process.loop(i), scsi_domains); });
    each([&](uint32_t i) {
      domains[i] = std::make_unique<nvme::Domain>(process.loop(i), domains, *scsi_domains[i]);
    });
    each([&](uint32_t i) {
      Server::EventSink sink = [this](ServerEvent event) { events.push_back(std::move(event)); };
      servers[i] = std::make_unique<Server>(process.loop(i), *domains[i], servers, std::move(sink));
    });
    publish(directory());
    for (const nvme::Port& port : ports()) {
      each([&](uint32_t i) {
        doors.push_back(std::make_unique<Door>(*servers[i], port));
        auto listening = process.loop(i).listen(port.endpoint, {.shared_port = true}, *doors.back());
        CHECK(listening.has_value(), "{}", listening.error().text());
        listeners[i].push_back(std::move(*listening));
      });
    }
  }
  ~Array() {
    each([&](uint32_t i) {
      listeners[i].clear();
      servers[i]->stop(loop::seconds(1), [] {});
    });
    world.run_for(loop::seconds(10));
    each([&](uint32_t i) { servers[i].reset(); });
    world.run_for(loop::seconds(1));
    each([&](uint32_t i) { domains[i].reset(); });
    each([&](uint32_t i) { scsi_domains[i].reset(); });
    run_story(process.loop(0), close_volume, std::move(*unit));
    if (other_unit) run_story(process.loop(0), close_volume, std::move(*other_unit));
  }

  std::vector<nvme::Port> ports() const {
    return {{"p1", endpoint, 1}, {"p2", second_endpoint, 2, second_tls}};
  }
  std::shared_ptr<unit::HostView> view() {
    auto made = std::make_shared<unit::HostView>();
    made->host = "any";
    made->luns[0] = {0, false, "volume", unit->on_shard};
    made->luns[1] = {1, true, "volume", unit->on_shard};
    return made;
  }
  std::shared_ptr<nvme::Directory> directory() {
    auto served = std::make_shared<nvme::Subsystem>();
    served->name = subsystem;
    served->serial = nvme::serial_of(subsystem);
    served->ports = ports();
    served->any_host = view();
    served->bounds = bounds;
    auto made = std::make_shared<nvme::Directory>();
    made->settings = settings;
    made->subsystems[subsystem] = served;
    made->generation = ++generation;
    return made;
  }
  /// Hosts 1 and 3 have the volume as namespaces 1 and 2, and "other" as namespace 3; host 2 has that alone.
  std::shared_ptr<nvme::Directory> tenants() {
    if (!other_unit) other_unit.emplace(run_story(process.loop(0), open_volume, std::string("other")));
    const auto made = directory();
    auto served = std::make_shared<nvme::Subsystem>(*made->subsystems.at(subsystem));
    auto first = view(), second = view();
    first->luns[2] = {2, false, "other", other_unit->on_shard};
    second->host = "second";
    second->luns = {{2, {2, false, "other", other_unit->on_shard}}};
    served->any_host = nullptr;
    served->hosts = {{host_name(1), first}, {host_name(2), second}, {host_name(3), first}};
    made->subsystems[subsystem] = served;
    return made;
  }
  void publish(const std::shared_ptr<nvme::Directory>& made) {
    each([this, made](uint32_t i) { domains[i]->replace_directory(made); });
  }
  /// On every shard: now, or within a story, soon.
  template <typename Work>
  void each(Work work) {
    const bool in_a_story = loop::Loop::current_or_null() != nullptr;
    for (uint32_t i = 0; i < domains.size(); ++i) {
      if (in_a_story) {
        process.loop(i).shards().send(i, [work, i]() mutable { work(i); });
      } else {
        process.loop(i).enter([&] { work(i); });
      }
    }
  }
  size_t connections() const {
    size_t sum = 0;
    for (const auto& server : servers) sum += server->connections();
    return sum;
  }
  uint32_t buffers_in_use() {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < domains.size(); ++i) sum += process.loop(i).buffers().in_use();
    return sum;
  }
  NvmeQueueOptions options(int number = 1) const {
    NvmeQueueOptions made;
    made.endpoint = endpoint;
    made.subsystem = subsystem;
    made.host_name = host_name(number);
    made.host_id = {static_cast<uint8_t>(number), 0xaa};
    return made;
  }
  /// A host's story, with the loop it runs on.
  template <typename Story>
  void run(Story story) {
    run_story(host.loop(0), +story, this);
  }
  /// The same with a controller that host 1 has attached.
  template <typename Story>
  void run_attached(uint16_t io_queues, Story story) {
    run_story(host.loop(0), tell_attached, this, +story, io_queues);
  }
  /// The same with one of host 1 and one of host 2.
  template <typename Story>
  void run_two_hosts(uint16_t io_queues, Story story) {
    run_story(host.loop(0), tell_two_hosts, this, +story, io_queues);
  }

  static constexpr BufferPool::Sizes sizes{.small = 256, .medium = 64, .large = 32};
  nvme::PortTls second_tls;
  nvme::Settings settings;
  nvme::Bounds bounds;
  uint64_t generation = 0;
  loop::SimWorld world;
  loop::SimProcess& process;
  loop::SimProcess& host;
  std::optional<unit::OpenUnit> unit, other_unit;
  scsi::Domain::Group scsi_domains;
  nvme::Domain::Group domains;
  Server::Group servers;
  std::vector<ServerEvent> events;

 private:
  using AttachedStory = Task<void> (*)(Array*, NvmeController*);
  using TwoHostsStory = Task<void> (*)(Array*, NvmeController*, NvmeController*);
  static Task<void> tell_attached(Array* array, AttachedStory story, uint16_t io_queues) {
    auto attaching = attach(array->options(), io_queues);
    const auto controller = co_await attaching;
    auto telling = story(array, controller.get());
    co_await telling;
  }
  static Task<void> tell_two_hosts(Array* array, TwoHostsStory story, uint16_t io_queues) {
    auto attaching = attach(array->options(1), io_queues);
    const auto one = co_await attaching;
    auto attaching_second = attach(array->options(2), io_queues);
    const auto two = co_await attaching_second;
    auto telling = story(array, one.get(), two.get());
    co_await telling;
  }

  class Door final : public loop::Acceptor {
   public:
    Door(Server& server, nvme::Port port) : server_(server), port_(std::move(port)) {}
    void accepted(std::unique_ptr<loop::Stream> stream) override { server_.serve(std::move(stream), port_); }

   private:
    Server& server_;
    nvme::Port port_;
  };
  std::vector<std::unique_ptr<Door>> doors;
  std::map<uint32_t, std::vector<std::unique_ptr<loop::Listener>>> listeners;
};

inline std::vector<uint8_t> pattern(size_t bytes, uint8_t seed) {
  std::vector<uint8_t> data(bytes);
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + i / 512 + seed);
  return data;
}

/// The status of a command; internal_path_error when the connection was lost.
inline Task<Status> status_of(NvmeQueue& queue, Submission entry, std::vector<uint8_t> data = {},
                              uint32_t room = 0) {
  auto running = queue.run(entry, std::move(data), room);
  const auto answer = co_await running;
  co_return answer ? answer->completion.outcome.status : Status::internal_path_error;
}

inline Task<Status> write_blocks(NvmeQueue& queue, uint64_t lba, std::vector<uint8_t> data,
                                 uint32_t space = 1) {
  const auto blocks = static_cast<uint32_t>(data.size() / 512);
  return status_of(queue, initiator::nvme_blocks(IoOpcode::write, space, lba, blocks), std::move(data));
}

inline Task<std::vector<uint8_t>> read_blocks(NvmeQueue& queue, uint64_t lba, uint32_t blocks) {
  auto running = queue.run(initiator::nvme_blocks(IoOpcode::read, 1, lba, blocks), {}, blocks * 512);
  const auto answer = co_await running;
  co_return answer && answer->ok() ? answer->data : std::vector<uint8_t>{};
}

/// "status 182h, parameter 2ch" of the refused Connect, or "connected".
inline Task<std::string> refusal_of(NvmeQueueOptions options) {
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  if (queue) co_return "connected";
  const std::string& message = queue.error().message;
  const size_t begin = message.find("status");
  co_return message.substr(begin, message.find(')', begin) - begin);
}

inline Submission event_request() {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::asynchronous_event_request));
  return entry;
}

}  // namespace ashlar::nvmetcp::test
