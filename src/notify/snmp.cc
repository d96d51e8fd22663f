#include "notify/snmp.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "notify/alert_rule.h"
#include "notify/clean_text.h"
#include "notify/resolve.h"
#include "notify/snmp_trap.h"

namespace ashlar::notify {
namespace {

constexpr std::chrono::milliseconds limit{20'000};

// docs/ASHLAR-MIB.txt: under netSnmpPlaypen.
const ObjectId root = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999};

ObjectId under_root(std::initializer_list<uint32_t> tail) {
  ObjectId object = root;
  object.insert(object.end(), tail);
  return object;
}

ObjectId kind_of(const Notice& notice) {
  const uint32_t number = notice.state == "cleared" ? 2 : notice.state == "test" ? 3 : 1;
  return under_root({0, number});
}

std::vector<TrapValue> values_of(const Notice& notice) {
  const auto text = [](uint32_t object, std::string value) {
    return TrapValue{.object = under_root({1, object, 0}), .text = clean_line(value, 255)};
  };
  return {
      text(1, notice.id),
      text(2, notice.rule),
      text(3, notice.subject),
      TrapValue{
          .object = under_root({1, 4, 0}), .is_number = true, .number = severity_rank(notice.severity) + 1},
      text(5, notice.message),
      text(6, number_text(notice.value)),
      text(7, notice.time),
      text(8, notice.array)};
}

class Snmp final : public Channel {
 public:
  Snmp(SnmpOptions options, std::string auth_key, std::string privacy_key)
      : options_(std::move(options)), auth_key_(std::move(auth_key)), privacy_key_(std::move(privacy_key)) {}

  Result<void> deliver(const Notice& unclean) override {
    const Notice notice = clean_notice(unclean);
    TRY_ASSIGN(const std::vector<HostAddress> addresses, resolve_udp(options_.server, limit));
    Result<void> done;
    for (const HostAddress& address : addresses) {
      done = send_trap(
          Trap{.peer = address.text,
               .ipv6 = address.storage.ss_family == AF_INET6,
               .user = options_.user,
               .auth_protocol = options_.auth_protocol,
               .engine_id = options_.engine_id.empty() ? engine_id_of(notice.array) : options_.engine_id,
               .auth_key = auth_key_,
               .privacy_key = privacy_key_,
               .kind = kind_of(notice),
               .values = values_of(notice)});
      if (done) break;
    }
    return done;
  }

 private:
  SnmpOptions options_;
  std::string auth_key_, privacy_key_;
};

Result<std::string> read_engine_id(std::string_view hex) {
  if (hex.starts_with("0x")) hex.remove_prefix(2);
  std::string bytes;
  for (size_t at = 0; at + 1 < hex.size(); at += 2) {
    unsigned byte = 0;
    const auto [end, problem] = std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    if (problem != std::errc() || end != hex.data() + at + 2) break;
    bytes += static_cast<char>(byte);
  }
  // RFC 3411, 5, SnmpEngineID: 5 to 32 octets, not all 0 and not all 255.
  const auto all = [&bytes](char value) {
    return std::ranges::all_of(bytes, [=](char each) { return each == value; });
  };
  if (bytes.size() * 2 != hex.size() || bytes.size() < 5 || bytes.size() > 32 || all('\0') || all('\xFF'))
    return fail_option("engine_id", "must be 10 to 64 hex digits, not all 0 and not all f");
  return bytes;
}

}  // namespace

std::string engine_id_of(std::string_view array) {
  const std::string_view name = array.empty() ? "ashlar" : array.substr(0, 27);
  return std::string("\x80\x00\x1f\x88\x04", 5) + std::string(name);
}

Result<SnmpOptions> read_snmp_options(const api::AlertChannel& channel) {
  const ChannelOptions options(channel);
  TRY(options.check({"server", "user", "auth_protocol", "privacy_protocol", "engine_id"}));
  SnmpOptions snmp;
  TRY_ASSIGN(snmp.server, options.server("server", {{"", 162}}));
  TRY_ASSIGN(snmp.user, options.required("user"));
  if (snmp.user.size() > 32 || !is_printable_ascii(snmp.user))
    return fail_option("user", "must be 1 to 32 printable ASCII characters (RFC 3414, 4)");
  TRY_ASSIGN(snmp.auth_protocol, options.choice("auth_protocol", {"SHA-256", "SHA"}));
  TRY(options.choice("privacy_protocol", {"AES"}));
  if (options.has("engine_id")) {
    TRY_ASSIGN(const std::string hex, options.required("engine_id"));
    TRY_ASSIGN(snmp.engine_id, read_engine_id(hex));
  }
  return snmp;
}

std::unique_ptr<Channel> make_snmp(SnmpOptions options, std::string auth_key, std::string privacy_key) {
  return std::make_unique<Snmp>(std::move(options), std::move(auth_key), std::move(privacy_key));
}

}  // namespace ashlar::notify
