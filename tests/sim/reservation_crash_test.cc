// Crashes inside PERSISTENT RESERVE OUT: no key that was acknowledged is lost, and nobody writes who was shut out.
#include <algorithm>
#include <cstdlib>

#include "base/bytes.h"
#include "scsi/persistent_reserve.h"
#include "sim/quiet_array_test.h"

namespace ashlar::simulation {
namespace {

constexpr size_t hosts = QuietArray::hosts;

class CrashingArray {
 public:
  explicit CrashingArray(uint64_t seed) : quiet_(seed), random_(seed) {}

  /// One action that a crash may interrupt anywhere, and what is found after it.
  void crash_once() {
    const unit::ReservationRequest request = draw();
    const size_t host = host_of(request.nexus);
    std::optional<loop::Task<initiator::Answer>> asking;
    const std::vector<uint8_t> list = list_of(request);
    initiator::Cdb cdb{0x5f, static_cast<uint8_t>(request.action), static_cast<uint8_t>(request.type)};
    cdb[8] = static_cast<uint8_t>(list.size());
    initiator::BlockUnit unit = quiet_.unit(host);
    quiet_.loop(host).enter([&] { asking.emplace(unit.execute(cdb, list, {})); });
    quiet_.world.run_for(loop::microseconds(random_.below(2500)));
    std::optional<initiator::Answer> answer;
    if (asking->done()) answer = asking->take();
    const bool power = random_.below(3) == 0;
    quiet_.end_engine(power);
    quiet_.world.run_until([&] { return asking->done(); }, loop::seconds(60));
    const unit::Reservations before = survives(model_, power);
    const unit::ReservationOutcome outcome = unit::apply(model_, request);
    const unit::Reservations after = survives(outcome.after, power);
    answered_ += answer.has_value();
    quiet_.start_engine(power);
    const bool done = answer && outcome.status == unit::ReservationStatus::good;
    if (answer) EXPECT_EQ(answer->status == 0, done) << answer->text();
    model_ = done || found(after) ? after : before;
    EXPECT_TRUE(found(model_)) << describe(model_) << " expected, action "
                               << static_cast<int>(request.action);
    check_writes();
  }
  uint32_t answered() const { return answered_; }

 private:
  static unit::NexusName name(size_t host) {
    return {QuietArray::initiator_port(host), 1, fmt::format("{},t,0x0001", Array::target_name)};
  }
  static size_t host_of(const unit::NexusName& nexus) {
    size_t host = 0;
    while (name(host) != nexus) ++host;
    return host;
  }
  static unit::Reservations survives(unit::Reservations reservations, bool power) {
    if (power && !reservations.persist) return {};
    if (power) reservations.generation = 0;
    return reservations;
  }

  unit::ReservationRequest draw() {
    using unit::ReservationType;
    static constexpr ReservationType types[] = {ReservationType::write_exclusive,
                                                ReservationType::exclusive_access,
                                                ReservationType::write_exclusive_registrants_only,
                                                ReservationType::exclusive_access_registrants_only,
                                                ReservationType::write_exclusive_all_registrants,
                                                ReservationType::exclusive_access_all_registrants};
    unit::ReservationRequest request;
    request.nexus = name(random_.below(hosts));
    request.action = static_cast<unit::ReservationAction>(random_.below(7));
    if (random_.below(3) == 0) request.action = unit::ReservationAction::register_and_ignore_existing_key;
    if (const unit::Registration* own = model_.find(request.nexus)) request.key = own->key;
    const bool registers = request.action == unit::ReservationAction::register_key ||
                           request.action == unit::ReservationAction::register_and_ignore_existing_key;
    request.persist = registers && random_.below(2) == 0;
    if (!registers) request.type = types[random_.below(std::size(types))];
    const bool preempts = request.action == unit::ReservationAction::preempt ||
                          request.action == unit::ReservationAction::preempt_and_abort;
    if (registers) request.new_key = random_.below(5) == 0 ? 0 : 1 + random_.below(1000);
    if (preempts && !model_.registrations.empty())
      request.new_key = model_.registrations[random_.below(model_.registrations.size())].key;
    return request;
  }
  static std::vector<uint8_t> list_of(const unit::ReservationRequest& request) {
    std::vector<uint8_t> list(24);
    store_be64(list.data(), request.key);
    store_be64(&list[8], request.new_key);
    list[20] = request.persist ? 1 : 0;
    return list;
  }

  /// What PERSISTENT RESERVE IN tells is what it would tell of `wanted`: READ FULL STATUS, and PTPL_A of REPORT CAPABILITIES, which
  /// alone shows what a power cycle would leave.
  bool found(const unit::Reservations& wanted) {
    for (const scsi::ReserveIn action : {scsi::ReserveIn::full_status, scsi::ReserveIn::capabilities}) {
      std::vector<uint8_t> data(8192);
      const initiator::Cdb cdb{0x5e, static_cast<uint8_t>(action), 0, 0, 0, 0, 0, 0x20, 0, 0};
      const initiator::Answer answer = quiet_.execute(0, cdb, {}, data);
      EXPECT_TRUE(answer.good()) << answer.text();
      data.resize(answer.received_bytes);
      if (data != scsi::reserve_in_data(action, wanted, true)) return false;
    }
    return true;
  }
  void check_writes() {
    for (size_t host = 0; host < hosts; ++host) {
      initiator::BlockUnit unit = quiet_.unit(host);
      const std::vector<uint8_t> block(512, static_cast<uint8_t>(host));
      const initiator::Answer answer = quiet_.run(host, [&] { return unit.write(host, 1, block); });
      const bool out = unit::keeps_out(model_, name(host), unit::CommandEffect::writes);
      EXPECT_EQ(answer.status, out ? reservation_conflict : 0) << "host " << host << ", " << describe(model_);
    }
  }
  static std::string describe(const unit::Reservations& reservations) {
    std::string text = fmt::format("type {} of", static_cast<int>(reservations.type));
    for (const unit::Registration& each : reservations.registrations)
      text +=
          fmt::format(" {}={}{}", host_of(each.nexus), each.key, reservations.holds(each.nexus) ? "*" : "");
    return text + (reservations.persist ? " aptpl" : "");
  }

  QuietArray quiet_;
  loop::SimRandom random_;
  unit::Reservations model_;
  uint32_t answered_ = 0;
};

// CRASHES in the environment asks for more: 10,000 take minutes.
TEST(ReservationCrash, LosesNoKeyAndLetsNobodyPass) {
  const char* const asked = std::getenv("CRASHES");
  const uint32_t crashes = asked == nullptr ? 300 : static_cast<uint32_t>(std::strtoul(asked, nullptr, 10));
  uint32_t answered = 0;
  for (uint32_t done = 0, seed = 1; done < crashes && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    CrashingArray array(seed);
    for (int i = 0; i < 30; ++i, ++done) array.crash_once();
    answered += array.answered();
  }
  EXPECT_GT(answered, crashes / 10) << "most crashes came before the answer";
  EXPECT_LT(answered, crashes * 9 / 10) << "most crashes came after the answer";
}

}  // namespace
}  // namespace ashlar::simulation
