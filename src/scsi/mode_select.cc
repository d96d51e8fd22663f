// MODE SELECT(6) and (10), SPC-4 6.9 and 6.10. The whole parameter list is checked before anything changes.
#include <bit>

#include "scsi/handlers.h"
#include "scsi/mode_pages.h"
#include "scsi/mode_parameters.h"

namespace ashlar::scsi {
namespace {

// Longer than any list with all our pages once; a longer one repeats itself.
constexpr uint32_t max_list_bytes = 512;

Sense list_length_error() { return Sense::of(SenseKey::illegal_request, 0x1a00); }
Sense parameter(size_t field, int bit = -1) {
  return Sense::invalid_parameter_field(static_cast<uint16_t>(field), bit);
}

// SBC-3 6.5.2: the descriptor may repeat what is, or leave it open with zeroes (or all ones, for the number); neither the
// capacity nor the length of a block can be changed by it.
Sense check_descriptor(const unit::Geometry& geometry, ConstBytes list, size_t at, bool long_form) {
  const uint64_t blocks = geometry.size_bytes / geometry.block_bytes;
  const uint8_t* descriptor = list.data() + at;
  const uint64_t number = long_form ? load_be64(descriptor) : load_be32(descriptor);
  const uint64_t all_ones = long_form ? UINT64_MAX : UINT32_MAX;
  const uint32_t length = long_form ? load_be32(descriptor + 12) : load_be24(descriptor + 5);
  if (number != 0 && number != all_ones && number != blocks) return parameter(at);
  if (length != 0 && length != geometry.block_bytes) return parameter(at + (long_form ? 12 : 5));
  return {};
}

// One page at `at`: known, of the right length, and different from what is only where it may be.
Sense check_page(ConstBytes list, size_t at, ModeParameters& wanted) {
  const uint8_t code = list[at] & 0x3f;
  const size_t length = mode_page_bytes(code);
  if (length == 0) return parameter(at, 5);
  if ((list[at] & 0x40) != 0) return parameter(at, 6);  // SPF: no page of ours has subpages
  if (list.size() - at < 2) return list_length_error();
  if (list[at + 1] != length - 2) return parameter(at + 1);
  if (list.size() - at < length) return list_length_error();
  std::array<uint8_t, max_mode_page_bytes> current;
  std::array<uint8_t, max_mode_page_bytes> mask;
  fill_mode_page(code, wanted, Bytes(current).first(length));
  fill_changeable_mask(code, Bytes(mask).first(length));
  for (size_t i = 2; i < length; ++i) {
    const uint8_t wrong = static_cast<uint8_t>((list[at + i] ^ current[i]) & ~mask[i]);
    if (wrong != 0) return parameter(at + i, std::bit_width(wrong) - 1);
  }
  read_mode_page(code, list.subspan(at, length), wanted);
  return {};
}

Sense check_list(const Handling& handling, ConstBytes list, bool ten, ModeParameters& wanted) {
  const size_t header_bytes = ten ? 8 : 4;
  if (list.size() < header_bytes) return list_length_error();
  if (list[ten ? 2 : 1] != 0) return parameter(ten ? 2 : 1);  // MEDIUM TYPE
  const bool long_form = ten && (list[4] & 0x01) != 0;
  const size_t descriptor_bytes = ten ? load_be16(list.data() + 6) : list[3];
  if (descriptor_bytes != 0 && descriptor_bytes != (long_form ? 16 : 8)) return parameter(ten ? 6 : 3);
  if (list.size() - header_bytes < descriptor_bytes) return list_length_error();
  if (descriptor_bytes != 0) {
    const Sense sense = check_descriptor(handling.unit().geometry(), list, header_bytes, long_form);
    if (sense.key != SenseKey::no_sense) return sense;
  }
  for (size_t at = header_bytes + descriptor_bytes; at < list.size();
       at += mode_page_bytes(list[at] & 0x3f)) {
    const Sense sense = check_page(list, at, wanted);
    if (sense.key != SenseKey::no_sense) return sense;
  }
  return {};
}

// Other nexuses are told before their next command (SPC-4 5.14: MODE PARAMETERS CHANGED).
void apply(const Handling& handling, const ModeParameters& wanted) {
  UnitState& state = handling.state();
  state.descriptor_sense = wanted.descriptor_sense;
  state.software_write_protect = wanted.software_write_protect;
  handling.unit().set_write_cache(wanted.write_cache);
  NexusState& nexus = handling.nexus();
  nexus.domain().raise_everywhere(handling.lun().volume, unit::Attention::mode_parameters_changed,
                                  &nexus.nexus());
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
  const ModeParameters before = current_mode_parameters(handling);
  ModeParameters wanted = before;
  const Sense wrong = check_list(handling, list, handling.cdb()[0] == 0x55, wanted);
  if (wrong.key != SenseKey::no_sense) {
    handling.fail(wrong);
    co_return;
  }
  if (wanted != before) apply(handling, wanted);
  if (before.write_cache &&
      !wanted.write_cache) {  // SBC-3 6.5.5: what the cache holds goes to the medium first
    const block::Request& request = handling.request(block::Operation::flush, 0, 0);
    UnitWork flush(handling);
    const block::Status status = co_await flush;
    if (status != block::Status::ok) {
      handling.fail(sense_of(status, true, request.offset));
      co_return;
    }
  }
  handling.good();
}

}  // namespace

void mode_select(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool ten = cdb[0] == 0x55;
  if ((cdb[1] & 0x10) == 0)
    return handling.fail(Sense::invalid_cdb_field(1, 4));  // PF: only pages of the standard
  if ((cdb[1] & 0x01) != 0) return handling.fail(Sense::invalid_cdb_field(1, 0));  // SP: nothing can be saved
  const uint32_t list_bytes = ten ? load_be16(cdb + 7) : cdb[4];
  handling.task().data_out_wanted_bytes = list_bytes;
  if (list_bytes == 0) return handling.good();
  if (list_bytes > max_list_bytes) return handling.fail(list_length_error());
  if (handling.task().expected_data_out_bytes < list_bytes) return handling.fail(list_length_error());
  if (handling.allocate(list_bytes)) select(handling, list_bytes).detach();
}

}  // namespace ashlar::scsi
