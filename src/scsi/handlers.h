// The handlers that opcodes.def names; each stands in the file of its kind.
#pragma once

#include "scsi/handling.h"

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
// capacity.cc
void read_capacity_10(Handling handling);
void read_capacity_16(Handling handling);
// read_write.cc
void read(Handling handling);
void write(Handling handling);
void synchronize_cache(Handling handling);
void pre_fetch(Handling handling);
// verify.cc
void verify(Handling handling);
void write_and_verify(Handling handling);
// write_same.cc
void write_same(Handling handling);
void or_write(Handling handling);
// compare_and_write.cc
void compare_and_write(Handling handling);
// unmap.cc, lba_status.cc
void unmap(Handling handling);
void get_lba_status(Handling handling);
// reserve_commands.cc
void persistent_reserve_in(Handling handling);
void persistent_reserve_out(Handling handling);
void reserve_unit(Handling handling);
void release_unit(Handling handling);
// access_commands.cc
void report_target_port_groups(Handling handling);
void set_target_port_groups(Handling handling);
// report.cc
void report_luns(Handling handling);
void report_opcodes(Handling handling);
void report_task_management(Handling handling);

/// Some commands are there on some units alone: UNMAP on thin ones, SET TARGET PORT GROUPS where hosts may change states.
bool is_supported(Handling handling, const Opcode& opcode);
/// LBPME: the unit manages its provisioning, UNMAP and WRITE SAME with UNMAP work (SBC-3 4.7.3.2).
bool is_thin(unit::LogicalUnit& unit);
/// NOT READY and why, or no_sense when it is ready.
Sense readiness(const UnitState& state);
/// For what only some forms of a command do: a reservation of another nexus keeps this one out; if so the task has ended.
[[nodiscard]] bool refuse_reserved(Handling handling);
/// The mapping, the unit or SWP forbids writing: the sense, or no_sense.
Sense write_protection(const LunState& lun);

}  // namespace ashlar::scsi
