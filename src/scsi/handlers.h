// The handlers that opcodes.def and cd_opcodes.def name; each stands in the file of its kind.
#pragma once

#include "scsi/handling.h"
#include "scsi/mode_pages.h"

namespace ashlar::scsi {

// readiness.cc
void test_unit_ready(Handling handling);
void request_sense(Handling handling);
void start_stop_unit(Handling handling);
void prevent_allow(Handling handling);
// inquiry.cc
void inquiry(Handling handling);
// mode_sense.cc, mode_select.cc
void mode_sense(Handling handling);
void mode_select(Handling handling);
// log_sense.cc, log_select.cc
void log_sense(Handling handling);
void log_select(Handling handling);
// capacity.cc
void read_capacity_10(Handling handling);
void read_capacity_16(Handling handling);
// read_write.cc
void read(Handling handling);
/// Its body, for commands whose range stands elsewhere.
void read_range(Handling handling, const wire::scsi::BlockRange& range);
void write(Handling handling);
void synchronize_cache(Handling handling);
void pre_fetch(Handling handling);
// verify.cc
void verify(Handling handling);
void write_and_verify(Handling handling);
// write_same.cc
void write_same(Handling handling);
void or_write(Handling handling);
// compare_and_write.cc, write_atomic.cc
void compare_and_write(Handling handling);
void write_atomic(Handling handling);
// sanitize.cc, format_unit.cc, defects.cc
void sanitize(Handling handling);
void format_unit(Handling handling);
void read_defect_data(Handling handling);
// referrals.cc, timestamp.cc, identifying_information.cc
void report_referrals(Handling handling);
void report_timestamp(Handling handling);
void set_timestamp(Handling handling);
void report_identifying_information(Handling handling);
void set_identifying_information(Handling handling);
// echo_buffer.cc, diagnostics.cc, media_serial_number.cc
void read_buffer(Handling handling);
void write_buffer(Handling handling);
void send_diagnostic(Handling handling);
void receive_diagnostic(Handling handling);
void read_media_serial_number(Handling handling);
// unmap.cc, lba_status.cc
void unmap(Handling handling);
void get_lba_status(Handling handling);
// reserve_commands.cc
void persistent_reserve_in(Handling handling);
void persistent_reserve_out(Handling handling);
void reserve_unit(Handling handling);
void release_unit(Handling handling);
// extended_copy.cc, receive_copy.cc
void extended_copy(Handling handling);
void copy_operation_abort(Handling handling);
void receive_copy_status(Handling handling);
void receive_copy_data(Handling handling);
void receive_copy_parameters(Handling handling);
void receive_copy_failure(Handling handling);
void receive_copy_status_lid4(Handling handling);
void receive_rod_token(Handling handling);
// populate_token.cc, write_using_token.cc
void populate_token(Handling handling);
void report_rod_tokens(Handling handling);
void write_using_token(Handling handling);
// access_commands.cc
void report_target_port_groups(Handling handling);
void set_target_port_groups(Handling handling);
// report.cc
void report_luns(Handling handling);
void report_opcodes(Handling handling);
void report_task_management(Handling handling);

// cd_disc.cc, cd_structure.cc, cd_features.cc
void read_toc(Handling handling);
void read_disc_information(Handling handling);
void read_track_information(Handling handling);
void read_dvd_structure(Handling handling);
void get_configuration(Handling handling);
// cd_tray.cc
void start_stop_tray(Handling handling);
void get_event_status(Handling handling);
void mechanism_status(Handling handling);
// cd_read.cc
void read_cd(Handling handling);
void seek(Handling handling);
void set_cd_speed(Handling handling);

/// Some commands are there on some units alone: UNMAP on thin ones, WRITE ATOMIC where the store tears nothing, SET TARGET PORT
/// GROUPS where hosts may change states.
bool is_supported(Handling handling, const Opcode& opcode);
/// LBPME: the unit manages its provisioning, UNMAP and WRITE SAME with UNMAP work (SBC-3 4.7.3.2).
bool is_thin(unit::LogicalUnit& unit);
/// Thin units alone have the page of provisioning thresholds.
bool has_mode_page(const Handling& handling, ModePageCode code);
/// MODE SELECT may say SP: somebody keeps the pages.
bool can_save_mode_pages(const Handling& handling);
/// 28/00 for every other nexus that maps the unit, after its medium was loaded again.
void tell_medium_changed(Handling handling);
/// MISCOMPARE DURING VERIFY OPERATION at that byte (SBC-3 5.2, 5.29).
Sense miscompare(uint64_t offset);
/// NOT READY and why, or no_sense when it is ready.
Sense readiness(const UnitState& state);
/// For what only some forms of a command do: a reservation of another nexus keeps this one out; if so the task has ended.
[[nodiscard]] bool refuse_reserved(Handling handling);
/// The mapping, the unit or SWP forbids writing: the sense, or no_sense.
Sense write_protection(const LunState& lun);

}  // namespace ashlar::scsi
