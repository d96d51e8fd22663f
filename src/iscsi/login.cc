#include "iscsi/login.h"

#include <algorithm>
#include <utility>

#include "base/identity.h"

namespace ashlar::iscsi {
namespace {

using wire::iscsi::find_value;
using wire::iscsi::LoginRequest;
using wire::iscsi::TextPairs;
using wire::iscsi::TextWriter;

}  // namespace

LoginMachine::LoginMachine(std::shared_ptr<const Directory> directory, Portal portal, loop::Endpoint local,
                           loop::Endpoint peer, RandomSource random)
    : directory_(std::move(directory)),
      portal_(std::move(portal)),
      local_(std::move(local)),
      peer_(std::move(peer)),
      random_(std::move(random)),
      negotiation_(directory_->settings) {}

LoginOutcome LoginMachine::apply(const LoginRequest& request, ConstBytes data) {
  if (over_)
    return refuse(request, {Status::invalid_during_login, "a login request after the login was over"});
  if (Verdict refusal = step(request, data)) return refuse(request, std::move(*refusal));
  return respond(request);
}

LoginMachine::Verdict LoginMachine::step(const LoginRequest& request, ConstBytes data) {
  if (++requests_ > max_requests)
    return Refusal{Status::initiator_error, fmt::format("more than {} login requests", max_requests)};
  if (Verdict refusal = check_request(request, data)) return refusal;
  if (!stage_) {
    if (Verdict refusal = begin(request)) return refusal;
  }
  const bool draining = !output_.empty();
  if (Verdict refusal = gather(request, data)) return refusal;
  if (request.continues) return std::nullopt;
  if (!draining) {
    if (Verdict refusal = take_text(request)) return refusal;
  }
  return check_transit(request);
}

LoginMachine::Verdict LoginMachine::check_request(const LoginRequest& request, ConstBytes data) const {
  // We speak version 0 only, so any host whose lowest is higher cannot be served (RFC 7143 11.12.4).
  if (request.version_min > 0) {
    return Refusal{Status::unsupported_version, fmt::format("versions {} to {}, only 0 is known",
                                                            request.version_min, request.version_max)};
  }
  if (data.size() > max_data_segment_bytes) {
    return Refusal{Status::initiator_error,
                   fmt::format("{} bytes of text in one request, at most {} in login", data.size(),
                               max_data_segment_bytes)};
  }
  if (request.additional_header_bytes != 0)
    return Refusal{Status::initiator_error, "additional header segments in a login request"};
  if (Verdict refusal = check_stages(request)) return refusal;
  if (!stage_) return std::nullopt;
  if (request.isid != isid_ || request.connection_id != connection_id_ || request.tsih != tsih_) {
    return Refusal{Status::initiator_error, "ISID, TSIH or CID changed during login"};
  }
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::check_stages(const LoginRequest& request) const {
  const Stage current = request.current_stage;
  const bool negotiating =
      current == Stage::security_negotiation || current == Stage::login_operational_negotiation;
  if (!negotiating || (stage_ && current != *stage_)) {
    return Refusal{Status::initiator_error,
                   fmt::format("current stage {} is not where the login is", static_cast<int>(current))};
  }
  if (!request.transit) return std::nullopt;
  if (request.continues) return Refusal{Status::initiator_error, "T and C bit together"};
  if (request.next_stage == Stage::reserved || request.next_stage <= current) {
    return Refusal{Status::initiator_error,
                   fmt::format("no way from stage {} to {}", static_cast<int>(current),
                               static_cast<int>(request.next_stage))};
  }
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::begin(const LoginRequest& request) {
  // RFC 7143 7.3.1 asks for this status when the TSIH is not known.
  if (request.tsih != 0 && (!joining_ || joining_->tsih != request.tsih))
    return Refusal{Status::session_does_not_exist, fmt::format("asks to join session {}", request.tsih)};
  stage_ = request.current_stage;
  isid_ = request.isid;
  tsih_ = request.tsih;
  connection_id_ = request.connection_id;
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::gather(const LoginRequest& request, ConstBytes data) {
  // While our text is under way the host may only say "go on" (RFC 7143 7.2).
  if (!output_.empty() && (!data.empty() || request.continues)) {
    return Refusal{Status::initiator_error, "text sent before ours was complete"};
  }
  if (++input_pdus_ > wire::iscsi::max_text_pdus ||
      input_.size() + data.size() > wire::iscsi::max_text_bytes) {
    return Refusal{Status::initiator_error,
                   fmt::format("text of more than {} requests or {} bytes", wire::iscsi::max_text_pdus,
                               wire::iscsi::max_text_bytes)};
  }
  input_.append(text_of(data));
  if (!request.continues) input_pdus_ = 0;
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::take_text(const LoginRequest& request) {
  const std::string text = std::exchange(input_, {});
  const auto pairs = wire::iscsi::parse_text(text);
  if (!pairs) return Refusal{Status::initiator_error, pairs.error().text()};

  TextWriter answer;
  if (!identified_) {
    if (Verdict refusal = identify(*pairs, answer)) return refusal;
    identified_ = true;
  } else if (find_value(*pairs, "SessionType") != nullptr) {
    return Refusal{Status::initiator_error, "SessionType after the first request"};
  }
  const bool security = request.current_stage == Stage::security_negotiation;
  if (!security && !authenticated()) {
    return Refusal{Status::authentication_failure, "began behind the security stage, but must authenticate"};
  }
  const Situation situation{
      .phase = security ? in_security : in_operational, .discovery = discovery_, .leading = !joining_};
  const auto negotiated = negotiation_.apply(*pairs, situation, answer);
  if (!negotiated) return Refusal{Status::initiator_error, negotiated.error().text()};
  if (const auto* alias = find_value(*pairs, "InitiatorAlias"))
    initiator_alias_ = wire::iscsi::shortened(*alias, 255);
  if (security) {
    if (Verdict refusal = take_security(*pairs, answer)) return refusal;
  } else {
    negotiation_.declare(answer);
  }
  output_ = answer.take();
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::identify(const TextPairs& pairs, TextWriter& answer) {
  if (const auto* name = find_value(pairs, "InitiatorName")) {
    auto parsed = parse_iscsi_name(*name, "InitiatorName");
    if (!parsed) return Refusal{Status::initiator_error, parsed.error().text()};
    initiator_ = std::move(*parsed);
  } else {
    return Refusal{Status::missing_parameter, "no InitiatorName in the first request"};
  }
  if (const auto* type = find_value(pairs, "SessionType")) {
    discovery_ = *type == "Discovery";
    if (!discovery_ && *type != "Normal")
      return Refusal{Status::session_type_not_supported,
                     fmt::format("SessionType '{}'", wire::iscsi::shortened(*type))};
  }
  if (discovery_ && joining_)
    return Refusal{Status::cannot_include_in_session, "a discovery session has one connection"};
  if (discovery_) {
    find_discovery_views();
    return std::nullopt;
  }
  const auto* target = find_value(pairs, "TargetName");
  if (target == nullptr)
    return Refusal{Status::missing_parameter, "no TargetName in the first request of a normal session"};
  if (Verdict refusal = find_target(*target)) return refusal;
  if (Verdict refusal = check_joining()) return refusal;
  // The host learns which portals reach this session (RFC 7143 13.9: with the first response).
  answer.add("TargetPortalGroupTag", uint64_t{portal_group_tag_});
  if (!target_->alias.empty()) answer.add("TargetAlias", target_->alias);
  return std::nullopt;
}

void LoginMachine::join(Joining joining) {
  negotiation_.join(joining.parameters);
  joining_ = std::move(joining);
}

// Connections of a session share its nexus: both names, and the portal group (RFC 7143 4.4.1, 13.9).
LoginMachine::Verdict LoginMachine::check_joining() const {
  if (!joining_) return std::nullopt;
  if (joining_->initiator != initiator_)
    return Refusal{Status::session_does_not_exist, fmt::format("session {} is of another initiator", tsih_)};
  if (joining_->target != target_->name || joining_->portal_group_tag != portal_group_tag_)
    return Refusal{Status::cannot_include_in_session,
                   fmt::format("session {} is of another target or portal group", tsih_)};
  return std::nullopt;
}

// One status for all ways of not finding it: a host must not learn of targets that are not for it.
LoginMachine::Verdict LoginMachine::find_target(std::string_view name) {
  const std::string shown(wire::iscsi::shortened(name, 223));
  const auto parsed = parse_iscsi_name(name, "TargetName");
  const auto found = parsed ? directory_->targets.find(*parsed) : directory_->targets.end();
  if (found == directory_->targets.end())
    return Refusal{Status::not_found, fmt::format("there is no target '{}'", shown)};
  const std::shared_ptr<const Target>& target = found->second;
  const auto same = [&](const Portal& portal) {
    return portal.name == portal_.name && portal.endpoint == portal_.endpoint;
  };
  const auto portal = std::find_if(target->portals.begin(), target->portals.end(), same);
  if (portal == target->portals.end()) {
    return Refusal{Status::not_found,
                   fmt::format("target '{}' is not served by portal '{}'", shown, portal_.name)};
  }
  view_ = target->view_of(initiator_, peer_.address);
  if (!view_) return Refusal{Status::not_found, fmt::format("target '{}' is not for this host", shown)};
  target_ = target;
  if (!target->redirect.empty()) {
    return Refusal{
        target->redirect_permanent ? Status::target_moved_permanently : Status::target_moved_temporarily,
        fmt::format("target '{}' is served by {}", shown, target->redirect), target->redirect};
  }
  portal_group_tag_ = portal->group_tag;
  authentication_required_ = !view_->chap.user.empty();
  if (authentication_required_) credential_views_.push_back(view_);
  return std::nullopt;
}

// A portal may ask for a proof of its own. Otherwise discovery shows only what the host may see, so it is open unless all of
// that needs CHAP.
void LoginMachine::find_discovery_views() {
  if (!portal_.discovery_chap.user.empty()) {
    auto view = std::make_shared<unit::HostView>();
    view->chap = portal_.discovery_chap;
    credential_views_.push_back(std::move(view));
    authentication_required_ = true;
    return;
  }
  bool any_open = false;
  for (const auto& [name, target] : directory_->targets) {
    const auto view = target->view_of(initiator_, peer_.address);
    if (!view) continue;
    if (view->chap.user.empty())
      any_open = true;
    else
      credential_views_.push_back(view);
  }
  authentication_required_ = !any_open && !credential_views_.empty();
}

LoginMachine::Verdict LoginMachine::take_security(const TextPairs& pairs, TextWriter& answer) {
  if (const auto* offered = find_value(pairs, "AuthMethod")) {
    if (Verdict refusal = choose_method(*offered, answer)) return refusal;
  }
  if (!chap_) {
    const bool any = std::any_of(pairs.begin(), pairs.end(),
                                 [](const auto& pair) { return pair.key.starts_with("CHAP_"); });
    if (any) return Refusal{Status::authentication_failure, "CHAP keys, but CHAP was not chosen"};
    return std::nullopt;
  }
  if (held_back_ > loop::Nanoseconds{}) {
    return Refusal{Status::service_unavailable,
                   fmt::format("too many proofs from this address failed; it may try again in {} s",
                               std::chrono::ceil<loop::seconds>(held_back_).count())};
  }
  const auto proved = chap_->apply(pairs, answer);
  if (!proved) return Refusal{Status::authentication_failure, proved.error().text()};
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::choose_method(std::string_view offered, TextWriter& answer) {
  const auto methods = wire::iscsi::parse_list("AuthMethod", offered);
  if (!methods) return Refusal{Status::initiator_error, methods.error().text()};
  const auto offers = [&](std::string_view method) {
    return std::find(methods->begin(), methods->end(), method) != methods->end();
  };
  const bool may_be_open = offers("None") && !authentication_required_;
  if (may_be_open) {
    answer.add("AuthMethod", "None");
    return std::nullopt;
  }
  if (!offers("CHAP") || credential_views_.empty()) {
    const std::string_view why =
        credential_views_.empty() ? "no CHAP secret is set for this host" : "must use CHAP";
    return Refusal{Status::authentication_failure,
                   fmt::format("offers AuthMethod {}, but {}", wire::iscsi::shortened(offered), why)};
  }
  answer.add("AuthMethod", "CHAP");
  chap_.emplace(credential_views_, random_);
  return std::nullopt;
}

LoginMachine::Verdict LoginMachine::check_transit(const LoginRequest& request) const {
  const bool skipped = request.transit && authentication_required_ && !chap_;
  if (skipped) return Refusal{Status::authentication_failure, "offers no AuthMethod, but must use CHAP"};
  return std::nullopt;
}

LoginOutcome LoginMachine::respond(const LoginRequest& request) {
  LoginOutcome outcome;
  outcome.response.current_stage = request.current_stage;
  outcome.response.isid = request.isid;
  outcome.response.tsih = request.tsih;
  outcome.response.initiator_task_tag = request.initiator_task_tag;
  if (request.continues) return outcome;

  outcome.text = output_.substr(0, max_data_segment_bytes);
  output_.erase(0, outcome.text.size());
  outcome.response.data_segment_length = static_cast<uint32_t>(outcome.text.size());
  outcome.response.continues = !output_.empty();
  // The host proposes to leave the stage; we agree when we have said all and know who it is.
  if (!output_.empty() || !request.transit || !authenticated()) return outcome;
  outcome.response.transit = true;
  outcome.response.next_stage = request.next_stage;
  stage_ = request.next_stage;
  if (request.next_stage == Stage::full_feature_phase) {
    over_ = true;
    outcome.finished = true;
    outcome.reason = success_text();
  }
  return outcome;
}

LoginOutcome LoginMachine::refuse(const LoginRequest& request, Refusal refusal) {
  over_ = true;
  LoginOutcome outcome;
  outcome.response.current_stage = request.current_stage;
  outcome.response.isid = request.isid;
  outcome.response.tsih = request.tsih;
  outcome.response.initiator_task_tag = request.initiator_task_tag;
  outcome.response.status = refusal.status;
  outcome.close = true;
  if (!refusal.redirect.empty()) {
    TextWriter moved;
    moved.add("TargetAddress", refusal.redirect);
    outcome.text = moved.take();
    outcome.response.data_segment_length = static_cast<uint32_t>(outcome.text.size());
  }
  outcome.reason =
      fmt::format("login of {} refused: {}: {}", who(), wire::iscsi::name_of(refusal.status), refusal.reason);
  return outcome;
}

std::string LoginMachine::who() const {
  return fmt::format("{} from {} through {}", initiator_.empty() ? "an unnamed host" : initiator_,
                     peer_.text(), local_.text());
}

std::string LoginMachine::success_text() const {
  if (discovery_) return fmt::format("login of {}: discovery, authentication {}", who(), authentication());
  return fmt::format("login of {}: host {}, target {}, authentication {}", who(), view_->host, target_->name,
                     authentication());
}

}  // namespace ashlar::iscsi
