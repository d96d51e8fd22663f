// Get Log Page (NVMe base 2.0 5.16).
#include <algorithm>

#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::LogPage;
using wire::nvme::LogRequest;

constexpr std::array io_pages = {LogPage::supported_pages,
                                 LogPage::errors,
                                 LogPage::health,
                                 LogPage::firmware_slot,
                                 LogPage::changed_namespaces,
                                 LogPage::command_effects,
                                 LogPage::access_groups,
                                 LogPage::persistent_events,
                                 LogPage::feature_effects,
                                 LogPage::management_effects,
                                 LogPage::reservation_notification,
                                 LogPage::sanitize_status};
constexpr std::array discovery_pages = {LogPage::supported_pages, LogPage::errors,
                                        LogPage::health,          LogPage::command_effects,
                                        LogPage::feature_effects, LogPage::management_effects,
                                        LogPage::discovery};

bool has_page(LogPage page, bool discovery) {
  if (discovery) return std::ranges::find(discovery_pages, page) != discovery_pages.end();
  return std::ranges::find(io_pages, page) != io_pages.end();
}

std::vector<uint8_t> supported_pages(bool discovery) {
  return discovery ? wire::nvme::encode_supported_pages({discovery_pages.begin(), discovery_pages.end()})
                   : wire::nvme::encode_supported_pages({io_pages.begin(), io_pages.end()});
}

// The spare of thin namespaces is what their pool has left: the one that has least of it counts.
void add_spare(wire::nvme::Health& health, const unit::PoolFigures& pool) {
  if (!pool.known() || pool.threshold_bytes == 0) return;
  const auto percent = [&pool](uint64_t bytes) {
    return static_cast<uint8_t>(
        std::min<uint64_t>(bytes / std::max<uint64_t>(pool.size_bytes / 100, 1), 100));
  };
  health.spare_low = health.spare_low || pool.available_bytes <= pool.threshold_bytes;
  if (percent(pool.available_bytes) >= health.spare_percent) return;
  health.spare_percent = percent(pool.available_bytes);
  health.spare_threshold_percent = percent(pool.threshold_bytes);
}

// Of all namespaces that the host sees: counts of their units, whatever protocol brought them.
std::vector<uint8_t> health(const Queue& queue) {
  wire::nvme::Health health;
  constexpr auto since_opened = unit::TallyReader::errors;
  for (const auto& [id, space] : queue.namespaces()) {
    unit::UnitTally& tally = space->unit->tally();
    add_spare(health, space->unit->pool_level().figures());
    health.read_bytes += tally.sum(since_opened, unit::Count::read_bytes);
    health.written_bytes += tally.sum(since_opened, unit::Count::written_bytes);
    health.read_commands += tally.sum(since_opened, unit::Count::read_commands);
    health.write_commands += tally.sum(since_opened, unit::Count::write_commands);
    health.media_errors += tally.sum(since_opened, unit::Count::read_errors) +
                           tally.sum(since_opened, unit::Count::write_errors) +
                           tally.sum(since_opened, unit::Count::verify_errors);
  }
  health.power_on_hours = power_on_hours(queue);
  health.error_entries = queue.controller().error_count();
  return encode(health);
}

std::vector<uint8_t> access_groups(const Queue& queue, bool groups_only) {
  std::vector<wire::nvme::AccessGroup> groups;
  for (const auto& [id, space] : queue.namespaces()) {
    groups.push_back({access_group_of(id),
                      group_state_of(space->access),
                      queue.administration()->access_changes_of(id),
                      {id}});
  }
  return wire::nvme::encode_access_groups(groups, queue.administration()->access_changes(), groups_only);
}

std::vector<uint8_t> reservation_notice(Administration& administration, bool retain) {
  const Administration::NoticePage page = administration.take_reservation_notice(retain);
  return wire::nvme::encode_reservation_notice(page.count, page.notice.kind,
                                               static_cast<uint8_t>(std::min<size_t>(page.more, 255)),
                                               page.notice.namespace_id);
}

std::vector<uint8_t> discovery(const Queue& queue) {
  const Domain& domain = queue.domain();
  loop::Endpoint peer;
  peer.address = queue.controller().facts.peer_address;
  const auto entries = discovery_entries(domain.directory(), queue.controller().facts.host_name, peer,
                                         queue.port(), queue.host().local());
  return wire::nvme::encode_discovery(domain.directory().generation, entries);
}

std::vector<uint8_t> page_of(Queue& queue, const LogRequest& request) {
  Administration& administration = *queue.administration();
  const bool of_discovery = queue.controller().facts.discovery;
  switch (request.page) {
    case LogPage::supported_pages: return supported_pages(of_discovery);
    case LogPage::errors: return wire::nvme::encode_errors(queue.controller().errors(), most_error_entries);
    case LogPage::health:
      if (!request.retain_event) administration.events.read(Event::spare_low);
      return health(queue);
    case LogPage::firmware_slot: return wire::nvme::encode_firmware_slot(firmware_revision);
    case LogPage::changed_namespaces:
      return wire::nvme::encode_changed_namespaces(
          administration.take_changed_namespaces(request.retain_event));
    case LogPage::command_effects:
      return wire::nvme::encode_command_effects(admin_command_effects(queue),
                                                io_command_effects(of_discovery));
    case LogPage::access_groups:
      if (!request.retain_event) administration.events.read(Event::access_changed);
      return access_groups(queue, (request.specific & 1) != 0);
    case LogPage::feature_effects: return wire::nvme::encode_feature_effects(feature_effects(of_discovery));
    case LogPage::management_effects: return wire::nvme::encode_management_effects();
    case LogPage::persistent_events: break;  // it has a life of its own
    case LogPage::reservation_notification: return reservation_notice(administration, request.retain_event);
    case LogPage::sanitize_status:
      if (!request.retain_event) administration.events.read(Event::sanitized);
      return sanitize_status(queue);
    case LogPage::discovery:
      // The host reads its header first, then all: the event is over when it reads from the front.
      if (!request.retain_event) administration.events.read(Event::discovery_changed);
      return discovery(queue);
  }
  return {};
}

}  // namespace

uint64_t power_on_hours(const Queue& queue) {
  const int64_t age = queue.loop().now().nanoseconds - queue.controller().facts.began_nanoseconds;
  return static_cast<uint64_t>(age / 3'600'000'000'000);
}

bool admit_log_length(Handling handling, const LogRequest& request) {
  if (!handling.has_data_of(request.bytes)) return false;
  if (request.bytes > handling.queue().controller().facts.bounds.most_transfer_bytes()) {
    handling.fail(Status::invalid_field);
    return false;
  }
  return handling.allocate(static_cast<uint32_t>(request.bytes));
}

// Hosts read the longest that a page of access states can be, in pieces: past its end there are zeroes.
void reply_log_part(Handling handling, const LogRequest& request, ConstBytes page) {
  const auto bytes = static_cast<uint32_t>(request.bytes);
  const ConstBytes told = page.subspan(std::min<uint64_t>(request.offset, page.size()));
  const auto there = static_cast<uint32_t>(std::min<size_t>(told.size(), bytes));
  Command& command = handling.command();
  command.buffer.copy_in(0, told.first(there));
  command.buffer.fill_zero(there, bytes - there);
  command.data_in_bytes = bytes;
  handling.good();
}

void get_log_page(Handling handling) {
  const LogRequest request = LogRequest::decode(handling.entry());
  Queue& queue = handling.queue();
  if (!has_page(request.page, queue.controller().facts.discovery))
    return handling.fail(Status::invalid_log_page);
  if (request.offset_is_index || request.offset % 4 != 0) return handling.fail(Status::invalid_field);
  if (request.page == LogPage::command_effects && request.command_set != 0)
    return handling.fail(Status::invalid_field);  // there is the NVM command set alone
  if (request.page == LogPage::persistent_events) return get_persistent_events(handling, request);
  const uint32_t space = handling.entry().namespace_id();
  // SMART is told of the controller (LPA bit 0; 5.16.1.3).
  if (request.page == LogPage::health && space != 0 && space != wire::nvme::every_namespace)
    return handling.fail(Status::invalid_field);
  if (admit_log_length(handling, request)) reply_log_part(handling, request, page_of(queue, request));
}

}  // namespace ashlar::nvme
