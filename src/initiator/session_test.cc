#include "initiator/session.h"

#include "initiator/fake_target_test.h"

namespace ashlar::initiator {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::vector<uint8_t> pattern(uint32_t bytes) {
  std::vector<uint8_t> data(bytes);
  for (uint32_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 13 + i / 255);
  return data;
}

TEST_F(SessionTest, LogsInAndOut) {
  run(
      [](FakeTarget& target) -> Task<void> {
        target.login_answers["MaxBurstLength"] = "65536";
        co_await target.log_in();
        const Pdu logout = co_await target.next();
        EXPECT_EQ(logout.name(), "Logout Request");
        EXPECT_TRUE(iscsi::is_immediate(logout.header.data()));
        iscsi::LogoutResponse answer;
        answer.initiator_task_tag = logout.tag();
        answer.numbers = target.numbers();
        target.send(answer);
        co_await target.next();
        EXPECT_TRUE(target.ended);
      },
      [](Host& host) -> Task<void> {
        EXPECT_TRUE(co_await host.log_in());
        EXPECT_EQ(host.session->parameters().tsih, 7);
        EXPECT_EQ(host.session->parameters().max_burst_bytes, 65536u);
        EXPECT_EQ(host.session->parameters().max_send_data_segment_bytes, 8192u);
        EXPECT_FALSE(host.session->parameters().initial_r2t);
        const auto left = co_await host.session->logout();
        EXPECT_TRUE(left.has_value());
        EXPECT_FALSE(host.session->open());
      });
  ASSERT_TRUE(host->told_closed.has_value());
  EXPECT_EQ(host->told_closed->message, "logged out");
}

TEST_F(SessionTest, ReadsInPiecesWithStatusInTheLast) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        const Pdu command = co_await target.command();
        const auto pdu = command.as<iscsi::ScsiCommand>();
        EXPECT_TRUE(pdu.read);
        EXPECT_FALSE(pdu.write);
        EXPECT_EQ(pdu.expected_data_transfer_length, 10001u);
        const std::vector<uint8_t> data = pattern(10001);
        target.send(target.data_in(command.tag(), 0, 0, false), ConstBytes(data).first(5000));
        target.send(target.with_status(target.data_in(command.tag(), 1, 5000, true)),
                    ConstBytes(data).subspan(5000));
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        BlockUnit unit(*host.session, 0);
        std::vector<uint8_t> data(10001);
        const Answer answer = co_await unit.read(0, 20, data);
        EXPECT_TRUE(answer.good()) << answer.text();
        EXPECT_EQ(answer.received_bytes, 10001u);
        EXPECT_EQ(data, pattern(10001));
        EXPECT_EQ(host.session->counters().data_in_pdus, 2u);
      });
}

TEST_F(SessionTest, TellsSenseAndResidual) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        Pdu command = co_await target.command();
        iscsi::ScsiResponse refused = target.response(command.tag(), 0x02);
        refused.underflow = true;
        refused.residual_count = 512;
        const std::vector<uint8_t> sense = {0, 18, 0x70, 0, 5,    0, 0, 0, 0, 10,
                                            0, 0,  0,    0, 0x21, 0, 0, 0, 0, 0};
        target.send(refused, sense);
        command = co_await target.command();
        iscsi::ScsiResponse shorter = target.response(command.tag());
        shorter.underflow = true;
        shorter.residual_count = 412;
        shorter.exp_data_sn = 1;
        target.send(target.data_in(command.tag(), 0, 0, true), pattern(100));
        target.send(shorter);
        command = co_await target.command();
        iscsi::ScsiResponse failed = target.response(command.tag());
        failed.response = iscsi::ServiceResponse::target_failure;
        target.send(failed);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        BlockUnit unit(*host.session, 0);
        std::vector<uint8_t> data(512);
        Answer answer = co_await unit.read(99, 1, data);
        EXPECT_EQ(answer.text(), "CHECK CONDITION, sense 5/2100");
        EXPECT_EQ(answer.residual, Residual::underflow);
        EXPECT_EQ(answer.residual_bytes, 512u);
        answer = co_await unit.read(0, 1, data);
        EXPECT_TRUE(answer.good());
        EXPECT_EQ(answer.received_bytes, 100u);
        EXPECT_EQ(answer.residual_bytes, 412u);
        answer = co_await unit.read(0, 1, data);
        EXPECT_EQ(answer.outcome, Outcome::target_failure);
      });
}

// 100,000 bytes: 8192 immediate, 8192 unsolicited, the rest by R2Ts, two of them outstanding.
TEST_F(SessionTest, WritesImmediateUnsolicitedAndSolicitedData) {
  host->options.first_burst_bytes = 16384;
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        const Pdu command = co_await target.command();
        EXPECT_FALSE(command.as<iscsi::ScsiCommand>().final);
        std::vector<uint8_t> data = command.data;
        EXPECT_EQ(data.size(), 8192u);
        const Pdu unsolicited = co_await target.next();
        const auto first = unsolicited.as<iscsi::DataOut>();
        EXPECT_TRUE(first.final);
        EXPECT_EQ(first.target_transfer_tag, iscsi::reserved_task_tag);
        EXPECT_EQ(first.buffer_offset, 8192u);
        EXPECT_EQ(first.data_sn, 0u);
        data.insert(data.end(), unsolicited.data.begin(), unsolicited.data.end());
        target.send(target.r2t(command.tag(), 5, 0, 16384, 50000));
        target.send(target.r2t(command.tag(), 6, 1, 66384, 33616));
        for (const uint32_t ttt : {5u, 6u}) {
          for (uint32_t data_sn = 0;; ++data_sn) {
            const Pdu more = co_await target.next();
            const auto pdu = more.as<iscsi::DataOut>();
            EXPECT_EQ(pdu.target_transfer_tag, ttt);
            EXPECT_EQ(pdu.data_sn, data_sn);
            EXPECT_EQ(pdu.buffer_offset, data.size());
            EXPECT_LE(more.data.size(), 8192u);
            data.insert(data.end(), more.data.begin(), more.data.end());
            if (pdu.final || target.ended) break;
          }
        }
        Pending same;
        same.write(100000);
        EXPECT_EQ(data, same.data);
        iscsi::ScsiResponse answer = target.response(command.tag());
        answer.exp_data_sn = 2;
        target.send(answer);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending pending;
        pending.write(100000);
        host.session->submit(pending.command);
        co_await pending.done;
        EXPECT_TRUE(pending.command.good());
        EXPECT_EQ(host.session->counters().r2ts, 2u);
      });
}

TEST_F(SessionTest, WithInitialR2tSendsNothingUnasked) {
  host->options.initial_r2t = true;
  host->options.immediate_data = false;
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        const Pdu command = co_await target.command();
        EXPECT_TRUE(command.as<iscsi::ScsiCommand>().final);
        EXPECT_TRUE(command.data.empty());
        target.send(target.r2t(command.tag(), 9, 0, 0, 4096));
        const Pdu data = co_await target.next();
        EXPECT_EQ(data.data.size(), 4096u);
        target.send(target.response(command.tag()));  // ExpDataSN 0: R2Ts need not be counted
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending pending;
        pending.write(4096);
        host.session->submit(pending.command);
        co_await pending.done;
        EXPECT_TRUE(pending.command.good());
      });
}

TEST_F(SessionTest, DigestsBothWays) {
  host->options.header_digest = host->options.data_digest = DigestWish::crc32c;
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        EXPECT_TRUE(target.header_digest && target.data_digest);
        Pdu command = co_await target.command();
        EXPECT_EQ(command.data.size(), 1001u);
        target.send(target.response(command.tag()));
        command = co_await target.command();
        target.send(target.with_status(target.data_in(command.tag(), 0, 0, true)), pattern(1001));
        command = co_await target.command();
        target.spoil_data_digest = true;
        target.send(target.with_status(target.data_in(command.tag(), 0, 0, true)), pattern(1001));
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending write;
        write.write(1001);
        host.session->submit(write.command);
        co_await write.done;
        EXPECT_TRUE(write.command.good());
        Pending read;
        read.read(1001);
        host.session->submit(read.command);
        co_await read.done;
        EXPECT_TRUE(read.command.good());
        EXPECT_EQ(read.data, pattern(1001));
        read.done.reset();
        host.session->submit(read.command);
        co_await read.done;
        EXPECT_EQ(read.command.outcome, Outcome::unknown);
        EXPECT_EQ(host.session->closed_reason()->message, "Data-In: wrong data digest");
      });
}

TEST_F(SessionTest, KeepsToTheWindowAcrossTheWrap) {
  host->options.initial_cmd_sn = 0xfffffffe;
  run(
      [](FakeTarget& target) -> Task<void> {
        target.window = 2;
        co_await target.log_in();
        for (uint32_t i = 0; i < 3; ++i) {
          const Pdu first = co_await target.command();
          EXPECT_EQ(first.as<iscsi::ScsiCommand>().cmd_sn, 0xfffffffe + 2 * i);
          const Pdu second = co_await target.command();
          EXPECT_EQ(second.as<iscsi::ScsiCommand>().cmd_sn, 0xffffffff + 2 * i);
          co_await loop::sleep_for(loop::milliseconds(500));
          EXPECT_EQ(target.received_bytes(), 0u) << "a command past MaxCmdSN";
          // The first answer keeps the window shut, the second one opens it.
          iscsi::ScsiResponse answer = target.response(second.tag());
          answer.numbers.max_cmd_sn = answer.numbers.exp_cmd_sn - 1;
          target.send(answer);
          co_await loop::sleep_for(loop::milliseconds(500));
          EXPECT_EQ(target.received_bytes(), 0u) << "a command past MaxCmdSN";
          target.send(target.response(first.tag()));
        }
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        std::array<Pending, 6> commands;
        for (Pending& pending : commands) host.session->submit(pending.command);
        for (Pending& pending : commands) {
          co_await pending.done;
          EXPECT_TRUE(pending.command.good());
        }
      });
}

TEST_F(SessionTest, BoundsWhatWaitsAndTellsFatesApart) {
  host->options.max_commands = 2;
  host->options.max_waiting = 3;
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        co_await target.command();
        co_await target.command();
        target.close();
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        std::array<Pending, 6> commands;
        for (Pending& pending : commands) host.session->submit(pending.command);
        // Nothing was sent in this turn yet: the first three wait, the others find no room.
        EXPECT_EQ(host.session->commands_waiting(), 3u);
        for (Pending& pending : commands) co_await pending.done;
        EXPECT_EQ(commands[0].command.outcome, Outcome::unknown);
        EXPECT_EQ(commands[1].command.outcome, Outcome::unknown);
        for (size_t i = 2; i < commands.size(); ++i)
          EXPECT_EQ(commands[i].command.outcome, Outcome::not_sent) << i;
        EXPECT_EQ(host.session->closed_reason()->code, ErrorCode::closed);
        Pending late;
        host.session->submit(late.command);
        co_await late.done;
        EXPECT_EQ(late.command.outcome, Outcome::not_sent);
      });
}

TEST_F(SessionTest, PingsBothWays) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        Pdu ping = co_await target.next();
        EXPECT_EQ(ping.name(), "NOP-Out");
        iscsi::NopIn answer;
        answer.initiator_task_tag = ping.tag();
        answer.numbers = target.numbers();
        ++target.stat_sn;
        target.send(answer, ping.data);
        iscsi::NopIn question;
        question.target_transfer_tag = 77;
        question.numbers = target.numbers();
        target.send(question);
        ping = co_await target.next();
        EXPECT_EQ(ping.name(), "NOP-Out");
        EXPECT_EQ(ping.tag(), iscsi::reserved_task_tag);
        EXPECT_EQ(ping.as<iscsi::NopOut>().target_transfer_tag, 77u);
        EXPECT_TRUE(ping.as<iscsi::NopOut>().immediate);
        const Pdu command = co_await target.command();
        target.send(target.response(command.tag()));
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        std::vector<uint8_t> data = pattern(99);
        const auto answered = co_await host.session->ping(std::move(data));
        EXPECT_TRUE(answered.has_value());
        co_await loop::sleep_for(loop::seconds(1));
        BlockUnit unit(*host.session, 0);
        const Answer ready = co_await unit.test_unit_ready();
        EXPECT_TRUE(ready.good());
        EXPECT_EQ(host.session->counters().pings_answered, 1u);
      });
}

TEST_F(SessionTest, ASilentTargetIsGivenUp) {
  host->options.ping_interval = loop::seconds(5);
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        Pdu ping = co_await target.next();
        iscsi::NopIn answer;
        answer.initiator_task_tag = ping.tag();
        answer.numbers = target.numbers();
        ++target.stat_sn;
        target.send(answer);
        ping = co_await target.next();
        EXPECT_EQ(ping.name(), "NOP-Out");
        co_await target.next();
        EXPECT_TRUE(target.ended);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        while (host.session->open()) co_await loop::sleep_for(loop::seconds(1));
        EXPECT_EQ(host.session->closed_reason()->code, ErrorCode::timed_out);
      });
}

// The answer comes while the network has not taken the command's data: the buffer must stay the session's until it has.
TEST_F(SessionTest, AnEarlyAnswerWaitsForTheDataUnderWay) {
  world.network().settings().window_min_bytes = world.network().settings().window_max_bytes = 16384;
  host->options.first_burst_bytes = 262144;
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        const Pdu command = co_await target.command();
        target.send(target.response(command.tag(), 0x08));
        size_t data = command.data.size();
        for (;;) {
          const Pdu pdu = co_await target.next();
          if (pdu.opcode() != iscsi::Opcode::data_out) break;
          Pending same;
          same.write(262144);
          EXPECT_EQ(pdu.data,
                    std::vector<uint8_t>(same.data.begin() + static_cast<int64_t>(data),
                                         same.data.begin() + static_cast<int64_t>(data + pdu.data.size())));
          data += pdu.data.size();
        }
        target.close();
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        auto pending = std::make_unique<Pending>();
        pending->write(262144);
        host.session->submit(pending->command);
        co_await pending->done;
        EXPECT_EQ(pending->command.status, 0x08);
        std::fill(pending->data.begin(), pending->data.end(), uint8_t{0});
        pending.reset();
        std::vector<uint8_t> nothing;
        const auto left = co_await host.session->ping(std::move(nothing));
        EXPECT_FALSE(left.has_value());  // the target closes
      });
}

TEST_F(SessionTest, DestroyedWithCommandsInFlight) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        const Pdu ping = co_await target.next();
        EXPECT_EQ(ping.name(), "NOP-Out");
        co_await target.command();
        co_await target.next();
        EXPECT_TRUE(target.ended);
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending pending;
        host.session->submit(pending.command);
        std::vector<uint8_t> nothing;
        auto ping = host.session->ping(std::move(nothing));
        co_await loop::sleep_for(loop::seconds(1));
        host.session.reset();
        co_await pending.done;
        EXPECT_EQ(pending.command.outcome, Outcome::unknown);
        const auto answer = co_await ping;
        EXPECT_FALSE(answer.has_value());
      });
  EXPECT_FALSE(host->told_closed.has_value());
}

TEST_F(SessionTest, DiscoversTargetsOverSeveralPdus) {
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        Pdu request = co_await target.next();
        EXPECT_EQ(text_of(request.data), "SendTargets=All\0"sv);
        const std::string text =
            "TargetName=iqn.a:1\0TargetAddress=10.0.0.1:3260,1\0TargetName=iqn.a:2\0TargetAddress=[::1]:3260,2\0"s;
        iscsi::TextResponse answer;
        answer.initiator_task_tag = request.tag();
        target.exp_cmd_sn = request.as<iscsi::TextRequest>().cmd_sn + 1;
        answer.numbers = target.numbers();
        ++target.stat_sn;
        answer.final = false;
        answer.continues = true;
        answer.target_transfer_tag = 5;
        target.send(answer, bytes_of(text.substr(0, 30)));
        request = co_await target.next();
        EXPECT_EQ(request.as<iscsi::TextRequest>().target_transfer_tag, 5u);
        EXPECT_TRUE(request.data.empty());
        target.exp_cmd_sn = request.as<iscsi::TextRequest>().cmd_sn + 1;
        answer.numbers = target.numbers();
        ++target.stat_sn;
        answer.final = true;
        answer.continues = false;
        answer.target_transfer_tag = iscsi::reserved_task_tag;
        target.send(answer, bytes_of(text.substr(30)));
        request = co_await target.next();
        iscsi::LogoutResponse bye;
        bye.initiator_task_tag = request.tag();
        bye.numbers = target.numbers();
        target.send(bye);
      },
      [](Host& host) -> Task<void> {
        const auto targets = co_await discover(host.loop, host.options);
        EXPECT_TRUE(targets.has_value());
        if (!targets) co_return;
        EXPECT_EQ(targets->size(), 2u);
        EXPECT_EQ(targets->at(1).name, "iqn.a:2");
        EXPECT_EQ(targets->at(1).portals.at(0).address, "[::1]:3260");
        EXPECT_EQ(targets->at(1).portals.at(0).group_tag, 2);
      });
}

}  // namespace
}  // namespace ashlar::initiator
