#include "initiator/login.h"

#include "initiator/chap.h"
#include "initiator/negotiation.h"
#include "wire/iscsi_text.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;
using iscsi::LoginStage;
using loop::Task;

namespace {

// Requests of one login, CHAP and continued texts included: a target that never ends is not waited for.
constexpr int max_steps = 24;
constexpr uint32_t login_tag = 0;
constexpr size_t challenge_bytes = 32;
constexpr size_t max_challenge_bytes = 1024;  // RFC 7143 12.1.3
constexpr size_t max_request_text_bytes = 8192;

ErrorCode code_of(iscsi::LoginStatus status) {
  switch (status) {
    case iscsi::LoginStatus::authentication_failure:
    case iscsi::LoginStatus::authorization_failure: return ErrorCode::permission_denied;
    case iscsi::LoginStatus::not_found:
    case iscsi::LoginStatus::target_removed:
    case iscsi::LoginStatus::session_does_not_exist: return ErrorCode::not_found;
    case iscsi::LoginStatus::too_many_connections:
    case iscsi::LoginStatus::service_unavailable:
    case iscsi::LoginStatus::out_of_resources: return ErrorCode::busy;
    case iscsi::LoginStatus::target_error: return ErrorCode::io_error;
    case iscsi::LoginStatus::target_moved_temporarily:
    case iscsi::LoginStatus::target_moved_permanently:
    case iscsi::LoginStatus::unsupported_version:
    case iscsi::LoginStatus::session_type_not_supported: return ErrorCode::unsupported;
    default: return ErrorCode::protocol_error;
  }
}

/// What of the caller's it is about.
std::string place_of(iscsi::LoginStatus status) {
  switch (status) {
    case iscsi::LoginStatus::authentication_failure: return "secret";
    case iscsi::LoginStatus::authorization_failure: return "initiator";
    default: return "login";
  }
}

/// What does not parse in the target's text is the target's fault, whatever the parser calls it.
std::unexpected<Error> blame_target(Error error) {
  if (error.code == ErrorCode::protocol_error || error.code == ErrorCode::permission_denied)
    return std::unexpected(std::move(error));
  return fail(ErrorCode::protocol_error, "target", "{}", error.text());
}

}  // namespace

/// The login of one session, in order of RFC 7143 6.3: security, then operational negotiation.
class LoginStory {
 public:
  explicit LoginStory(Session& session)
      : session_(session), options_(session.options_), negotiation_(session.options_) {}
  static std::unique_ptr<Session> make(loop::Loop& loop, LoginOptions options) {
    return std::unique_ptr<Session>(new Session(loop, std::move(options)));
  }

  Task<Result<void>> run(std::unique_ptr<loop::Stream> stream);

 private:
  /// Sends one request and takes its answer, with all the responses that continue it (C bit), into answer_ and pairs_.
  Task<Result<void>> step(bool transit, std::string text);
  Task<Result<void>> send_and_wait(bool transit, std::string_view text);
  Result<void> check_response();
  Task<Result<void>> security();
  Task<Result<void>> chap();
  Task<Result<void>> operational();
  /// Steps on with nothing to say until the target agrees to go to the next stage.
  Task<Result<void>> reach_next_stage();
  Result<std::string> chap_reply();
  Result<void> check_mutual();
  Result<std::string_view> value(std::string_view key);
  Result<void> take_pairs();
  std::string names();
  LoginStage next_stage() const {
    return stage_ == LoginStage::security_negotiation ? LoginStage::login_operational_negotiation
                                                      : LoginStage::full_feature_phase;
  }

  Session& session_;
  const LoginOptions& options_;
  Negotiation negotiation_;
  LoginStage stage_ = LoginStage::security_negotiation;
  bool asked_transit_ = false;
  bool first_response_ = true;
  int steps_ = 0;
  iscsi::LoginResponse answer_;
  std::string text_;
  iscsi::TextPairs pairs_;
  ChapAlgorithm algorithm_ = ChapAlgorithm::md5;
  std::array<uint8_t, challenge_bytes> challenge_{};  // ours, for mutual CHAP
  uint8_t identifier_ = 0;
};

Task<Result<void>> LoginStory::send_and_wait(bool transit, std::string_view text) {
  if (++steps_ > max_steps) co_return fail(ErrorCode::protocol_error, "target", "the login does not end");
  if (text.size() > max_request_text_bytes)
    co_return fail(ErrorCode::out_of_range, "login", "names and secrets are too long");
  iscsi::LoginRequest pdu;
  pdu.transit = transit;
  pdu.current_stage = stage_;
  pdu.next_stage = transit ? next_stage() : LoginStage::security_negotiation;
  pdu.data_segment_length = static_cast<uint32_t>(text.size());
  pdu.isid = options_.isid;
  pdu.initiator_task_tag = login_tag;
  pdu.cmd_sn = session_.cmd_sn_;
  pdu.exp_stat_sn = session_.exp_stat_sn_;
  std::vector<uint8_t>& out = session_.login_outbox_;
  out.resize(iscsi::basic_header_bytes);
  pdu.encode(out.data());
  out.insert(out.end(), text.begin(), text.end());
  asked_transit_ = transit;
  session_.login_inbox_.arrived.reset();
  session_.transport_.want_send();
  if (!first_response_) session_.transport_.go_on();
  co_await session_.login_inbox_.arrived;
  if (!session_.open()) co_return std::unexpected(*session_.closed_reason());
  co_return check_response();
}

Result<void> LoginStory::check_response() {
  answer_ = iscsi::LoginResponse::decode(session_.login_inbox_.header.data());
  const auto broken = [](std::string what) {
    return fail(ErrorCode::protocol_error, "target", "Login Response {}", what);
  };
  if (answer_.initiator_task_tag != login_tag)
    return broken(fmt::format("with ITT {:08x}", answer_.initiator_task_tag));
  if (answer_.isid != options_.isid) return broken("with another ISID");
  if (answer_.status != iscsi::LoginStatus::success) {
    return fail(code_of(answer_.status), place_of(answer_.status),
                "the target refused the login of {}: {} (status {:04x})", options_.initiator_name,
                iscsi::name_of(answer_.status), static_cast<uint16_t>(answer_.status));
  }
  if (!first_response_ && answer_.numbers.stat_sn != session_.exp_stat_sn_) {
    return broken(fmt::format("with StatSN {}, expected {}", answer_.numbers.stat_sn, session_.exp_stat_sn_));
  }
  if (answer_.version_active != 0) return broken(fmt::format("with version {}", answer_.version_active));
  if (answer_.current_stage != stage_)
    return broken(fmt::format("in stage {}", static_cast<int>(answer_.current_stage)));
  if (answer_.transit && (!asked_transit_ || answer_.next_stage != next_stage()))
    return broken("with a transit that was not asked for");
  if (answer_.transit && answer_.continues) return broken("with T and C");
  first_response_ = false;
  session_.exp_stat_sn_ = answer_.numbers.stat_sn + 1;
  session_.exp_cmd_sn_ = answer_.numbers.exp_cmd_sn;
  session_.max_cmd_sn_ = answer_.numbers.max_cmd_sn;
  return {};
}

Task<Result<void>> LoginStory::step(bool transit, std::string text) {
  text_.clear();
  Result<void> sent = co_await send_and_wait(transit, text);
  while (sent) {
    text_ += session_.login_inbox_.text;
    if (!answer_.continues) break;
    if (text_.size() > iscsi::max_text_bytes)
      co_return fail(ErrorCode::protocol_error, "target", "a login text without end");
    sent = co_await send_and_wait(false, std::string_view());
  }
  if (!sent) co_return sent;
  auto parsed = iscsi::parse_text(text_);
  if (!parsed) co_return fail(ErrorCode::protocol_error, "target", "login text: {}", parsed.error().text());
  pairs_ = std::move(*parsed);
  co_return Result<void>();
}

Result<std::string_view> LoginStory::value(std::string_view key) {
  const std::string_view* found = iscsi::find_value(pairs_, key);
  if (found == nullptr) return fail(ErrorCode::protocol_error, "target", "{} is missing in the login", key);
  return *found;
}

Result<void> LoginStory::take_pairs() {
  for (const iscsi::TextPair& pair : pairs_) {
    if (pair.key == "AuthMethod") continue;
    if (auto taken = negotiation_.take(pair.key, pair.value); !taken)
      return blame_target(std::move(taken).error());
  }
  return {};
}

std::string LoginStory::names() {
  iscsi::TextWriter writer;
  writer.add("InitiatorName", std::string_view(options_.initiator_name));
  writer.add("SessionType", options_.target_name.empty() ? "Discovery" : "Normal");
  if (!options_.target_name.empty()) writer.add("TargetName", std::string_view(options_.target_name));
  return writer.take();
}

Task<Result<void>> LoginStory::reach_next_stage() {
  while (!answer_.transit) {
    std::string answers = negotiation_.take_answers();
    const Result<void> stepped = co_await step(true, std::move(answers));
    if (!stepped) co_return stepped;
    if (stage_ == LoginStage::login_operational_negotiation) CO_TRY(take_pairs());
  }
  stage_ = next_stage();
  co_return Result<void>();
}

Task<Result<void>> LoginStory::security() {
  iscsi::TextWriter writer;
  writer.add("AuthMethod", options_.chap ? "CHAP" : "None");
  std::string text = names() + writer.take();
  const Result<void> stepped = co_await step(!options_.chap, std::move(text));
  if (!stepped) co_return stepped;
  const auto method = value("AuthMethod");
  if (!method) co_return std::unexpected(method.error());
  if (*method != (options_.chap ? "CHAP" : "None")) {
    co_return fail(ErrorCode::permission_denied, "login", "the target answered AuthMethod={}", *method);
  }
  CO_TRY(take_pairs());
  if (options_.chap) {
    const Result<void> proven = co_await chap();
    if (!proven) co_return proven;
  }
  co_return co_await reach_next_stage();
}

Task<Result<void>> LoginStory::chap() {
  iscsi::TextWriter offer;
  offer.add("CHAP_A", std::string_view(chap_algorithm_list(options_.chap->algorithms)));
  std::string text = offer.take();
  Result<void> stepped = co_await step(false, std::move(text));
  if (!stepped) co_return stepped;
  auto reply = chap_reply();
  if (!reply) co_return blame_target(std::move(reply).error());
  text = std::move(*reply);
  stepped = co_await step(true, std::move(text));
  if (!stepped) co_return stepped;
  if (options_.chap->mutual_secret.empty()) co_return Result<void>();
  auto proven = check_mutual();
  if (!proven) co_return blame_target(std::move(proven).error());
  co_return Result<void>();
}

/// Our name and answer to the target's challenge, and a challenge of ours.
Result<std::string> LoginStory::chap_reply() {
  const ChapCredentials& chap = *options_.chap;
  TRY_ASSIGN(const std::string_view chosen, value("CHAP_A"));
  TRY_ASSIGN(const std::string_view identifier, value("CHAP_I"));
  TRY_ASSIGN(const std::string_view challenge, value("CHAP_C"));
  TRY_ASSIGN(const uint64_t number, iscsi::parse_number("CHAP_A", chosen));
  TRY_ASSIGN(const uint64_t id, iscsi::parse_number("CHAP_I", identifier));
  TRY_ASSIGN(const std::vector<uint8_t> bytes, iscsi::parse_binary("CHAP_C", challenge, max_challenge_bytes));
  bool offered = false;
  for (const ChapAlgorithm algorithm : chap.algorithms)
    offered = offered || static_cast<uint64_t>(algorithm) == number;
  if (!offered) return fail(ErrorCode::protocol_error, "target", "CHAP_A={} was not offered", number);
  if (id > 255) return fail(ErrorCode::protocol_error, "target", "CHAP_I={} is not one byte", id);
  algorithm_ = static_cast<ChapAlgorithm>(number);
  iscsi::TextWriter writer;
  writer.add("CHAP_N", std::string_view(chap.user));
  const std::vector<uint8_t> response =
      chap_response(algorithm_, static_cast<uint8_t>(id), chap.secret, bytes);
  writer.add("CHAP_R", std::string_view(iscsi::binary_as_hex(response)));
  std::string& method = session_.parameters_.authentication;
  method = fmt::format("{}CHAP {}", chap.mutual_secret.empty() ? "" : "mutual ", name_of(algorithm_));
  if (!chap.mutual_secret.empty()) {
    session_.loop_.random(challenge_);
    session_.loop_.random({&identifier_, 1});
    writer.add("CHAP_I", uint64_t{identifier_});
    writer.add("CHAP_C", std::string_view(iscsi::binary_as_hex(challenge_)));
  }
  return writer.take();
}

Result<void> LoginStory::check_mutual() {
  const ChapCredentials& chap = *options_.chap;
  TRY_ASSIGN(const std::string_view name, value("CHAP_N"));
  TRY_ASSIGN(const std::string_view response, value("CHAP_R"));
  TRY_ASSIGN(const std::vector<uint8_t> bytes, iscsi::parse_binary("CHAP_R", response, max_challenge_bytes));
  const std::vector<uint8_t> right = chap_response(algorithm_, identifier_, chap.mutual_secret, challenge_);
  if (name == chap.mutual_user && same_bytes(bytes, right)) return {};
  return fail(ErrorCode::permission_denied, "login", "the target {} did not prove to be {}", name,
              chap.mutual_user);
}

Task<Result<void>> LoginStory::operational() {
  std::string text = options_.skip_security_stage && !options_.chap ? names() : std::string();
  text += negotiation_.offer();
  const Result<void> stepped = co_await step(true, std::move(text));
  if (!stepped) co_return stepped;
  CO_TRY(take_pairs());
  co_return co_await reach_next_stage();
}

Task<Result<void>> LoginStory::run(std::unique_ptr<loop::Stream> stream) {
  session_.loop_.arm_after(session_, options_.login_timeout);
  session_.transport_.start(std::move(stream));
  if (!options_.skip_security_stage || options_.chap) {
    const Result<void> secure = co_await security();
    if (!secure) co_return secure;
  } else {
    stage_ = LoginStage::login_operational_negotiation;
  }
  const Result<void> agreed = co_await operational();
  if (!agreed) co_return agreed;
  CO_TRY(negotiation_.finish());
  if (answer_.tsih == 0)
    co_return fail(ErrorCode::protocol_error, "target", "the last Login Response has TSIH 0");
  Parameters parameters = negotiation_.parameters();
  parameters.tsih = answer_.tsih;
  parameters.authentication = session_.parameters_.authentication;
  session_.begin_full_feature_phase(parameters);
  session_.transport_.go_on();
  co_return Result<void>();
}

Task<Result<std::unique_ptr<Session>>> login(loop::Loop& loop, LoginOptions options) {
  CO_TRY(check_options(options));
  loop::Cancellation* const cancellation = options.cancellation;
  auto connected = co_await loop.connect(options.endpoint, options.connect_timeout, cancellation);
  if (!connected) co_return std::unexpected(connected.error());
  CO_TRY(loop::Cancellation::check(cancellation, "login"));
  std::unique_ptr<Session> session = LoginStory::make(loop, std::move(options));
  LoginStory story(*session);
  const loop::Cancellation::Scope scope(cancellation, [&session] { session->close("given up"); });
  const Result<void> done = co_await story.run(std::move(*connected));
  if (!done) co_return std::unexpected(done.error());
  co_return std::move(session);
}

}  // namespace ashlar::initiator
