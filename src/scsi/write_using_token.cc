// WRITE USING TOKEN (SBC-3 5.45).
#include "scsi/block_ranges.h"
#include "scsi/copy_plan.h"
#include "scsi/handlers.h"
#include "scsi/rod_tokens.h"

namespace ashlar::scsi {
namespace {

using wire::scsi::WriteUsingTokenList;

constexpr uint32_t max_write_list_bytes = 8192;  // more ranges than are taken get their own answer

struct TokenWrite {
  WriteUsingTokenList list;
  std::shared_ptr<RodToken> token;  // null: zeroes
  CopyUnit source, destination;
  std::vector<RangePair> pairs;  // with a token
  std::shared_ptr<CopyRecord> record;
};

Sense token_sense(uint8_t qualifier) {  // INVALID TOKEN OPERATION
  return Sense::of(SenseKey::illegal_request, static_cast<uint16_t>(0x2300 | qualifier));
}

// The token behind the bytes, and what it stands for on this shard.
Sense find_token(Handling handling, TokenWrite& write) {
  RodTokens& tokens = handling.nexus().domain().impl().rod_tokens();
  const uint32_t type = load_be32(write.list.token.data());
  if (load_be16(&write.list.token[6]) != wire::scsi::rod_token_bytes - 8) return token_sense(0x0a);  // LENGTH
  if (type == block_zero_rod) return {};
  if (type != access_upon_reference_rod) return token_sense(0x01);  // UNSUPPORTED TOKEN TYPE
  const auto finding = tokens.use(write.list.token, handling.loop().now(), write.token);
  if (finding == RodTokens::Finding::revoked) return token_sense(0x06);
  if (finding == RodTokens::Finding::unknown) return token_sense(0x04);
  write.source = {0, write.token->volume, write.token->unit_on_shard[handling.loop().index()].lock(),
                  write.token};
  if (write.source.unit == nullptr) return token_sense(0x06);  // the volume is gone
  return {};
}

// The bytes that are asked for are those of the ROD, and whole blocks of its unit.
Sense lay_out(Handling handling, TokenWrite& write) {
  const unit::Geometry geometry = handling.unit().geometry();
  const Sense wrong = check_ranges(write.list.ranges, geometry, wire::scsi::write_range_at);
  if (wrong.key != SenseKey::no_sense || !write.token) return wrong;
  const RodToken& token = *write.token;
  const uint64_t wanted = blocks_of(write.list.ranges) * geometry.block_bytes;
  constexpr uint16_t offset_field = 8;
  if (write.list.offset_blocks > token.length / geometry.block_bytes)
    return Sense::invalid_parameter_field(offset_field);
  const uint64_t offset = write.list.offset_blocks * geometry.block_bytes;
  if (wanted > token.length - offset)
    return Sense::invalid_parameter_field(wire::scsi::write_range_at(0) + 8);
  write.pairs = lay_over(token.ranges, token.block_bytes, offset, write.list.ranges, geometry.block_bytes);
  for (const RangePair& pair : write.pairs) {
    const bool whole = pair.source_offset % token.block_bytes == 0 && pair.length % token.block_bytes == 0 &&
                       pair.destination_offset % geometry.block_bytes == 0 &&
                       pair.length % geometry.block_bytes == 0;
    if (!whole) return Sense::invalid_parameter_field(offset_field);
  }
  return {};
}

loop::Task<Sense> write_ranges(CopyOperation& operation, const TokenWrite& write) {
  const uint32_t block = operation.record().block_bytes;
  operation.set_sides(write.token ? &write.source : nullptr, &write.destination);
  const size_t steps = write.token ? write.pairs.size() : write.list.ranges.size();
  for (size_t i = 0; i < steps; ++i) {
    uint64_t offset = 0, length = 0;
    if (write.token) {
      offset = write.pairs[i].destination_offset;
      length = write.pairs[i].length;
    } else {
      offset = write.list.ranges[i].lba * block;
      length = uint64_t{write.list.ranges[i].blocks} * block;
    }
    if (length == 0) continue;
    auto working = write.token ? operation.copier().copy({write.source.unit, write.destination.unit,
                                                          write.pairs[i].source_offset, offset, length})
                               : operation.copier().write_zeroes(write.destination.unit, offset, length);
    const unit::CopyOutcome outcome = co_await working;
    if (outcome.status == block::Status::ok) continue;
    // The destination is the unit that got the command: what it says is said as for a WRITE.
    if (outcome.side == unit::CopySide::destination)
      co_return sense_of(outcome.status, true, (offset + outcome.done) / block);
    co_return operation.failure(outcome);
  }
  co_return Sense{};
}

loop::Task<void> write_story(Handling handling, TokenWrite write) {
  RodTokens& tokens = handling.nexus().domain().impl().rod_tokens();
  Sense sense;
  {
    std::vector<CopyUnit> units = {write.destination};
    if (write.token) units.push_back(write.source);
    CopyOperation operation(handling, write.record, std::move(units));
    if (!operation.copier().start(handling.loop().buffers())) {
      handling.nexus().impl().copy_records.forget(*write.record);
      sense = Handling::no_memory_sense();
    } else {
      if (write.list.immediate) {
        operation.answered_early();
        handling.good();  // the task is gone from here on
      }
      auto running = write_ranges(operation, write);
      sense = co_await running;
      operation.ended(sense);
      if (sense.key == SenseKey::no_sense && write.list.delete_token && write.token)
        tokens.remove(*write.token);
      if (write.record->background) co_return;
    }
  }
  handling.finish(sense);
}

loop::Task<void> write_using_token_story(Handling handling, uint32_t list_bytes) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> bytes(list_bytes);
  handling.task().buffer.copy_out(0, bytes);
  auto list = wire::scsi::parse_write_using_token(bytes);
  if (!list) {
    handling.fail(sense_of(list.error()));
    co_return;
  }
  const LunState& lun = handling.lun();
  TokenWrite write{.list = std::move(*list), .destination = {lun.lun, lun.volume, lun.unit}};
  Sense sense = find_token(handling, write);
  if (sense.key == SenseKey::no_sense) sense = lay_out(handling, write);
  NexusState::Impl& nexus = handling.nexus().impl();
  if (sense.key == SenseKey::no_sense && write.token)
    sense = copy_trouble(nexus, write.source, unit::CopySide::source);
  if (sense.key == SenseKey::no_sense) {
    write.record = nexus.copy_records.add(lun.lun, load_be32(handling.cdb() + 6));
    if (!write.record) sense = Sense::of(SenseKey::illegal_request, 0x0016);  // OPERATION IN PROGRESS
  }
  if (sense.key != SenseKey::no_sense) {
    handling.fail(sense);
    co_return;
  }
  write.record->service_action = 0x11;
  write.record->block_bytes = handling.unit().geometry().block_bytes;
  write_story(handling, std::move(write)).detach();
}

}  // namespace

void write_using_token(Handling handling) {
  const uint32_t list_bytes = load_be32(handling.cdb() + 10);
  if (handling.expect_list(list_bytes, max_write_list_bytes))
    write_using_token_story(handling, list_bytes).detach();
}

}  // namespace ashlar::scsi
