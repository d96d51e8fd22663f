#include "nvme/domain.h"

#include <algorithm>

#include "base/log.h"
#include "loop/on_worker.h"
#include "loop/post_function.h"
#include "nvme/administration.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {
Domain::Domain(loop::Loop& loop, Group& group, unit::Governor& governor)
    : loop_(loop), group_(group), governor_(governor), directory_(std::make_shared<Directory>()) {
  governor_.add(*this);
}

Domain::~Domain() {
  CHECK(queues_.empty(), "a domain destroyed with {} queues", queues_.size());
  governor_.remove(*this);
}

void Domain::everywhere(std::function<void(Domain&)> work) {
  for (uint32_t shard = 0; shard < group_.size(); ++shard) {
    loop_.shards().send(shard, [&group = group_, shard, work] {
      if (group[shard] != nullptr) work(*group[shard]);
    });
  }
}

std::string_view Domain::objection(const Queue& queue) const {
  const ControllerFacts& facts = queue.controller().facts;
  const auto found = directory_->subsystems.find(facts.subsystem);
  if (found == directory_->subsystems.end()) return "its subsystem was removed";
  const Subsystem& subsystem = *found->second;
  if (subsystem.view_of(facts.host_name, facts.peer_address) == nullptr)
    return "its host may no longer use the subsystem";
  const Port* const port = subsystem.find_port(queue.port());
  if (port == nullptr) return "its portal was removed";
  if (facts.secured) return {};
  if (directory_->must_be_secured(facts.host_name)) return "its host must come by TLS now";
  return port->tls == PortTls::required ? "its portal takes TLS alone now" : std::string_view();
}

void Domain::replace_directory(std::shared_ptr<const Directory> directory) {
  const bool moved = directory->generation != directory_->generation;
  directory_ = std::move(directory);
  for (Queue& queue : queues_) {
    if (queue.closing()) continue;
    const ControllerFacts& facts = queue.controller().facts;
    if (facts.discovery) {
      if (moved && queue.administration() != nullptr) queue.administration()->raise(Event::discovery_changed);
      continue;
    }
    if (const std::string_view why = objection(queue); !why.empty()) {
      queue.host().drop(std::string(why));
      continue;
    }
    const Subsystem& subsystem = *directory_->subsystems.at(facts.subsystem);
    queue.replace_view(subsystem.view_of(facts.host_name, facts.peer_address));
  }
}

void Domain::drop_here(const Controller& controller, bool admin_too, const std::string& reason) {
  for (Queue& queue : queues_) {
    if (&queue.controller() != &controller || queue.closing() || (queue.is_admin() && !admin_too)) continue;
    queue.host().drop(reason);
  }
}

void Domain::end_controller(const std::shared_ptr<Controller>& controller, const std::string& reason) {
  if (controller->ended.exchange(true)) return;
  controller->status.store(0, std::memory_order_relaxed);
  controllers().remove(*controller);
  everywhere([controller, reason](Domain& there) { there.drop_here(*controller, true, reason); });
}

void Domain::drop_io_queues(const std::shared_ptr<Controller>& controller, const std::string& reason) {
  everywhere([controller, reason](Domain& there) { there.drop_here(*controller, false, reason); });
}

bool Domain::drop_controller(uint16_t id, const std::string& reason) {
  const std::shared_ptr<Controller> controller = controllers().find(id);
  if (controller == nullptr) return false;
  end_controller(controller, reason);
  return true;
}

std::vector<QueueStatus> Domain::queues() {
  std::vector<QueueStatus> all;
  for (Queue& queue : queues_) {
    if (queue.closing() || queue.controller().barred.load(std::memory_order_relaxed)) continue;
    all.push_back({queue.shared_controller(), queue.id(), queue.traffic,
                   static_cast<uint32_t>(queue.commands_in_flight())});
  }
  return all;
}

uint32_t Domain::abort_here(const Controller& controller, uint16_t queue_id, uint16_t command_id) {
  for (Queue& queue : queues_) {
    if (&queue.controller() != &controller || queue.id() != queue_id) continue;
    Command* command = queue.find_command(command_id);
    if (command == nullptr) return 1;
    const bool at_the_device = Handling(*command).executing();
    // What the device has cannot be called back; a long story ends before its next step.
    const bool interrupted = Handling(*command).interrupt(refusal(Status::abort_requested));
    return interrupted && !at_the_device ? 0 : 1;
  }
  return 1;
}

void Domain::abort(const std::shared_ptr<Controller>& controller, uint16_t queue_id, uint16_t command_id,
                   std::move_only_function<void(uint32_t)> answer) {
  const std::optional<uint32_t> shard = controller->shard_of(queue_id);
  if (!shard) return answer(1);
  auto there = [&group = group_, to = *shard, home = loop_.index(), &shards = loop_.shards(), controller,
                queue_id, command_id, answer = std::move(answer)]() mutable {
    const uint32_t result =
        group[to] == nullptr ? 1 : group[to]->abort_here(*controller, queue_id, command_id);
    shards.send(home, [answer = std::move(answer), result]() mutable { answer(result); });
  };
  loop_.shards().send(*shard, std::move(there));
}

void Domain::tell_proof(const std::string& source, bool succeeded) {
  if (succeeded && !sources_.has_failures(source)) return;  // as everywhere
  everywhere([source, succeeded](Domain& there) {
    if (succeeded) {
      there.sources_.proof_succeeded(source);
    } else {
      there.sources_.proof_failed(source, there.loop_.now());
    }
  });
}

loop::Task<Result<std::vector<uint8_t>>> Domain::exponentiate(const Queue& queue, DhExponentiation work) {
  if (exponentiations_ == most_exponentiations) {
    loop::Event my_turn;
    waiting_exponentiations_.push_back(&my_turn);
    co_await my_turn;  // it was handed on: the count stays
  } else {
    ++exponentiations_;
  }
  Result<std::vector<uint8_t>> value = fail(ErrorCode::closed, "queue", "ended before it was its turn");
  // Who asks for one and leaves must not keep those waiting who stay.
  if (!queue.closing()) {
    auto computing = loop::on_worker(loop_, [&work] { return work.run(); });
    value = co_await computing;
    ++exponentiations_done_;
  }
  forget_secret(work.secret);
  if (waiting_exponentiations_.empty()) {
    --exponentiations_;
  } else {
    waiting_exponentiations_.front()->set();
    waiting_exponentiations_.pop_front();
  }
  co_return value;
}

void Domain::take_reservations(const std::string& volume, const unit::Reservations& now,
                               const unit::ReservationOutcome& outcome,
                               std::move_only_function<void()> done) {
  std::vector<Command*> doomed;
  for (Queue& queue : queues_) {
    const unit::NexusName name = unit::name_of(queue.controller().nexus);
    for (const auto& [id, space] : queue.namespaces()) {
      if (space->volume != volume) continue;
      space->keep_out(now, name);
      if (queue.administration() == nullptr) continue;
      for (const auto& [who, attention] : outcome.tell) {
        if (who == name) queue.administration()->reservation_changed(id, attention);
      }
    }
    if (std::ranges::find(outcome.abort, name) == outcome.abort.end()) continue;
    for (Command* command : queue.commands_of(volume)) doomed.push_back(command);
  }
  if (doomed.empty()) return post_function(loop_, std::move(done));
  waits_.add({doomed.begin(), doomed.end()}, std::move(done));
  for (Command* each : doomed) {
    const Handling handling(*each);
    handling.await_end();
    handling.interrupt(refusal(Status::reservation_conflict));
  }
}

void Domain::take_access(const std::string& volume, const unit::AccessStates& now, unit::AccessNews news) {
  for (Queue& queue : queues_) {
    for (const auto& [id, space] : queue.namespaces()) {
      if (space->volume != volume) continue;
      space->take_access(now.of(queue.controller().facts.group_tag).state);
      if (news.states && queue.administration() != nullptr) queue.administration()->access_changed(id);
    }
  }
}

void Domain::take_sanitized(const std::string& volume) {
  for (Queue& queue : queues_) {
    if (queue.administration() == nullptr) continue;
    const Namespace* space = sole_namespace(queue);
    if (space != nullptr && space->volume == volume) queue.administration()->raise(Event::sanitized);
  }
}

void Domain::take_attention(const std::string& volume, unit::Attention attention) {
  const bool threshold = attention == unit::Attention::thin_threshold_reached;
  if (attention != unit::Attention::capacity_changed && !threshold) return;
  for (Queue& queue : queues_) {
    Administration* const administration = queue.administration();
    if (administration == nullptr) continue;
    for (const auto& [id, space] : queue.namespaces()) {
      if (space->volume != volume) continue;
      if (threshold) {
        administration->raise(Event::spare_low);
      } else {
        administration->namespace_changed(id);
      }
    }
  }
}

}  // namespace ashlar::nvme
