#include "sim/host.h"

#include <fmt/format.h>

#include "sim/array.h"

namespace ashlar::simulation {
namespace {

constexpr uint32_t slot_bytes = 262144;

initiator::DigestWish draw_digest(loop::SimRandom& random) {
  return random.chance(0.4) ? initiator::DigestWish::prefer_crc32c : initiator::DigestWish::prefer_none;
}

}  // namespace

Host::Host(loop::SimProcess& process, uint32_t number, const Scenario& scenario, Checker& checker,
           loop::Endpoint portal, Watcher& watcher)
    : process_(process),
      loop_(process.loop(0)),
      number_(number),
      scenario_(scenario),
      checker_(checker),
      watcher_(watcher),
      random_(loop::mix64(scenario.seed ^ 0x686f7374) + number),
      volumes_(static_cast<uint32_t>(scenario.volumes.size())) {
  options_.endpoint = std::move(portal);
  options_.initiator_name = fmt::format("iqn.2026-11.io.ashlar:host-{}", number);
  options_.target_name = Array::target_name;
  options_.header_digest = draw_digest(random_);
  options_.data_digest = draw_digest(random_);
  options_.initial_r2t = random_.chance(0.4);
  options_.immediate_data = random_.chance(0.6);
  options_.first_burst_bytes = random_.chance(0.5) ? 4096 : 65536;
  options_.max_burst_bytes = random_.chance(0.5) ? options_.first_burst_bytes : 262144;
  options_.max_receive_data_segment_bytes = random_.chance(0.5) ? 4096 : 65536;
  options_.max_outstanding_r2t = static_cast<uint16_t>(random_.between(1, 8));
  options_.initial_cmd_sn = static_cast<uint32_t>(random_.chance(0.3) ? 0xfffffff0 : random_.below(1000));
  options_.connect_timeout = loop::seconds(3);
  options_.login_timeout = loop::seconds(5);
  options_.ping_interval = random_.between(loop::milliseconds(500), loop::seconds(4));
  options_.watcher = this;
  for (uint32_t i = 0; i < scenario.depth; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->index = i;
    slots_.back()->memory.resize(slot_bytes);
  }
}

Host::~Host() { CHECK(retired_ || !session_, "host {} still has a session", number_); }

std::string Host::describe() const {
  return fmt::format("host {}: {}, {} workers, {} busy{}", number_,
                     session_ && session_->open() ? "logged in" : "no session", workers_, busy_,
                     session_ && session_->closed_reason() ? ", " + session_->closed_reason()->text() : "");
}

void Host::complain(const std::string& what) {
  watcher_.violation(fmt::format("host {}: {}", number_, what));
}

void Host::start() {
  loop_.enter([this] { live().detach(); });
}

void Host::set_mode(Mode mode) {
  mode_ = mode;
  if (mode == Mode::verify) verify_volume_ = 0, verify_sector_ = 0;
}

void Host::session_closed(const Error& reason) {
  // The initiator is strict: what it calls an error of protocol, the target did. Tasks that a reset of another host took are
  // answered, too (SAM-5 5.3.1, TAS 1).
  if (reason.code == ErrorCode::protocol_error) complain("the target broke the protocol: " + reason.text());
}

loop::Task<void> Host::live() {
  while (mode_ != Mode::retire) {
    auto logging_in = log_in();
    co_await logging_in;
    if (!session_) {
      co_await loop::sleep_for(random_.between(loop::milliseconds(5), loop::milliseconds(200)));
      continue;
    }
    leave_ = false;
    workers_ = static_cast<uint32_t>(slots_.size());
    all_workers_ended_.reset();
    for (const auto& slot : slots_) work(*slot).detach();
    co_await all_workers_ended_;
    if (session_->open()) {
      auto leaving = session_->logout();
      co_await leaving;
    }
    session_.reset();
  }
  retired_ = true;
}

loop::Task<void> Host::log_in() {
  auto logging_in = initiator::login(loop_, options_);
  Result<std::unique_ptr<initiator::Session>> session = co_await logging_in;
  if (!session) {
    ++counters_.failed_logins;
    const ErrorCode code = session.error().code;
    const bool ours = code == ErrorCode::invalid_argument || code == ErrorCode::out_of_range;
    if (ours || code == ErrorCode::protocol_error) complain("login: " + session.error().text());
    co_return;
  }
  ++counters_.logins;
  // The new session reinstates the old one (RFC 7143 6.3.5): nothing of that may touch the medium from here on.
  if (incarnation_) checker_.fence_session(*incarnation_);
  incarnation_ = checker_.open_session();
  session_ = std::move(*session);
  process_.world().note(fmt::format("host {} logged in", number_));
}

void Host::worker_ended() {
  if (--workers_ == 0) all_workers_ended_.set();
}

loop::Task<void> Host::work(Slot& slot) {
  co_await loop::sleep_for(random_.between(loop::Nanoseconds(0), scenario_.think));
  while (usable()) {
    if (mode_ == Mode::work) {
      auto command = one_command(slot);
      co_await command;
      co_await loop::sleep_for(random_.between(loop::Nanoseconds(0), scenario_.think));
    } else if (mode_ == Mode::verify && slot.index == 0 && number_ == 0 && !verified()) {
      auto verifying = verify_some(slot);
      co_await verifying;
    } else {
      co_await loop::sleep_for(loop::milliseconds(50));
    }
  }
  worker_ended();
}

loop::Task<void> Host::one_command(Slot& slot) {
  ++busy_;
  const Place place = draw_place(random_, scenario_, checker_);
  const uint64_t kind = random_.below(1000);
  if (random_.chance(scenario_.reset_chance)) {
    auto resetting = reset(place.volume);
    co_await resetting;
  } else if (kind < 420) {
    auto reading = read(slot, place);
    co_await reading;
  } else if (kind < 880) {
    auto writing = write(slot, place);
    co_await writing;
  } else if (kind < 920) {
    auto writing = write_same(slot, place);
    co_await writing;
  } else if (kind < 935) {
    auto comparing = compare_and_write(slot, place);
    co_await comparing;
  } else if (kind < 960) {
    auto unmapping = unmap(slot, place);
    co_await unmapping;
  } else {
    auto flushing = flush(slot, place);
    co_await flushing;
  }
  if (random_.chance(scenario_.logout_chance)) leave_ = true;
  --busy_;
}

}  // namespace ashlar::simulation
