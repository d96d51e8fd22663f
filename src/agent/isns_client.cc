#include "agent/isns_client.h"

#include <poll.h>

#include <array>

#include "base/log.h"

namespace ashlar::agent {
namespace {

std::chrono::milliseconds monotonic_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

// One that could not be made (no descriptor was left) could never end the thread: so that does not begin.
bool is_raised(const IsnsSignal& signal) {
  if (signal.descriptor() < 0) return true;
  pollfd watched{signal.descriptor(), POLLIN, 0};
  return ::poll(&watched, 1, 0) > 0;
}

IsnsEntity entity_of(const api::IsnsServer& server, const IsnsTiming& timing) {
  return {server.entity, timing.period_seconds, server.esi_port};
}

}  // namespace

IsnsClient::IsnsClient(api::IsnsServer server, const IsnsTiming& timing, std::function<int64_t()> now)
    : server_(std::move(server)),
      timing_(timing),
      now_(std::move(now)),
      entity_(entity_of(server_, timing)),
      course_(timing),
      random_(static_cast<uint32_t>(std::hash<std::string>{}(server_.entity))) {
  status_.name = server_.name;
  status_.since = now_();
  thread_ = std::thread([this] { run(); });
}

IsnsClient::~IsnsClient() {
  end();
  thread_.join();
}

void IsnsClient::want(std::shared_ptr<const IsnsRegistration> wish) {
  {
    const std::lock_guard lock(mutex_);
    if (wish == wish_) return;
    wish_ = std::move(wish);
  }
  changed_.raise();
}

void IsnsClient::end() { ending_.raise(); }

IsnsStatus IsnsClient::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void IsnsClient::run() {
  listen();
  while (!is_raised(ending_)) {
    changed_.lower();
    {
      const std::lock_guard lock(mutex_);
      following_ = wish_;
    }
    const IsnsCourse::Next next = course_.next(following_.get(), monotonic_now());
    const auto done = take_step(next);
    if (!done && done.error().code == ErrorCode::aborted) break;
    if (!done) failed(done.error());
  }
  farewell();
  ended_ = true;
}

Result<void> IsnsClient::take_step(const IsnsCourse::Next& next) {
  switch (next.step) {
    case IsnsStep::wait: return wait(next);
    case IsnsStep::connect: return connect(IsnsPatience::of(timing_.connect, ending_.descriptor()));
    case IsnsStep::register_all: return register_all();
    case IsnsStep::verify: return verify();
    case IsnsStep::deregister: return deregister(answer_patience());
    case IsnsStep::disconnect: break;
  }
  socket_.reset();
  course_.on_disconnected();
  return {};
}

// An end of the connection is heard at once: the server may have been started anew, and know nothing of us.
Result<void> IsnsClient::wait(const IsnsCourse::Next& next) {
  const bool idle = !course_.connected() && !course_.held() && following_;
  if (idle && following_->empty()) set_state("nothing to register", "");
  int limit = -1;
  if (next.until) limit = static_cast<int>(std::max<int64_t>(0, (*next.until - monotonic_now()).count()));
  std::array<pollfd, 4> watched = {{{changed_.descriptor(), POLLIN, 0},
                                    {ending_.descriptor(), POLLIN, 0},
                                    {socket_ ? socket_->descriptor() : -1, POLLIN, 0},
                                    {listener_ ? listener_->descriptor() : -1, POLLIN, 0}}};
  if (::poll(watched.data(), watched.size(), limit) <= 0) return {};
  if (watched[3].revents != 0) answer_inquiry();
  return watched[2].revents != 0 ? hear() : Result<void>{};
}

Result<void> IsnsClient::connect(const IsnsPatience& patience) {
  TRY_ASSIGN(socket_, IsnsSocket::connect(server_.address, server_.port, patience));
  half_sent_ = false;
  abandoned_.reset();
  course_.on_connected();
  return {};
}

// What a server says that was not asked: an inquiry, or that it goes.
Result<void> IsnsClient::hear() {
  const auto message = socket_->receive(answer_patience());
  if (!message && message.error().code == ErrorCode::closed) {
    log_debug("isns", "{} has closed a silent connection", socket_->peer());
    socket_.reset();
    course_.on_closed(monotonic_now());
    return {};
  }
  if (!message) return std::unexpected(message.error());
  if (const auto answer = isns_answer_to(*message, entity_)) return socket_->send(*answer, answer_patience());
  return fail(ErrorCode::protocol_error, socket_->peer(), "answers what was not asked");
}

Result<wire::isns::Message> IsnsClient::ask(wire::isns::Message request, const IsnsPatience& patience) {
  request.transaction = ++transaction_;
  half_sent_ = true;
  TRY(socket_->send(request, patience));
  half_sent_ = false;
  while (true) {
    auto answer = socket_->receive(patience);
    if (!answer && answer.error().code == ErrorCode::aborted) abandoned_ = request.transaction;
    if (!answer) return answer;
    if (const auto ours = isns_answer_to(*answer, entity_)) {
      TRY(socket_->send(*ours, patience));
      continue;
    }
    if (abandoned_ == answer->transaction) {
      abandoned_.reset();
      continue;
    }
    const bool fits = answer->function == (request.function | wire::isns::response_bit) &&
                      answer->transaction == request.transaction;
    if (fits) return answer;
    return fail(ErrorCode::protocol_error, socket_->peer(), "answers what was not asked");
  }
}

Result<void> IsnsClient::register_all() {
  const std::shared_ptr<const IsnsRegistration> wish = following_;
  auto done = register_all(*wish);
  if (!done && done.error().code == ErrorCode::unsupported && entity_.esi_port != 0) {
    log_warning("isns", "{}: {}; the targets are registered without esi_port", server_.name,
                done.error().message);
    entity_.esi_port = 0;
    listener_.reset();
    done = register_all(*wish);
  }
  return done;
}

Result<void> IsnsClient::register_all(const IsnsRegistration& wish) {
  const bool replace = course_.replaces(wish);
  course_.on_registering(wish);
  std::optional<uint32_t> granted;
  for (wire::isns::Message& each : isns_registration_messages(entity_, wish, replace)) {
    TRY_ASSIGN(const wire::isns::Message answer, ask(std::move(each), answer_patience()));
    TRY_ASSIGN(const std::optional<uint32_t> period, read_isns_registration(answer));
    if (period) granted = period;
  }
  course_.on_registered(granted, monotonic_now());
  log_info("isns", "{}: {} targets at {} addresses are registered as {}", server_.name, wish.targets.size(),
           wish.portals.size(), entity_.identifier);
  {
    const std::lock_guard lock(mutex_);
    ++status_.registrations;
  }
  went_well();
  return {};
}

// One target after the other, so that each is asked for in its turn.
Result<void> IsnsClient::verify() {
  const std::vector<IsnsTarget>& targets = course_.held()->targets;
  const std::string target = targets[verified_++ % targets.size()].name;
  TRY_ASSIGN(const wire::isns::Message answer, ask(isns_verification_message(target), answer_patience()));
  TRY_ASSIGN(const bool known, read_isns_verification(answer, target));
  if (!known)
    log_info("isns", "{}: the server has forgotten {}; all is registered again", server_.name, target);
  course_.on_verified(known, monotonic_now());
  if (known) went_well();
  return {};
}

Result<void> IsnsClient::deregister(const IsnsPatience& patience) {
  TRY_ASSIGN(const wire::isns::Message answer,
             ask(isns_deregistration_message(entity_, *course_.held()), patience));
  TRY(read_isns_deregistration(answer));
  course_.on_deregistered();
  log_info("isns", "{}: the array is taken out of the server", server_.name);
  const std::lock_guard lock(mutex_);
  status_.targets = status_.portals = 0;
  return {};
}

// What is left there if that fails ends with the registration period.
void IsnsClient::farewell() {
  if (!course_.held()) return;
  const IsnsPatience patience = IsnsPatience::of(timing_.farewell, -1);
  if (half_sent_) socket_.reset();
  Result<void> done;
  if (!socket_) done = connect(patience);
  if (done) done = deregister(patience);
  if (!done)
    log_warning("isns", "{}: the array is not taken out of the server: {}", server_.name,
                done.error().text());
}

void IsnsClient::listen() {
  if (entity_.esi_port == 0) return;
  auto opened = IsnsListener::open(entity_.esi_port);
  if (opened) {
    listener_ = std::move(*opened);
    return;
  }
  // A server that asks in vain would take the portals out: better that it does not ask.
  log_warning("isns", "{}: {}; the targets are registered without it", server_.name, opened.error().text());
  entity_.esi_port = 0;
}

void IsnsClient::answer_inquiry() {
  const auto asker = listener_->accept(isns_address(server_.address));
  if (!asker) return;
  constexpr std::chrono::milliseconds most_time{2'000};  // the registration waits meanwhile
  const IsnsPatience patience = IsnsPatience::of(most_time, ending_.descriptor());
  const auto request = asker->receive(patience);
  if (!request) return;
  if (const auto answer = isns_answer_to(*request, entity_))
    static_cast<void>(asker->send(*answer, patience));
}

void IsnsClient::failed(const Error& error) {
  socket_.reset();
  // So that arrays come back at different times; nothing depends on it being hard to guess.
  random_ = random_ * 1664525 + 1013904223;
  course_.on_failure(monotonic_now(), random_ >> 16);
  const std::string text = error.text();
  bool said = false;
  {
    const std::lock_guard lock(mutex_);
    said = status_.message == text;
    ++status_.failures;
    status_.last_error = text;
    status_.last_error_at = now_();
  }
  if (!said) log_warning("isns", "{}: {}", server_.name, text);
  set_state(error.code == ErrorCode::permission_denied ? "refused" : "unreachable", text);
}

void IsnsClient::went_well() {
  const IsnsRegistration& held = *course_.held();
  {
    const std::lock_guard lock(mutex_);
    status_.targets = held.targets.size();
    status_.portals = held.portals.size();
    status_.left_out = held.left_out;
  }
  set_state("registered", "");
}

void IsnsClient::set_state(std::string state, std::string message) {
  const std::lock_guard lock(mutex_);
  if (status_.state != state) status_.since = now_();
  status_.state = std::move(state);
  status_.message = std::move(message);
}

}  // namespace ashlar::agent
