// For tests: shards without threads, hosts that send commands, and a target of fake units.
#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scsi/fake_unit_test.h"
#include "scsi/nexus_state.h"
#include "wire/scsi_lun.h"

namespace ashlar::scsi::test {

/// A loop that turns only when told to; no time but by pass(), no network, no files.
class TestLoop final : public loop::Loop {
 public:
  TestLoop(loop::Shards& shards, uint32_t index, const BufferPool::Sizes& sizes)
      : Loop(shards, index, sizes) {}
  loop::Nanoseconds clock{};
  loop::Nanoseconds wall_clock() override { return clock; }
  void random(std::span<uint8_t> out) override { std::ranges::fill(out, uint8_t{0}); }
  Result<std::unique_ptr<loop::Listener>> listen(const loop::Endpoint&, const loop::ListenOptions&,
                                                 loop::Acceptor&) override {
    return fail(ErrorCode::unsupported, "test", "no network");
  }
  loop::Task<Result<std::unique_ptr<loop::Stream>>> connect(loop::Endpoint, loop::Nanoseconds,
                                                            loop::Cancellation*) override {
    co_return fail(ErrorCode::unsupported, "test", "no network");
  }
  loop::Task<Result<std::unique_ptr<loop::File>>> open(std::string, loop::OpenOptions) override {
    co_return fail(ErrorCode::unsupported, "test", "no files");
  }
  loop::Task<Result<void>> remove(std::string) override {
    co_return fail(ErrorCode::unsupported, "test", "no files");
  }
  void run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) override {
    work();
    done();
  }
  void advance(loop::Nanoseconds time) { now_ = now_ + time; }
  bool ready() const { return anything_ready() || !mailbox_.empty(); }
  void send(std::move_only_function<void()> work) { mailbox_.push_back(std::move(work)); }
  void turn() {
    set_current(this);
    auto mail = std::exchange(mailbox_, {});
    for (auto& work : mail) work();
    run_ready();
    set_current(nullptr);
  }
  /// Time goes by: a turn in which timers expire.
  void pass(loop::Nanoseconds span) {
    now_ = now_ + span;
    in_turn([&] { timers_.expire(now_); });
  }
  /// Runs `work` as part of a turn of this loop.
  template <typename Work>
  void in_turn(Work work) {
    set_current(this);
    work();
    set_current(nullptr);
  }

 private:
  std::vector<std::move_only_function<void()>> mailbox_;
};

class TestShards final : public loop::Shards {
 public:
  explicit TestShards(uint32_t count,
                      const BufferPool::Sizes& sizes = {.small = 256, .medium = 64, .large = 128}) {
    for (uint32_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<TestLoop>(*this, i, sizes));
  }
  uint32_t count() const override { return static_cast<uint32_t>(loops_.size()); }
  TestLoop& at(uint32_t index) override { return *loops_[index]; }
  void send(uint32_t to, std::move_only_function<void()> work) override { loops_[to]->send(std::move(work)); }
  void run() {
    for (bool any = true; any;) {
      any = false;
      for (auto& each : loops_) {
        if (!each->ready()) continue;
        each->turn();
        any = true;
      }
    }
  }

 private:
  std::vector<std::unique_ptr<TestLoop>> loops_;
};

/// A command as a transport has it: gives data-out when it is asked for (or holds it back), keeps the answer.
class HostTask final : public Task {
 public:
  std::vector<uint8_t> data_out;
  bool hold_data_out = false;
  int fetches = 0;
  int completions = 0;
  std::vector<uint8_t> data_in;  ///< cut to the host's room, as a transport does

  void fetch_data_out() override {
    ++fetches;
    fetching_ = true;
    if (!hold_data_out) post_arrival();
  }
  void completed() override {
    ++completions;
    fetching_ = false;
    if (!aborted()) {
      data_in.resize(std::min(data_in_bytes, expected_data_in_bytes));
      if (!data_in.empty()) buffer.copy_out(0, data_in);
    }
    buffer.release();
  }
  bool done() const { return completions == 1; }
  /// The bytes come over the wire now.
  void deliver() {
    if (!fetching_) return;
    fetching_ = false;
    const size_t bytes = std::min<size_t>(buffer.size(), data_out.size());
    buffer.copy_in(0, ConstBytes(data_out).first(bytes));
    nexus->data_out_arrived(*this);
  }
  NexusState* nexus = nullptr;

 private:
  class Arrival final : public loop::Ready {
   public:
    explicit Arrival(HostTask& task) : task_(task) {}
    void run() override { task_.deliver(); }

   private:
    HostTask& task_;
  };
  void post_arrival() { loop::Loop::current().post(arrival_); }
  Arrival arrival_{*this};
  bool fetching_ = false;
};

/// Remembers what it was given; refuses or waits when told to.
class FakeKeeper final : public unit::Keeper {
 public:
  loop::Task<Result<void>> keep(Uuid unit, std::shared_ptr<const unit::Reservations> reservations) override {
    ++asked;
    if (hold) co_await released;
    if (refuse) co_return fail(ErrorCode::no_space, "test", "is full");
    kept[unit] = *reservations;
    co_return Result<void>{};
  }
  loop::Task<Result<void>> keep_mode_parameters(Uuid unit, std::string text) override {
    if (refuse) co_return fail(ErrorCode::no_space, "test", "is full");
    mode_parameters[unit] = std::move(text);
    co_return Result<void>{};
  }
  loop::Task<Result<void>> keep_rewrite(Uuid unit, std::string text) override {
    if (hold) co_await released;
    if (refuse) co_return fail(ErrorCode::no_space, "test", "is full");
    rewrites[unit] = std::move(text);
    co_return Result<void>{};
  }
  loop::Task<Result<void>> keep_identifying_information(Uuid unit, std::string text) override {
    if (hold) co_await released;
    if (refuse) co_return fail(ErrorCode::no_space, "test", "is full");
    identifying_information[unit] = std::move(text);
    co_return Result<void>{};
  }
  std::map<Uuid, std::string> mode_parameters, rewrites, identifying_information;
  std::map<Uuid, unit::Reservations> kept;
  int asked = 0;
  bool hold = false, refuse = false;
  loop::Event released;
};

/// Stands before ScsiTest in the list of bases, so that it outlives the target.
struct WithKeeper {
  FakeKeeper keeper;
};

struct TestMapping {
  uint16_t lun = 0;
  std::string volume;
  bool read_only = false;
};

/// Volumes (a medium, and a unit on each shard), domains, and the hosts that map them.
class TestTarget {
 public:
  explicit TestTarget(uint32_t shard_count = 1,
                      const BufferPool::Sizes& sizes = {.small = 256, .medium = 64, .large = 128},
                      unit::Keeper* keeper = nullptr)
      : shards(shard_count, sizes) {
    for (uint32_t i = 0; i < shard_count; ++i)
      domains.push_back(std::make_unique<Domain>(shards.at(i), domains, keeper));
  }
  ~TestTarget() {
    for (auto& nexus : nexuses) close(*nexus);
    nexuses.clear();
    domains.clear();
  }
  FakeMedium& add_volume(const std::string& name, uint64_t blocks, uint32_t block_bytes = 512) {
    auto medium = FakeMedium::make(blocks, block_bytes);
    const uint8_t number = static_cast<uint8_t>(volumes.size());
    medium->identity.uuid[1] = number;
    medium->identity.naa = Naa{0x31, 2, 3, 4, 5, 6, 7, static_cast<uint8_t>(8 + number)};
    medium->identity.eui64[7] = static_cast<uint8_t>(1 + number);
    Volume& volume = volumes[name];
    volume.medium = medium;
    for (uint32_t i = 0; i < shards.count(); ++i) volume.units.push_back(std::make_shared<FakeUnit>(medium));
    return *medium;
  }
  FakeUnit& unit(const std::string& volume, uint32_t shard = 0) { return *volumes.at(volume).units[shard]; }
  std::shared_ptr<const unit::HostView> view(const std::vector<TestMapping>& mappings) {
    auto out = std::make_shared<unit::HostView>();
    for (uint16_t port = 1; port <= 2; ++port)
      out->target_ports.push_back({port, fmt::format("iqn.2026-11.io.ashlar:target,t,0x{:04x}", port)});
    for (const TestMapping& mapping : mappings) {
      unit::LunMapping& lun = out->luns[mapping.lun];
      lun.lun = mapping.lun;
      lun.read_only = mapping.read_only;
      lun.volume = mapping.volume;
      for (auto& each : volumes.at(mapping.volume).units) lun.unit_on_shard.push_back(each);
    }
    return out;
  }
  /// A host that has logged in; its power-on attentions are still there.
  NexusState& login(const std::vector<TestMapping>& mappings, uint32_t shard = 0, uint16_t tag = 1) {
    const unit::Nexus nexus{
        .initiator_name = "iqn.2026-11.io.ashlar:host" + std::to_string(nexuses.size()),
        .initiator_port = fmt::format("iqn.2026-11.io.ashlar:host{},i,0x800000000001", nexuses.size()),
        .target_port = fmt::format("iqn.2026-11.io.ashlar:target,t,0x{:04x}", tag),
        .relative_target_port = tag,
        .protocol = "iscsi"};
    nexuses.push_back(std::make_unique<NexusState>(*domains[shard], nexus, view(mappings)));
    return *nexuses.back();
  }
  /// The array puts `states` in force for `names`, as a group.
  void set_access(const unit::AccessStates& states, const std::vector<std::string>& names,
                  bool keep_states = false, const std::vector<std::string>& leaving = {}) {
    Domain::AccessGroup group{.states = states, .keep_states = keep_states, .units = {}, .leaving = leaving};
    for (const std::string& name : names) group.units.emplace(name, volumes.at(name).units[0]);
    shards.at(0).in_turn([&] { domains[0]->set_access(std::move(group)).detach(); });
    shards.run();
  }
  void close(NexusState& nexus) {
    bool closed = false;
    shards.at(nexus.domain().loop().index()).in_turn([&] { nexus.close([&] { closed = true; }); });
    for (auto& [name, volume] : volumes) {
      for (auto& each : volume.units) each->hold = false;
    }
    for (int i = 0; i < 1000 && !closed; ++i) {
      release_all();
      shards.run();
    }
    CHECK(closed, "a nexus does not close");
  }
  void release_all() {
    for (auto& [name, volume] : volumes) {
      for (uint32_t i = 0; i < shards.count(); ++i) shards.at(i).in_turn([&] { volume.units[i]->release(); });
    }
  }
  void release(const std::string& volume, uint32_t shard = 0, size_t count = SIZE_MAX) {
    shards.at(shard).in_turn([&] { unit(volume, shard).release(count); });
    shards.run();
  }
  void submit(NexusState& nexus, HostTask& task) {
    task.nexus = &nexus;
    shards.at(nexus.domain().loop().index()).in_turn([&] { nexus.submit(task); });
  }
  /// The answer to a task management function; unset until it came.
  std::shared_ptr<std::optional<TaskManagementResponse>> manage(NexusState& nexus, TaskManagement function,
                                                                uint16_t lun, uint64_t tag = 0) {
    auto answer = std::make_shared<std::optional<TaskManagementResponse>>();
    shards.at(nexus.domain().loop().index()).in_turn([&] {
      nexus.manage(function, wire::scsi::encode_lun(lun), tag, [answer](TaskManagementResponse response) {
        CHECK(!answer->has_value(), "a task management function answered twice");
        *answer = response;
      });
    });
    return answer;
  }

  struct Volume {
    std::shared_ptr<FakeMedium> medium;
    std::vector<std::shared_ptr<FakeUnit>> units;
  };
  TestShards shards;
  std::map<std::string, Volume> volumes;
  Domain::Group domains;
  std::vector<std::unique_ptr<NexusState>> nexuses;
};

}  // namespace ashlar::scsi::test
