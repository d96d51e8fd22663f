// The doors from an entry to its handler, and every check that is the same for all commands.
#include <array>

#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

using unit::CommandEffect;
using wire::nvme::AdminOpcode;
using wire::nvme::Effects;
using wire::nvme::FabricsType;
using wire::nvme::IoOpcode;

constexpr IoCommand io(IoOpcode opcode, CommandEffect effect, bool writes, bool medium,
                       void (*handler)(Handling)) {
  return {static_cast<uint8_t>(opcode), effect, writes, medium, handler};
}

// NVMe base 2.0 figure 528: what a reservation keeps out.
constexpr std::array io_commands = {
    io(IoOpcode::flush, CommandEffect::writes, false, true, flush),
    io(IoOpcode::write, CommandEffect::writes, true, true, write),
    io(IoOpcode::read, CommandEffect::reads, false, true, read),
    io(IoOpcode::compare, CommandEffect::reads, false, true, compare),
    io(IoOpcode::write_zeroes, CommandEffect::writes, true, true, write_zeroes),
    io(IoOpcode::dataset_management, CommandEffect::writes, true, true, dataset_management),
    io(IoOpcode::verify, CommandEffect::reads, false, true, verify),
    io(IoOpcode::reservation_register, CommandEffect::none, false, false, reservation_register),
    io(IoOpcode::reservation_report, CommandEffect::none, false, false, reservation_report),
    io(IoOpcode::reservation_acquire, CommandEffect::none, false, false, reservation_acquire),
    io(IoOpcode::reservation_release, CommandEffect::none, false, false, reservation_release),
    io(IoOpcode::copy, CommandEffect::writes, true, true, copy),
};

constexpr AdminCommand admin(AdminOpcode opcode, bool of_discovery, void (*handler)(Handling),
                             uint32_t effects = Effects::of_controller) {
  return {static_cast<uint8_t>(opcode), of_discovery, effects, handler};
}

constexpr std::array admin_commands = {
    admin(AdminOpcode::get_log_page, true, get_log_page),
    admin(AdminOpcode::identify, true, identify, Effects::of_controller | Effects::of_namespace),
    admin(AdminOpcode::abort, false, abort_command),
    admin(AdminOpcode::set_features, true, set_features, Effects::of_controller | Effects::of_namespace),
    admin(AdminOpcode::get_features, true, get_features, Effects::of_controller | Effects::of_namespace),
    admin(AdminOpcode::asynchronous_event_request, true, asynchronous_event_request),
    admin(AdminOpcode::keep_alive, true, keep_alive),
    admin(AdminOpcode::format_nvm, false, format_nvm,
          Effects::of_namespace | Effects::data | Effects::capabilities),
    admin(AdminOpcode::sanitize, false, sanitize, Effects::of_subsystem | Effects::data),
};

template <typename Table>
constexpr auto by_opcode(const Table& table) {
  std::array<const typename Table::value_type*, 256> found{};
  for (const auto& each : table) found[each.opcode] = &each;
  return found;
}
constexpr auto io_by_opcode = by_opcode(io_commands);
constexpr auto admin_by_opcode = by_opcode(admin_commands);

bool is_kept_out(const Namespace& space, const IoCommand& command) {
  if (space.kept_out_wholly) return command.opcode != static_cast<uint8_t>(IoOpcode::reservation_report);
  switch (command.effect) {
    case CommandEffect::none: return false;
    case CommandEffect::reads: return space.kept_from_reading;
    case CommandEffect::writes: return space.kept_from_writing;
  }
  return true;
}

// True if the command has ended: what reaches the namespace is decided before who may use it.
bool keep_back(Handling handling, const Namespace& space, const IoCommand& command) {
  if (!unit::is_active(space.access)) {
    handling.fail(outcome_of(space.access));
    return true;
  }
  if (!is_kept_out(space, command)) return false;
  handling.fail(Status::reservation_conflict);
  return true;
}

}  // namespace

const IoCommand* find_io_command(uint8_t opcode) { return io_by_opcode[opcode]; }
const AdminCommand* find_admin_command(uint8_t opcode) { return admin_by_opcode[opcode]; }

std::vector<wire::nvme::CommandEffect> io_command_effects(bool discovery) {
  std::vector<wire::nvme::CommandEffect> effects;
  if (discovery) return effects;
  for (const IoCommand& each : io_commands)
    effects.push_back({each.opcode, Effects::of_namespace | (each.writes ? Effects::data : 0)});
  return effects;
}

std::vector<wire::nvme::CommandEffect> admin_command_effects(const Queue& queue) {
  const bool discovery = queue.controller().facts.discovery;
  const bool sanitizes = !discovery && sole_namespace(queue) != nullptr;
  std::vector<wire::nvme::CommandEffect> effects;
  for (const AdminCommand& each : admin_commands) {
    if (each.opcode == static_cast<uint8_t>(AdminOpcode::sanitize) && !sanitizes) continue;
    if (each.of_discovery || !discovery) effects.push_back({each.opcode, each.effects});
  }
  return effects;
}

bool admit_io(Handling handling, const IoCommand& command) {
  Namespace* space = handling.queue().find(handling.entry().namespace_id());
  if (space == nullptr) [[unlikely]] {
    handling.fail(Status::invalid_namespace);
    return false;
  }
  handling.set_space(*space);
  if (space->restrained && keep_back(handling, *space, command)) [[unlikely]]
    return false;
  if (command.medium && space->rules->being_rewritten()) [[unlikely]] {
    handling.fail(rewrite_outcome(*space->rules));
    return false;
  }
  const bool protected_now = command.writes && (space->read_only || space->unit->geometry().read_only ||
                                                space->rules->write_protected());
  if (protected_now) [[unlikely]] {
    handling.fail(Status::namespace_write_protected);
    return false;
  }
  return true;
}

void dispatch_io(Handling handling) {
  const IoCommand* command = io_by_opcode[handling.entry().opcode()];
  if (command == nullptr) [[unlikely]]
    return handling.fail(Status::invalid_opcode);
  if (!handling.queue().controller().ready()) [[unlikely]]
    return handling.fail(Status::command_sequence_error);
  if (admit_io(handling, *command)) command->handler(handling);
}

void dispatch_admin(Handling handling) {
  const Controller& controller = handling.queue().controller();
  const AdminCommand* command = admin_by_opcode[handling.entry().opcode()];
  if (command == nullptr || (controller.facts.discovery && !command->of_discovery))
    return handling.fail(Status::invalid_opcode);
  if (!controller.ready()) return handling.fail(Status::command_sequence_error);
  command->handler(handling);
}

void dispatch_fabrics(Handling handling) {
  const bool admin_queue = handling.queue().is_admin();
  switch (handling.entry().fabrics_type()) {
    case FabricsType::property_get:
      if (admin_queue) return property_get(handling);
      break;
    case FabricsType::property_set:
      if (admin_queue) return property_set(handling);
      break;
    case FabricsType::authentication_send: return authentication_send(handling);
    case FabricsType::authentication_receive: return authentication_receive(handling);
    case FabricsType::connect: return handling.fail(Status::command_sequence_error);  // it is connected
    case FabricsType::disconnect:
      if (admin_queue) break;
      handling.good();
      return handling.queue().host().drop("the host disconnected the queue");
    default: break;
  }
  handling.fail(Status::invalid_opcode);
}

}  // namespace ashlar::nvme
