// A queue proves itself: the messages of NvmeAuthentication by Authentication Send and Receive.
#include "initiator/nvme_queue.h"
#include "loop/on_worker.h"

namespace ashlar::initiator {

using namespace wire::nvme;

namespace {

std::unexpected<Error> not_taken(std::string_view what, const Completion& completion) {
  return fail(ErrorCode::permission_denied, "controller", "{} was refused with status {:03x}h", what,
              static_cast<unsigned>(completion.outcome.status));
}

}  // namespace

loop::Task<Result<NvmeAnswer>> NvmeQueue::send_message(std::vector<uint8_t> message) {
  if (bend_message) bend_message(message);
  Submission entry;
  AuthenticationExchange{true, static_cast<uint32_t>(message.size())}.encode(
      entry, FabricsType::authentication_send);
  return run(entry, std::move(message));
}

loop::Task<Result<NvmeAnswer>> NvmeQueue::receive_message() {
  Submission entry;
  AuthenticationExchange{true, most_authentication_bytes}.encode(entry, FabricsType::authentication_receive);
  return run(entry, {}, most_authentication_bytes);
}

loop::Task<Result<std::vector<uint8_t>>> NvmeQueue::next_message() {
  auto receiving = receive_message();
  Result<NvmeAnswer> answer = co_await receiving;
  if (!answer) co_return std::unexpected(answer.error());
  if (!answer->ok()) co_return not_taken("Authentication Receive", answer->completion);
  if (bend_answer) bend_answer(answer->data);
  co_return std::move(answer->data);
}

loop::Task<Result<std::vector<uint8_t>>> NvmeQueue::exponentiate(DhExponentiation work) {
  auto computing = loop::on_worker(loop_, [&work] { return work.run(); });
  Result<std::vector<uint8_t>> value = co_await computing;
  forget_secret(work.secret);
  co_return value;
}

loop::Task<Result<void>> NvmeQueue::exchange_messages(NvmeAuthentication& machine) {
  auto offering = send_message(machine.negotiate());
  const Result<NvmeAnswer> offered = co_await offering;
  CO_TRY(offered);
  if (!offered->ok()) co_return not_taken("AUTH_Negotiate", offered->completion);
  auto asking = next_message();
  const Result<std::vector<uint8_t>> asked = co_await asking;
  CO_TRY(asked);
  CO_TRY_ASSIGN(std::vector<DhExponentiation> work, machine.take_challenge(*asked));
  std::vector<std::vector<uint8_t>> values;
  for (DhExponentiation& each : work) {
    auto computing = exponentiate(std::move(each));
    Result<std::vector<uint8_t>> value = co_await computing;
    CO_TRY(value);
    values.push_back(std::move(*value));
  }
  CO_TRY_ASSIGN(std::vector<uint8_t> reply, machine.reply(std::move(values)));
  auto replying = send_message(std::move(reply));
  const Result<NvmeAnswer> replied = co_await replying;
  CO_TRY(replied);
  if (!replied->ok()) co_return not_taken("DH-HMAC-CHAP_Reply", replied->completion);
  auto hearing = next_message();
  const Result<std::vector<uint8_t>> verdict = co_await hearing;
  CO_TRY(verdict);
  CO_TRY_ASSIGN(std::vector<uint8_t> last, machine.take_success(*verdict));
  if (last.empty()) co_return Result<void>{};
  auto ending = send_message(std::move(last));
  const Result<NvmeAnswer> ended = co_await ending;
  CO_TRY(ended);
  if (!ended->ok()) co_return not_taken("DH-HMAC-CHAP_Success2", ended->completion);
  co_return Result<void>{};
}

loop::Task<Result<void>> NvmeQueue::authenticate() {
  if (!options_.proof) {
    co_return fail(ErrorCode::permission_denied, "secret",
                   "the controller asks for a proof (DH-HMAC-CHAP), and there is no key for it");
  }
  NvmeAuthentication machine(*options_.proof, options_.host_name, options_.subsystem,
                             [this](std::span<uint8_t> bytes) { loop_.random(bytes); });
  auto exchanging = exchange_messages(machine);
  const Result<void> exchanged = co_await exchanging;
  if (exchanged) {
    authentication_ = machine.text();
    co_return Result<void>{};
  }
  const Error& error = exchanged.error();
  // The controller hears why, unless it has said so itself.
  if (open() && !error.message.contains("it says: ") && error.place == "controller") {
    auto telling = send_message(machine.failure());
    co_await telling;
  }
  co_return std::unexpected(error);
}

}  // namespace ashlar::initiator
