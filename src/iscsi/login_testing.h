// For tests and the login fuzzer: a small directory, and a host's side of a login that is written by hand.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iscsi/login.h"

namespace ashlar::iscsi::testing {

inline const std::string open_host = "iqn.2026-11.com.example:open";
inline const std::string chap_host = "iqn.2026-11.com.example:chap";
inline const std::string mutual_host = "iqn.2026-11.com.example:mutual";
inline const std::string same_host = "iqn.2026-11.com.example:same-secret";
inline const std::string disk_target = "iqn.2026-11.io.ashlar:disk";
inline const std::string far_target = "iqn.2026-11.io.ashlar:far";
inline const std::string any_target = "iqn.2026-11.io.ashlar:any";
inline const std::string chap_secret = "secretsecret1234";
inline const std::string mutual_secret = "4321terceSterceS";

inline Portal near_portal() { return {"near", {"192.0.2.1", 3260}, 7}; }
inline Portal far_portal() { return {"far", {"192.0.2.2", 3261}, 9}; }
inline Portal wild_portal() { return {"wild", {"0.0.0.0", 3262}, 11}; }
inline Portal wild6_portal() { return {"wild6", {"::", 3263}, 12}; }

inline std::shared_ptr<const unit::HostView> make_view(std::string host, unit::ChapCredentials chap = {}) {
  auto view = std::make_shared<unit::HostView>();
  view->host = std::move(host);
  view->chap = std::move(chap);
  return view;
}

inline unit::ChapCredentials one_way() { return {"alice", chap_secret, "", ""}; }
inline unit::ChapCredentials both_ways() { return {"bob", chap_secret, "array", mutual_secret}; }
inline unit::ChapCredentials badly_set() { return {"carol", chap_secret, "array", chap_secret}; }

/// disk: near + both wildcards, four hosts. far: far portal, open host. any: near portal, every initiator.
inline std::shared_ptr<Directory> make_directory() {
  auto directory = std::make_shared<Directory>();
  auto disk = std::make_shared<Target>();
  disk->name = disk_target;
  disk->alias = "the disk";
  disk->portals = {near_portal(), wild_portal(), wild6_portal()};
  disk->hosts = {{open_host, make_view("h-open")},
                 {chap_host, make_view("h-chap", one_way())},
                 {mutual_host, make_view("h-mutual", both_ways())},
                 {same_host, make_view("h-same", badly_set())}};
  auto far = std::make_shared<Target>();
  far->name = far_target;
  far->portals = {far_portal()};
  far->hosts = {{open_host, make_view("h-open")}};
  directory->targets = {{disk->name, disk}, {far->name, far}};
  return directory;
}

/// Adds a target that every host sees, without authentication.
inline void add_any_target(Directory& directory) {
  auto any = std::make_shared<Target>();
  any->name = any_target;
  any->portals = {near_portal()};
  any->any_host = make_view("h-any");
  directory.targets[any->name] = any;
}

/// Random bytes that are not: 1, 2, 3 ... so that tests know the challenge.
inline RandomSource counting_random() {
  auto next = std::make_shared<uint8_t>(0);
  return [next](std::span<uint8_t> out) {
    for (uint8_t& byte : out) byte = ++*next;
  };
}

/// "A=1" and "B=2" as text with their NULs.
inline std::string text(const std::vector<std::string>& pairs) {
  std::string joined;
  for (const std::string& pair : pairs) joined += pair + '\0';
  return joined;
}

using Stage = wire::iscsi::LoginStage;
using Status = wire::iscsi::LoginStatus;
constexpr Stage security = Stage::security_negotiation;
constexpr Stage operational = Stage::login_operational_negotiation;
constexpr Stage full_feature = Stage::full_feature_phase;

/// A host that says what it is told to say.
class Host {
 public:
  explicit Host(std::shared_ptr<const Directory> directory = make_directory(), Portal portal = near_portal())
      : machine(std::move(directory), std::move(portal), {"192.0.2.1", 3260}, {"198.51.100.9", 40000},
                counting_random()) {
    request.isid = {0x40, 0, 1, 0x37, 0, 2};
    request.initiator_task_tag = 5;
    request.connection_id = 1;
  }
  /// Stays in `current`.
  const LoginOutcome& say(Stage current, const std::string& data) {
    return send(current, std::nullopt, data);
  }
  /// Wants to go from `current` to `next`.
  const LoginOutcome& go(Stage current, Stage next, const std::string& data) {
    return send(current, next, data);
  }
  /// Says that text goes on in the next request.
  const LoginOutcome& begin(Stage current, const std::string& data) {
    request.continues = true;
    send(current, std::nullopt, data);
    request.continues = false;
    return outcome;
  }
  /// Through the wire's bytes, as a connection would.
  const LoginOutcome& send(Stage current, std::optional<Stage> next, const std::string& data) {
    request.current_stage = current;
    request.transit = next.has_value();
    request.next_stage = next.value_or(Stage::security_negotiation);
    request.data_segment_length = static_cast<uint32_t>(data.size());
    std::array<uint8_t, wire::iscsi::basic_header_bytes> header;
    request.encode(header.data());
    outcome = machine.apply(wire::iscsi::LoginRequest::decode(header.data()), bytes_of(data));
    answers.clear();
    const auto pairs = wire::iscsi::parse_text(outcome.text);
    if (pairs) {
      for (const auto& [key, value] : *pairs) answers[std::string(key)] = value;
    }
    return outcome;
  }
  Status status() const { return outcome.response.status; }
  std::string answer(const std::string& key) const {
    const auto found = answers.find(key);
    return found == answers.end() ? "(none)" : found->second;
  }

  LoginMachine machine;
  wire::iscsi::LoginRequest request;
  LoginOutcome outcome;
  std::map<std::string, std::string> answers;  ///< of the last response, when it was whole
};

inline std::string normal(const std::string& initiator, const std::string& target = disk_target) {
  return text({"InitiatorName=" + initiator, "SessionType=Normal", "TargetName=" + target});
}
inline std::string discovery(const std::string& initiator) {
  return text({"InitiatorName=" + initiator, "SessionType=Discovery"});
}

}  // namespace ashlar::iscsi::testing
