#include "loopback/initiator.h"

#include <algorithm>

#include "loop/loop.h"
#include "wire/scsi_lun.h"

namespace ashlar::loopback {

std::string Answer::text() const {
  if (aborted) return "aborted";
  if (status == scsi::ScsiStatus::good) return "GOOD";
  if (status != scsi::ScsiStatus::check_condition)
    return fmt::format("status {:02x}", static_cast<int>(status));
  return fmt::format("{:x}/{:02x}/{:02x}", static_cast<int>(sense.key), sense.code >> 8, sense.code & 0xff);
}

// One command: frees itself when it was answered.
class Initiator::Command final : public scsi::Task {
 public:
  Command(Initiator& initiator, Request request, std::move_only_function<void(Answer)> done)
      : initiator_(initiator), data_out_(std::move(request.data_out)), done_(std::move(done)) {
    CHECK(!request.cdb.empty() && request.cdb.size() <= cdb.size(), "a CDB of {} bytes", request.cdb.size());
    std::ranges::copy(request.cdb, cdb.begin());
    cdb_length = static_cast<uint8_t>(request.cdb.size());
    lun = wire::scsi::encode_lun(request.lun);
    attribute = request.attribute;
    expected_data_out_bytes = static_cast<uint32_t>(data_out_.size());
    expected_data_in_bytes = request.data_in_room;
  }

  void fetch_data_out() override { initiator_.nexus_.domain().loop().post(arrival_); }

  void completed() override {
    const std::unique_ptr<Command> self(this);
    initiator_.nexus_.domain().loop().withdraw(arrival_);
    Answer answer{
        .aborted = aborted(), .status = status, .sense = sense, .descriptor_sense = descriptor_sense};
    if (!aborted()) {
      answer.data.resize(std::min(data_in_bytes, expected_data_in_bytes));
      if (!answer.data.empty()) buffer.copy_out(0, answer.data);
      answer.residual = int64_t{expected_data_in_bytes} + expected_data_out_bytes - data_in_wanted_bytes -
                        data_out_wanted_bytes;
    }
    buffer.release();
    --initiator_.in_flight_;
    done_(std::move(answer));
  }

 private:
  class Arrival final : public loop::Ready {
   public:
    explicit Arrival(Command& command) : command_(command) {}
    void run() override {
      Command& command = command_;
      const size_t bytes = std::min<size_t>(command.buffer.size(), command.data_out_.size());
      command.buffer.copy_in(0, ConstBytes(command.data_out_).first(bytes));
      command.initiator_.nexus_.data_out_arrived(command);
    }

   private:
    Command& command_;
  };

  Initiator& initiator_;
  std::vector<uint8_t> data_out_;
  std::move_only_function<void(Answer)> done_;
  Arrival arrival_{*this};
};

Initiator::~Initiator() {
  CHECK(in_flight_ == 0, "a loopback initiator dies with {} commands in flight", in_flight_);
}

uint64_t Initiator::send(Request request, std::move_only_function<void(Answer)> done) {
  auto command = std::make_unique<Command>(*this, std::move(request), std::move(done));
  const uint64_t tag = next_tag_++;
  command->tag = tag;
  ++in_flight_;
  nexus_.submit(*command.release());
  return tag;
}

loop::Task<Answer> Initiator::command(Request request) {
  loop::Event answered;
  Answer answer;
  std::move_only_function<void(Answer)> done = [&](Answer given) {
    answer = std::move(given);
    answered.set();
  };
  send(std::move(request), std::move(done));
  co_await answered;
  co_return answer;
}

loop::Task<scsi::TaskManagementResponse> Initiator::manage(scsi::TaskManagement function, uint16_t lun,
                                                           uint64_t tag) {
  loop::Event answered;
  scsi::TaskManagementResponse response{};
  std::move_only_function<void(scsi::TaskManagementResponse)> done = [&](scsi::TaskManagementResponse given) {
    response = given;
    answered.set();
  };
  nexus_.manage(function, wire::scsi::encode_lun(lun), tag, std::move(done));
  co_await answered;
  co_return response;
}

}  // namespace ashlar::loopback
