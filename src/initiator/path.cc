#include "initiator/path.h"

#include "base/log.h"

namespace ashlar::initiator {

Path::~Path() { CHECK(state_ == State::stopped, "path {} was not stopped", index_); }

void Path::start() {
  state_ = State::connecting;
  pause_ = timing_.first_pause;
  live().detach();
}

loop::Task<void> Path::stop() {
  if (state_ == State::stopped) co_return;
  stopping_ = true;
  wake_.set();
  if (asking_) give_up();
  co_await ended_;
}

Path::Patience::Patience(Path& path, loop::Nanoseconds span) : path_(path) {
  path_.loop_.arm_after(*this, span);
}
Path::Patience::~Patience() { path_.loop_.cancel(*this); }

void Path::give_up() {
  cancellation_.cancel();
  abandon();
}

void Path::look_again() {
  look_wanted_ = true;
  if (state_ == State::up) wake_.set();
}

void Path::drop(Error reason) { lose(std::move(reason)); }

void Path::lose(Error reason) {
  if (lost_ || stopping_) return;
  // Lost before all was known of it: the attempt ends with this.
  if (state_ == State::connecting) {
    lost_ = std::move(reason);
    return;
  }
  if (state_ != State::up) return;
  ++counters_.losses;
  last_error_ = reason;
  log_warning("initiator", "path {} is down: {}", index_, reason.text());
  lost_ = std::move(reason);
  wake_.set();
  watcher_.path_down(*this, *last_error_);
}

loop::Task<void> Path::live() {
  while (!stopping_) {
    auto attempting = attempt();
    co_await attempting;
    if (stopping_) break;
    auto resting = rest(pause_);
    co_await resting;
    pause_ = std::min(pause_ * 2, timing_.most_pause);
  }
  state_ = State::stopped;
  ended_.set();
}

/// A pause with a share of chance, so that a hundred hosts do not come back in one moment.
loop::Task<void> Path::rest(loop::Nanoseconds span) {
  uint8_t chance = 0;
  loop_.random({&chance, 1});
  if (state_ != State::refused) state_ = State::waiting;
  wake_.reset();
  if (stopping_) co_return;
  loop_.arm_after(alarm_, span / 2 + span * chance / 256);
  co_await wake_;
  loop_.cancel(alarm_);
}

Result<void> Path::accept(Result<Findings> found) {
  TRY(found);
  TRY(watcher_.check(*found));
  findings_ = std::move(*found);
  return {};
}

loop::Task<Result<Findings>> Path::within_time(loop::Task<Result<Findings>> question) {
  const Patience patience(*this, timing_.question_timeout);
  asking_ = true;
  Result<Findings> found = co_await question;
  asking_ = false;
  co_return found;
}

loop::Task<void> Path::attempt() {
  state_ = State::connecting;
  lost_.reset();
  look_wanted_ = false;
  cancellation_ = {};
  auto attaching = within_time(attach());
  Result<Findings> found = co_await attaching;
  if (found && lost_) found = std::unexpected(*lost_);
  const bool reached = found.has_value();
  const Result<void> accepted = accept(std::move(found));
  if (accepted && !stopping_) {
    ++counters_.attached;
    const loop::Instant since = loop_.now();
    state_ = State::up;
    watcher_.path_up(*this, true);
    auto keeping = keep();
    co_await keeping;
    if (loop_.now() - since > timing_.most_pause) pause_ = timing_.first_pause;
  } else if (!accepted && !stopping_) {
    if (reached) ++counters_.refused;
    if (!last_error_ || last_error_->message != accepted.error().message)
      log_warning("initiator", "path {} does not come up: {}", index_, accepted.error().text());
    last_error_ = accepted.error();
  }
  const Patience patience(*this, timing_.connect_timeout);
  auto detaching = detach(lost_.has_value());
  co_await detaching;
  state_ = reached && !accepted ? State::refused : State::waiting;
  if (!accepted) watcher_.path_failed(*this, accepted.error());
}

/// Until it is lost or to be stopped.
loop::Task<void> Path::keep() {
  while (true) {
    wake_.reset();
    if (stopping_ || lost_) co_return;
    if (!look_wanted_) {
      loop_.arm_after(alarm_, timing_.check_interval);
      co_await wake_;
      loop_.cancel(alarm_);
      if (stopping_ || lost_) co_return;
    }
    look_wanted_ = false;
    auto looking = within_time(look());
    Result<Findings> found = co_await looking;
    if (stopping_ || lost_) co_return;
    const Result<void> accepted = accept(std::move(found));
    if (!accepted) co_return lose(accepted.error());
    watcher_.path_up(*this, false);
  }
}

}  // namespace ashlar::initiator
