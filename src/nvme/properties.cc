// Property Get and Set (NVMe-oF 1.1 3.3): the registers of a controller, enabling, reset and shutdown.
#include <algorithm>

#include "base/log.h"
#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "unit/work.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::Property;
using wire::nvme::PropertyAccess;

// CAP (NVMe base 2.0 figure 36): MQES, CQR, TO in 500 ms, CSS with the NVM command set.
uint64_t capabilities(const Bounds& bounds) {
  constexpr uint64_t contiguous = 1ull << 16, timeout = 30ull << 24, nvm_commands = 1ull << 37;
  return (bounds.queue_entries - 1u) | contiguous | timeout | nvm_commands;
}

constexpr uint32_t version_2_0 = 0x00020000;

// CSTS.SHST says complete when what the caches held is on stable storage (NVMe base 2.0 3.6.1); a host that enables the
// controller meanwhile has ended the shutdown.
loop::Task<void> shut_down(std::shared_ptr<Controller> controller,
                           std::vector<std::shared_ptr<unit::LogicalUnit>> units) {
  for (const std::shared_ptr<unit::LogicalUnit>& each : units) {
    unit::Command command;
    command.nexus = &controller->nexus;
    command.prepare(block::Operation::flush, 0, 0);
    unit::DirectWork flushing({*each, command});
    const block::Status status = co_await flushing;
    if (status != block::Status::ok)
      log_warning("nvme", "shutdown: {} was not flushed: {}", each->identity().name, block::name_of(status));
  }
  uint32_t now = controller->status.load(std::memory_order_relaxed);
  const auto still = [&] { return (now & Registers::shutdown_status) == Registers::shutdown_occurring; };
  while (still() && !controller->status.compare_exchange_weak(
                        now, (now & ~Registers::shutdown_status) | Registers::shutdown_complete)) {
  }
}

std::vector<std::shared_ptr<unit::LogicalUnit>> cached_units(const Queue& queue) {
  std::vector<std::shared_ptr<unit::LogicalUnit>> units;
  for (const auto& [id, space] : queue.namespaces()) {
    if (space->unit->geometry().write_cache && std::ranges::find(units, space->unit) == units.end())
      units.push_back(space->unit);
  }
  return units;
}

void note_reset(Queue& queue) {
  const ControllerFacts& facts = queue.controller().facts;
  if (facts.discovery) return;
  queue.domain().host_events().add(facts.subsystem, facts.host_name,
                                   {.kind = HostEvent::Kind::reset,
                                    .milliseconds = milliseconds_of_day(queue.loop()),
                                    .controller_id = facts.id,
                                    .port_id = facts.group_tag});
}

void configure(Handling handling, uint32_t configuration) {
  Queue& queue = handling.queue();
  Controller& controller = queue.controller();
  const uint32_t before = controller.configuration.exchange(configuration, std::memory_order_relaxed);
  const bool was_enabled = (before & Registers::enable) != 0,
             enabled = (configuration & Registers::enable) != 0;
  if (was_enabled && !enabled) {
    queue.administration()->reset();
    note_reset(queue);
    controller.has_io_queues.store(false, std::memory_order_relaxed);
    queue.domain().drop_io_queues(queue.shared_controller(), "the host reset the controller");
  }
  uint32_t status = status_after(configuration, controller.facts.discovery);
  if ((status & Registers::shutdown_complete) != 0) {
    auto units = cached_units(queue);
    if (!units.empty()) status = (status & ~Registers::shutdown_status) | Registers::shutdown_occurring;
    controller.status.store(status, std::memory_order_relaxed);
    if (!units.empty()) shut_down(queue.shared_controller(), std::move(units)).detach();
  } else {
    controller.status.store(status, std::memory_order_relaxed);
  }
  handling.good();
}

}  // namespace

void property_get(Handling handling) {
  const PropertyAccess access = PropertyAccess::decode(handling.entry());
  const Controller& controller = handling.queue().controller();
  const bool wide = access.property == Property::capabilities;
  if (!access.known_size || access.eight_bytes != wide) return handling.fail(Status::invalid_field);
  switch (access.property) {
    case Property::capabilities: return handling.good(capabilities(controller.facts.bounds));
    case Property::version: return handling.good(version_2_0);
    case Property::configuration:
      return handling.good(controller.configuration.load(std::memory_order_relaxed));
    case Property::status: return handling.good(controller.status.load(std::memory_order_relaxed));
    default: return handling.fail(Status::invalid_field);
  }
}

void property_set(Handling handling) {
  const PropertyAccess access = PropertyAccess::decode(handling.entry());
  if (!access.known_size || access.eight_bytes || access.property != Property::configuration)
    return handling.fail(Status::invalid_field);
  configure(handling, static_cast<uint32_t>(access.value));
}

}  // namespace ashlar::nvme
