// Every mistake of a target that a session must see: it ends with a reason that names the mistake.
#include "initiator/fake_target_test.h"

namespace ashlar::initiator {
namespace {

enum class Work : uint8_t { read_8k, write_64k, none };

struct Mistake {
  const char* name;
  Work work;
  Task<void> (*make)(FakeTarget& target, uint32_t tag);
  const char* reason;
};

constexpr std::array<uint8_t, 8192> zeroes{};
ConstBytes bytes(size_t count) { return ConstBytes(zeroes).first(count); }

// Each is a coroutine so that it may wait between what it sends; most need not.
const Mistake mistakes[] = {
    {"StatSn", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       ++target.stat_sn;
       target.send(target.response(tag, 0x08));
       co_return;
     },
     "SCSI Response with StatSN 1003, expected 1002"},
    {"StatSnOfR2t", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       ++target.stat_sn;
       target.send(target.r2t(tag, 1, 0, 16384, 8192));
       co_return;
     },
     "R2T with StatSN 1003, expected 1002"},
    {"DataSnGap", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 0, false), bytes(100));
       target.send(target.data_in(tag, 2, 100, false), bytes(100));
       co_return;
     },
     "Data-In with DataSN 2, expected 1"},
    {"Overlap", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 0, false), bytes(4096));
       target.send(target.data_in(tag, 1, 4000, false), bytes(4096));
       co_return;
     },
     "overlaps: offset 4000, but 4096"},
    {"Gap", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 4, false), bytes(4096));
       co_return;
     },
     "leaves a gap: offset 4, but 0"},
    {"PastTheEnd", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 0, false), bytes(4096));
       target.send(target.data_in(tag, 1, 4096, true), bytes(4100));
       co_return;
     },
     "passes the expected 8192"},
    {"UnknownTag", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.response(tag + 0x10000, 0x08));
       co_return;
     },
     "for unknown ITT"},
    {"TwoAnswers", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.response(tag, 0x08));
       target.send(target.response(tag, 0x08));
       co_return;
     },
     "which had its answer"},
    {"DataForAWrite", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 0, true), bytes(16));
       co_return;
     },
     "reads nothing"},
    {"GoodWithoutData", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.response(tag));
       co_return;
     },
     "GOOD, but 0 bytes came instead of 8192"},
    {"GoodBeforeData", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.response(tag));
       co_return;
     },
     "GOOD, but only 16384 of 65536 bytes were taken"},
    {"WrongResidual", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::ScsiResponse answer = target.response(tag);
       answer.underflow = true;
       answer.residual_count = 8000;
       target.send(answer);
       co_return;
     },
     "GOOD, but 0 bytes came instead of 192"},
    {"BothResiduals", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::ScsiResponse answer = target.response(tag);
       answer.underflow = answer.overflow = true;
       target.send(answer);
       co_return;
     },
     "overflow and underflow"},
    {"ResidualWithoutBit", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::ScsiResponse answer = target.response(tag, 0x08);
       answer.residual_count = 8192;
       target.send(answer);
       co_return;
     },
     "without its bit"},
    {"ExpDataSn", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 0, true), bytes(8192));
       target.send(target.response(tag));
       co_return;
     },
     "ExpDataSN 0, but 1"},
    {"ExpDataSnOfAWrite", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::ScsiResponse answer = target.response(tag, 0x08);
       answer.exp_data_sn = 1;
       target.send(answer);
       co_return;
     },
     "ExpDataSN 1, but 0"},
    {"CheckConditionWithoutSense", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.response(tag, 0x02));
       co_return;
     },
     "CHECK CONDITION without sense data"},
    {"SenseLength", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       const std::array<uint8_t, 4> data = {0, 18, 0x70, 0};
       target.send(target.response(tag, 0x02), data);
       co_return;
     },
     "sense data of 18 bytes in a segment of 4"},
    {"StatusNotFinal", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::DataIn pdu = target.with_status(target.data_in(tag, 0, 0, true));
       pdu.final = false;
       target.send(pdu, bytes(8192));
       co_return;
     },
     "not final"},
    {"CheckConditionInDataIn", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::DataIn pdu = target.with_status(target.data_in(tag, 0, 0, true));
       pdu.status = 0x02;
       target.send(pdu, bytes(8192));
       co_return;
     },
     "needs a SCSI Response"},
    {"Acknowledge", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::DataIn pdu = target.data_in(tag, 0, 0, true);
       pdu.acknowledge = true;
       target.send(pdu, bytes(8192));
       co_return;
     },
     "ErrorRecoveryLevel 0"},
    {"LongSequence", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.data_in(tag, 0, 0, false), bytes(4096));
       target.send(target.data_in(tag, 1, 4096, true), bytes(4096));
       co_return;
     },
     "longer than MaxBurstLength 4096"},
    {"R2tForARead", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.r2t(tag, 1, 0, 0, 512));
       co_return;
     },
     "writes nothing"},
    {"R2tSn", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.r2t(tag, 1, 1, 16384, 512));
       co_return;
     },
     "R2TSN 1, expected 0"},
    {"R2tOffset", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.r2t(tag, 1, 0, 8192, 512));
       co_return;
     },
     "at offset 8192, but 16384"},
    {"R2tPastTheEnd", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.r2t(tag, 1, 0, 16384, 49153));
       co_return;
     },
     "passes the expected 65536"},
    {"R2tOfNothing", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.r2t(tag, 1, 0, 16384, 0));
       co_return;
     },
     "R2T for 0 bytes"},
    {"R2tWithoutTag", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.send(target.r2t(tag, iscsi::reserved_task_tag, 0, 16384, 512));
       co_return;
     },
     "without a target transfer tag"},
    {"TooManyR2ts", Work::write_64k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       target.hold = true;  // so that they come together: one that was served is outstanding no more
       for (uint32_t i = 0; i < 9; ++i) target.send(target.r2t(tag, i, i, 16384 + 512 * i, 512));
       target.flush();
       co_return;
     },
     "MaxOutstandingR2T 8"},
    {"MaxCmdSnBelow", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       iscsi::ScsiResponse answer = target.response(tag, 0x08);
       answer.numbers.max_cmd_sn = answer.numbers.exp_cmd_sn - 2;
       target.send(answer);
       co_return;
     },
     "below ExpCmdSN"},
    {"ExpCmdSnAhead", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       ++target.exp_cmd_sn;
       target.send(target.response(tag, 0x08));
       co_return;
     },
     "was not sent yet"},
    {"ExpCmdSnBehind", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       --target.exp_cmd_sn;
       target.send(target.response(tag, 0x08));
       co_return;
     },
     "answer to CmdSN 1 with ExpCmdSN 1"},
    {"HostsOpcode", Work::none,
     [](FakeTarget& target, uint32_t) -> Task<void> {
       iscsi::ScsiCommand pdu;
       pdu.cmd_sn = target.stat_sn;  // where a target's PDU has its StatSN
       pdu.exp_stat_sn = target.exp_cmd_sn;
       store_be32(pdu.cdb.data(), target.exp_cmd_sn);
       target.send(pdu);
       co_return;
     },
     "SCSI Command (opcode 01) in full feature phase"},
    {"LoginAgain", Work::none,
     [](FakeTarget& target, uint32_t) -> Task<void> {
       iscsi::LoginResponse pdu;
       pdu.numbers = target.numbers();
       target.send(pdu);
       co_return;
     },
     "Login Response (opcode 23) in full feature phase"},
    {"UnaskedNopIn", Work::none,
     [](FakeTarget& target, uint32_t) -> Task<void> {
       iscsi::NopIn pdu;
       pdu.initiator_task_tag = 5;
       pdu.numbers = target.numbers();
       target.send(pdu);
       co_return;
     },
     "NOP-In for unknown ITT"},
    {"UnaskedManagementResponse", Work::none,
     [](FakeTarget& target, uint32_t) -> Task<void> {
       iscsi::TaskManagementResponse pdu;
       pdu.initiator_task_tag = 0x80000000;
       pdu.numbers = target.numbers();
       target.send(pdu);
       co_return;
     },
     "Task Management Response for unknown ITT"},
    {"TooMuchData", Work::read_8k,
     [](FakeTarget& target, uint32_t tag) -> Task<void> {
       const std::vector<uint8_t> much(65540);
       target.send(target.data_in(tag, 0, 0, true), much);
       co_return;
     },
     "65540 bytes of data; MaxRecvDataSegmentLength is 65536"},
};

const Mistake* made = nullptr;

class Violation : public SessionTest, public testing::WithParamInterface<Mistake> {};

TEST_P(Violation, EndsTheSession) {
  made = &GetParam();
  loop::SimNetwork::Settings& network = world.network().settings();
  network.short_receive = network.short_send = network.split_chance = 0;
  host->options.first_burst_bytes = 16384;
  host->options.max_burst_bytes = std::string_view(made->name) == "LongSequence" ? 4096 : 1048576;
  if (std::string_view(made->name) == "LongSequence") host->options.first_burst_bytes = 4096;
  run(
      [](FakeTarget& target) -> Task<void> {
        co_await target.log_in();
        uint32_t tag = iscsi::reserved_task_tag;
        if (made->work != Work::none) {
          const Pdu command = co_await target.command();
          tag = command.tag();
        }
        co_await made->make(target, tag);
        while (!target.ended) co_await target.next();
      },
      [](Host& host) -> Task<void> {
        co_await host.log_in();
        Pending pending;
        if (made->work == Work::read_8k) pending.read(8192);
        if (made->work == Work::write_64k) pending.write(65536);
        if (made->work != Work::none) {
          host.session->submit(pending.command);
          co_await pending.done;
        }
        while (host.session->open()) co_await loop::sleep_for(loop::seconds(1));
        EXPECT_EQ(host.session->closed_reason()->code, ErrorCode::protocol_error);
        EXPECT_NE(host.session->closed_reason()->message.find(made->reason), std::string::npos)
            << host.session->closed_reason()->message;
        const bool answered_once = std::string_view(made->name) == "TwoAnswers";
        if (made->work != Work::none)
          EXPECT_EQ(pending.command.outcome, answered_once ? Outcome::answered : Outcome::unknown);
      });
}

INSTANTIATE_TEST_SUITE_P(Mistakes, Violation, testing::ValuesIn(mistakes),
                         [](const testing::TestParamInfo<Mistake>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace ashlar::initiator
