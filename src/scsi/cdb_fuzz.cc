// Any CDBs with any data in any order, mixed with task management and slow devices: every command is answered exactly once,
// with a legal status, and every buffer comes back.
#include "scsi/harness_test.h"

namespace {

using namespace ashlar;
using namespace ashlar::scsi;
using namespace ashlar::scsi::test;

constexpr size_t max_steps = 64;

class Run {
 public:
  explicit Run(ConstBytes input)
      : input_(input), target_(2, {.small = 16, .medium = 4, .large = 6}, &keeper_) {
    target_.add_volume("small", 256);
    target_.add_volume("large", 64, 4096);
    target_.volumes.at("large").medium->geometry.removable = true;
    unit::Geometry& drive = target_.add_volume("drive", 64, 2048).geometry;
    drive.kind = unit::DeviceKind::cdrom;
    drive.removable = drive.read_only = true;
    hosts_[0] = &target_.login({{0, "small"}, {1, "large"}, {2, "drive"}});
    hosts_[1] = &target_.login({{0, "small", true}, {300, "large"}, {2, "drive"}}, 1, 2);
    target_.set_access({.group = "g", .explicit_changes = true}, {"small", "large", "drive"});
    settle();
  }

  void all() {
    while (input_.remaining() >= 20 && tasks_.size() < max_steps) step();
    for (auto& task : tasks_) deliver(*task);
    drain();
    for (auto& task : tasks_) check(*task);
    for (const auto& answer : answers_)
      CHECK(answer->has_value(), "a task management function was not answered");
    for (uint32_t shard = 0; shard < 2; ++shard) CHECK(target_.shards.at(shard).buffers().in_use() == 0);
    for (auto& [name, volume] : target_.volumes) CHECK(volume.medium->locks.empty());
  }

 private:
  // One command: flags, LUN and attribute, CDB, lengths; its data-out is one byte repeated or what follows in the input.
  void step() {
    const uint8_t flags = input_.u8();
    const uint8_t who = input_.u8();
    NexusState& host = *hosts_[who & 1];
    const uint32_t shard = host.domain().loop().index();
    for (auto& [name, volume] : target_.volumes) volume.units[shard]->hold = (flags & 0x01) != 0;
    auto task = std::make_unique<HostTask>();
    static constexpr uint16_t luns[] = {0, 1, 300, 2};
    task->lun = (who & 0x20) != 0 ? wire::scsi::report_luns_lun : wire::scsi::encode_lun(luns[who >> 1 & 3]);
    task->attribute = static_cast<TaskAttribute>(who >> 3 & 3);
    task->tag = tasks_.size();
    task->hold_data_out = (flags & 0x02) != 0;
    std::ranges::copy(input_.take(16), task->cdb.begin());
    if (task->cdb[0] ==
        0x7f) {  // as many bytes more as are there: a transport may bring less than a whole CDB
      const ConstBytes rest = input_.take(std::min<size_t>(16, input_.remaining()));
      std::ranges::copy(rest, task->cdb.begin() + 16);
      task->cdb_length = static_cast<uint8_t>(16 + rest.size());
    }
    const uint32_t out_bytes = input_.u16();
    task->expected_data_in_bytes = (flags & 0x04) != 0 ? 16u << 20 : input_.u16();
    if ((flags & 0x08) != 0) {
      const ConstBytes data = input_.take(std::min<size_t>(out_bytes, input_.remaining()));
      task->data_out.assign(data.begin(), data.end());
    } else {
      task->data_out.assign(out_bytes, flags & 0x10 ? who : 0);
    }
    task->expected_data_out_bytes = static_cast<uint32_t>(task->data_out.size());
    tasks_.push_back(std::move(task));
    target_.submit(host, *tasks_.back());
    if ((flags & 0x20) != 0) settle();
    if ((flags & 0xc0) == 0xc0) manage(host, who);
    if ((flags & 0xc0) == 0x80) deliver(*tasks_[who % tasks_.size()]);
    if ((flags & 0xc0) == 0x40) target_.release_all();
  }

  void manage(NexusState& host, uint8_t which) {
    const auto function = static_cast<TaskManagement>(which % 7);
    answers_.push_back(target_.manage(host, function, which >> 6, which % tasks_.size()));
    for (auto& [name, volume] : target_.volumes) {
      for (auto& unit : volume.units) unit->hold = false;
    }
  }

  void deliver(HostTask& task) {
    if (task.nexus == nullptr) return;
    target_.shards.at(task.nexus->domain().loop().index()).in_turn([&] { task.deliver(); });
  }
  void settle() { target_.shards.run(); }
  void drain() {
    for (auto& [name, volume] : target_.volumes) {
      for (auto& unit : volume.units) unit->hold = false;
    }
    const auto answered = [](const auto& task) { return task->completions > 0; };
    for (int i = 0; i < 200 && !std::ranges::all_of(tasks_, answered); ++i) {
      target_.release_all();
      settle();
      for (auto& task : tasks_) deliver(*task);
      clear_allegiances();
    }
    settle();
  }
  // What an ACA condition keeps back is answered.
  void clear_allegiances() {
    for (NexusState* host : hosts_) {
      for (const uint16_t lun : {0, 1, 2, 300})
        answers_.push_back(target_.manage(*host, TaskManagement::clear_aca, lun));
    }
    settle();
  }

  static void check(const HostTask& task) {
    CHECK(task.completions == 1, "opcode {:02x}: {} completions", task.cdb[0], task.completions);
    if (task.aborted()) return;
    const bool known = task.status == ScsiStatus::good || task.status == ScsiStatus::check_condition ||
                       task.status == ScsiStatus::busy || task.status == ScsiStatus::task_set_full ||
                       task.status == ScsiStatus::reservation_conflict ||
                       task.status == ScsiStatus::task_aborted || task.status == ScsiStatus::aca_active;
    CHECK(known, "opcode {:02x}: status {:02x}", task.cdb[0], static_cast<int>(task.status));
    CHECK((task.status == ScsiStatus::check_condition) == (task.sense.key != SenseKey::no_sense));
    CHECK(task.data_in_bytes <= task.data_in_wanted_bytes || task.data_in_wanted_bytes == 0);
    uint8_t sense[max_sense_bytes];
    CHECK(encode(task.sense, task.descriptor_sense, sense) <= sizeof sense);
  }

  Reader input_;
  FakeKeeper keeper_;
  TestTarget target_;
  NexusState* hosts_[2] = {};
  std::vector<std::unique_ptr<HostTask>> tasks_;
  std::vector<std::shared_ptr<std::optional<TaskManagementResponse>>> answers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run run({data, size});
  run.all();
  return 0;
}
