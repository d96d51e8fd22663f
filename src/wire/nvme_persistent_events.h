// The Persistent Event log page (NVMe base 2.0 5.16.1.14). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

/// What Get Log Page is to do with the reporting context (LSP bits 1:0).
enum class PersistentEventAction : uint8_t {
  read = 0,
  establish_and_read = 1,
  release = 2,
  establish_and_read_header = 3,  ///< one that is there stays; 512 bytes, whatever was asked for
};

/// Those that a controller here records.
enum class PersistentEventKind : uint8_t {
  timestamp_change = 0x03,
  power_on_or_reset = 0x04,
  format_start = 0x07,
  format_completion = 0x08,
  sanitize_start = 0x09,
  sanitize_completion = 0x0a,
};

constexpr size_t persistent_header_bytes = 512;
constexpr size_t persistent_event_header_bytes = 24;
/// PELS counts in these.
constexpr size_t persistent_log_unit_bytes = 64u << 10;
/// Of an event that no one controller made.
constexpr uint16_t no_controller = 0xffff;

struct PersistentEvent {
  PersistentEventKind kind{};
  uint16_t controller_id = no_controller;
  std::optional<uint16_t> port_id;  ///< that of the controller; none: of no port
  uint64_t milliseconds = 0;        ///< since 1970
  std::vector<uint8_t> data;        ///< by kind, as below
  bool operator==(const PersistentEvent&) const = default;
};

/// `previous` is a Timestamp as Get Features gives it, attributes included.
std::vector<uint8_t> timestamp_change_data(uint64_t previous, uint64_t milliseconds_since_reset);
/// A reset of one controller, or of all that there will be (no_controller).
struct ResetInformation {
  std::string firmware;  ///< up to 8 characters
  uint16_t controller_id = no_controller;
  uint32_t power_cycle = 0;
  uint64_t power_on_milliseconds = 0;
  uint64_t timestamp_milliseconds = 0;  ///< since 1970
};
std::vector<uint8_t> reset_data(const ResetInformation& information);
/// `attributes`: FNA; `word10`: CDW10 of the command.
std::vector<uint8_t> format_start_data(uint32_t namespace_id, uint8_t attributes, uint32_t word10);
struct FormatCompletion {
  uint32_t namespace_id = 0;
  uint8_t remaining_percent = 0;  ///< the smallest FPI
  bool incomplete = false, error = false;
  Outcome outcome;  ///< as the command was answered; success: it was, or was not answered at all
};
std::vector<uint8_t> format_completion_data(const FormatCompletion& completion);
std::vector<uint8_t> sanitize_start_data(uint32_t capabilities, uint32_t word10, uint32_t word11);
/// SPROG and SSTAT as in page 81h.
std::vector<uint8_t> sanitize_completion_data(uint16_t progress, uint16_t status);

struct PersistentLog {
  uint64_t milliseconds = 0;  ///< since 1970, when it was put together
  uint64_t power_cycles = 0;
  std::string serial, model, subsystem;
  uint16_t generation = 0;
  std::vector<PersistentEvent> events;  ///< newest first
  bool operator==(const PersistentLog&) const = default;
};
/// Without what is told of the request that reads it: put_request_fields().
std::vector<uint8_t> encode(const PersistentLog& log);
/// Power On Hours as of now, and the port by which there was a context before this request; none: there was not.
void put_request_fields(std::vector<uint8_t>& page, uint64_t power_on_hours, std::optional<uint16_t> port_id);
/// Of as many events as are whole in `page`.
PersistentLog decode_persistent_log(ConstBytes page);

}  // namespace ashlar::wire::nvme
