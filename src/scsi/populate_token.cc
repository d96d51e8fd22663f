// POPULATE TOKEN (SBC-3 5.7) and REPORT ALL ROD TOKENS (SPC-4 6.31).
#include "scsi/block_ranges.h"
#include "scsi/copy_plan.h"
#include "scsi/handlers.h"
#include "scsi/rod_tokens.h"

namespace ashlar::scsi {
namespace {

using wire::scsi::PopulateTokenList;

constexpr uint32_t max_populate_list_bytes = 8192;  // more ranges than are taken get their own answer

Sense check_list(Handling handling, const PopulateTokenList& list) {
  if (list.rod_type_valid && list.rod_type != access_upon_reference_rod)
    return Sense::invalid_parameter_field(8);
  if (list.inactivity_seconds > max_token_inactivity_seconds) return Sense::invalid_parameter_field(4);
  return check_ranges(list.ranges, handling.unit().geometry(), wire::scsi::populate_range_at);
}

std::shared_ptr<RodToken> make_token(Handling handling, const PopulateTokenList& list) {
  const LunState& lun = handling.lun();
  NexusState& nexus = handling.nexus();
  auto token = std::make_shared<RodToken>();
  token->creator = unit::name_of(nexus.nexus());
  token->volume = lun.volume;
  token->state = lun.state;
  for (const auto& unit : nexus.impl().view->luns.at(lun.lun).unit_on_shard)
    token->unit_on_shard.emplace_back(unit);
  token->block_bytes = handling.unit().geometry().block_bytes;
  token->ranges = list.ranges;
  token->length = blocks_of(list.ranges) * token->block_bytes;
  token->inactivity = loop::seconds(list.inactivity_seconds != 0 ? list.inactivity_seconds
                                                                 : default_token_inactivity_seconds);
  std::array<uint8_t, 64> secret;
  handling.loop().random(secret);
  if (!nexus.domain().impl().rod_tokens().add(token, secret, handling.loop().now())) return nullptr;
  return token;
}

loop::Task<void> populate_story(Handling handling, uint32_t list_bytes) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> bytes(list_bytes);
  handling.task().buffer.copy_out(0, bytes);
  const auto list = wire::scsi::parse_populate_token(bytes);
  Sense sense = list ? check_list(handling, *list) : sense_of(list.error());
  if (sense.key != SenseKey::no_sense) {
    handling.fail(sense);
    co_return;
  }
  const auto record =
      handling.nexus().impl().copy_records.add(handling.lun().lun, load_be32(handling.cdb() + 6));
  if (!record) {
    handling.fail(Sense::of(SenseKey::illegal_request, 0x0016));  // OPERATION IN PROGRESS
    co_return;
  }
  record->service_action = 0x10;
  const std::shared_ptr<RodToken> token = make_token(handling, *list);
  if (!token) {
    record->status = ScsiStatus::check_condition;
    record->sense =
        Sense::of(SenseKey::illegal_request, 0x550d);  // INSUFFICIENT RESOURCES TO CREATE ROD TOKEN
    handling.fail(record->sense);
    co_return;
  }
  record->token = token->bytes;
  record->block_bytes = token->block_bytes;
  record->bytes = token->length;
  handling.good();
}

}  // namespace

void populate_token(Handling handling) {
  const uint32_t list_bytes = load_be32(handling.cdb() + 10);
  if (handling.expect_list(list_bytes, max_populate_list_bytes))
    populate_story(handling, list_bytes).detach();
}

void report_rod_tokens(Handling handling) {
  NexusState& nexus = handling.nexus();
  const auto tokens = nexus.domain().impl().rod_tokens().of(unit::name_of(nexus.nexus()),
                                                            handling.lun().volume, handling.loop().now());
  std::vector<uint8_t> data(8);
  for (const auto& token : tokens) data.insert(data.end(), token->bytes.begin(), token->bytes.end());
  store_be32(data.data(), static_cast<uint32_t>(data.size() - 4));
  handling.reply(data, load_be32(handling.cdb() + 10));
}

}  // namespace ashlar::scsi
