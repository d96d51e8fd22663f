// Identify (NVMe base 2.0 5.17): what a host learns of the controller and its namespaces.
#include <algorithm>
#include <bit>

#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "wire/nvme_identify.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::CommandSupport;
using wire::nvme::EventSupport;
using wire::nvme::IdentifyKind;
using wire::nvme::IdentifyPage;

// Hosts wait this long for a transition's end; as IMPLICIT TRANSITION TIME of SCSI.
constexpr uint8_t access_change_seconds = 60;
// ANACAP: all five states are told; ANAGRPID of a namespace does not change while it is attached.
constexpr uint8_t all_access_states = 0x1f | 0x40;
constexpr uint32_t last_namespace = 16384;
constexpr uint32_t most_namespaces = 1024;
// RESCAP: all types, and IEKEY as 1.3 and later define it; persistence where something keeps it.
constexpr uint8_t reservation_types = 0xfe, persistent_reservations = 0x01;

wire::nvme::ControllerIdentity controller_identity(Handling handling) {
  const Queue& queue = handling.queue();
  const ControllerFacts& facts = queue.controller().facts;
  wire::nvme::ControllerIdentity identity;
  identity.serial = serial_of(facts.subsystem);
  identity.model = model_number;
  identity.firmware = firmware_revision;
  identity.most_transfer = facts.bounds.most_transfer_shift;
  identity.controller_id = facts.id;
  identity.discovery = facts.discovery;
  identity.most_events = 3;
  identity.error_entries = most_error_entries - 1;
  identity.keep_alive_granularity = 1;
  identity.traffic_keeps_alive = true;
  identity.retry_delays = retry_delays;
  identity.queue_entries = facts.bounds.queue_entries;
  identity.subsystem = facts.subsystem;
  if (facts.discovery) {
    identity.events = EventSupport::discovery_change;
    return identity;
  }
  identity.many_ports = true;
  identity.events = EventSupport::namespace_attributes | EventSupport::access_change;
  identity.most_aborts = 3;
  identity.access_change_seconds = access_change_seconds;
  identity.access_support = all_access_states;
  identity.last_access_group = last_namespace;
  identity.access_groups = most_namespaces;
  identity.last_namespace = last_namespace;
  identity.most_namespaces = most_namespaces;
  identity.commands = CommandSupport::compare | CommandSupport::dataset_management |
                      CommandSupport::write_zeroes | CommandSupport::save_and_select |
                      CommandSupport::reservations | CommandSupport::timestamp | CommandSupport::verify |
                      CommandSupport::copy;
  identity.sanitize = sanitize_capabilities(queue);
  identity.formats = true;
  identity.persistent_log_units = persistent_log_units;
  identity.formats_erase_keys = std::ranges::any_of(
      queue.namespaces(), [](const auto& entry) { return entry.second->unit->limits().erasable_key; });
  identity.fused = 1;  // Compare and Write
  identity.copy_formats = 1u << 0 | 1u << 2;
  identity.capsule_data_bytes = facts.bounds.in_capsule_bytes;
  identity.deletes_queues = true;
  identity.write_cache = std::ranges::any_of(
      queue.namespaces(), [](const auto& entry) { return entry.second->unit->geometry().write_cache; });
  return identity;
}

wire::nvme::NamespaceIdentity namespace_identity(Handling handling, const Namespace& space) {
  const unit::Geometry geometry = space.unit->geometry();
  const block::Limits& limits = space.unit->limits();
  const unit::Identity& its = space.unit->identity();
  wire::nvme::NamespaceIdentity identity;
  identity.blocks = geometry.blocks();
  identity.block_shift = static_cast<uint8_t>(std::countr_zero(geometry.block_bytes));
  const unit::PoolFigures figures = space.unit->pool_level().figures();
  identity.thin = geometry.thin && figures.used_known;
  identity.used_blocks =
      identity.thin ? std::min(identity.blocks, figures.used_bytes / geometry.block_bytes) : identity.blocks;
  identity.deallocates = limits.discard_granularity_bytes != 0 && limits.discard_zeroes;
  const bool keeps = handling.queue().domain().governor().keeps();
  identity.reservations = static_cast<uint8_t>(reservation_types | (keeps ? persistent_reservations : 0));
  identity.preferred_blocks = static_cast<uint16_t>(1u << geometry.physical_block_exponent);
  identity.deallocate_blocks = limits.discard_granularity_bytes / geometry.block_bytes;
  identity.copy_range_blocks = most_copy_range_blocks;
  identity.copy_blocks = most_copy_bytes / geometry.block_bytes;
  identity.copy_ranges = most_copy_ranges - 1;
  identity.access_group = access_group_of(space.id);
  identity.write_protected = space.read_only || geometry.read_only;
  if (space.rules->rewrite.phase() == unit::Rewriting::Phase::formatting)
    identity.format_remains = static_cast<uint8_t>(100 - space.rules->rewrite.progress() * 100 / 65536);
  identity.rotational = geometry.rotational;
  identity.eui64 = its.eui64;
  identity.uuid = its.uuid;
  // NGUID ends with what an EUI-64 has (figure 97): the OUI and what follows it; the volume's UUID fills its front.
  std::copy_n(its.uuid.begin(), 8, identity.guid.begin());
  std::ranges::copy(its.eui64, identity.guid.begin() + 8);
  return identity;
}

std::vector<uint32_t> namespace_ids(const Queue& queue) {
  std::vector<uint32_t> ids;
  for (const auto& [id, space] : queue.namespaces()) ids.push_back(id);
  return ids;
}

void reply_page(Handling handling, const IdentifyPage& page) { handling.reply(page); }

// CNS that name a namespace: one that is not there is zeroes where any valid id is allowed, else an error (figure 273).
void identify_namespace(Handling handling, IdentifyKind kind) {
  const uint32_t id = handling.entry().namespace_id();
  Queue& queue = handling.queue();
  if (id == 0 || (id > last_namespace && id != wire::nvme::every_namespace))
    return handling.fail(Status::invalid_namespace);
  if (id == wire::nvme::every_namespace) {
    // What all namespaces have in common, without namespace management: not supported.
    return handling.fail(Status::invalid_namespace);
  }
  const Namespace* space = queue.find(id);
  if (space == nullptr) {
    if (kind != IdentifyKind::nvm_namespace && kind != IdentifyKind::allocated_namespace)
      return handling.fail(Status::invalid_namespace);
    return reply_page(handling, IdentifyPage{});
  }
  const wire::nvme::NamespaceIdentity identity = namespace_identity(handling, *space);
  switch (kind) {
    case IdentifyKind::namespace_descriptors: return reply_page(handling, encode_descriptors(identity));
    case IdentifyKind::independent_namespace: return reply_page(handling, encode_independent(identity));
    case IdentifyKind::namespace_of_command_set:
    case IdentifyKind::allocated_namespace_of_command_set:
      return reply_page(handling, IdentifyPage{});  // no protection formats
    default: return reply_page(handling, encode(identity));
  }
}

void list_controllers(Handling handling, bool of_namespace) {
  Queue& queue = handling.queue();
  if (of_namespace && queue.find(handling.entry().namespace_id()) == nullptr)
    return handling.fail(Status::invalid_namespace);
  std::vector<uint16_t> ids;
  for (const auto& controller :
       queue.domain().controllers().of_subsystem(queue.controller().facts.subsystem)) {
    // Another host's controllers may have other namespaces: of one namespace those of this host are told.
    if (!of_namespace || controller->facts.host == queue.controller().facts.host)
      ids.push_back(controller->facts.id);
  }
  const auto first = static_cast<uint16_t>(handling.entry().word(10) >> 16);
  reply_page(handling, wire::nvme::encode_controller_list(ids, first));
}

void list_namespaces(Handling handling) {
  const uint32_t after = handling.entry().namespace_id();
  if (after >= wire::nvme::every_namespace - 1) return handling.fail(Status::invalid_namespace);
  reply_page(handling, wire::nvme::encode_namespace_list(namespace_ids(handling.queue()), after));
}

void identify_of_nvm(Handling handling, IdentifyKind kind) {
  if (handling.entry().word(11) >> 24 != 0) return handling.fail(Status::invalid_field);  // CSI: NVM alone
  switch (kind) {
    case IdentifyKind::controller_of_command_set:
      return reply_page(handling, wire::nvme::encode_nvm_controller(most_dataset_ranges - 1, 0, 0));
    case IdentifyKind::namespace_of_command_set:
    case IdentifyKind::allocated_namespace_of_command_set: return identify_namespace(handling, kind);
    default: return list_namespaces(handling);
  }
}

// CNTID: this controller, or one of the subsystem; all have the same.
void identify_command_sets(Handling handling) {
  const auto id = static_cast<uint16_t>(handling.entry().word(10) >> 16);
  const Queue& queue = handling.queue();
  const auto asked = queue.domain().controllers().find(id);
  const bool here = asked != nullptr && asked->facts.subsystem == queue.controller().facts.subsystem;
  if (id != wire::nvme::dynamic_controller && id != queue.controller().facts.id && !here)
    return handling.fail(Status::invalid_field);
  reply_page(handling, wire::nvme::encode_command_sets());
}

}  // namespace

void identify(Handling handling) {
  const auto kind = static_cast<IdentifyKind>(handling.entry().word(10) & 0xff);
  if (!handling.has_data_of(wire::nvme::identify_bytes)) return;
  if (kind == IdentifyKind::controller) return reply_page(handling, encode(controller_identity(handling)));
  if (handling.queue().controller().facts.discovery) return handling.fail(Status::invalid_field);
  switch (kind) {
    case IdentifyKind::nvm_namespace:
    case IdentifyKind::namespace_descriptors:
    case IdentifyKind::independent_namespace:
    case IdentifyKind::allocated_namespace: return identify_namespace(handling, kind);
    case IdentifyKind::active_namespaces:
    case IdentifyKind::allocated_namespaces: return list_namespaces(handling);
    case IdentifyKind::controllers_of_namespace: return list_controllers(handling, true);
    case IdentifyKind::controllers: return list_controllers(handling, false);
    case IdentifyKind::namespace_of_command_set:
    case IdentifyKind::controller_of_command_set:
    case IdentifyKind::active_namespaces_of_command_set:
    case IdentifyKind::allocated_namespace_of_command_set:
    case IdentifyKind::allocated_namespaces_of_command_set: return identify_of_nvm(handling, kind);
    case IdentifyKind::command_sets: return identify_command_sets(handling);
    default: return handling.fail(Status::invalid_field);
  }
}

}  // namespace ashlar::nvme
