#include "initiator/exchange.h"

#include "initiator/fake_target_test.h"

namespace ashlar::initiator {
namespace {

using iscsi::TaskManagementFunction;
using iscsi::TaskManagementOutcome;

Task<void> answer_management(FakeTarget& target, TaskManagementFunction function,
                             TaskManagementOutcome outcome) {
  const Pdu request = co_await target.next();
  EXPECT_EQ(request.name(), "Task Management Request");
  EXPECT_EQ(request.as<iscsi::TaskManagementRequest>().function, function);
  iscsi::TaskManagementResponse answer;
  answer.initiator_task_tag = request.tag();
  answer.response = outcome;
  answer.numbers = target.numbers();
  ++target.stat_sn;
  target.send(answer);
}

TEST_F(SessionTest, AbortsTasks) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        co_await target.command();
        co_await answer_management(target, TaskManagementFunction::abort_task,
                                   TaskManagementOutcome::function_complete);
        const Pdu command = co_await target.command();
        target.send(target.response(command.tag()));
        co_await answer_management(target, TaskManagementFunction::abort_task,
                                   TaskManagementOutcome::task_does_not_exist);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending first;
        host.session->submit(first.command);
        // Not sent yet: taken back without a word to the target.
        auto answer = co_await host.session->abort_task(first.command);
        EXPECT_EQ(answer, TaskManagementOutcome::function_complete);
        co_await first.done;
        EXPECT_EQ(first.command.outcome, Outcome::not_sent);
        first.done.reset();
        host.session->submit(first.command);
        co_await loop::sleep_for(loop::seconds(1));
        answer = co_await host.session->abort_task(first.command);
        EXPECT_EQ(answer, TaskManagementOutcome::function_complete);
        co_await first.done;
        EXPECT_EQ(first.command.outcome, Outcome::aborted);
        // The answer crosses the abort.
        Pending second;
        host.session->submit(second.command);
        co_await loop::sleep_for(loop::Nanoseconds(1));
        answer = co_await host.session->abort_task(second.command);
        EXPECT_EQ(answer, TaskManagementOutcome::task_does_not_exist);
        EXPECT_TRUE(second.command.good());
      });
}

TEST_F(SessionTest, ATaskThatAResetHasEndedIsThereNoMore) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        co_await target.command();
        const Pdu reset = co_await target.next();
        EXPECT_EQ(reset.as<iscsi::TaskManagementRequest>().function,
                  TaskManagementFunction::logical_unit_reset);
        co_await answer_management(target, TaskManagementFunction::abort_task,
                                   TaskManagementOutcome::task_does_not_exist);
        iscsi::TaskManagementResponse answer;
        answer.initiator_task_tag = reset.tag();
        answer.response = TaskManagementOutcome::function_complete;
        answer.numbers = target.numbers();
        ++target.stat_sn;
        target.send(answer);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending pending;
        host.session->submit(pending.command);
        co_await loop::sleep_for(loop::seconds(1));
        auto resetting =
            host.session->manage(TaskManagementFunction::logical_unit_reset, pending.command.lun);
        const auto aborted = co_await host.session->abort_task(pending.command);
        EXPECT_EQ(aborted, TaskManagementOutcome::task_does_not_exist);
        const auto reset = co_await resetting;
        EXPECT_EQ(reset, TaskManagementOutcome::function_complete);
        co_await pending.done;
        EXPECT_EQ(pending.command.outcome, Outcome::aborted);
      });
}

TEST_F(SessionTest, AResetEndsWhatItCoversAndNothingElse) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        co_await target.command();
        const Pdu other = co_await target.command();
        const Pdu immediate = co_await target.command();
        EXPECT_EQ(immediate.as<iscsi::ScsiCommand>().cmd_sn, other.as<iscsi::ScsiCommand>().cmd_sn + 1);
        co_await answer_management(target, TaskManagementFunction::logical_unit_reset,
                                   TaskManagementOutcome::function_complete);
        target.send(target.response(other.tag()));
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending reset;
        Pending other;
        other.command.lun = lun_bytes(3);
        host.session->submit(reset.command);
        host.session->submit(other.command);
        co_await loop::sleep_for(loop::Nanoseconds(1));
        Pending immediate;
        immediate.command.immediate = true;
        host.session->submit(immediate.command);
        co_await loop::sleep_for(loop::Nanoseconds(1));
        const auto answer =
            co_await host.session->manage(TaskManagementFunction::logical_unit_reset, lun_bytes(0));
        EXPECT_EQ(answer, TaskManagementOutcome::function_complete);
        co_await reset.done;
        EXPECT_EQ(reset.command.outcome, Outcome::aborted);
        co_await immediate.done;
        EXPECT_EQ(immediate.command.outcome, Outcome::aborted);
        co_await other.done;
        EXPECT_TRUE(other.command.good());
      });
}

TEST_F(SessionTest, TellsAsynchronousMessagesAndRejects) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        iscsi::AsyncMessage message;
        message.event = iscsi::AsyncEvent::logout_request;
        message.parameter3 = 10;
        message.numbers = target.numbers();
        ++target.stat_sn;
        target.send(message);
        const Pdu request = co_await target.next();
        iscsi::Reject reject;
        reject.reason = iscsi::RejectReason::command_not_supported;
        reject.numbers = target.numbers();
        ++target.stat_sn;
        target.send(reject, request.header);
        const Pdu command = co_await target.command();
        reject.reason = iscsi::RejectReason::protocol_error;
        reject.numbers = target.numbers();
        target.send(reject, command.header);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        const auto answer = co_await host.session->manage(TaskManagementFunction::clear_aca, lun_bytes(0));
        EXPECT_FALSE(answer.has_value());
        EXPECT_EQ(host.messages.size(), 1u);
        EXPECT_EQ(host.messages.at(0).parameter3, 10);
        BlockUnit unit(*host.session, 0);
        const Answer ready = co_await unit.test_unit_ready();
        EXPECT_EQ(ready.outcome, Outcome::unknown);
      });
  ASSERT_TRUE(host->told_closed.has_value());
  EXPECT_NE(host->told_closed->message.find("rejected a PDU: protocol error (SCSI Command"),
            std::string::npos)
      << host->told_closed->message;
}

}  // namespace
}  // namespace ashlar::initiator
