// Property Get and Set (NVMe-oF 1.1 3.3): the registers of a controller, enabling, reset and shutdown.
#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::Property;
using wire::nvme::PropertyAccess;

// CAP (NVMe base 2.0 figure 36): MQES, CQR, TO in 500 ms, CSS with the NVM command set.
uint64_t capabilities(const Settings& settings) {
  constexpr uint64_t contiguous = 1ull << 16, timeout = 30ull << 24, nvm_commands = 1ull << 37;
  return (settings.queue_entries - 1u) | contiguous | timeout | nvm_commands;
}

constexpr uint32_t version_2_0 = 0x00020000;

void configure(Handling handling, uint32_t configuration) {
  Queue& queue = handling.queue();
  Controller& controller = queue.controller();
  const uint32_t before = controller.configuration.exchange(configuration, std::memory_order_relaxed);
  const bool was_enabled = (before & Registers::enable) != 0,
             enabled = (configuration & Registers::enable) != 0;
  if (was_enabled && !enabled) {
    queue.administration()->reset();
    queue.domain().drop_io_queues(queue.shared_controller(), "the host reset the controller");
  }
  controller.status.store(status_after(configuration, controller.facts.discovery), std::memory_order_relaxed);
  handling.good();
}

}  // namespace

void property_get(Handling handling) {
  const PropertyAccess access = PropertyAccess::decode(handling.entry());
  const Controller& controller = handling.queue().controller();
  const bool wide = access.property == Property::capabilities;
  if (!access.known_size || access.eight_bytes != wide) return handling.fail(Status::invalid_field);
  switch (access.property) {
    case Property::capabilities: return handling.good(capabilities(handling.queue().domain().settings()));
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
