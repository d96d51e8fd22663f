#include "scsi/copy_plan.h"

#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

using unit::CopySide;
using wire::scsi::CopySegment;
using wire::scsi::Cscd;

Sense aborted(uint16_t code) { return Sense::of(SenseKey::copy_aborted, code); }

Sense at_field(Sense sense, uint16_t field) {
  sense.field_valid = sense.field_in_segment = true;
  sense.field = field;
  return sense;
}

// SPC-4 7.8.6: the designators of VPD page 83h that fit into a CSCD descriptor. Our T10 vendor identification is longer than its
// 20 bytes, so that it never names a unit here.
bool names(const Cscd& cscd, const unit::Identity& identity) {
  constexpr uint8_t binary = 1, eui64 = 2, naa = 3;
  if (cscd.code_set != binary || cscd.association != 0) return false;
  const ConstBytes given = ConstBytes(cscd.designator).first(cscd.designator_length);
  if (cscd.designator_type == naa) return std::ranges::equal(given, identity.naa.bytes());
  return cscd.designator_type == eui64 && std::ranges::equal(given, identity.eui64);
}

// The unit may be mapped twice; then the one that can be written is better.
const LunState* find_lun(Handling handling, const Cscd& cscd) {
  const LunState* found = nullptr;
  for (const auto& [number, lun] : handling.nexus().impl().luns) {
    if (lun->is_device || !names(cscd, lun->unit->identity())) continue;
    if (found == nullptr || found->read_only) found = lun.get();
  }
  return found;
}

class Planner {
 public:
  Planner(Handling handling, const wire::scsi::CopyList& list)
      : handling_(handling), list_(list), of_cscd_(list.cscds.size(), none) {}

  Sense add(const CopySegment& segment) {
    PlannedSegment planned{.number = static_cast<uint16_t>(plan_.segments.size())};
    const bool copies = segment.type == wire::scsi::block_to_block_segment;
    Sense sense = find(segment.source, CopySide::source, planned.source);
    if (sense.key == SenseKey::no_sense && copies)
      sense = find(segment.destination, CopySide::destination, planned.destination);
    if (sense.key == SenseKey::no_sense && copies) sense = measure(segment, planned);
    if (sense.key == SenseKey::no_sense) sense = check(segment, planned);
    sense.segment_valid = true;
    sense.segment = planned.number;
    plan_.segments.push_back(planned);
    return sense;
  }
  CopyPlan take() { return std::move(plan_); }

 private:
  static constexpr size_t none = SIZE_MAX;

  // SPC-4 6.4.5.1: an index, or FFFFh for the unit that has the copy manager.
  Sense find(uint16_t id, CopySide, size_t& out) {
    if (id == wire::scsi::cscd_of_this_unit) {
      out = take_unit(handling_.lun());
      return {};
    }
    if (id >= list_.cscds.size()) return aborted(0x0804);  // UNREACHABLE COPY TARGET
    const Cscd& cscd = list_.cscds[id];
    if (cscd.null_unit) return aborted(0x0804);
    if (of_cscd_[id] == none) {
      const LunState* lun = find_lun(handling_, cscd);
      if (lun == nullptr) return aborted(0x0d02);  // COPY TARGET DEVICE NOT REACHABLE
      // A CD's medium may go while a long copy is under way.
      if (cscd.device_type != 0 || lun->kind != unit::DeviceKind::disk)
        return aborted(0x0d03);  // INCORRECT COPY TARGET DEVICE TYPE
      // Another block size would mean other bytes than the host had in mind. Zero says nothing.
      if (cscd.block_bytes != 0 && cscd.block_bytes != lun->unit->geometry().block_bytes)
        return Sense::invalid_parameter_field(static_cast<uint16_t>(cscd.at + 29));
      of_cscd_[id] = take_unit(*lun);
    }
    out = of_cscd_[id];
    return {};
  }

  size_t take_unit(const LunState& lun) {
    const auto same = std::ranges::find(plan_.units, lun.lun, &CopyUnit::lun);
    if (same != plan_.units.end()) return static_cast<size_t>(same - plan_.units.begin());
    plan_.units.push_back({lun.lun, lun.volume, lun.unit});
    return plan_.units.size() - 1;
  }

  Sense measure(const CopySegment& segment, PlannedSegment& planned) const {
    const unit::Geometry from = plan_.units[planned.source].unit->geometry();
    const unit::Geometry to = plan_.units[planned.destination].unit->geometry();
    planned.bytes = uint64_t{segment.blocks} * (segment.destination_count ? to : from).block_bytes;
    if (planned.bytes % from.block_bytes != 0 || planned.bytes % to.block_bytes != 0)
      return at_field(aborted(0x260a), 10);  // UNEXPECTED INEXACT SEGMENT
    const auto fits = [&](uint64_t lba, const unit::Geometry& geometry) {
      return geometry.holds(lba, planned.bytes / geometry.block_bytes);
    };
    if (!fits(segment.source_lba, from)) return outside(CopySide::source, 12);
    if (!fits(segment.destination_lba, to)) return outside(CopySide::destination, 20);
    planned.source_offset = segment.source_lba * from.block_bytes;
    planned.destination_offset = segment.destination_lba * to.block_bytes;
    return {};
  }

  static Sense outside(CopySide side, uint16_t field) {
    Sense sense = third_party_failure(side, ScsiStatus::check_condition, Sense::lba_out_of_range(0));
    sense.code = 0x0000;  // our own finding, not a failure of the unit
    return at_field(sense, field);
  }

  // A verify without TUR asks whether the unit can be reached, and it can.
  Sense check(const CopySegment& segment, const PlannedSegment& planned) const {
    NexusState::Impl& nexus = handling_.nexus().impl();
    if (segment.type == wire::scsi::verify_cscd_segment && !segment.test_ready) return {};
    const Sense source = copy_trouble(nexus, plan_.units[planned.source], CopySide::source);
    if (source.key != SenseKey::no_sense || segment.type == wire::scsi::verify_cscd_segment) return source;
    return copy_trouble(nexus, plan_.units[planned.destination], CopySide::destination);
  }

  Handling handling_;
  const wire::scsi::CopyList& list_;
  std::vector<size_t> of_cscd_;  // into the plan's units
  CopyPlan plan_;
};

}  // namespace

std::expected<CopyPlan, Sense> plan_copy(Handling handling, const wire::scsi::CopyList& list) {
  Planner planner(handling, list);
  for (const CopySegment& segment : list.segments) {
    const Sense sense = planner.add(segment);
    if (sense.key != SenseKey::no_sense) return std::unexpected(sense);
  }
  return planner.take();
}

Sense sense_of(const wire::scsi::CopyListProblem& problem) {
  static constexpr uint16_t codes[] = {0x1a00, 0x2606, 0x2608, 0x2607, 0x2609, 0x260b, 0x2600};
  static_assert(std::size(codes) ==
                static_cast<size_t>(wire::scsi::CopyListProblem::Kind::invalid_field) + 1);
  Sense sense = Sense::invalid_parameter_field(problem.field, problem.bit);
  sense.code = codes[static_cast<size_t>(problem.kind)];
  sense.field_valid = problem.points;
  return sense;
}

}  // namespace ashlar::scsi
