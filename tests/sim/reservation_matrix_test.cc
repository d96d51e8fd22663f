// Every action on persistent reservations, of every type, by who holds, who is registered and who is neither: idle, under load, and
// on either side of a kill -9 and of a loss of power. What must come of it stands in reservation_rules_test.h.
#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "engine/record_file.h"
#include "sim/host_load_test.h"
#include "sim/quiet_array_test.h"
#include "sim/reservation_rules_test.h"
#include "sim/reserve_out_test.h"

namespace ashlar::simulation {
namespace {

using namespace rules;

constexpr uint8_t persistent_reserve_in = 0x5e;
constexpr size_t load_depth = 3;

enum class Condition : uint8_t { idle, load, kill, power };
constexpr std::array<std::string_view, 4> condition_names = {"Idle", "UnderLoad", "AcrossKill",
                                                             "AcrossPower"};

Role role_of(char letter) {
  const char upper = static_cast<char>(std::toupper(letter));
  return upper == 'H' ? holder : upper == 'R' ? registrant : stranger;
}

/// What PERSISTENT RESERVE IN tells, in the terms of the table.
struct State {
  std::array<uint64_t, roles> keys{};  ///< 0: not registered
  std::array<bool, roles> holds{};
  uint8_t type = 0;
  bool operator==(const State&) const = default;
  std::string text() const {
    std::string text = fmt::format("type {}:", type);
    for (size_t role = 0; role < roles; ++role) {
      if (keys[role] == 0) continue;
      text += fmt::format(" {}={:x}{}", role_names[role], keys[role], holds[role] ? "*" : "");
    }
    return text;
  }
};
bool reads(const State& state, Role role) {
  return may_read(state.type, state.holds[role], state.keys[role] != 0);
}
bool writes(const State& state, Role role) {
  return may_write(state.type, state.holds[role], state.keys[role] != 0);
}

State make_state(const Type& type, std::string_view registered, char held_by) {
  State state;
  for (const char letter : registered) {
    const Role role = role_of(letter);
    state.keys[role] = std::islower(letter) ? new_key(role) : old_key(role);
  }
  if (held_by == '-') return state;
  state.type = type.number;
  for (size_t role = 0; role < roles; ++role)
    state.holds[role] = state.keys[role] != 0 && (type.kind == all_registrants || role == role_of(held_by));
  return state;
}
State before(const Type& type) { return make_state(type, "HR", 'H'); }
State after(const Row& row, const Type& type) {
  Type then = type;
  if (row.other_type) then.number = type.other_type;
  return make_state(then, row.registered, row.holds == '=' ? 'H' : row.holds);
}

class Matrix {
 public:
  Matrix(uint64_t seed, Condition condition)
      : quiet_(seed), turn_(seed), condition_(condition), persist_(condition == Condition::power) {}

  void cell(Ask ask, Role asker, const Type& type) {
    SCOPED_TRACE(fmt::format("{} by the {}, type {}", ask_names[static_cast<size_t>(ask)], role_names[asker],
                             type.number));
    const Row& row = row_of(ask, asker, type);
    const State wanted = after(row, type);
    prepare(type);
    if (restarts()) restart();
    attentions_.clear();
    if (condition_ == Condition::load) {
      under_load(ask, asker, type, row);
    } else {
      expect_answer(execute(asker, request_of(ask, asker, type)), row);
    }
    expect_told(row);
    expect_state(wanted);
    if (!restarts()) return;
    restart();
    expect_state(wanted);
  }

  /// No key opens the door but one's own.
  void with_a_wrong_key(Ask ask, Role asker, const Type& type) {
    SCOPED_TRACE(fmt::format("{} by the {} with a wrong key, type {}", ask_names[static_cast<size_t>(ask)],
                             role_names[asker], type.number));
    prepare(type);
    ReserveOut request = request_of(ask, asker, type);
    request.key = nobodys_key;
    EXPECT_EQ(execute(asker, request).status, reservation_conflict);
    expect_state(before(type));
  }

  /// The record cannot be read after the engine ended: nobody passes until somebody replaces it (5.12.11.5).
  void lost(Role asker, const Type& type) {
    SCOPED_TRACE(fmt::format("lost, replaced by the {}, type {}", role_names[asker], type.number));
    prepare(type);
    quiet_.end_engine(false);
    spoil_record();
    quiet_.start_engine(false);
    for (size_t role = 0; role < roles; ++role) {
      expect_access(static_cast<Role>(role), false, false);
      for (const Ask ask :
           {Ask::register_key, Ask::register_and_ignore, Ask::reserve, Ask::clear, Ask::preempt})
        EXPECT_EQ(execute(static_cast<Role>(role), request_of(ask, static_cast<Role>(role), type)).status,
                  reservation_conflict);
    }
    const ReserveOut replace{.action = 8, .type = type.number, .new_key = new_key(asker)};
    EXPECT_TRUE(execute(asker, replace).good());
    State wanted;
    wanted.type = type.number;
    wanted.keys[asker] = new_key(asker);
    wanted.holds[asker] = true;
    expect_state(wanted);
    restart();
    expect_state(wanted);
  }

 private:
  bool restarts() const { return condition_ == Condition::kill || condition_ == Condition::power; }
  /// Each host plays each role in some world.
  size_t host_of(Role role) const { return (role + turn_) % roles; }
  initiator::Answer execute(Role role, const ReserveOut& request) {
    const std::vector<uint8_t> list = request.list();
    return quiet_.execute(host_of(role), request.cdb(list.size()), list, {});
  }

  ReserveOut request_of(Ask ask, Role asker, const Type& type) const {
    ReserveOut request = simulation::request_of(
        ask, asker, type, [this](Role role) { return QuietArray::initiator_port(host_of(role)); });
    const bool registers = request.action == 0 || request.action == 6 || request.action == 7;
    request.persist = persist_ && registers;
    return request;
  }

  void prepare(const Type& type) {
    take_attentions();
    // Whatever the last cell left goes.
    EXPECT_TRUE(execute(holder, {.action = 6, .new_key = old_key(holder), .persist = persist_}).good());
    EXPECT_TRUE(execute(holder, {.action = 3, .key = old_key(holder)}).good());
    take_attentions();
    for (const Role role : {holder, registrant})
      EXPECT_TRUE(execute(role, {.action = 0, .new_key = old_key(role), .persist = persist_}).good());
    EXPECT_TRUE(execute(holder, {.action = 1, .type = type.number, .key = old_key(holder)}).good());
    take_attentions();
  }
  void restart() {
    quiet_.end_engine(condition_ == Condition::power);
    quiet_.start_engine(condition_ == Condition::power);
  }
  void spoil_record() {
    const auto record = quiet_.array().machine().disk.find(quiet_.array().reservations_path(0));
    ASSERT_NE(record, nullptr);
    const std::vector<uint8_t> spoilt(64, '?');
    record->content.write(0, spoilt, true);
    record->content.write(engine::max_record_bytes, spoilt, true);
  }

  static void expect_answer(const initiator::Answer& answer, const Row& row) {
    const bool illegal = answer.status == 0x02 && answer.sense_key() == 5;
    switch (row.answer) {
      case Answer::good: EXPECT_TRUE(answer.good()) << answer.text(); return;
      case Answer::conflict: EXPECT_EQ(answer.status, reservation_conflict) << answer.text(); return;
      case Answer::invalid_release:
        EXPECT_TRUE(illegal && answer.additional_code() == 0x2604) << answer.text();
        return;
      case Answer::invalid_list:
        EXPECT_TRUE(illegal && answer.additional_code() == 0x2600) << answer.text();
        return;
      case Answer::refused: EXPECT_TRUE(illegal) << answer.text(); return;
    }
  }

  /// TEST UNIT READY tells one after the other, and is kept out by no reservation.
  void take_attentions(Role role) {
    for (int i = 0; i < 8; ++i) {
      const initiator::Answer answer = quiet_.execute(host_of(role), {}, {}, {});
      if (answer.good()) return;
      EXPECT_EQ(answer.sense_key(), 6) << answer.text();
      attentions_[role].push_back(answer.additional_code());
    }
    ADD_FAILURE() << "attentions do not end";
  }
  void take_attentions() {
    for (size_t role = 0; role < roles; ++role) take_attentions(static_cast<Role>(role));
  }
  void expect_told(const Row& row) {
    for (size_t i = 0; i < roles; ++i) {
      const Role role = static_cast<Role>(i);
      take_attentions(role);
      std::vector<uint16_t> wanted;
      if (!row.told.empty() && role_of(row.told[0]) == role)
        wanted.push_back(static_cast<uint16_t>(std::stoul(std::string(row.told.substr(1)), nullptr, 16)));
      EXPECT_EQ(attentions_[role], wanted) << "of the " << role_names[role];
    }
  }

  std::vector<uint8_t> reserve_in(Role role, uint8_t action) {
    std::vector<uint8_t> data(4096);
    const initiator::Answer answer =
        quiet_.execute(host_of(role), {persistent_reserve_in, action, 0, 0, 0, 0, 0, 0x10, 0, 0}, {}, data);
    EXPECT_TRUE(answer.good()) << answer.text();
    data.resize(std::min<size_t>(answer.received_bytes, load_be32(&data[4]) + 8));
    return data;
  }
  /// READ FULL STATUS (6.15.5), by its bytes.
  State full_status(Role asker) {
    State state;
    const std::vector<uint8_t> data = reserve_in(asker, 3);
    for (size_t at = 8; at + 24 <= data.size();) {
      const uint32_t id_bytes = load_be32(&data[at + 20]);
      const std::string id(data.begin() + static_cast<ptrdiff_t>(at) + 28,
                           data.begin() + static_cast<ptrdiff_t>(at + 24 + id_bytes));
      size_t role = 0;
      while (role < roles && !id.starts_with(QuietArray::initiator_port(host_of(static_cast<Role>(role)))))
        ++role;
      EXPECT_LT(role, roles) << "nobody is called " << id;
      if (role == roles) break;
      EXPECT_EQ(state.keys[role], 0u) << "twice";
      state.keys[role] = load_be64(&data[at]);
      state.holds[role] = (data[at + 12] & 0x01) != 0;
      if (state.holds[role]) state.type = data[at + 13];
      at += 24 + id_bytes;
    }
    return state;
  }
  void expect_state(const State& wanted) {
    const Role asker = static_cast<Role>(++asked_ % roles);
    const State found = full_status(asker);
    EXPECT_TRUE(found == wanted) << "is " << found.text() << ", not " << wanted.text();
    expect_keys(asker, wanted);
    for (const Role role : {holder, registrant, stranger})
      expect_access(role, reads(wanted, role), writes(wanted, role));
  }
  /// READ KEYS and READ RESERVATION (6.15.2, 6.15.3).
  void expect_keys(Role role, const State& wanted) {
    std::multiset<uint64_t> keys;
    const std::vector<uint8_t> told = reserve_in(role, 0);
    for (size_t at = 8; at + 8 <= told.size(); at += 8) keys.insert(load_be64(&told[at]));
    std::multiset<uint64_t> registered(wanted.keys.begin(), wanted.keys.end());
    registered.erase(0);
    EXPECT_EQ(keys, registered);
    const std::vector<uint8_t> reservation = reserve_in(role, 1);
    ASSERT_EQ(reservation.size(), wanted.type == 0 ? 8u : 24u);
    if (wanted.type == 0) return;
    const auto one = std::ranges::find(wanted.holds, true) - wanted.holds.begin();
    const bool all = wanted.type >= 7;
    EXPECT_EQ(load_be64(&reservation[8]), all ? 0 : wanted.keys[static_cast<size_t>(one)]);
    EXPECT_EQ(reservation[21], wanted.type);
  }
  void expect_access(Role role, bool read, bool write) {
    std::vector<uint8_t> block(512);
    initiator::BlockUnit unit = quiet_.unit(host_of(role));
    const initiator::Answer written =
        quiet_.run(host_of(role), [&] { return unit.write(100 + role, 1, block); });
    EXPECT_EQ(written.status, write ? 0 : reservation_conflict) << "a write of the " << role_names[role];
    const initiator::Answer got = quiet_.run(host_of(role), [&] { return unit.read(100 + role, 1, block); });
    EXPECT_EQ(got.status, read ? 0 : reservation_conflict) << "a read of the " << role_names[role];
  }

  // Under load.
  static uint64_t lba_of(Role role, size_t part) { return role * 8 + part; }
  std::vector<uint8_t> on_disk(Role role) {
    std::vector<uint8_t> bytes(load_depth * 512);
    quiet_.array()
        .machine()
        .disk.find(QuietArray::volume_path)
        ->content.current()
        .read(lba_of(role, 0) * 512, bytes);
    return bytes;
  }
  void set_phase(HostLoad::Phase phase) {
    for (HostLoad& load : loads_) load.phase = phase;
  }
  void under_load(Ask ask, Role asker, const Type& type, const Row& row) {
    loads_.assign(roles, {});
    const State was = before(type), is = after(row, type);
    for (size_t i = 0; i < roles; ++i) {
      const Role role = static_cast<Role>(i);
      loads_[i].may = {{{reads(was, role), writes(was, role)}, {}, {reads(is, role), writes(is, role)}}};
      for (size_t part = 0; part < load_depth; ++part) {
        ++loads_[i].running;
        quiet_.loop(host_of(role)).enter([&] {
          load_story(quiet_.unit(host_of(role)), loads_[i], lba_of(role, part)).detach();
        });
      }
    }
    const auto busy = [](const HostLoad& load) {
      return load.begun[HostLoad::before_asking] > 3 * load_depth;
    };
    EXPECT_TRUE(quiet_.world.run_until([&] { return std::ranges::all_of(loads_, busy); }, loop::seconds(1)));
    set_phase(HostLoad::asking);
    expect_answer(execute(asker, request_of(ask, asker, type)), row);
    set_phase(HostLoad::answered);
    // Who was preempted and aborted touches the medium no more, not even with what was under way.
    const bool aborted = request_of(ask, asker, type).action == 5 && row.answer == Answer::good;
    const Role victim = asker == holder ? registrant : holder;
    const std::vector<uint8_t> then = on_disk(victim);
    quiet_.world.run_for(loop::milliseconds(6));
    if (aborted && !loads_[victim].may[HostLoad::answered][1]) EXPECT_EQ(on_disk(victim), then);
    end_load();
  }
  void end_load() {
    for (HostLoad& load : loads_) load.stop = true;
    const auto ended = [this] {
      return std::ranges::all_of(loads_, [](auto& load) { return load.running == 0; });
    };
    // Those that were aborted are answered, too (TAS is one).
    EXPECT_TRUE(quiet_.world.run_until(ended, loop::milliseconds(200)));
    for (size_t i = 0; i < roles; ++i) {
      const Role role = static_cast<Role>(i);
      take_attentions(role);
      std::ranges::copy(loads_[i].attentions, std::back_inserter(attentions_[role]));
      EXPECT_TRUE(loads_[i].wrong.empty()) << role_names[i] << ": " << loads_[i].wrong.front();
    }
  }

  QuietArray quiet_;
  const size_t turn_;
  const Condition condition_;
  const bool persist_;  // APTPL
  size_t asked_ = 0;
  std::map<Role, std::vector<uint16_t>> attentions_;
  std::vector<HostLoad> loads_;
};

class ReservationMatrix : public testing::TestWithParam<std::tuple<Condition, size_t>> {};

TEST_P(ReservationMatrix, IsWhatTheStandardSays) {
  const auto [condition, number] = GetParam();
  for (size_t ask = 0; ask < ask_names.size(); ++ask) {
    Matrix matrix(ask + number * ask_names.size(), condition);
    for (size_t asker = 0; asker < roles; ++asker)
      matrix.cell(static_cast<Ask>(ask), static_cast<Role>(asker), types[number]);
  }
}
INSTANTIATE_TEST_SUITE_P(Every, ReservationMatrix,
                         testing::Combine(testing::Values(Condition::idle, Condition::load, Condition::kill,
                                                          Condition::power),
                                          testing::Range(size_t{0}, types.size())),
                         [](const auto& each) {
                           return fmt::format("{}Type{}",
                                              condition_names[static_cast<size_t>(std::get<0>(each.param))],
                                              types[std::get<1>(each.param)].number);
                         });

TEST(ReservationKeys, OneDoesNotOpenWithAnothers) {
  for (const Type& type : types) {
    Matrix matrix(type.number, Condition::idle);
    for (size_t ask = 0; ask < ask_names.size(); ++ask) {
      const Ask asked = static_cast<Ask>(ask);
      const bool looks_at_it = asked != Ask::register_and_ignore && asked != Ask::unregister_and_ignore &&
                               asked != Ask::replace_lost;
      for (size_t asker = 0; asker < roles && looks_at_it; ++asker)
        matrix.with_a_wrong_key(asked, static_cast<Role>(asker), type);
    }
  }
}

TEST(LostReservation, IsReplacedByWhoeverAsks) {
  for (const Type& type : types) {
    Matrix matrix(type.number, Condition::kill);
    for (size_t asker = 0; asker < roles; ++asker) matrix.lost(static_cast<Role>(asker), type);
  }
}

}  // namespace
}  // namespace ashlar::simulation
