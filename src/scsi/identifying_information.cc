// REPORT and SET IDENTIFYING INFORMATION (SPC-4 5.6, 6.32, 6.43).
#include "scsi/identifying_information.h"

#include <algorithm>

#include "base/log.h"
#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"
#include "unit/keeping.h"

namespace ashlar::scsi {
namespace {

// INFORMATION TYPE, in its place in byte 10.
constexpr uint8_t of_device = 0x00 << 1;
constexpr uint8_t of_text = 0x02 << 1;
constexpr uint8_t what_there_is = 0x7f << 1;

std::string* part_of(IdentifyingInformation& information, uint8_t type) {
  if (type == of_device) return &information.device;
  return type == of_text ? &information.text : nullptr;
}

std::vector<uint8_t> supported() {
  std::vector<uint8_t> data(4 + 8);
  store_be16(&data[2], 8);
  data[4] = of_device;
  store_be16(&data[6], IdentifyingInformation::most_bytes);
  data[8] = of_text;
  store_be16(&data[10], IdentifyingInformation::most_text_bytes);
  return data;
}

std::string hexadecimal(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool read_hexadecimal(std::string_view digits, size_t most, std::string& out) {
  if (digits.size() % 2 != 0 || digits.size() / 2 > most) return false;
  out.clear();
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit_of(digits[i]);
    const int low = digit_of(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return true;
}

// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<uint8_t>(text[at]);
    const size_t more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || text.size() - at <= more) return false;
    uint32_t point = first & (more == 0 ? 0x7f : 0x3f >> more);
    for (size_t i = 1; i <= more; ++i) {
      const auto next = static_cast<uint8_t>(text[at + i]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    constexpr uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
    if (point < lowest[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    at += 1 + more;
  }
  return true;
}

// On stable storage before it is answered, and only then what others find.
loop::Task<Sense> keep(Handling handling, uint8_t type, std::string bytes) {
  const std::shared_ptr<UnitState> state = handling.lun().state;
  IdentifyingInformation wanted = state->identifying_information();
  *part_of(wanted, type) = bytes;
  const unit::KeepWork work = [](unit::Keeper& keeper, Uuid of, std::string text) {
    return keeper.keep_identifying_information(of, std::move(text));
  };
  auto keeping = unit::keep_at_home(*handling.nexus().domain().impl().records(), work, state->uuid,
                                    wanted.empty() ? std::string() : encode_identifying_information(wanted));
  const Result<void> kept = co_await keeping;
  if (!kept) {
    log_error("scsi", "identifying information was not kept: {}", kept.error().text());
    co_return Sense::of(SenseKey::hardware_error, 0x4400);  // INTERNAL TARGET FAILURE
  }
  state->set_identifying_information(std::move(wanted));
  co_return Sense{};
}

loop::Task<void> take_information(Handling handling, uint8_t type, uint32_t list_bytes) {
  std::string bytes(list_bytes, '\0');
  if (list_bytes > 0) {
    DataOut data(handling);
    const bool arrived = co_await data;
    if (!arrived) {
      handling.end();
      co_return;
    }
    handling.task().buffer.copy_out(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  }
  if (type == of_text && !bytes.empty()) {
    bytes.resize(std::min(bytes.find('\0'), bytes.size() - 1) + 1);
    if (bytes.back() != '\0' || !is_utf8(std::string_view(bytes).substr(0, bytes.size() - 1))) {
      handling.fail(Sense::invalid_parameter_field(0));
      co_return;
    }
  }
  // One at a time: each keeps both kinds, and would take back what another has changed meanwhile.
  const std::shared_ptr<UnitState> state = handling.lun().state;
  if (state->information_changes.exchange(true)) {
    handling.fail_status(ScsiStatus::busy);
    co_return;
  }
  auto keeping = keep(handling, type, std::move(bytes));
  const Sense outcome = co_await keeping;
  state->information_changes = false;
  handling.finish(outcome);
}

}  // namespace

std::string encode_identifying_information(const IdentifyingInformation& information) {
  return fmt::format("device={} text={}", hexadecimal(information.device), hexadecimal(information.text));
}

Result<IdentifyingInformation> decode_identifying_information(std::string_view text, std::string_view place) {
  IdentifyingInformation out;
  const size_t space = text.find(' ');
  const std::string_view device = text.substr(0, space);
  const std::string_view words = space == std::string_view::npos ? "" : text.substr(space + 1);
  const bool right = device.starts_with("device=") && words.starts_with("text=") &&
                     read_hexadecimal(device.substr(7), IdentifyingInformation::most_bytes, out.device) &&
                     read_hexadecimal(words.substr(5), IdentifyingInformation::most_text_bytes, out.text);
  if (!right) return fail(ErrorCode::invalid_argument, std::string(place), "no identifying information");
  return out;
}

void recall_identifying_information(UnitState& state, std::string_view text, std::string_view volume) {
  if (text.empty()) return;
  Result<IdentifyingInformation> kept = decode_identifying_information(text, volume);
  if (!kept) return log_warning("scsi", "identifying information is left aside: {}", kept.error().text());
  state.set_identifying_information(std::move(*kept));
}

void report_identifying_information(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint8_t type = cdb[10];
  const uint32_t allocation_length = load_be32(cdb + 6);
  if (type == what_there_is) return handling.reply(supported(), allocation_length);
  IdentifyingInformation information = handling.state().identifying_information();
  const std::string* part = part_of(information, type);
  if (part == nullptr) return handling.fail(Sense::invalid_cdb_field(10, 7));
  std::vector<uint8_t> data(4);
  store_be16(&data[2], static_cast<uint16_t>(part->size()));
  const ConstBytes bytes = bytes_of(*part);
  data.insert(data.end(), bytes.begin(), bytes.end());
  handling.reply(data, allocation_length);
}

void set_identifying_information(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint8_t type = cdb[10];
  const uint32_t list_bytes = load_be32(cdb + 6);
  if (!handling.nexus().domain().impl().keeps())                         // it would not outlive the engine
    return handling.fail(Sense::of(SenseKey::illegal_request, 0x3900));  // SAVING PARAMETERS NOT SUPPORTED
  IdentifyingInformation unused;
  if (part_of(unused, type) == nullptr) return handling.fail(Sense::invalid_cdb_field(10, 7));
  const size_t most =
      type == of_text ? IdentifyingInformation::most_text_bytes : IdentifyingInformation::most_bytes;
  if (list_bytes > most) return handling.fail(Sense::invalid_cdb_field(6));
  if (list_bytes > 0 && !handling.expect_list(list_bytes)) return;
  take_information(handling, type, list_bytes).detach();
}

}  // namespace ashlar::scsi
