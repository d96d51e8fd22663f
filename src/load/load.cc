#include "load/load.h"

#include <algorithm>

namespace ashlar::load {

Load::Load(loop::Loop& loop, const Options& options, Unit& unit, CpuClocks clocks)
    : loop_(loop),
      options_(options),
      unit_(unit),
      clocks_(std::move(clocks)),
      random_(options.seed * 0x9e3779b97f4a7c15 | 1) {}

Load::~Load() {
  CHECK(in_flight_ == 0, "a load destroyed with {} in flight", in_flight_);
  loop_.cancel(pace_);
  loop_.cancel(phase_);
}

Result<std::unique_ptr<Load>> Load::make(loop::Loop& loop, const Options& options, Unit& unit,
                                         CpuClocks clocks, Journal* journal, std::vector<uint64_t> wanted) {
  std::unique_ptr<Load> load(new Load(loop, options, unit, std::move(clocks)));
  TRY(load->lay_out(journal, std::move(wanted)));
  load->prepare_slots();
  return load;
}

Result<void> Load::lay_out(Journal* journal, std::vector<uint64_t> wanted) {
  const auto wrong = [](const char* option, std::string why) {
    return std::unexpected(Error{ErrorCode::invalid_argument, option, std::move(why)});
  };
  if (options_.block_bytes % unit_.block_bytes != 0)
    return wrong("--bs",
                 fmt::format("{}: the unit has blocks of {} bytes", options_.block_bytes, unit_.block_bytes));
  if (options_.offset_bytes % unit_.block_bytes != 0 || options_.offset_bytes >= unit_.bytes())
    return wrong("--offset", fmt::format("{}: a multiple of {} below {} is wanted", options_.offset_bytes,
                                         unit_.block_bytes, unit_.bytes()));
  const uint64_t room = unit_.bytes() - options_.offset_bytes;
  if (options_.size_bytes > room)
    return wrong("--size", fmt::format("{}: the unit has {} bytes from there", options_.size_bytes, room));
  first_lba_ = options_.offset_bytes / unit_.block_bytes;
  place_blocks_ = options_.block_bytes / unit_.block_bytes;
  places_ = (options_.size_bytes == 0 ? room : options_.size_bytes) / options_.block_bytes;
  if (places_ < options_.connections)
    return wrong("--size",
                 fmt::format("room for {} times --bs, for {} connections", places_, options_.connections));
  reads_back_ = !wanted.empty();
  journal_ = journal;
  generations_ = std::move(wanted);
  if (journal_ == nullptr) return {};
  // Places in use are passed over: half of them are always free.
  if (places_ > Journal::max_places || places_ < 2ull * options_.in_flight()) {
    return wrong("--verify", fmt::format("--size has room for {} times --bs: {} to {} are wanted", places_,
                                         2ull * options_.in_flight(), Journal::max_places));
  }
  generations_.assign(places_, 0);
  busy_.assign(places_, false);
  return {};
}

void Load::prepare_slots() {
  const bool shared = !verifies();
  if (shared) {
    in_data_.resize(options_.block_bytes);
    out_data_.resize(options_.block_bytes);
    for (uint8_t& byte : out_data_) byte = static_cast<uint8_t>(random() >> 32);
  }
  for (uint32_t i = 0; i < options_.connections; ++i) {
    const uint64_t share = places_ / options_.connections;
    lanes_.push_back({share * i, i + 1 == options_.connections ? places_ : share * (i + 1)});
  }
  // By turns, so that a rate is spread over the connections.
  for (uint32_t i = 0; i < options_.in_flight(); ++i) {
    auto slot = std::make_unique<Slot>();
    slot->load = this;
    slot->connection = i % options_.connections;
    slot->io = unit_.connections[slot->connection]->make_io();
    slot->io->durable = options_.durable;
    slot->io->owner = slot.get();
    slot->io->done = [](Io& io) {
      auto* which = static_cast<Slot*>(io.owner);
      which->load->ended(*which);
    };
    if (!shared) slot->own_data.resize(options_.block_bytes);
    slots_.push_back(std::move(slot));
  }
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) idle_.push_back(slot->get());
}

loop::Task<Report> Load::run() {
  due_ = loop_.now();
  if (options_.rate > 0) {
    const double nanoseconds = 1e9 / static_cast<double>(options_.rate);
    interval_ = loop::Nanoseconds(static_cast<int64_t>(nanoseconds));
    interval_fraction_ = nanoseconds - static_cast<double>(interval_.count());
  }
  const bool by_time = !options_.once && !reads_back_;
  if (by_time && options_.ramp_seconds > 0) {
    loop_.arm_after(phase_, loop::Nanoseconds(static_cast<int64_t>(options_.ramp_seconds * 1e9)));
  } else {
    open_window();
  }
  go_on();
  if (in_flight_ == 0 && stopping_) over_.set();
  co_await over_;
  loop_.cancel(pace_);
  loop_.cancel(phase_);
  close_window();
  co_return std::move(report_);
}

void Load::open_window() {
  measuring_ = true;
  window_begun_ = loop_.now();
  own_cpu_ = clocks_.own();
  watched_cpu_ = clocks_.watched();
  if (options_.once || reads_back_) return;
  loop_.arm_after(phase_, loop::Nanoseconds(static_cast<int64_t>(options_.runtime_seconds * 1e9)));
}

void Load::close_window() {
  if (!measuring_) return;
  measuring_ = false;
  report_.seconds = static_cast<double>((loop_.now() - window_begun_).count()) / 1e9;
  report_.client_cpu_seconds = clocks_.own() - own_cpu_;
  report_.watched_cpu_seconds = clocks_.watched() - watched_cpu_;
}

void Load::stop() {
  close_window();
  stopping_ = true;
  if (in_flight_ == 0) over_.set();
}

/// Sends as many as are idle, or as are due.
void Load::go_on() {
  while (!stopping_ && !idle_.empty()) {
    if (options_.rate > 0 && due_ > loop_.now()) return loop_.arm(pace_, due_);
    Slot& slot = *idle_.back();
    idle_.pop_back();
    if (!begin(slot)) continue;
    if (options_.rate == 0) continue;
    due_ = due_ + interval_;
    interval_rest_ += interval_fraction_;
    if (interval_rest_ < 1) continue;
    due_ = due_ + loop::Nanoseconds(1);
    interval_rest_ -= 1;
  }
}

/// False: there is nothing more for it to do. It is not idle then either.
bool Load::begin(Slot& slot) {
  if (!choose(slot)) {
    if (in_flight_ == 0) stop();
    return false;
  }
  slot.begun = options_.rate > 0 ? due_ : loop_.now();
  send(slot);
  return true;
}

bool Load::choose(Slot& slot) {
  if (reads_back_) return choose_wanted(slot);
  return options_.sequential ? choose_in_order(slot) : choose_by_chance(slot);
}

bool Load::choose_in_order(Slot& slot) {
  Lane& lane = lanes_[slot.connection];
  const uint64_t share = places_ / options_.connections;
  for (;;) {
    if (lane.next == lane.end) {
      if (options_.once) return false;
      lane.next = share * slot.connection;
    }
    slot.place = lane.next++;
    if (busy_.empty() || !busy_[slot.place]) return true;
  }
}

bool Load::choose_by_chance(Slot& slot) {
  do {
    slot.place = random() % places_;
  } while (!busy_.empty() && busy_[slot.place]);
  return true;
}

bool Load::choose_wanted(Slot& slot) {
  while (next_wanted_ < generations_.size() && generations_[next_wanted_] == 0) ++next_wanted_;
  if (next_wanted_ >= generations_.size()) return false;
  slot.place = next_wanted_++;
  return true;
}

void Load::send(Slot& slot) {
  Io& io = *slot.io;
  io.write =
      options_.read_percent == 0 || (options_.read_percent < 100 && random() % 100 >= options_.read_percent);
  io.lba = first_lba_ + slot.place * place_blocks_;
  if (verifies()) {
    io.data = {slot.own_data.data(), slot.own_data.size()};
    slot.generation = io.write ? ++last_generation_ : generations_[slot.place];
    if (!busy_.empty()) busy_[slot.place] = true;
    if (io.write) {
      for (uint32_t i = 0; i < place_blocks_; ++i)
        fill_block(Bytes(slot.own_data).subspan(size_t{i} * unit_.block_bytes, unit_.block_bytes),
                   options_.seed, io.lba + i, slot.generation);
    }
  } else {
    std::vector<uint8_t>& data = io.write ? out_data_ : in_data_;
    io.data = {data.data(), data.size()};
  }
  ++in_flight_;
  unit_.connections[slot.connection]->submit(io);
}

void Load::ended(Slot& slot) {
  --in_flight_;
  const Io& io = *slot.io;
  if (verifies() && !busy_.empty()) busy_[slot.place] = false;
  switch (io.end) {
    case Io::End::good:
      if (verifies()) verify(slot);
      if (measuring_) {
        Share& share = io.write ? report_.writes : report_.reads;
        ++share.operations;
        if (slot.begun >= window_begun_)
          share.latency.add(static_cast<uint64_t>((loop_.now() - slot.begun).count()));
      }
      break;
    case Io::End::failed:
      if (report_.errors++ == 0) report_.first_error = io.failure();
      if (measuring_) ++(io.write ? report_.writes : report_.reads).operations;
      break;
    case Io::End::lost:
      if (report_.lost.empty()) report_.lost = unit_.connections[slot.connection]->closed_reason();
      if (report_.lost.empty()) report_.lost = "no answer came";
      stop();
      break;
  }
  if (stopping_) {
    if (in_flight_ == 0) over_.set();
    return;
  }
  idle_.push_back(&slot);
  go_on();
}

/// What was acknowledged is noted, what was read is held against that: a later write that nobody acknowledged may be there, too.
void Load::verify(const Slot& slot) {
  const Io& io = *slot.io;
  if (io.write) {
    generations_[slot.place] = slot.generation;
    journal_->acknowledge(slot.place, slot.generation);
    ++report_.acknowledged_writes;
    return;
  }
  if (slot.generation == 0) return;  // nothing was promised
  for (uint32_t i = 0; i < place_blocks_; ++i) {
    const ConstBytes block =
        ConstBytes(slot.own_data).subspan(size_t{i} * unit_.block_bytes, unit_.block_bytes);
    const uint64_t found = generation_of(block, options_.seed, io.lba + i);
    ++report_.verified_blocks;
    if (found < slot.generation) wrong_block(io.lba + i, found, slot.generation);
  }
}

void Load::wrong_block(uint64_t lba, uint64_t found, uint64_t least) {
  ++report_.wrong_blocks;
  if (report_.wrong.size() == Report::max_told) return;
  report_.wrong.push_back(
      found == 0 ? fmt::format("block {}: none of this load's data, write {} was acknowledged", lba, least)
                 : fmt::format("block {}: write {}, but {} was acknowledged", lba, found, least));
}

}  // namespace ashlar::load
