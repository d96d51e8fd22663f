// For tests: keys, and the two halves of DH-HMAC-CHAP held against each other without a network.
#pragma once

#include "initiator/nvme_authentication.h"
#include "nvme/authentication.h"
#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {

using initiator::NvmeAuthentication;
using initiator::NvmeProof;
using nvme::Authentication;
using wire::nvme::AuthenticationFailure;

inline DhchapKey key_of(uint8_t seed, std::optional<DhchapHash> transform = DhchapHash::sha256) {
  return {transform, std::vector<uint8_t>(32, seed)};
}

/// Without an exchange, which takes its time, unless a test is about that.
inline unit::DhchapCredentials credentials(uint8_t seed = 1, std::optional<DhchapKey> controller_key = {}) {
  return {.key = key_of(seed),
          .controller_key = std::move(controller_key),
          .hashes = {all_dhchap_hashes.begin(), all_dhchap_hashes.end()},
          .groups = {DhchapGroup::null}};
}

inline std::shared_ptr<unit::HostView> view_with(std::optional<unit::DhchapCredentials> given) {
  auto view = std::make_shared<unit::HostView>();
  view->host = "h";
  view->dhchap = std::move(given);
  return view;
}

/// Bytes that look random and are always the same.
class Drawn {
 public:
  explicit Drawn(uint32_t seed) : state_(seed) {}
  void operator()(std::span<uint8_t> bytes) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((state_ = state_ * 1664525 + 1013904223) >> 24);
  }

 private:
  uint32_t state_;
};

/// A host and a controller, step by step.
struct Pair {
  explicit Pair(NvmeProof its_proof, std::optional<unit::DhchapCredentials> given = credentials())
      : proof(std::move(its_proof)), view(view_with(std::move(given))) {}

  Authentication::Step apply(ConstBytes message) {
    Authentication::Step step = controller.apply(message, view, held_back);
    while (step.work) step = controller.computed(step.work->run());
    return step;
  }
  /// To the end; what the host says of it.
  Result<void> run() {
    apply(host.negotiate());
    TRY_ASSIGN(const std::vector<uint8_t> asked, said());
    TRY_ASSIGN(const auto work, host.take_challenge(asked));
    std::vector<std::vector<uint8_t>> values;
    for (const DhExponentiation& each : work) {
      TRY_ASSIGN(std::vector<uint8_t> value, each.run());
      values.push_back(std::move(value));
    }
    TRY_ASSIGN(const std::vector<uint8_t> reply, host.reply(std::move(values)));
    guessed = apply(reply).proof_failed;
    TRY_ASSIGN(const std::vector<uint8_t> verdict, said());
    const auto last = host.take_success(verdict);
    if (!last) {
      ended = apply(host.failure()).over || ended;
      return std::unexpected(last.error());
    }
    if (!last->empty()) proved = apply(*last).proved;
    return {};
  }
  Result<std::vector<uint8_t>> said() {
    auto answer = controller.answer();
    if (!answer) return fail(ErrorCode::timed_out, "controller", "it has nothing to say");
    proved = proved || answer->proved;
    ended = ended || answer->failed;
    return std::move(answer->message);
  }
  /// The explanation that the controller gives now.
  std::optional<AuthenticationFailure> failure() {
    const auto message = said();
    if (!message || (*message)[1] != 0xf1) return std::nullopt;
    return wire::nvme::AuthenticationRefusal::decode(*message)->why;
  }

  NvmeProof proof;
  std::shared_ptr<unit::HostView> view;
  loop::Nanoseconds held_back{};
  NvmeAuthentication host{proof, host_name(1), subsystem, Drawn(1)};
  Authentication controller{host_name(1), subsystem, Drawn(2)};
  bool proved = false, ended = false, guessed = false;
};

}  // namespace ashlar::nvmetcp::test
