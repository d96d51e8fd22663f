// A whole login, and the text exchanges behind it, from bytes. One byte chooses the portal, then records follow:
//   byte 1 of the header, a byte of oddities, a 16-bit length, and so many bytes of text.
// In the text, '\x01' stands for the right answer to the last CHAP challenge, so that what lies behind it is reached.
#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "base/check.h"
#include "iscsi/login_testing.h"
#include "iscsi/text.h"

namespace {

using namespace ashlar;
using namespace ashlar::iscsi;
using namespace ashlar::iscsi::testing;
using wire::iscsi::LoginRequest;

std::shared_ptr<const Directory> served(bool with_any) {
  const auto directory = make_directory();
  if (with_any) add_any_target(*directory);
  return directory;
}

struct Record {
  uint8_t flags;
  uint8_t odd;
  std::string text;
};

std::optional<Record> next_record(Reader& reader) {
  Record record{};
  record.flags = reader.u8();
  record.odd = reader.u8();
  const size_t length = reader.u16();
  if (!reader.ok()) return std::nullopt;
  record.text = text_of(reader.take(std::min(length, reader.remaining())));
  return record;
}

/// What a host with alice's secret would answer to the challenge in `text`; empty when there is none.
std::string proof_of(const std::string& text) {
  const auto pairs = wire::iscsi::parse_text(text);
  if (!pairs) return {};
  const auto* algorithm = wire::iscsi::find_value(*pairs, "CHAP_A");
  const auto* identifier = wire::iscsi::find_value(*pairs, "CHAP_I");
  const auto* challenge = wire::iscsi::find_value(*pairs, "CHAP_C");
  if (algorithm == nullptr || identifier == nullptr || challenge == nullptr) return {};
  const auto bytes = wire::iscsi::parse_binary("CHAP_C", *challenge, max_chap_bytes);
  const auto number = wire::iscsi::parse_number("CHAP_I", *identifier);
  const auto response =
      chap_response(*choose_chap_algorithm(*algorithm), static_cast<uint8_t>(*number), chap_secret, *bytes);
  return wire::iscsi::binary_as_hex(*response);
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

LoginRequest request_of(const Record& record) {
  std::array<uint8_t, wire::iscsi::basic_header_bytes> header{};
  header[0] = 0x43;
  header[1] = record.flags;
  LoginRequest request = LoginRequest::decode(header.data());
  // Oddities are rare: one bit each, so that most inputs come further than the header.
  request.version_min = record.odd & 1;
  request.tsih = (record.odd & 2) != 0 ? 3 : 0;
  request.isid[0] = (record.odd & 4) != 0 ? 1 : 0;
  request.connection_id = (record.odd & 8) != 0 ? 1 : 0;
  request.additional_header_bytes = (record.odd & 16) != 0 ? 4 : 0;
  request.data_segment_length = static_cast<uint32_t>(record.text.size());
  return request;
}

// `said`: all text of the host so far. What it says may come back, names in lower case; our secret may not.
void check_outcome(const LoginOutcome& outcome, const std::string& said, bool over) {
  const auto& response = outcome.response;
  CHECK(!(outcome.finished && outcome.close));
  CHECK(outcome.close == (response.status != wire::iscsi::LoginStatus::success));
  CHECK(!over || outcome.close);
  CHECK(outcome.text.size() <= LoginMachine::max_data_segment_bytes &&
        outcome.text.size() == response.data_segment_length);
  CHECK(!(response.transit && response.continues) &&
        (!outcome.close || outcome.text.empty() ||
         response.status == wire::iscsi::LoginStatus::target_moved_permanently));
  CHECK((outcome.finished || outcome.close) == !outcome.reason.empty());
  const bool told = (outcome.reason + outcome.text).find(chap_secret) != std::string::npos;
  CHECK(!told || lower_case(said).find(chap_secret) != std::string::npos);
}

void check_session(const LoginMachine& machine, bool proof_used) {
  const SessionParameters& agreed = machine.parameters();
  CHECK(agreed.first_burst_bytes <= agreed.max_burst_bytes && agreed.max_burst_bytes >= 512);
  CHECK(agreed.initiator_max_receive_data_segment_bytes >= 512 &&
        agreed.max_receive_data_segment_bytes >= 512);
  CHECK(agreed.max_connections >= 1 && agreed.max_connections <= 8 && agreed.error_recovery_level == 0 &&
        agreed.max_outstanding_r2t >= 1);
  CHECK(!machine.initiator().empty());
  CHECK(machine.discovery() == (machine.target() == nullptr));
  if (machine.discovery()) return;
  // The point of it all: nobody gets in without the secret.
  CHECK(machine.view() == machine.target()->view_of(machine.initiator(), machine.peer().address) &&
        machine.view() != nullptr);
  CHECK(machine.view()->chap.user.empty() == (machine.authentication() == "none"));
  CHECK(machine.view()->chap.user.empty() || proof_used);
}

void exchange_texts(Reader& reader, const LoginMachine& machine, const Directory& directory) {
  TextExchange exchange(
      {machine.initiator(), machine.target(), machine.portal(), machine.local(), machine.peer()});
  SessionParameters parameters = machine.parameters();
  uint32_t tag = wire::iscsi::reserved_task_tag;
  while (const auto record = next_record(reader)) {
    wire::iscsi::TextRequest request;
    request.final = (record->flags & 0x80) != 0;
    request.continues = (record->flags & 0x40) != 0;
    request.initiator_task_tag = record->odd & 3;
    request.target_transfer_tag = (record->odd & 4) != 0 ? wire::iscsi::reserved_task_tag : tag;
    const TextOutcome outcome = exchange.apply(directory, request, bytes_of(record->text), parameters);
    tag = outcome.response.target_transfer_tag;
    CHECK(outcome.rejected != outcome.reason.empty());
    if (outcome.rejected) continue;
    CHECK(outcome.text.size() <= parameters.initiator_max_receive_data_segment_bytes);
    CHECK(!(outcome.response.final && outcome.response.continues));
    CHECK(outcome.response.final == (tag == wire::iscsi::reserved_task_tag) &&
          outcome.response.final != exchange.open());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::array directories = {served(false), served(true)};
  Reader reader({data, size});
  const uint8_t choice = reader.u8();
  const auto& directory = directories[choice & 1];
  LoginMachine machine(directory, (choice & 2) != 0 ? far_portal() : near_portal(), {"192.0.2.1", 3260},
                       {"198.51.100.9", 40000}, counting_random());
  std::string proof;
  std::string said;
  bool proof_used = false;
  bool over = false;
  while (auto record = next_record(reader)) {
    const size_t mark = record->text.find('\x01');
    if (mark != std::string::npos && !proof.empty()) {
      record->text.replace(mark, 1, proof);
      proof_used = true;
    }
    const LoginOutcome outcome = machine.apply(request_of(*record), bytes_of(record->text));
    said += record->text;
    check_outcome(outcome, said, over);
    over = over || outcome.finished || outcome.close;
    if (const std::string found = proof_of(outcome.text); !found.empty()) proof = found;
    if (outcome.finished) {
      check_session(machine, proof_used);
      exchange_texts(reader, machine, *directory);
      break;
    }
  }
  return 0;
}
