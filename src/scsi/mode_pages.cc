#include "scsi/mode_pages.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t error_recovery = 0x01;
constexpr uint8_t disconnect_reconnect = 0x02;
constexpr uint8_t verify_error_recovery = 0x07;
constexpr uint8_t caching = 0x08;
constexpr uint8_t control = 0x0a;
constexpr uint8_t control_extension = 0x01;  // subpage
constexpr uint8_t protocol_specific_unit = 0x18;
constexpr uint8_t protocol_specific_port = 0x19;
constexpr uint8_t power_condition = 0x1a;
constexpr uint8_t informational_exceptions = 0x1c;
constexpr uint8_t cd_capabilities = 0x2a;

constexpr uint8_t write_cache_bit = 0x04;             // byte 2 of page 08h
constexpr uint8_t task_set_bit = 0x20;                // byte 2 of page 0Ah: TST 001b
constexpr uint8_t descriptor_sense_bit = 0x04;        // byte 2
constexpr uint8_t queue_error_bits = 0x06;            // byte 3: QERR
constexpr uint8_t attention_interlock_bits = 0x30;    // byte 4
constexpr uint8_t software_write_protect_bit = 0x08;  // byte 4
constexpr uint8_t task_aborted_bit = 0x40;            // byte 5
constexpr uint8_t timestamp_by_hosts_bit = 0x02;      // byte 4 of page 0Ah/01h: SCSIP
constexpr uint8_t iscsi_protocol = 0x05;
constexpr ModePageCode control_extension_page = {control, control_extension};
// The one threshold descriptor of page 1Ch/02h, SBC-3 6.5.9.
constexpr size_t threshold_at = 16;
constexpr size_t threshold_count_at = threshold_at + 4;
constexpr uint8_t threshold_enabled_bit = 0x80;
constexpr uint8_t available_resources = 0x01;

void header(ModePageCode code, Bytes page) {
  CHECK(page.size() == mode_page_bytes(code));
  std::ranges::fill(page, uint8_t{0});
  page[0] = code.page;
  if (code.subpage == 0) {
    page[1] = static_cast<uint8_t>(page.size() - 2);
    return;
  }
  page[0] |= 0x40;  // SPF
  page[1] = code.subpage;
  store_be16(page.data() + 2, static_cast<uint16_t>(page.size() - 4));
}

uint8_t bit_if(bool set, uint8_t bit) { return set ? bit : 0; }

// SPC-4 7.5.8.
void fill_control(const ModeParameters& parameters, Bytes page) {
  page[2] = static_cast<uint8_t>(bit_if(parameters.separate_task_sets, task_set_bit) |
                                 bit_if(parameters.descriptor_sense, descriptor_sense_bit));
  // QUEUE ALGORITHM MODIFIER: SIMPLE commands in any order.
  page[3] = static_cast<uint8_t>(0x10 | static_cast<uint8_t>(parameters.queue_errors) << 1);
  page[4] = static_cast<uint8_t>(static_cast<uint8_t>(parameters.attention_interlock) << 4 |
                                 bit_if(parameters.software_write_protect, software_write_protect_bit));
  page[5] = bit_if(parameters.task_aborted_status, task_aborted_bit);
  store_be16(page.data() + 8, 0xffff);  // BUSY TIMEOUT PERIOD: not limited
}

// SPC-4 7.5.9: TCMOS, for the system's clock is there before any host; IALUAE, since the array changes access states. The length of sense
// data is not for hosts to govern.
void fill_control_extension(const ModeParameters& parameters, Bytes page) {
  page[4] = static_cast<uint8_t>(0x05 | bit_if(parameters.timestamp_by_hosts, timestamp_by_hosts_bit));
}

// SBC-3 6.5.9: a soft threshold that is met when what is available decreases to it; every host is told (SITUA zero).
void fill_provisioning(const ModeParameters& parameters, Bytes page) {
  page[threshold_at] = bit_if(parameters.threshold_enabled, threshold_enabled_bit);
  page[threshold_at + 1] = available_resources;
  store_be32(page.data() + threshold_count_at,
             parameters.threshold_sets.value_or(parameters.array_threshold_sets));
}

// MMC-6 E.3.3, the page that hosts of before GET CONFIGURATION ask for: reads DVD-ROM and CD-ROM, plays nothing, writes nothing; a
// tray that can be locked and opened. Speeds are 1000 bytes/s; nothing turns here.
void fill_cd_capabilities(const ModeParameters& parameters, Bytes page) {
  constexpr uint8_t reads_dvd_rom = 0x08;
  constexpr uint8_t tray_locks_and_opens = 0x20 | 0x08 | 0x01;
  constexpr uint8_t locked = 0x02;
  constexpr uint16_t speed = 16 * 1385;  // DVD 16x
  constexpr uint16_t buffer_kib = 2048;
  page[2] = reads_dvd_rom;
  page[6] = static_cast<uint8_t>(tray_locks_and_opens | bit_if(parameters.removal_prevented, locked));
  store_be16(page.data() + 8, speed);
  store_be16(page.data() + 12, buffer_kib);
  store_be16(page.data() + 14, speed);
}

int read_control(ConstBytes page, ModeParameters& parameters) {
  const auto interlock = static_cast<uint8_t>((page[4] & attention_interlock_bits) >> 4);
  const auto errors = static_cast<uint8_t>((page[3] & queue_error_bits) >> 1);
  if (errors == 2) return 3 << 3 | 2;
  if (interlock == 1) return 4 << 3 | 4;
  parameters.separate_task_sets = (page[2] & task_set_bit) != 0;
  parameters.descriptor_sense = (page[2] & descriptor_sense_bit) != 0;
  parameters.queue_errors = static_cast<QueueErrors>(errors);
  parameters.attention_interlock = static_cast<AttentionInterlock>(interlock);
  parameters.software_write_protect = (page[4] & software_write_protect_bit) != 0;
  parameters.task_aborted_status = (page[5] & task_aborted_bit) != 0;
  return -1;
}

void read_provisioning(ConstBytes page, ModeParameters& parameters) {
  parameters.threshold_enabled = (page[threshold_at] & threshold_enabled_bit) != 0;
  const uint32_t sets = load_be32(page.data() + threshold_count_at);
  // The array's own value goes on following the array.
  parameters.threshold_sets =
      sets == parameters.array_threshold_sets ? std::nullopt : std::optional<uint32_t>(sets);
}

}  // namespace

size_t mode_page_bytes(ModePageCode code) {
  if (code == provisioning_page) return 24;
  if (code == control_extension_page) return 32;
  if (code.subpage != 0) return 0;
  switch (code.page) {
    case protocol_specific_unit:
    case protocol_specific_port: return 8;
    case error_recovery:
    case verify_error_recovery:
    case control:
    case informational_exceptions: return 12;
    case disconnect_reconnect: return 16;
    case caching: return 20;
    case cd_capabilities: return 22;
    case power_condition: return 40;
    default: return 0;
  }
}

void fill_mode_page(ModePageCode code, const ModeParameters& parameters, Bytes page) {
  header(code, page);
  if (code == provisioning_page) return fill_provisioning(parameters, page);
  if (code == control_extension_page) return fill_control_extension(parameters, page);
  switch (code.page) {
    case error_recovery:  // AWRE, ARRE: the storage below mends what it can
      if (parameters.kind == unit::DeviceKind::disk) page[2] = 0xc0;
      break;
    case cd_capabilities: fill_cd_capabilities(parameters, page); break;
    case caching: page[2] = bit_if(parameters.write_cache, write_cache_bit); break;
    case control: fill_control(parameters, page); break;
    case protocol_specific_unit:
    case protocol_specific_port: page[2] = iscsi_protocol; break;  // RFC 7143 defines nothing more
    case informational_exceptions: page[2] = 0x08; break;  // DEXCPT: no informational exceptions are reported
    default: break;  // no limits of disconnection, no retries of VERIFY, no timers of power conditions
  }
}

void fill_changeable_mask(ModePageCode code, Bytes page) {
  header(code, page);
  if (code == ModePageCode{caching}) page[2] = write_cache_bit;
  if (code == ModePageCode{control}) {
    page[2] = task_set_bit | descriptor_sense_bit;
    page[3] = queue_error_bits;
    page[4] = attention_interlock_bits | software_write_protect_bit;
    page[5] = task_aborted_bit;
  }
  if (code == control_extension_page) page[4] = timestamp_by_hosts_bit;
  if (code == provisioning_page) {
    page[threshold_at] = threshold_enabled_bit;
    store_be32(page.data() + threshold_count_at, UINT32_MAX);
  }
}

bool is_changeable(ModePageCode code) {
  return code == ModePageCode{caching} || code == ModePageCode{control} || code == control_extension_page ||
         code == provisioning_page;
}

int read_mode_page(ModePageCode code, ConstBytes page, ModeParameters& parameters) {
  if (code == ModePageCode{caching}) parameters.write_cache = (page[2] & write_cache_bit) != 0;
  if (code == ModePageCode{control}) return read_control(page, parameters);
  if (code == control_extension_page) parameters.timestamp_by_hosts = (page[4] & timestamp_by_hosts_bit) != 0;
  if (code == provisioning_page) read_provisioning(page, parameters);
  return -1;
}

}  // namespace ashlar::scsi
