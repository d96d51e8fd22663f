// Requests that are not SCSI commands: task management, NOP-Out, text, logout.
#include <algorithm>

#include "initiator/session.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;
using iscsi::TaskManagementFunction;
using iscsi::TaskManagementOutcome;

namespace {

// Tags of exchanges have the top bit, those of commands do not.
constexpr uint32_t exchange_tag_bit = 0x80000000;
// Immediate requests wait for no window; a target may refuse too many of them (RFC 7143 4.2.2.1).
constexpr size_t max_awaited = 8;
constexpr size_t max_ping_bytes = 4096;
constexpr size_t max_text_request_bytes = 4096;

}  // namespace

void Session::start(Exchange& exchange) {
  exchange.initiator_task_tag = exchange_tag_bit | (exchange_tags_++ & 0xffffff);
  exchange.target_transfer_tag = iscsi::reserved_task_tag;
  exchange.error.reset();
  exchange.done.reset();
  exchanges_.push_back(exchange);
  transport_.want_send();
}

void Session::finish(Exchange& exchange) {
  if (exchange.awaited) {
    awaited_exchanges_.remove(exchange);
  } else {
    exchanges_.remove(exchange);
  }
  exchange.awaited = false;
  exchange.done.set();
}

void Session::finish(Exchange& exchange, Error error) {
  exchange.error = std::move(error);
  finish(exchange);
}

Exchange* Session::find_exchange(uint32_t initiator_task_tag, Exchange::Kind kind) {
  for (Exchange& exchange : awaited_exchanges_) {
    if (exchange.initiator_task_tag == initiator_task_tag && exchange.kind == kind) return &exchange;
  }
  return nullptr;
}

bool Session::fill_exchanges(Batch& batch) {
  while (!exchanges_.empty() && awaited_exchanges_.size() < max_awaited) {
    Exchange& exchange = exchanges_.front();
    if (exchange.kind == Exchange::Kind::text && !window_open()) return true;
    if (!batch.room(0, exchange.data.size())) return false;
    encode_exchange(exchange, batch.header());
    batch.add_copy(exchange.data);
    exchanges_.remove(exchange);
    awaited_exchanges_.push_back(exchange);
    exchange.awaited = true;
  }
  return true;
}

void Session::encode_exchange(Exchange& exchange, uint8_t* header) {
  exchange.order = ++order_;
  const auto data_bytes = static_cast<uint32_t>(exchange.data.size());
  switch (exchange.kind) {
    case Exchange::Kind::management: {
      iscsi::TaskManagementRequest pdu;
      pdu.immediate = true;
      pdu.function = exchange.function;
      pdu.lun = exchange.lun;
      pdu.initiator_task_tag = exchange.initiator_task_tag;
      pdu.referenced_task_tag = exchange.referenced_task_tag;
      pdu.ref_cmd_sn = exchange.ref_cmd_sn;
      pdu.cmd_sn = cmd_sn_;
      pdu.exp_stat_sn = exp_stat_sn_;
      return pdu.encode(header);
    }
    case Exchange::Kind::ping: {
      iscsi::NopOut pdu;
      pdu.immediate = true;
      pdu.data_segment_length = data_bytes;
      pdu.initiator_task_tag = exchange.initiator_task_tag;
      pdu.cmd_sn = cmd_sn_;
      pdu.exp_stat_sn = exp_stat_sn_;
      return pdu.encode(header);
    }
    case Exchange::Kind::text: {
      iscsi::TextRequest pdu;
      pdu.data_segment_length = data_bytes;
      pdu.initiator_task_tag = exchange.initiator_task_tag;
      pdu.target_transfer_tag = exchange.target_transfer_tag;
      pdu.cmd_sn = cmd_sn_++;
      pdu.exp_stat_sn = exp_stat_sn_;
      return pdu.encode(header);
    }
    case Exchange::Kind::logout: {
      iscsi::LogoutRequest pdu;
      pdu.immediate = true;
      pdu.reason = iscsi::LogoutReason::close_session;
      pdu.initiator_task_tag = exchange.initiator_task_tag;
      pdu.cmd_sn = cmd_sn_;
      pdu.exp_stat_sn = exp_stat_sn_;
      return pdu.encode(header);
    }
  }
}

bool Session::fill_ping_answers(Batch& batch) {
  while (!ping_answers_.empty()) {
    if (!batch.room(0, 0)) return false;
    iscsi::NopOut& pdu = ping_answers_.front();
    pdu.cmd_sn = cmd_sn_;
    pdu.exp_stat_sn = exp_stat_sn_;
    pdu.encode(batch.header());
    batch.add_copy({});
    ping_answers_.erase(ping_answers_.begin());
    ++counters_.pings_answered;
  }
  return true;
}

/// Commands that a completed function covers and that were sent before it get no answer any more (RFC 7143 11.5.1, 4.2.3.3).
bool Session::covers(const Exchange& exchange, const Command& command) {
  if (exchange.kind != Exchange::Kind::management || command.order_ >= exchange.order) return false;
  switch (exchange.function) {
    case TaskManagementFunction::abort_task:
      return command.initiator_task_tag_ == exchange.referenced_task_tag;
    case TaskManagementFunction::abort_task_set:
    case TaskManagementFunction::clear_task_set:
    case TaskManagementFunction::logical_unit_reset: return command.lun == exchange.lun;
    case TaskManagementFunction::target_warm_reset:
    case TaskManagementFunction::target_cold_reset: return true;
    default: return false;
  }
}

void Session::end_aborted(const Exchange& exchange) {
  for (const Slot& slot : slots_) {
    if (slot.command != nullptr && covers(exchange, *slot.command)) complete(*slot.command, Outcome::aborted);
  }
}

bool Session::may_have_ended(const Command& command, const Exchange& apart) {
  for (const Exchange& each : awaited_exchanges_) {
    if (&each != &apart && covers(each, command)) return true;
  }
  return false;
}

loop::Task<Session::Management> Session::abort_task(Command& command) {
  if (command.state_ == Command::State::waiting) {
    complete(command, Outcome::not_sent);
    co_return TaskManagementOutcome::function_complete;
  }
  if (command.state_ != Command::State::sent) co_return TaskManagementOutcome::task_does_not_exist;
  Exchange exchange(Exchange::Kind::management);
  exchange.function = TaskManagementFunction::abort_task;
  exchange.lun = command.lun;
  exchange.referenced_task_tag = command.initiator_task_tag_;
  exchange.ref_cmd_sn = command.cmd_sn_;
  start(exchange);
  co_await exchange.done;
  if (exchange.error) co_return std::unexpected(std::move(*exchange.error));
  co_return exchange.outcome;
}

loop::Task<Session::Management> Session::manage(TaskManagementFunction function, std::array<uint8_t, 8> lun) {
  if (phase_ != Phase::full_feature) co_return fail(ErrorCode::closed, "session", "the session is closed");
  Exchange exchange(Exchange::Kind::management);
  exchange.function = function;
  exchange.lun = lun;
  start(exchange);
  co_await exchange.done;
  if (exchange.error) co_return std::unexpected(std::move(*exchange.error));
  co_return exchange.outcome;
}

loop::Task<Result<void>> Session::ping(std::vector<uint8_t> data) {
  if (phase_ != Phase::full_feature) co_return fail(ErrorCode::closed, "session", "the session is closed");
  const size_t limit = std::min<size_t>(max_ping_bytes, parameters_.max_send_data_segment_bytes);
  if (data.size() > limit)
    co_return fail(ErrorCode::out_of_range, "ping", "{} bytes; at most {}", data.size(), limit);
  Exchange exchange(Exchange::Kind::ping);
  exchange.data = std::move(data);
  start(exchange);
  co_await exchange.done;
  if (exchange.error) co_return std::unexpected(std::move(*exchange.error));
  co_return Result<void>();
}

loop::Task<Result<std::string>> Session::text(std::string request) {
  if (phase_ != Phase::full_feature) co_return fail(ErrorCode::closed, "session", "the session is closed");
  const size_t limit = std::min<size_t>(max_text_request_bytes, parameters_.max_send_data_segment_bytes);
  if (request.size() > limit)
    co_return fail(ErrorCode::out_of_range, "text", "{} bytes; at most {}", request.size(), limit);
  Exchange exchange(Exchange::Kind::text);
  exchange.data.assign(request.begin(), request.end());
  start(exchange);
  co_await exchange.done;
  if (exchange.error) co_return std::unexpected(std::move(*exchange.error));
  co_return std::move(exchange.answer);
}

loop::Task<Result<void>> Session::logout() {
  if (phase_ != Phase::full_feature) co_return fail(ErrorCode::closed, "session", "the session is closed");
  logging_out_ = true;  // RFC 7143 11.14: no new requests after this one
  Exchange exchange(Exchange::Kind::logout);
  start(exchange);
  co_await exchange.done;
  if (exchange.error) co_return std::unexpected(std::move(*exchange.error));
  co_return Result<void>();
}

}  // namespace ashlar::initiator
