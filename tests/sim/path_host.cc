#include "sim/path_host.h"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::simulation {

using block::Operation;
using block::Status;
using initiator::RemoteUrl;
using loop::milliseconds;
using loop::seconds;

namespace {

constexpr uint32_t slot_bytes = 262144;
constexpr uint32_t verify_bytes = 65536;

RemoteUrl url_of(const Array& array, bool nvme, uint16_t group) {
  RemoteUrl url;
  url.protocol = nvme ? initiator::Protocol::nvme_tcp : initiator::Protocol::iscsi;
  url.endpoint = array.portal(nvme, group);
  url.target = nvme ? Array::subsystem_name : Array::target_name;
  url.unit = nvme ? 1 : 0;
  url.has_unit = true;
  return url;
}

}  // namespace

PathHost::PathHost(loop::SimProcess& process, const Scenario& scenario, Checker& checker, const Array& array,
                   Watcher& watcher, bool forgets_doubts)
    : process_(process),
      scenario_(scenario),
      checker_(checker),
      watcher_(watcher),
      random_(loop::mix64(scenario.seed ^ 0x70617468)),
      incarnation_(checker.open_lasting_session()) {
  // Two paths by iSCSI, two by NVMe/TCP, or both ways at once.
  const uint64_t kind = random_.below(3);
  if (kind != 1) options_.urls = {url_of(array, false, 1), url_of(array, false, 2)};
  if (kind != 0) {
    options_.urls.push_back(url_of(array, true, 1));
    options_.urls.push_back(url_of(array, true, 2));
  }
  discards_ = kind == 0 && scenario.can_unmap(0);
  options_.initiator_name = "iqn.2026-11.io.ashlar:paths";
  options_.host_name = "nqn.2026-11.io.ashlar:paths";
  options_.host_id = {1, 2, 3};
  options_.timing.first_pause = milliseconds(50);
  options_.timing.most_pause = seconds(1);
  options_.timing.check_interval = random_.between(milliseconds(300), seconds(2));
  options_.timing.keep_alive = milliseconds(500);
  options_.timing.connect_timeout = seconds(1);
  if (forgets_doubts) options_.timing.doubt = loop::Nanoseconds(1);
  options_.patience = seconds(25);
  options_.answer_time = seconds(3);
  options_.depth = static_cast<uint16_t>(random_.between(2, 16));
  for (uint32_t i = 0; i < scenario.depth * 2; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    Slot& slot = *slots_.back();
    slot.memory.resize(slot_bytes);
    slot.shard = i % process.count();
    slot.verifies = i == 0;
    slot.request.owner = &slot;
    slot.request.done = [](block::Request& done) { static_cast<Slot*>(done.owner)->over.set(); };
  }
}

PathHost::~PathHost() { CHECK(retired_ || !store_, "the host still has its paths"); }

std::string PathHost::describe() const {
  return fmt::format("host with {} paths: {}, {} workers, {} busy", options_.urls.size(),
                     store_ ? "open" : "not open", workers_, busy_);
}

void PathHost::start() {
  process_.loop(0).enter([this] { live().detach(); });
}

void PathHost::set_mode(Mode mode) {
  mode_ = mode;
  if (mode == Mode::verify) verify_sector_ = 0;
}

loop::Task<void> PathHost::live() {
  while (!store_ && mode_ != Mode::retire) {
    block::StoreSpec spec;
    spec.kind = "remote";
    spec.block_bytes = scenario_.volumes[0].block_bytes;
    initiator::RemoteOptions options = options_;
    auto opening = initiator::open_remote(spec, std::move(options));
    auto opened = co_await opening;
    if (opened) store_ = block::guard(std::move(*opened), "remote");
    if (!opened) {
      ++counters_.failed_logins;
      co_await loop::sleep_for(milliseconds(100));
    }
  }
  if (!store_) {
    retired_ = true;
    co_return;
  }
  for (uint32_t i = 0; i < process_.count(); ++i) channels_.push_back(store_->open_channel(process_.loop(i)));
  workers_ = static_cast<uint32_t>(slots_.size());
  for (const auto& slot : slots_) process_.send(slot->shard, [this, &slot] { work(*slot).detach(); });
  while (mode_ != Mode::retire || workers_ > 0) co_await loop::sleep_for(milliseconds(50));
  take_counters();
  shards_left_ = process_.count();
  for (uint32_t i = 0; i < process_.count(); ++i) process_.send(i, [this, i] { leave(i).detach(); });
  while (shards_left_ > 0) co_await loop::sleep_for(milliseconds(10));
  store_.reset();
  retired_ = true;
}

loop::Task<void> PathHost::leave(uint32_t shard) {
  channels_[shard]->close();
  channels_[shard].reset();
  auto closing = initiator::remote_paths_closed();
  co_await closing;
  --shards_left_;
}

void PathHost::take_counters() {
  std::map<std::string, uint64_t> counters;
  store_->collect(counters);
  counters_.retries = counters["remote.retries"];
  counters_.failovers = counters["remote.failovers"];
  counters_.held = counters["remote.held"];
  for (size_t i = 0; i < options_.urls.size(); ++i) {
    counters_.logins += counters[fmt::format("remote.path.{}.attached", i)];
    counters_.timeouts += counters[fmt::format("remote.path.{}.losses", i)];
    if (counters[fmt::format("remote.path.{}.refused", i)] != 0)
      watcher_.violation("a path is refused although it leads to the same unit");
  }
}

loop::Task<void> PathHost::work(Slot& slot) {
  while (mode_ != Mode::retire) {
    if (mode_ == Mode::work) {
      auto command = one_command(slot);
      co_await command;
      co_await loop::sleep_for(random_.between(loop::Nanoseconds(0), scenario_.think));
    } else if (mode_ == Mode::verify && slot.verifies && !verified()) {
      auto verifying = verify_some(slot);
      co_await verifying;
    } else {
      co_await loop::sleep_for(milliseconds(50));
    }
  }
  --workers_;
}

loop::Task<void> PathHost::one_command(Slot& slot) {
  ++busy_;
  const Place place = draw_place(random_, scenario_, checker_);
  const uint64_t kind = random_.below(100);
  if (kind < 40) {
    auto reading = read(slot, place);
    co_await reading;
  } else if (kind < 88) {
    auto writing = write(slot, place, Operation::write, Checker::Content::stamped);
    co_await writing;
  } else if (kind < 93) {
    auto writing = write(slot, place, Operation::write_zeroes, Checker::Content::zeroes);
    co_await writing;
  } else if (kind < 96) {
    if (discards_) {
      auto writing = write(slot, place, Operation::discard, Checker::Content::unmap);
      co_await writing;
    }
  } else {
    auto flushing = flush(slot);
    co_await flushing;
  }
  --busy_;
}

loop::Task<Status> PathHost::perform(Slot& slot, Operation operation, Place place) {
  block::Request& request = slot.request;
  const bool data = operation == Operation::read || operation == Operation::write;
  request.operation = operation;
  request.offset = place.lba * place.block_bytes;
  request.length = place.bytes();
  request.durable = operation == Operation::write && random_.chance(0.2);
  request.may_discard = operation == Operation::write_zeroes && random_.chance(0.5);
  const size_t first = random_.chance(0.3) && data ? random_.between(1, place.bytes() - 1) : place.bytes();
  slot.parts[0] = {slot.memory.data(), first};
  slot.parts[1] = {slot.memory.data() + first, place.bytes() - first};
  request.parts = data ? std::span<const iovec>(slot.parts) : std::span<const iovec>();
  slot.over.reset();
  request.begin();
  channels_[slot.shard]->submit(request);
  co_await slot.over;
  ++(request.status == Status::ok ? counters_.good : counters_.unknown);
  co_return request.status;
}

loop::Task<bool> PathHost::read(Slot& slot, Place place) {
  std::fill_n(slot.memory.begin(), place.bytes(), uint8_t{0xa5});
  const uint64_t reading = checker_.invoke_read(place.volume);
  auto performing = perform(slot, Operation::read, place);
  const Status status = co_await performing;
  if (status != Status::ok) {
    checker_.read_failed(reading);
    co_return false;
  }
  const auto complaint = checker_.read_returned(reading, place.volume, place.first_sector(),
                                                ConstBytes(slot.memory).first(place.bytes()));
  if (complaint) watcher_.violation(*complaint);
  co_return true;
}

/// What is not answered well may still come: the array may have it, whatever we were told.
loop::Task<void> PathHost::write(Slot& slot, Place place, Operation operation, Checker::Content content) {
  Checker::WriteSpec spec;
  spec.volume = place.volume;
  spec.first_sector = place.first_sector();
  spec.sectors = place.sectors();
  spec.content = content;
  spec.durable = content != Checker::Content::unmap;  // the store promises that it has no cache
  spec.session = incarnation_;
  const uint32_t write = checker_.invoke_write(spec);
  for (uint32_t i = 0; operation == Operation::write && i < place.sectors(); ++i) {
    put_stamp(checker_.stamp_of(write, place.first_sector() + i),
              Bytes(slot.memory).subspan(size_t{i} * sector_bytes, sector_bytes));
  }
  auto performing = perform(slot, operation, place);
  const Status status = co_await performing;
  if (status == Status::ok) {
    checker_.write_good(write);
  } else {
    checker_.write_unknown(write);
  }
}

loop::Task<void> PathHost::flush(Slot& slot) {
  const uint64_t flushing = checker_.invoke_flush(0);
  auto performing = perform(slot, Operation::flush, Place{0, scenario_.volumes[0].block_bytes, 0, 1});
  const Status status = co_await performing;
  if (status == Status::ok) {
    checker_.flush_good(flushing);
  } else {
    checker_.flush_failed(flushing);
  }
}

loop::Task<void> PathHost::verify_some(Slot& slot) {
  ++busy_;
  Place place{};
  place.block_bytes = scenario_.volumes[0].block_bytes;
  const uint64_t sectors =
      std::min<uint64_t>(verify_bytes / sector_bytes, checker_.sectors_of(0) - verify_sector_);
  place.lba = verify_sector_ * sector_bytes / place.block_bytes;
  place.blocks = static_cast<uint32_t>(sectors * sector_bytes / place.block_bytes);
  auto reading = read(slot, place);
  const bool read_all = co_await reading;
  if (read_all) verify_sector_ += sectors;
  --busy_;
}

}  // namespace ashlar::simulation
