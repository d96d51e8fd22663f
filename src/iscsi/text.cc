#include "iscsi/text.h"

#include <algorithm>
#include <optional>

namespace ashlar::iscsi {
namespace {

using wire::iscsi::RejectReason;
using wire::iscsi::reserved_task_tag;
using wire::iscsi::TextRequest;
using wire::iscsi::TextWriter;

// The largest answer that is put into one PDU, whatever the host could take.
constexpr uint32_t max_piece_bytes = 65536;
constexpr std::string_view mapped_prefix = "::ffff:";

bool is_wildcard(const loop::Endpoint& endpoint) {
  return endpoint.address == "0.0.0.0" || endpoint.address == "::";
}
bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

// A dual-stack listener shows IPv4 peers and itself as ::ffff:192.0.2.7; the host knows the address without the prefix.
std::string without_mapping(const std::string& address) {
  const bool mapped = address.starts_with(mapped_prefix) && address.find('.') != std::string::npos;
  return mapped ? address.substr(mapped_prefix.size()) : address;
}

/// Where a host reaches `portal`, or nothing when a wildcard portal of the other address family leaves that unknown.
std::optional<loop::Endpoint> reachable_at(const Portal& portal, const TextAsker& asker) {
  if (!is_wildcard(portal.endpoint)) return portal.endpoint;
  const std::string local = without_mapping(asker.local.address);
  const bool own = portal.name == asker.portal.name && portal.endpoint == asker.portal.endpoint;
  if (!own && is_ipv6(local) != is_ipv6(portal.endpoint.address)) return std::nullopt;
  return loop::Endpoint{local, portal.endpoint.port};
}

bool is_loopback(const std::string& address) {
  return address == "::1" || without_mapping(address).starts_with("127.");
}

/// What is known for sure of a host that could not use the target by `address`: it may not come from an address of that family,
/// or is on another machine than a loopback address. A way that it cannot take costs it a time-out at each login.
bool may_use(const std::string& address, const unit::HostView& view, const TextAsker& asker) {
  const auto holds = [ipv6 = is_ipv6(address)](const AddressRange& range) {
    return ipv6 ? range.has_ipv6() : range.has_ipv4();
  };
  if (!view.addresses.empty() && std::ranges::none_of(view.addresses, holds)) return false;
  const std::string& peer = asker.peer.address;
  return !is_loopback(address) || peer.empty() || is_loopback(peer) || peer == asker.local.address;
}

void tell_target(const Target& target, const unit::HostView& view, const TextAsker& asker,
                 TextWriter& answer) {
  TextWriter addresses;
  for (const Portal& portal : target.portals) {
    const auto endpoint = reachable_at(portal, asker);
    if (endpoint && may_use(endpoint->address, view, asker))
      addresses.add("TargetAddress", fmt::format("{},{}", endpoint->text(), portal.group_tag));
  }
  // Without an address the host would take the one it asked (RFC 7143 Appendix C), which may not serve this target.
  if (addresses.text().empty()) return;
  answer.add("TargetName", target.name);
  answer.append(addresses.text());
}

}  // namespace

void send_targets(const Directory& directory, const TextAsker& asker, std::string_view wanted,
                  TextWriter& answer) {
  const auto tell = [&](const Target& target) {
    const auto view = target.view_of(asker.initiator, asker.peer.address);
    if (view != nullptr) tell_target(target, *view, asker, answer);
  };
  if (asker.target) {
    // A normal session may ask only for its own target: by its name, or by nothing.
    const bool own = wanted.empty() || wanted == asker.target->name;
    const auto found = directory.targets.find(asker.target->name);
    if (!own)
      answer.add("SendTargets", wire::iscsi::text_reject);
    else if (found != directory.targets.end())
      tell(*found->second);
    return;
  }
  if (wanted.empty()) {
    answer.add("SendTargets", wire::iscsi::text_reject);
    return;
  }
  for (const auto& [name, target] : directory.targets) {
    if (wanted == "All" || wanted == name) tell(*target);
  }
}

TextOutcome TextExchange::apply(const Directory& directory, const TextRequest& request, ConstBytes data,
                                SessionParameters& parameters) {
  if (request.initiator_task_tag == reserved_task_tag)
    return reject(RejectReason::invalid_pdu_field, "a text request without task tag");
  if (request.final && request.continues)
    return reject(RejectReason::protocol_error, "F and C bit together in a text request");
  if (request.target_transfer_tag == reserved_task_tag) {
    // Whatever was under way is given up by the host (RFC 7143 11.10.4).
    forget();
    initiator_task_tag_ = request.initiator_task_tag;
  } else if (request.target_transfer_tag != tag_ || request.initiator_task_tag != initiator_task_tag_) {
    return reject(RejectReason::protocol_error, "a text request goes on with an exchange that is not open");
  }
  const bool draining = !output_.empty();
  if (const auto gathered = gather(request, data); !gathered)
    return reject(RejectReason::protocol_error, gathered.error().text());
  if (!request.continues && !draining) {
    const auto taken = take_text(directory, parameters);
    if (!taken) return reject(RejectReason::protocol_error, taken.error().text());
  }
  return respond(request, std::min(parameters.initiator_max_receive_data_segment_bytes, max_piece_bytes));
}

Result<void> TextExchange::gather(const TextRequest& request, ConstBytes data) {
  if (!output_.empty() && (!data.empty() || request.continues)) {
    return fail(ErrorCode::protocol_error, "text", "sent before ours was complete");
  }
  if (++input_pdus_ > wire::iscsi::max_text_pdus ||
      input_.size() + data.size() > wire::iscsi::max_text_bytes) {
    return fail(ErrorCode::exhausted, "text", "more than {} requests or {} bytes", wire::iscsi::max_text_pdus,
                wire::iscsi::max_text_bytes);
  }
  input_.append(text_of(data));
  if (!request.continues) input_pdus_ = 0;
  return {};
}

Result<void> TextExchange::take_text(const Directory& directory, SessionParameters& parameters) {
  const std::string text = std::exchange(input_, {});
  TRY_ASSIGN(const auto pairs, wire::iscsi::parse_text(text));
  TextWriter answer;
  Negotiation negotiation(directory.settings, parameters);
  const Situation situation{.phase = in_full_feature, .discovery = asker_.target == nullptr};
  TRY(negotiation.apply(pairs, situation, answer));
  if (const auto* wanted = wire::iscsi::find_value(pairs, "SendTargets"))
    send_targets(directory, asker_, *wanted, answer);
  parameters = negotiation.parameters();
  output_ = answer.take();
  return {};
}

TextOutcome TextExchange::respond(const TextRequest& request, uint32_t room) {
  TextOutcome outcome;
  if (!request.continues) {
    outcome.text = output_.substr(0, room);
    output_.erase(0, outcome.text.size());
  }
  outcome.response.continues = !output_.empty();
  outcome.response.final = request.final && output_.empty();
  outcome.response.data_segment_length = static_cast<uint32_t>(outcome.text.size());
  outcome.response.lun = request.lun;
  outcome.response.initiator_task_tag = request.initiator_task_tag;
  if (outcome.response.final) {
    forget();
    return outcome;
  }
  // A fresh tag each time: a stale repetition of a request is then seen as one.
  tag_ = next_tag_++;
  if (next_tag_ == reserved_task_tag) next_tag_ = 1;
  outcome.response.target_transfer_tag = tag_;
  return outcome;
}

TextOutcome TextExchange::reject(RejectReason reason, std::string why) {
  forget();
  TextOutcome outcome;
  outcome.rejected = true;
  outcome.reject_reason = reason;
  outcome.reason = std::move(why);
  return outcome;
}

void TextExchange::forget() {
  tag_ = reserved_task_tag;
  initiator_task_tag_ = reserved_task_tag;
  input_.clear();
  input_pdus_ = 0;
  output_.clear();
}

}  // namespace ashlar::iscsi
