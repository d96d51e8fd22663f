#include "nvme/queue.h"

#include <algorithm>

#include "loop/post_function.h"
#include "nvme/administration.h"
#include "nvme/authenticator.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::IoOpcode;

constexpr auto kinds_by_opcode = [] {
  std::array<CommandKind, 256> kinds{};
  const auto put = [&kinds](IoOpcode opcode, CommandKind kind) {
    kinds[static_cast<uint8_t>(opcode)] = kind;
  };
  put(IoOpcode::read, CommandKind::read);
  put(IoOpcode::write, CommandKind::write);
  put(IoOpcode::flush, CommandKind::flush);
  put(IoOpcode::compare, CommandKind::compare);
  put(IoOpcode::verify, CommandKind::compare);
  put(IoOpcode::write_zeroes, CommandKind::deallocate);
  put(IoOpcode::dataset_management, CommandKind::deallocate);
  put(IoOpcode::copy, CommandKind::copy);
  put(IoOpcode::reservation_register, CommandKind::reservation);
  put(IoOpcode::reservation_report, CommandKind::reservation);
  put(IoOpcode::reservation_acquire, CommandKind::reservation);
  put(IoOpcode::reservation_release, CommandKind::reservation);
  kinds[wire::nvme::fabrics_opcode] = CommandKind::admin;
  return kinds;
}();

}  // namespace

Queue::Queue(Domain& domain, Making making)
    : domain_(domain), making_(std::move(making)), direct_(direct_namespaces, nullptr) {
  if (is_admin()) administration_ = std::make_unique<Administration>(*this, making_.keep_alive_milliseconds);
  if (making_.view != nullptr) {
    for (const auto& [lun, mapping] : making_.view->luns) add_namespace(mapping);
  }
  index();
  authenticator_ = std::make_unique<Authenticator>(*this);
  domain_.add(*this);
}

Queue::~Queue() {
  CHECK(commands_.empty(), "a queue destroyed with {} commands in flight", commands_.size());
  domain_.remove(*this);
}

std::string Queue::authentication() const { return authenticator_->text(); }

loop::Loop& Queue::loop() const { return domain_.loop(); }

void Queue::add_namespace(const unit::LunMapping& mapping) {
  auto space = std::make_unique<Namespace>();
  space->id = uint32_t{mapping.lun} + 1;
  space->read_only = mapping.read_only;
  space->volume = mapping.volume;
  space->unit = mapping.unit_on_shard[loop().index()];
  space->tally = &space->unit->tally().on(loop().index());
  space->rules = domain_.governor().rules_of(mapping.volume, *space->unit);
  space->keep_out(*space->rules->reservations(), unit::name_of(controller().nexus));
  space->take_access(space->rules->access()->of(controller().facts.group_tag).state);
  namespaces_[space->id] = std::move(space);
}

void Queue::index() {
  std::ranges::fill(direct_, nullptr);
  for (auto& [id, space] : namespaces_) {
    if (id < direct_namespaces) direct_[id] = space.get();
  }
}

Namespace* Queue::find(uint32_t namespace_id) {
  if (namespace_id < direct_namespaces) [[likely]]
    return direct_[namespace_id];
  const auto found = namespaces_.find(namespace_id);
  return found == namespaces_.end() ? nullptr : found->second.get();
}

// It is not there any more: every command of it ends with Invalid Namespace, at once or when the device lets go.
void Queue::retire(Namespace& space) {
  std::vector<Command*> concerned;
  for (Command& command : commands_) {
    if (command.namespace_ == &space) concerned.push_back(&command);
  }
  for (const auto& [command, source] : sources_) {
    if (source == &space) concerned.push_back(command);
  }
  for (Command* command : concerned) Handling(*command).interrupt(refusal(Status::invalid_namespace));
  const auto found = namespaces_.find(space.id);
  if (space.in_flight > 0) retired_.push_back(std::move(found->second));
  namespaces_.erase(found);
}

bool Queue::replace_view(std::shared_ptr<const unit::HostView> view) {
  if (view == making_.view) return false;
  std::vector<Namespace*> gone;
  for (auto& [id, space] : namespaces_) {
    const auto found = view->luns.find(static_cast<uint16_t>(id - 1));
    const bool same = found != view->luns.end() && found->second.volume == space->volume &&
                      found->second.unit_on_shard[loop().index()] == space->unit;
    if (!same) {
      gone.push_back(space.get());
    } else if (space->read_only != found->second.read_only) {
      space->read_only = found->second.read_only;
      if (administration_ != nullptr) administration_->namespace_changed(id);
    }
  }
  bool changed = !gone.empty();
  for (Namespace* space : gone) {
    if (administration_ != nullptr) administration_->namespace_changed(space->id);
    retire(*space);
  }
  for (const auto& [lun, mapping] : view->luns) {
    if (namespaces_.contains(uint32_t{lun} + 1)) continue;
    add_namespace(mapping);
    if (administration_ != nullptr) administration_->namespace_changed(uint32_t{lun} + 1);
    changed = true;
  }
  making_.view = std::move(view);
  index();
  return changed;
}

void Queue::submit(Command& command, Outcome wrong) {
  CHECK(command.state_ == Command::State::idle && command.buffer.empty(),
        "a command submitted that is still in use");
  command.queue_ = this;
  command.namespace_ = nullptr;
  command.partner_ = nullptr;
  command.aborted_ = command.interrupted_ = command.awaited_ = command.fused_ready_ = false;
  command.data_in_bytes = 0;
  command.outcome = {};
  command.result = 0;
  command.unit_command_.range_lock = 0;
  command.state_ = Command::State::executing;
  commands_.push_back(command);
  pass_over();
  ++traffic.commands;
  const CommandKind kind = is_admin() ? CommandKind::admin : kinds_by_opcode[command.entry.opcode()];
  ++traffic.of_kind[static_cast<size_t>(kind)];
  making_.controller->hear();
  if (closing_) [[unlikely]] {
    Handling(command).abort();
    return Handling(command).end();
  }
  if (!wrong.ok()) [[unlikely]]
    return refuse(command, wrong);
  take_up(command);
}

bool Queue::has_work() {
  for (Command& command : commands_) {
    if (command.state_ == Command::State::executing || command.state_ == Command::State::completing)
      return true;
  }
  return false;
}

void Queue::take_up(Command& command) {
  const Handling handling(command);
  const bool fused =
      command.entry.fuse() != wire::nvme::Fuse::none || fused_first_ != nullptr || first_has_failed_;
  if (barred_) [[unlikely]] {
    if (!is_authentication(command.entry)) return handling.fail(Status::authentication_required);
  }
  if (command.entry.is_fabrics()) [[unlikely]]
    return dispatch_fabrics(handling);
  // Data is where one descriptor of a fabric says; there are no PRPs here (NVMe-oF 1.1 2.2).
  if (command.entry.data_pointer_kind() == 0 && command.entry.data().length != 0) [[unlikely]]
    return refuse(command, refusal(Status::invalid_field));
  if (is_admin()) {
    if (fused) return handling.fail(Status::invalid_field);
    return dispatch_admin(handling);
  }
  if (fused) [[unlikely]]
    return submit_fused(command);
  dispatch_io(handling);
}

// What is refused before anybody looked at it stands in the queue all the same, where the half of a pair may wait for its other.
void Queue::refuse(Command& command, Outcome outcome) {
  using wire::nvme::Fuse;
  if (!is_admin() && !command.entry.is_fabrics()) {
    const Fuse fuse = command.entry.fuse();
    first_has_failed_ = fuse == Fuse::first;
    if (Command* first = std::exchange(fused_first_, nullptr)) {
      const bool second = fuse == Fuse::second;
      Handling(*first).interrupt(
          refusal(second ? Status::aborted_failed_fused : Status::aborted_missing_fused));
    }
  }
  Handling(command).fail(outcome);
}

// Halves of a pair stand one behind the other in the queue, or they are none (NVMe base 2.0 3.4.2).
void Queue::submit_fused(Command& command) {
  using wire::nvme::Fuse;
  const Handling handling(command);
  const Fuse fuse = command.entry.fuse();
  const bool has_first = fused_first_ != nullptr || first_has_failed_;
  if (has_first && fuse != Fuse::second) {
    first_has_failed_ = false;
    if (Command* first = std::exchange(fused_first_, nullptr))
      Handling(*first).interrupt(refusal(Status::aborted_missing_fused));
  }
  switch (fuse) {
    case Fuse::none: return dispatch_io(handling);
    case Fuse::reserved: return handling.fail(Status::invalid_field);
    case Fuse::first: fused_first_ = &command; return begin_fused_first(handling);
    case Fuse::second: break;
  }
  if (!has_first) return handling.fail(Status::aborted_missing_fused);
  Command* first = std::exchange(fused_first_, nullptr);
  const bool failed = std::exchange(first_has_failed_, false) || Handling(*first).interrupted();
  if (failed) return handling.fail(Status::aborted_failed_fused);
  begin_fused_second(Handling(*first), handling);
}

void Queue::data_arrived(Command& command) { Handling(command).data_arrived(); }

void Queue::data_failed(Command& command, Outcome outcome) { Handling(command).interrupt(outcome); }

void Queue::note_failure(const Command& command) {
  const bool media = (static_cast<uint16_t>(command.outcome.status) >> 8 & 7) == 2;
  if (command.outcome.status != Status::internal_error && !media) return;
  wire::nvme::ErrorEntry entry;
  entry.queue_id = id();
  entry.command_id = command.entry.command_id();
  entry.outcome = command.outcome;
  entry.namespace_id = command.entry.namespace_id();
  entry.lba = command.entry.pair(10);
  controller().note_error(entry);
}

void Queue::ended(Command& command) {
  if (&command == fused_first_) {  // its second has still to come, and will hear of it
    fused_first_ = nullptr;
    first_has_failed_ = true;
  }
  if (Command* partner = std::exchange(command.partner_, nullptr)) {
    partner->partner_ = nullptr;
    Handling(*partner).interrupt(refusal(Status::aborted_failed_fused));
  }
  commands_.remove(command);
  if (administration_ != nullptr) administration_->forget(command);
  command.state_ = Command::State::idle;
  if (!command.outcome.ok()) [[unlikely]] {
    command.outcome = controller().with_delay(command.outcome);
    ++traffic.failed;
    note_failure(command);
  }
  if (Namespace* space = command.namespace_) {
    --space->in_flight;
    if (!retired_.empty()) [[unlikely]]
      drop_retired();
  }
  if (command.awaited_) [[unlikely]]
    domain_.command_ended(command);
  maybe_closed();
  command.completed();  // last: the transport may free the command
}

void Queue::drop_retired() {
  std::erase_if(retired_, [](const auto& each) { return each->in_flight == 0; });
}

void Queue::note_source(Command& command, Namespace& space) {
  if (std::ranges::find(sources_, std::pair(&command, &space)) != sources_.end()) return;
  ++space.in_flight;
  sources_.emplace_back(&command, &space);
}

void Queue::forget_sources(const Command& command) {
  for (const auto& [reader, space] : sources_) {
    if (reader == &command) --space->in_flight;
  }
  std::erase_if(sources_, [&command](const auto& each) { return each.first == &command; });
  drop_retired();
}

void Queue::close(std::move_only_function<void()> closed) {
  CHECK(!closing_, "a queue closed twice");
  closing_ = true;
  closed_ = std::move(closed);
  authenticator_->stop();
  if (administration_ != nullptr) {
    administration_->stop();
    domain_.end_controller(making_.controller, "its admin queue ended");
  }
  std::vector<Command*> all;
  for (Command& command : commands_) all.push_back(&command);
  for (Command* command : all) Handling(*command).abort();
  controller().leave_queue(id());
  maybe_closed();
}

void Queue::maybe_closed() {
  if (!closing_ || !closed_ || !commands_.empty()) return;
  post_function(loop(), std::exchange(closed_, {}));
}

Command* Queue::find_command(uint16_t command_id) {
  for (Command& command : commands_) {
    if (command.entry.command_id() == command_id) return &command;
  }
  return nullptr;
}

std::vector<Command*> Queue::commands_of(const std::string& volume) {
  std::vector<Command*> found;
  for (Command& command : commands_) {
    if (command.namespace_ != nullptr && command.namespace_->volume == volume) found.push_back(&command);
  }
  for (const auto& [command, space] : sources_) {
    const bool there = std::ranges::find(found, command) != found.end();
    if (space->volume == volume && !there) found.push_back(command);
  }
  return found;
}

}  // namespace ashlar::nvme
