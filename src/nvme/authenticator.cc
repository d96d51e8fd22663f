#include "nvme/authenticator.h"

#include <algorithm>

#include "base/log.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::AuthenticationExchange;
using wire::nvme::FabricsType;
using wire::nvme::most_authentication_bytes;

// CDW10 and CDW11 (NVMe-oF 1.1 3.3.1, 3.3.2); none: the command has ended.
std::optional<AuthenticationExchange> exchange_of(Handling handling) {
  const AuthenticationExchange exchange = AuthenticationExchange::decode(handling.entry());
  if (exchange.known_protocol && exchange.bytes > 0) return exchange;
  handling.fail(Status::invalid_field);
  return std::nullopt;
}

}  // namespace

bool needs_proof(const std::shared_ptr<const unit::HostView>& view) {
  return view != nullptr && view->dhchap.has_value();
}

bool is_authentication(const Submission& entry) {
  return entry.is_fabrics() && (entry.fabrics_type() == FabricsType::authentication_send ||
                                entry.fabrics_type() == FabricsType::authentication_receive);
}

void authentication_send(Handling handling) { handling.queue().authenticator().send(handling); }
void authentication_receive(Handling handling) { handling.queue().authenticator().receive(handling); }

Authenticator::Authenticator(Queue& queue)
    : queue_(queue),
      source_(loop::SourceTable::source_of(queue.host().peer().address)),
      machine_(queue.controller().facts.host_name, queue.controller().facts.subsystem,
               [&loop = queue.loop()](std::span<uint8_t> bytes) { loop.random(bytes); }) {
  if (!needs_proof(queue.view())) return;
  queue.bar(true);
  arm();
}

Authenticator::~Authenticator() { stop(); }

void Authenticator::stop() { queue_.loop().cancel(*this); }

void Authenticator::arm() {
  if (armed() || queue_.closing()) return;
  queue_.loop().arm_after(*this, loop::seconds(queue_.domain().settings().authentication_timeout_seconds));
}

void Authenticator::expired() {
  queue_.host().refuse(fmt::format("the host did not prove itself within {} s",
                                   queue_.domain().settings().authentication_timeout_seconds));
}

void Authenticator::send(Handling handling) {
  const auto exchange = exchange_of(handling);
  if (!exchange) return;
  if (busy_) return handling.fail(Status::command_sequence_error);
  if (exchange->bytes > most_authentication_bytes) return handling.fail(Status::invalid_field);
  if (!handling.expect(exchange->bytes)) return;
  busy_ = true;
  send_story(handling).detach();
}

loop::Task<void> Authenticator::send_story(Handling handling) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    busy_ = false;
    handling.end();
    co_return;
  }
  std::vector<uint8_t> message(handling.command().buffer.size());
  handling.command().buffer.copy_out(0, message);
  Authentication::Step step = machine_.apply(message, queue_.view(), queue_.domain().held_back(source_));
  if (machine_.under_way()) arm();
  if (step.work) {
    auto computing = queue_.domain().exponentiate(queue_, std::move(*step.work));
    Result<std::vector<uint8_t>> value = co_await computing;
    step = machine_.computed(std::move(value));
  }
  busy_ = false;
  handling.good();
  if (!queue_.closing()) note(step);
}

void Authenticator::note(const Authentication::Step& step) {
  if (step.proof_failed) queue_.domain().tell_proof(source_, false);
  if (step.proved) proved();
  if (machine_.failed()) queue_.bar(true);
  if (step.over) queue_.host().refuse(machine_.reason());
}

void Authenticator::proved() {
  stop();
  queue_.domain().tell_proof(source_, true);
  if (queue_.is_admin()) {
    if (!queue_.domain().admit(queue_.controller()))
      return queue_.host().refuse(
          "as many controllers are open as its host or the subsystem may have (max_sessions)");
    queue_.controller().set_authentication(text());
  }
  if (!queue_.barred())
    return log_info("nvme", "host {} proved itself once more", queue_.controller().facts.host_name);
  queue_.bar(false);
  queue_.host().authenticated();
}

// The message stands at the front of the room that the host has for one.
void Authenticator::receive(Handling handling) {
  const auto exchange = exchange_of(handling);
  if (!exchange || !handling.has_data_of(exchange->bytes)) return;
  if (busy_) return handling.fail(Status::command_sequence_error);
  // Memory first: what was said once is not said again.
  const uint32_t room = std::min(exchange->bytes, most_authentication_bytes);
  if (!handling.allocate(room)) return;
  std::optional<Authentication::Answer> said = machine_.answer();
  if (!said) return handling.fail(Status::command_sequence_error);
  said->message.resize(room);
  handling.command().buffer.copy_in(0, said->message);
  handling.command().data_in_bytes = room;
  handling.good();
  if (said->proved) proved();
  if (said->failed) queue_.host().refuse(machine_.reason());
}

}  // namespace ashlar::nvme
