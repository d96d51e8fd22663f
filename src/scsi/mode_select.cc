// MODE SELECT(6) and (10), SPC-4 6.9 and 6.10. The whole parameter list is checked before anything changes.
#include <bit>

#include "base/log.h"
#include "scsi/handlers.h"
#include "scsi/mode_pages.h"
#include "scsi/mode_parameters.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

// Longer than any list with all our pages once; a longer one repeats itself.
constexpr uint32_t max_list_bytes = 512;

Sense parameter(size_t field, int bit = -1) {
  return Sense::invalid_parameter_field(static_cast<uint16_t>(field), bit);
}

// SBC-3 6.5.2: the descriptor may repeat what is, or leave it open with zeroes (or all ones, for the number); neither the
// capacity nor the length of a block can be changed by it.
Sense check_descriptor(const unit::Geometry& geometry, ConstBytes list, size_t at, bool long_form) {
  const uint64_t blocks = geometry.blocks();
  const uint8_t* descriptor = list.data() + at;
  const uint64_t number = long_form ? load_be64(descriptor) : load_be32(descriptor);
  const uint64_t all_ones = long_form ? UINT64_MAX : UINT32_MAX;
  const uint32_t length = long_form ? load_be32(descriptor + 12) : load_be24(descriptor + 5);
  if (number != 0 && number != all_ones && number != blocks) return parameter(at);
  if (length != 0 && length != geometry.block_bytes) return parameter(at + (long_form ? 12 : 5));
  return {};
}

// Its code, and how many bytes of header it has.
ModePageCode code_at(ConstBytes list, size_t at, size_t& header_bytes) {
  const bool with_subpage = (list[at] & 0x40) != 0;  // SPF
  header_bytes = with_subpage ? 4 : 2;
  return {static_cast<uint8_t>(list[at] & 0x3f),
          with_subpage && at + 1 < list.size() ? list[at + 1] : uint8_t{0}};
}

// The bits of the page at `at` that differ from what is, and may not.
Sense check_changes(ConstBytes page, size_t at, size_t header_bytes, ModePageCode code,
                    const ModeParameters& now) {
  std::array<uint8_t, max_mode_page_bytes> current;
  std::array<uint8_t, max_mode_page_bytes> mask;
  fill_mode_page(code, now, Bytes(current).first(page.size()));
  fill_changeable_mask(code, Bytes(mask).first(page.size()));
  for (size_t i = header_bytes; i < page.size(); ++i) {
    const uint8_t wrong = static_cast<uint8_t>((page[i] ^ current[i]) & ~mask[i]);
    if (wrong != 0) return parameter(at + i, std::bit_width(wrong) - 1);
  }
  return {};
}

// One page at `at`, which moves behind it: known, of the right length, and different from what is only where it may be.
Sense check_page(const Handling& handling, ConstBytes list, size_t& at, ModeParameters& wanted) {
  size_t header_bytes = 0;
  const ModePageCode code = code_at(list, at, header_bytes);
  const size_t length = mode_page_bytes(code);
  if (header_bytes == 4 && list.size() - at < 2) return Sense::parameter_list_length_error();
  if (length == 0 && mode_page_bytes({code.page}) != 0) return parameter(at + 1);
  if (length == 0 || !has_mode_page(handling, code)) return parameter(at, 5);
  if ((code.subpage != 0) != (header_bytes == 4)) return parameter(at, 6);
  if (list.size() - at < header_bytes) return Sense::parameter_list_length_error();
  const size_t told = header_bytes == 4 ? load_be16(list.data() + at + 2) : list[at + 1];
  if (told != length - header_bytes) return parameter(at + header_bytes / 2);
  if (list.size() - at < length) return Sense::parameter_list_length_error();
  const ConstBytes page = list.subspan(at, length);
  const Sense changes = check_changes(page, at, header_bytes, code, wanted);
  if (changes.key != SenseKey::no_sense) return changes;
  const int reserved = read_mode_page(code, page, wanted);
  if (reserved >= 0) return parameter(at + static_cast<size_t>(reserved >> 3), reserved & 7);
  at += length;
  return {};
}

Sense check_list(const Handling& handling, ConstBytes list, bool ten, ModeParameters& wanted) {
  const size_t header_bytes = ten ? 8 : 4;
  if (list.size() < header_bytes) return Sense::parameter_list_length_error();
  if (list[ten ? 2 : 1] != 0) return parameter(ten ? 2 : 1);  // MEDIUM TYPE
  const bool long_form = ten && (list[4] & 0x01) != 0;
  const size_t descriptor_bytes = ten ? load_be16(list.data() + 6) : list[3];
  if (descriptor_bytes != 0 && descriptor_bytes != (long_form ? 16 : 8)) return parameter(ten ? 6 : 3);
  if (list.size() - header_bytes < descriptor_bytes) return Sense::parameter_list_length_error();
  if (descriptor_bytes != 0) {
    const Sense sense = check_descriptor(handling.unit().geometry(), list, header_bytes, long_form);
    if (sense.key != SenseKey::no_sense) return sense;
  }
  for (size_t at = header_bytes + descriptor_bytes; at < list.size();) {
    const Sense sense = check_page(handling, list, at, wanted);
    if (sense.key != SenseKey::no_sense) return sense;
  }
  return {};
}

// Other nexuses are told before their next command (SPC-4 5.14: MODE PARAMETERS CHANGED).
void apply(const Handling& handling, const ModeParameters& wanted) {
  set_mode_parameters(handling.unit(), handling.state(), wanted);
  NexusState& nexus = handling.nexus();
  nexus.domain().raise_everywhere(handling.lun().volume, unit::Attention::mode_parameters_changed,
                                  &nexus.nexus());
}

ModeParameters now(const Handling& handling) {
  return current_mode_parameters(handling.unit(), handling.state());
}

// On stable storage before anything changes (SPC-4 6.9: SP). Only then are they what a reset goes back to.
loop::Task<Sense> save(Handling handling, ModeParameters wanted) {
  const std::shared_ptr<UnitState> state = handling.lun().state;
  auto keeping = keep_mode_pages(handling.nexus().domain(), state->uuid, encode_mode_parameters(wanted));
  const Result<void> kept = co_await keeping;
  if (kept) {
    state->save(wanted);
    co_return Sense{};
  }
  log_error("scsi", "mode pages were not saved: {}", kept.error().text());
  co_return Sense::of(SenseKey::hardware_error, 0x4400);  // INTERNAL TARGET FAILURE
}

// SBC-3 6.5.5: what the cache holds goes to the medium when it is turned off.
loop::Task<Sense> flush(Handling handling) {
  const block::Request& request = handling.request(block::Operation::flush, 0, 0);
  UnitWork work(handling);
  const block::Status status = co_await work;
  co_return status == block::Status::ok ? Sense{} : sense_of(status, true, request.offset);
}

loop::Task<Sense> take_list(Handling handling, ConstBytes list) {
  const uint8_t* cdb = handling.cdb();
  const bool ten = cdb[0] == 0x55;
  ModeParameters before = now(handling);
  ModeParameters wanted = before;
  const Sense wrong = check_list(handling, list, ten, wanted);
  if (wrong.key != SenseKey::no_sense) co_return wrong;
  if ((cdb[1] & 0x01) != 0) {
    auto saving = save(handling, wanted);
    const Sense failed = co_await saving;
    if (handling.interrupted() || failed.key != SenseKey::no_sense) co_return failed;
    // Another host may have changed them meanwhile: this list is the later one, but only for what it names.
    before = now(handling);
    wanted = before;
    const Sense later = check_list(handling, list, ten, wanted);
    if (later.key != SenseKey::no_sense) co_return later;
  }
  if (wanted != before) apply(handling, wanted);
  if (!before.write_cache || wanted.write_cache) co_return Sense{};
  auto flushing = flush(handling);
  co_return co_await flushing;
}

loop::Task<void> select(Handling handling, uint32_t list_bytes) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::array<uint8_t, max_list_bytes> bytes;
  const Bytes list = Bytes(bytes).first(list_bytes);
  handling.task().buffer.copy_out(0, list);
  auto taking = take_list(handling, list);
  const Sense outcome = co_await taking;
  handling.finish(outcome);
}

}  // namespace

void mode_select(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool ten = cdb[0] == 0x55;
  if ((cdb[1] & 0x10) == 0)
    return handling.fail(Sense::invalid_cdb_field(1, 4));  // PF: only pages of the standard
  if ((cdb[1] & 0x01) != 0 && !can_save_mode_pages(handling))
    return handling.fail(Sense::invalid_cdb_field(1, 0));  // SP: nothing can be saved
  const uint32_t list_bytes = ten ? load_be16(cdb + 7) : cdb[4];
  if (handling.expect_list(list_bytes, max_list_bytes)) select(handling, list_bytes).detach();
}

}  // namespace ashlar::scsi
