#include "nvme/controller.h"

#include <algorithm>

#include "wire/nvme_command.h"

namespace ashlar::nvme {
namespace {

constexpr std::string_view port_separator = ",i,0x";

unit::Nexus nexus_of(const ControllerFacts& facts) {
  unit::Nexus nexus;
  nexus.initiator_name = facts.host_name;
  nexus.initiator_port = initiator_port_of(facts.host_name, facts.host_id);
  nexus.target_port = facts.subsystem;
  nexus.relative_target_port = 0;  // of every port
  nexus.protocol = "nvme-tcp";
  return nexus;
}

}  // namespace

uint32_t status_after(uint32_t configuration, bool discovery) {
  uint32_t status = 0;
  if ((configuration & Registers::enable) != 0) {
    const uint32_t command_set = configuration >> 4 & 7, page_shift = configuration >> 7 & 0xf;
    const uint32_t arbitration = configuration >> 11 & 7;
    const uint32_t submission_size = configuration >> 16 & 0xf, completion_size = configuration >> 20 & 0xf;
    // CSS 110b: all command sets, of which there is one (NVMe base 2.0 figure 46).
    const bool known_set = command_set == 0 || command_set == 6;
    const bool sizes = discovery || (submission_size == 6 && completion_size == 4);
    const bool good = known_set && page_shift == 0 && arbitration == 0 && sizes;
    status |= good ? Registers::ready : Registers::fatal;
  }
  if ((configuration & Registers::shutdown_mask) != 0) status |= Registers::shutdown_complete;
  return status;
}

std::string initiator_port_of(const std::string& host_name, const Uuid& host_id) {
  return host_name + std::string(port_separator) + hex_of(host_id);
}

Uuid host_id_of(const std::string& initiator_port) {
  Uuid id{};
  const size_t at = initiator_port.rfind(port_separator);
  const bool with_id = at != std::string::npos && initiator_port.starts_with("nqn.");
  if (with_id && parse_hex(initiator_port.substr(at + port_separator.size()), id, "")) return id;
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (size_t i = 0; i < id.size(); ++i) {
    for (const char c : initiator_port) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    id[i] = static_cast<uint8_t>(hash >> 56);
  }
  return id;
}

Controller::Controller(ControllerFacts its_facts) : facts(std::move(its_facts)), nexus(nexus_of(facts)) {}

bool Controller::take_queue(uint16_t queue_id, uint32_t shard) {
  const std::lock_guard lock(mutex_);
  return shard_of_queue_.emplace(queue_id, shard).second;
}

void Controller::leave_queue(uint16_t queue_id) {
  const std::lock_guard lock(mutex_);
  shard_of_queue_.erase(queue_id);
}

std::optional<uint32_t> Controller::shard_of(uint16_t queue_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = shard_of_queue_.find(queue_id);
  if (found == shard_of_queue_.end()) return std::nullopt;
  return found->second;
}

size_t Controller::queue_count() const {
  const std::lock_guard lock(mutex_);
  return shard_of_queue_.size();
}

std::string Controller::authentication() const {
  const std::lock_guard lock(mutex_);
  return authentication_;
}

void Controller::set_authentication(std::string how) {
  const std::lock_guard lock(mutex_);
  authentication_ = std::move(how);
}

void Controller::note_error(wire::nvme::ErrorEntry entry) {
  const std::lock_guard lock(mutex_);
  entry.number = ++error_count_;
  if (errors_.size() == most_error_entries) errors_.pop_back();
  errors_.insert(errors_.begin(), entry);
}

std::vector<wire::nvme::ErrorEntry> Controller::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

uint64_t Controller::error_count() const {
  const std::lock_guard lock(mutex_);
  return error_count_;
}

bool Controllers::full(const ControllerFacts& facts, const Most& most) const {
  size_t of_subsystem = 0, of_host = 0;
  for (const auto& [id, each] : controllers_) {
    if (each->facts.discovery || each->barred.load(std::memory_order_relaxed)) continue;
    of_subsystem += each->facts.subsystem == facts.subsystem ? 1 : 0;
    of_host += each->facts.host == facts.host ? 1 : 0;
  }
  const auto reached = [](size_t count, size_t bound) { return bound != 0 && count >= bound; };
  if (controllers_.size() >= wire::nvme::last_controller || reached(controllers_.size(), most.all))
    return true;
  return !facts.discovery && (reached(of_subsystem, most.of_subsystem) || reached(of_host, most.of_host));
}

// An id comes back late: a host that lost its controller does not take another's for its own.
uint16_t Controllers::free_id(const Bounds& bounds) {
  const uint32_t count = uint32_t{bounds.last_controller} - bounds.first_controller + 1;
  for (uint32_t i = 0; i < count; ++i) {
    const bool inside = last_id_ >= bounds.first_controller && last_id_ < bounds.last_controller;
    last_id_ = inside ? static_cast<uint16_t>(last_id_ + 1) : bounds.first_controller;
    if (!controllers_.contains(last_id_)) return last_id_;
  }
  return 0;
}

std::shared_ptr<Controller> Controllers::create(ControllerFacts facts, const Most& most, bool barred) {
  const std::lock_guard lock(mutex_);
  if (full(facts, most)) return nullptr;
  const bool any = facts.id == wire::nvme::dynamic_controller || facts.id == wire::nvme::static_controller;
  if (any) {
    facts.id = free_id(facts.bounds);
    if (facts.id == 0) return nullptr;
  } else if (controllers_.contains(facts.id)) {
    return nullptr;
  }
  const uint16_t id = facts.id;
  auto controller = std::make_shared<Controller>(std::move(facts));
  controller->barred.store(barred, std::memory_order_relaxed);
  controllers_.emplace(id, controller);
  return controller;
}

bool Controllers::admit(Controller& controller, const Most& most) {
  const std::lock_guard lock(mutex_);
  if (!controller.barred.load(std::memory_order_relaxed)) return true;
  if (full(controller.facts, {.all = 0, .of_subsystem = most.of_subsystem, .of_host = most.of_host}))
    return false;
  controller.barred.store(false, std::memory_order_relaxed);
  return true;
}

std::shared_ptr<Controller> Controllers::find(uint16_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = controllers_.find(id);
  return found == controllers_.end() ? nullptr : found->second;
}

void Controllers::remove(const Controller& controller) {
  const std::lock_guard lock(mutex_);
  const auto found = controllers_.find(controller.facts.id);
  if (found != controllers_.end() && found->second.get() == &controller) controllers_.erase(found);
}

std::vector<std::shared_ptr<Controller>> Controllers::of_subsystem(const std::string& subsystem) const {
  std::vector<std::shared_ptr<Controller>> found = all();
  std::erase_if(found, [&](const auto& each) { return each->facts.subsystem != subsystem; });
  return found;
}

std::vector<std::shared_ptr<Controller>> Controllers::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Controller>> every;
  every.reserve(controllers_.size());
  for (const auto& [id, controller] : controllers_) every.push_back(controller);
  return every;
}

}  // namespace ashlar::nvme
