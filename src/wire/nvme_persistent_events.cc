#include "wire/nvme_persistent_events.h"

#include <algorithm>
#include <cstring>

namespace ashlar::wire::nvme {
namespace {

constexpr uint8_t log_identifier = 0x0d;
constexpr uint8_t log_revision = 3;
// Lengths are told without what stands before them.
constexpr size_t before_header_length = 20, before_event_header_length = 3;
constexpr uint64_t timestamp_mask = 0xffffffffffff;
constexpr uint8_t of_port = 1, of_no_port = 3;                     // PIT
constexpr uint32_t context_exists = 1u << 18, by_port = 1u << 16;  // RCE, RCPIT
constexpr size_t reset_bytes = 36;

constexpr PersistentEventKind kinds[] = {
    PersistentEventKind::timestamp_change, PersistentEventKind::power_on_or_reset,
    PersistentEventKind::format_start,     PersistentEventKind::format_completion,
    PersistentEventKind::sanitize_start,   PersistentEventKind::sanitize_completion};

void put_text(uint8_t* to, size_t width, std::string_view text, uint8_t fill) {
  std::memset(to, fill, width);
  std::memcpy(to, text.data(), std::min(width, text.size()));
}

std::string text_at(ConstBytes page, size_t at, size_t width) {
  std::string_view text = text_of(page.subspan(at, width));
  text = text.substr(0, text.find('\0'));
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

void append(std::vector<uint8_t>& page, const PersistentEvent& event) {
  const size_t at = page.size();
  page.resize(at + persistent_event_header_bytes);
  uint8_t* to = page.data() + at;
  to[0] = static_cast<uint8_t>(event.kind);
  to[1] = 1;
  to[2] = persistent_event_header_bytes - before_event_header_length;
  to[3] = event.port_id ? of_port : of_no_port;
  store_le16(to + 4, event.controller_id);
  // The time alone: the two bytes of attributes are reserved here.
  store_le64(to + 6, event.milliseconds & timestamp_mask);
  store_le16(to + 14, event.port_id.value_or(0));
  store_le16(to + 22, static_cast<uint16_t>(event.data.size()));
  page.insert(page.end(), event.data.begin(), event.data.end());
}

}  // namespace

std::vector<uint8_t> timestamp_change_data(uint64_t previous, uint64_t milliseconds_since_reset) {
  std::vector<uint8_t> data(16);
  store_le64(data.data(), previous);
  store_le64(data.data() + 8, milliseconds_since_reset);
  return data;
}

std::vector<uint8_t> reset_data(const ResetInformation& information) {
  std::vector<uint8_t> data(8 + reset_bytes);
  put_text(data.data(), 8, information.firmware, ' ');
  uint8_t* to = data.data() + 8;
  store_le16(to, information.controller_id);
  store_le32(to + 16, information.power_cycle);
  store_le64(to + 20, information.power_on_milliseconds);
  store_le64(to + 28, information.timestamp_milliseconds & timestamp_mask);
  return data;
}

std::vector<uint8_t> format_start_data(uint32_t namespace_id, uint8_t attributes, uint32_t word10) {
  std::vector<uint8_t> data(12);
  store_le32(data.data(), namespace_id);
  data[4] = attributes;
  store_le32(data.data() + 8, word10);
  return data;
}

std::vector<uint8_t> format_completion_data(const FormatCompletion& completion) {
  std::vector<uint8_t> data(12);
  store_le32(data.data(), completion.namespace_id);
  data[4] = completion.remaining_percent;
  data[5] = static_cast<uint8_t>((completion.incomplete ? 2 : 0) | (completion.error ? 1 : 0));
  store_le16(data.data() + 8, completion.outcome.field());
  return data;
}

std::vector<uint8_t> sanitize_start_data(uint32_t capabilities, uint32_t word10, uint32_t word11) {
  std::vector<uint8_t> data(12);
  store_le32(data.data(), capabilities);
  store_le32(data.data() + 4, word10);
  store_le32(data.data() + 8, word11);
  return data;
}

std::vector<uint8_t> sanitize_completion_data(uint16_t progress, uint16_t status) {
  std::vector<uint8_t> data(8);
  store_le16(data.data(), progress);
  store_le16(data.data() + 2, status);
  return data;
}

std::vector<uint8_t> encode(const PersistentLog& log) {
  std::vector<uint8_t> page(persistent_header_bytes);
  uint8_t* to = page.data();
  to[0] = log_identifier;
  store_le32(to + 4, static_cast<uint32_t>(log.events.size()));
  to[16] = log_revision;
  store_le16(to + 18, persistent_header_bytes - before_header_length);
  // No host has set it, and it does not begin with a reset: neither ORIGIN fits, so none is claimed.
  store_le64(to + 20, log.milliseconds & timestamp_mask);
  store_le64(to + 44, log.power_cycles);
  put_text(to + 56, 20, log.serial, ' ');
  put_text(to + 76, 40, log.model, ' ');
  put_text(to + 116, 256, log.subsystem, 0);
  store_le16(to + 372, log.generation);
  for (const PersistentEventKind each : kinds)
    to[480 + static_cast<size_t>(each) / 8] |= static_cast<uint8_t>(1u << static_cast<size_t>(each) % 8);
  for (const PersistentEvent& event : log.events) append(page, event);
  store_le64(page.data() + 8, page.size());
  return page;
}

void put_request_fields(std::vector<uint8_t>& page, uint64_t power_on_hours,
                        std::optional<uint16_t> port_id) {
  store_le64(page.data() + 28, power_on_hours);
  store_le32(page.data() + 374, port_id ? context_exists | by_port | *port_id : 0);
}

PersistentLog decode_persistent_log(ConstBytes page) {
  PersistentLog log;
  if (page.size() < persistent_header_bytes) return log;
  log.milliseconds = load_le64(page.data() + 20) & timestamp_mask;
  log.power_cycles = load_le64(page.data() + 44);
  log.serial = text_at(page, 56, 20);
  log.model = text_at(page, 76, 40);
  log.subsystem = text_at(page, 116, 256);
  log.generation = load_le16(page.data() + 372);
  const uint32_t count = load_le32(page.data() + 4);
  ConstBytes rest = page.subspan(persistent_header_bytes);
  for (uint32_t i = 0; i < count && rest.size() >= persistent_event_header_bytes; ++i) {
    const uint8_t* from = rest.data();
    const size_t head = from[2] + before_event_header_length, length = load_le16(from + 22);
    if (head < persistent_event_header_bytes || rest.size() < head + length) break;
    PersistentEvent event{.kind = static_cast<PersistentEventKind>(from[0])};
    event.controller_id = load_le16(from + 4);
    if ((from[3] & 3) == of_port) event.port_id = load_le16(from + 14);
    event.milliseconds = load_le64(from + 6) & timestamp_mask;
    event.data.assign(from + head, from + head + length);
    log.events.push_back(std::move(event));
    rest = rest.subspan(head + length);
  }
  return log;
}

}  // namespace ashlar::wire::nvme
