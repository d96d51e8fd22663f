// EXTENDED COPY (SPC-4 6.4) with both list formats, and COPY OPERATION ABORT (6.3).
#include "scsi/copy_plan.h"
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t max_copy_list_bytes =
    static_cast<uint32_t>(wire::scsi::lid4_header_bytes + wire::scsi::max_descriptor_list_bytes);

loop::Task<Sense> run_segments(CopyOperation& operation, const CopyPlan& plan) {
  for (const PlannedSegment& segment : plan.segments) {
    if (segment.bytes > 0) {
      const CopyUnit& source = plan.units[segment.source];
      const CopyUnit& destination = plan.units[segment.destination];
      operation.set_sides(&source, &destination);
      auto copying = operation.copier().copy(
          {source.unit, destination.unit, segment.source_offset, segment.destination_offset, segment.bytes});
      const unit::CopyOutcome outcome = co_await copying;
      if (outcome.status != block::Status::ok) {
        Sense sense = operation.failure(outcome);
        sense.segment_valid = sense.key == SenseKey::copy_aborted;
        sense.segment = segment.number;
        co_return sense;
      }
    }
    ++operation.record().segments;
  }
  co_return Sense{};
}

// The record of a copy, or null when one of that identifier runs. Without an identifier nobody can ask for it.
std::shared_ptr<CopyRecord> make_record(Handling handling, const wire::scsi::CopyList& list, bool lid4) {
  std::shared_ptr<CopyRecord> record;
  if (list.usage == wire::scsi::ListIdUsage::none) {
    record = std::make_shared<CopyRecord>();
  } else {
    record = handling.nexus().impl().copy_records.add(handling.lun().lun, list.list_id);
  }
  if (record) {
    record->service_action = lid4 ? 0x01 : 0x00;
    record->block_bytes = handling.unit().geometry().block_bytes;
  }
  return record;
}

loop::Task<void> copy_story(Handling handling, wire::scsi::CopyList list, CopyPlan plan,
                            std::shared_ptr<CopyRecord> record) {
  Sense sense;
  {
    CopyOperation operation(handling, record, plan.units);
    if (!operation.copier().start(handling.loop().buffers())) {
      handling.nexus().impl().copy_records.forget(*record);
      sense = Handling::no_memory_sense();
    } else {
      if (list.immediate) {
        operation.answered_early();
        handling.good();  // the task is gone from here on
      }
      auto running = run_segments(operation, plan);
      sense = co_await running;
      operation.ended(sense);
      if (record->background) co_return;
    }
  }
  handling.finish(sense);
}

loop::Task<void> extended_copy_story(Handling handling, uint32_t list_bytes, bool lid4) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> bytes(list_bytes);
  handling.task().buffer.copy_out(0, bytes);
  auto list = wire::scsi::parse_copy_list(bytes, lid4);
  if (!list) {
    handling.fail(sense_of(list.error()));
    co_return;
  }
  auto plan = plan_copy(handling, *list);
  const std::shared_ptr<CopyRecord> record = make_record(handling, *list, lid4);
  if (!record) {
    handling.fail(Sense::of(SenseKey::illegal_request, 0x0016));  // OPERATION IN PROGRESS
    co_return;
  }
  if (!plan) {
    record->status = ScsiStatus::check_condition;
    record->sense = plan.error();
    handling.fail(plan.error());
    co_return;
  }
  copy_story(handling, std::move(*list), std::move(*plan), record).detach();
}

}  // namespace

// SPC-4 6.4.1: no list is no error.
void extended_copy(Handling handling) {
  const bool lid4 = (handling.cdb()[1] & 0x1f) == 0x01;
  const uint32_t list_bytes = load_be32(handling.cdb() + 10);
  if (handling.expect_list(list_bytes, max_copy_list_bytes))
    extended_copy_story(handling, list_bytes, lid4).detach();
}

void copy_operation_abort(Handling handling) {
  const uint32_t list_id = load_be32(handling.cdb() + 2);
  const auto record = handling.nexus().impl().copy_records.find(handling.lun().lun, list_id);
  if (!record || record->operation == nullptr) return handling.fail(Sense::invalid_cdb_field(2));
  handling.nexus().impl().domain.impl().abort({.tasks = {}, .told = {}, .copies = {record->operation}},
                                              [handling] { handling.good(); });
}

}  // namespace ashlar::scsi
