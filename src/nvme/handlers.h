// The commands that there are: by opcode, what each needs, and the handlers.
#pragma once

#include <vector>

#include "nvme/handling.h"
#include "wire/nvme_log.h"

namespace ashlar::nvme {

/// What a command of the NVM command set does, for reservations, access states and write protection.
struct IoCommand {
  uint8_t opcode = 0;
  unit::CommandEffect effect = unit::CommandEffect::none;
  bool writes = false;  ///< needs a namespace that may be written
  bool medium = true;   ///< needs its data: not while that is rewritten
  void (*handler)(Handling) = nullptr;
};
/// Null: there is no command of that opcode.
const IoCommand* find_io_command(uint8_t opcode);
struct AdminCommand {
  uint8_t opcode = 0;
  bool of_discovery = false;  ///< discovery controllers have it, too
  uint32_t effects = 0;       ///< wire::nvme::Effects
  void (*handler)(Handling) = nullptr;
};
const AdminCommand* find_admin_command(uint8_t opcode);
std::vector<wire::nvme::CommandEffect> io_command_effects(bool discovery);
std::vector<wire::nvme::CommandEffect> admin_command_effects(const Queue& queue);
std::vector<wire::nvme::FeatureEffect> feature_effects(bool discovery);

/// The doors: every check that is the same for all commands, then the handler.
void dispatch_io(Handling handling);
void dispatch_admin(Handling handling);
void dispatch_fabrics(Handling handling);
/// Namespace, access, reservation and protection of a command. False: it has ended.
[[nodiscard]] bool admit_io(Handling handling, const IoCommand& command);

// read_write.cc
void read(Handling handling);
void write(Handling handling);
void flush(Handling handling);
// compare.cc
void compare(Handling handling);
void verify(Handling handling);
/// Outcome of `length` bytes of the namespace at `offset` held against the command's buffer; without it they are only read.
loop::Task<Outcome> read_and_compare(Handling handling, uint64_t offset, uint64_t length, bool with_data);
// fused.cc: both halves are submitted, the first without its second when that has still to come
void begin_fused_first(Handling first);
void begin_fused_second(Handling first, Handling second);
// deallocate.cc
void write_zeroes(Handling handling);
void dataset_management(Handling handling);
constexpr uint32_t most_dataset_ranges = 256;
// copy.cc
void copy(Handling handling);
constexpr uint32_t most_copy_ranges = 128;
constexpr uint16_t most_copy_range_blocks = 65535;
constexpr uint32_t most_copy_bytes = 64u << 20;
// erase_commands.cc
void format_nvm(Handling handling);
void sanitize(Handling handling);
/// The namespace that Sanitize is about: null unless the whole subsystem is one volume, which this host may write.
Namespace* sole_namespace(const Queue& queue);
uint32_t sanitize_capabilities(const Queue& queue);
/// CDW10 of the Sanitize that it was, or would have been.
uint32_t sanitize_word(const unit::SanitizeRecord& record);
std::vector<uint8_t> sanitize_status(const Queue& queue);
// reservation_commands.cc
void reservation_register(Handling handling);
void reservation_acquire(Handling handling);
void reservation_release(Handling handling);
void reservation_report(Handling handling);

// identify.cc, log_pages.cc, features.cc, admin_commands.cc
void identify(Handling handling);
constexpr std::string_view model_number = "Ashlar", firmware_revision = "1";
void get_log_page(Handling handling);
/// The length that was asked for is one that can be sent, and there is memory for it: what a page tells once is not told again.
/// Else the command has ended.
[[nodiscard]] bool admit_log_length(Handling handling, const wire::nvme::LogRequest& request);
/// What was asked for of `page`, into the memory that the command has.
void reply_log_part(Handling handling, const wire::nvme::LogRequest& request, ConstBytes page);
uint64_t power_on_hours(const Queue& queue);
// persistent_events.cc
void get_persistent_events(Handling handling, const wire::nvme::LogRequest& request);
constexpr uint32_t persistent_log_units = 1;  // PELS: 64 KiB
/// Since 1970, for what hosts and people read.
uint64_t milliseconds_of_day(loop::Loop& loop);
void set_features(Handling handling);
void get_features(Handling handling);
void abort_command(Handling handling);
void asynchronous_event_request(Handling handling);
void keep_alive(Handling handling);
// authenticator.cc
void authentication_send(Handling handling);
void authentication_receive(Handling handling);
/// One of these two.
bool is_authentication(const Submission& entry);
// properties.cc
void property_get(Handling handling);
void property_set(Handling handling);

/// ANAGRPID: each namespace is a group of its own, whose state is that of its access group.
inline uint32_t access_group_of(uint32_t namespace_id) { return namespace_id; }
/// Discovery entries of the subsystems that `host` may use, as whoever came by `local` reaches them.
std::vector<wire::nvme::DiscoveryEntry> discovery_entries(const Directory& directory, const std::string& host,
                                                          const loop::Endpoint& peer, const Port& port,
                                                          const loop::Endpoint& local);

}  // namespace ashlar::nvme
