#include "agent/engine_keeper.h"

#include <chrono>

#include "agent/clock.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

constexpr int retry_seconds = 10;
constexpr auto pause = std::chrono::milliseconds(200);

// "session.login" of the engine is topic "sessions", action "login" here.
std::string topic_of(const std::string& kind) {
  std::string noun = kind.substr(0, kind.find('.'));
  if (noun == "session" || noun == "volume" || noun == "portal" || noun == "login" || noun == "group")
    return noun + "s";
  return noun;
}

std::string name_in(const rpc::Event& event) {
  for (const char* field : {"volume", "portal", "group", "initiator", "target"}) {
    const auto found = event.fields.find(field);
    if (found != event.fields.end()) return found->second;
  }
  return "";
}

}  // namespace

void EngineKeeper::start() {
  started_ = rfc3339(seconds_now());
  thread_ = std::thread([this] { run(); });
}

void EngineKeeper::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void EngineKeeper::run() {
  bool was_up = false;
  bool said = false;
  while (!stopping_) {
    const Result<void> served = array_.serve();
    if (served) {
      if (!was_up) events_.tell("engine", "up", "", "system");
      was_up = true;
      said = false;
      int signs_of_life = 0;  // one a second while nothing happens
      const auto followed = engine_.follow(0, [&](const rpc::Event& event) {
        if (event.id != 0) {
          pass_on(event);
        } else if (++signs_of_life % retry_seconds == 0 && !array_.failures().empty()) {
          static_cast<void>(array_.serve());  // a disk that was away may be back
        }
        return !stopping_;
      });
      if (followed || stopping_) continue;
      log_warning("agent", "the engine is away: {}", followed.error().text());
      events_.tell("engine", "away", "", "system", {{"error", followed.error().text()}});
      was_up = false;
    } else if (!said) {
      said = true;
      log_warning("agent", "nothing is served yet: {}", served.error().text());
    }
    std::this_thread::sleep_for(pause);
  }
}

void EngineKeeper::pass_on(const rpc::Event& event) {
  constexpr size_t to_the_second = 19;
  if (event.time.substr(0, to_the_second) < started_.substr(0, to_the_second)) return;
  api::Json data = api::Json::object();
  for (const auto& [name, value] : event.fields) data[name] = value;
  const size_t dot = event.kind.find('.');
  events_.tell(topic_of(event.kind), dot == std::string::npos ? event.kind : event.kind.substr(dot + 1),
               name_in(event), "engine", std::move(data));
}

}  // namespace ashlar::agent
