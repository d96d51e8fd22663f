// A hostile host against the controller's half of DH-HMAC-CHAP: messages by a script, near to right ones. Without the key nobody gets
// in, and nothing of the key is told.
#include "base/check.h"
#include "nvme/authentication.h"

namespace {

using namespace ashlar;
using namespace ashlar::wire::nvme;
using nvme::Authentication;

constexpr char host[] = "nqn.2014-08.org.nvmexpress:uuid:h";
constexpr char subsystem[] = "nqn.2026-11.io.ashlar:fuzz";
const std::vector<uint8_t> secret(32, 0x5c);

std::shared_ptr<const unit::HostView> view_of(uint8_t choice) {
  auto view = std::make_shared<unit::HostView>();
  if (choice % 8 == 7) return view;
  view->dhchap = {.key = {std::nullopt, secret}, .controller_key = {}, .hashes = {}, .groups = {}};
  view->dhchap->hashes = {static_cast<DhchapHash>(choice % 3 + 1)};
  view->dhchap->groups = {choice % 2 == 0 ? DhchapGroup::null : DhchapGroup::ffdhe2048};
  if (choice % 4 > 1) view->dhchap->controller_key = DhchapKey{DhchapHash::sha256, secret};
  return view;
}

std::vector<uint8_t> offer() {
  return AuthenticationNegotiate{
      .transaction = 7, .secure_channel = 0, .dhchap = true, .hashes = {1, 2, 3}, .groups = {0, 1}}
      .encode();
}

// Near to one that fits.
std::vector<uint8_t> message_of(Reader& reader) {
  std::vector<uint8_t> message;
  const size_t hash_bytes = 32 + 16 * (reader.u8() % 3);
  switch (reader.u8() % 6) {
    case 0: message = offer(); break;
    case 1:
    case 2: {
      const uint8_t choice = reader.u8();
      message = DhchapReply{.transaction = 7,
                            .sequence = reader.u32(),
                            .response = std::vector<uint8_t>(hash_bytes, reader.u8()),
                            .challenge = std::vector<uint8_t>(choice % 2 == 0 ? 0 : hash_bytes, 3),
                            .public_value = std::vector<uint8_t>(choice % 4 < 2 ? 0 : 256, reader.u8())}
                    .encode();
      break;
    }
    case 3: message = DhchapSuccess2{7}.encode(); break;
    case 4: message = AuthenticationRefusal{true, 7, AuthenticationFailure::failed}.encode(); break;
    default: {
      const ConstBytes bytes = reader.take(std::min<size_t>(reader.u8(), reader.remaining()));
      message.assign(bytes.begin(), bytes.end());
    }
  }
  for (uint8_t edits = reader.u8() % 4; edits > 0 && !message.empty(); --edits) {
    const uint8_t at = reader.u8();
    message[at % message.size()] = reader.u8();
  }
  if (reader.u8() % 8 == 0) message.resize(message.size() - message.size() % (reader.u8() + 1u));
  return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Reader reader({data, size});
  uint8_t drawn = reader.u8();
  Authentication machine(host, subsystem, [&drawn](std::span<uint8_t> bytes) {
    for (uint8_t& byte : bytes) byte = ++drawn;
  });
  const auto view = view_of(reader.u8());
  for (int steps = 0; steps < 64 && reader.remaining() > 0; ++steps) {
    if (reader.u8() % 3 == 0) {
      const auto said = machine.answer();
      CHECK(!said || (!said->proved && said->message.size() <= most_authentication_bytes));
      continue;
    }
    Authentication::Step step = machine.apply(message_of(reader), view, {});
    // Whatever the exchange gives.
    while (step.work) step = machine.computed(std::vector<uint8_t>(256, reader.u8()));
    CHECK(!step.proved && machine.text() == "none");
  }
  CHECK(machine.reason().find("\x5c\x5c") == std::string::npos);
  return 0;
}
