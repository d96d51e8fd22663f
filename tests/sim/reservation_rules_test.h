// What SPC-4 says about three hosts and one persistent reservation, as a table and nothing else: it shares no line with the
// state machine that it judges.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace ashlar::simulation::rules {

/// The holder made the reservation, the registrant has a key beside it, the stranger has none. Of the types of all registrants the
/// registrant is a holder too.
enum Role : uint8_t { holder, registrant, stranger };
constexpr size_t roles = 3;
constexpr std::array<std::string_view, roles> role_names = {"holder", "registrant", "stranger"};

/// SPC-4 table 44.
struct Type {
  uint8_t number;
  uint8_t kind;        ///< one of the kinds below
  uint8_t other_type;  ///< another one of its kind
};
enum Kind : uint8_t { of_one = 1, registrants_only = 2, all_registrants = 4, not_all = 3, any = 7 };
constexpr std::array<Type, 6> types = {{{1, of_one, 3},
                                        {3, of_one, 1},
                                        {5, registrants_only, 6},
                                        {6, registrants_only, 5},
                                        {7, all_registrants, 8},
                                        {8, all_registrants, 7}}};

/// An action with its parameters. A key is the asker's own unless said otherwise; who preempts, preempts the registrant, and the
/// registrant and the stranger the holder; who moves, moves to the stranger, and the stranger to the registrant.
enum class Ask : uint8_t {
  register_key,
  unregister,  // REGISTER with a new key of zero
  register_and_ignore,
  unregister_and_ignore,
  register_and_move,
  move_and_unregister,
  reserve,
  reserve_other_type,
  release,
  release_other_type,
  clear,
  preempt,
  preempt_to_other_type,
  preempt_everybody,  // a key of zero
  preempt_nobody,     // a key that nobody has
  preempt_and_abort,
  preempt_everybody_and_abort,
  replace_lost,
};
constexpr std::array<std::string_view, 18> ask_names = {"REGISTER",
                                                        "REGISTER with no new key",
                                                        "REGISTER AND IGNORE EXISTING KEY",
                                                        "REGISTER AND IGNORE EXISTING KEY with no new key",
                                                        "REGISTER AND MOVE",
                                                        "REGISTER AND MOVE with UNREG",
                                                        "RESERVE",
                                                        "RESERVE of another type",
                                                        "RELEASE",
                                                        "RELEASE of another type",
                                                        "CLEAR",
                                                        "PREEMPT",
                                                        "PREEMPT to another type",
                                                        "PREEMPT of everybody",
                                                        "PREEMPT of nobody",
                                                        "PREEMPT AND ABORT",
                                                        "PREEMPT AND ABORT of everybody",
                                                        "REPLACE LOST RESERVATION"};

enum class Answer : uint8_t {
  good,
  conflict,
  invalid_release,  ///< 5/26/04
  invalid_list,     ///< 5/26/00
  refused,          ///< ILLEGAL REQUEST: the standard leaves open which
};

/// What an ask leads to. `registered`: H, R and S with their old keys, in lower case with a new one. `holds`: who holds afterwards,
/// '=' as before, '-' nobody. `told`: the attentions that others have then, each as a letter and a code.
struct Row {
  Ask ask;
  Role asker;
  uint8_t kinds;
  Answer answer;
  std::string_view registered;
  char holds = '=';
  std::string_view told = "";
  bool other_type = false;  ///< the reservation is of the other type then
};

// Attentions: 2A03 RESERVATIONS PREEMPTED, 2A04 RESERVATIONS RELEASED, 2A05 REGISTRATIONS PREEMPTED. Sections of SPC-4 (r37).
inline constexpr Row table[] = {
    // 5.12.7, table 45
    {Ask::register_key, holder, any, Answer::good, "hR"},
    {Ask::register_key, registrant, any, Answer::good, "Hr"},
    {Ask::register_key, stranger, any, Answer::good, "HRs"},
    {Ask::register_and_ignore, holder, any, Answer::good, "hR"},
    {Ask::register_and_ignore, registrant, any, Answer::good, "Hr"},
    {Ask::register_and_ignore, stranger, any, Answer::good, "HRs"},
    // 5.12.11.3
    {Ask::unregister, holder, of_one, Answer::good, "R", '-'},
    {Ask::unregister, holder, registrants_only, Answer::good, "R", '-', "R2A04"},
    {Ask::unregister, holder, all_registrants, Answer::good, "R"},
    {Ask::unregister, registrant, any, Answer::good, "H"},
    {Ask::unregister, stranger, any, Answer::good, "HR"},
    {Ask::unregister_and_ignore, holder, of_one, Answer::good, "R", '-'},
    {Ask::unregister_and_ignore, holder, registrants_only, Answer::good, "R", '-', "R2A04"},
    {Ask::unregister_and_ignore, holder, all_registrants, Answer::good, "R"},
    {Ask::unregister_and_ignore, registrant, any, Answer::good, "H"},
    {Ask::unregister_and_ignore, stranger, any, Answer::good, "HR"},
    // 5.12.8
    {Ask::register_and_move, holder, not_all, Answer::good, "HRs", 'S'},
    {Ask::register_and_move, holder, all_registrants, Answer::conflict, "HR"},
    {Ask::register_and_move, registrant, any, Answer::conflict, "HR"},
    {Ask::register_and_move, stranger, any, Answer::conflict, "HR"},
    {Ask::move_and_unregister, holder, not_all, Answer::good, "Rs", 'S'},
    {Ask::move_and_unregister, holder, all_registrants, Answer::conflict, "HR"},
    {Ask::move_and_unregister, registrant, any, Answer::conflict, "HR"},
    {Ask::move_and_unregister, stranger, any, Answer::conflict, "HR"},
    // 5.12.9
    {Ask::reserve, holder, any, Answer::good, "HR"},
    {Ask::reserve, registrant, not_all, Answer::conflict, "HR"},
    {Ask::reserve, registrant, all_registrants, Answer::good, "HR"},
    {Ask::reserve, stranger, any, Answer::conflict, "HR"},
    {Ask::reserve_other_type, holder, any, Answer::conflict, "HR"},
    {Ask::reserve_other_type, registrant, any, Answer::conflict, "HR"},
    {Ask::reserve_other_type, stranger, any, Answer::conflict, "HR"},
    // 5.12.11.2
    {Ask::release, holder, of_one, Answer::good, "HR", '-'},
    {Ask::release, holder, registrants_only, Answer::good, "HR", '-', "R2A04"},
    {Ask::release, holder, all_registrants, Answer::good, "HR", '-', "R2A04"},
    {Ask::release, registrant, not_all, Answer::good, "HR"},
    {Ask::release, registrant, all_registrants, Answer::good, "HR", '-', "H2A04"},
    {Ask::release, stranger, any, Answer::conflict, "HR"},
    {Ask::release_other_type, holder, any, Answer::invalid_release, "HR"},
    {Ask::release_other_type, registrant, not_all, Answer::good, "HR"},
    {Ask::release_other_type, registrant, all_registrants, Answer::invalid_release, "HR"},
    {Ask::release_other_type, stranger, any, Answer::conflict, "HR"},
    // 5.12.11.6
    {Ask::clear, holder, any, Answer::good, "", '-', "R2A03"},
    {Ask::clear, registrant, any, Answer::good, "", '-', "H2A03"},
    {Ask::clear, stranger, any, Answer::conflict, "HR"},
    // 5.12.11.4
    {Ask::preempt, holder, any, Answer::good, "H", '=', "R2A05"},
    {Ask::preempt, registrant, not_all, Answer::good, "R", 'R', "H2A05"},
    {Ask::preempt, registrant, all_registrants, Answer::good, "R", '=', "H2A05"},
    {Ask::preempt, stranger, any, Answer::conflict, "HR"},
    {Ask::preempt_to_other_type, holder, any, Answer::good, "H", '=', "R2A05"},
    {Ask::preempt_to_other_type, registrant, not_all, Answer::good, "R", 'R', "H2A05", true},
    {Ask::preempt_to_other_type, registrant, all_registrants, Answer::good, "R", '=', "H2A05"},
    {Ask::preempt_to_other_type, stranger, any, Answer::conflict, "HR"},
    {Ask::preempt_everybody, holder, not_all, Answer::invalid_list, "HR"},
    {Ask::preempt_everybody, holder, all_registrants, Answer::good, "H", '=', "R2A05"},
    {Ask::preempt_everybody, registrant, not_all, Answer::invalid_list, "HR"},
    {Ask::preempt_everybody, registrant, all_registrants, Answer::good, "R", '=', "H2A05"},
    {Ask::preempt_everybody, stranger, any, Answer::conflict, "HR"},
    {Ask::preempt_nobody, holder, any, Answer::conflict, "HR"},
    {Ask::preempt_nobody, registrant, any, Answer::conflict, "HR"},
    {Ask::preempt_nobody, stranger, any, Answer::conflict, "HR"},
    // 5.12.11.5
    {Ask::preempt_and_abort, holder, any, Answer::good, "H", '=', "R2A05"},
    {Ask::preempt_and_abort, registrant, not_all, Answer::good, "R", 'R', "H2A05"},
    {Ask::preempt_and_abort, registrant, all_registrants, Answer::good, "R", '=', "H2A05"},
    {Ask::preempt_and_abort, stranger, any, Answer::conflict, "HR"},
    {Ask::preempt_everybody_and_abort, holder, not_all, Answer::invalid_list, "HR"},
    {Ask::preempt_everybody_and_abort, holder, all_registrants, Answer::good, "H", '=', "R2A05"},
    {Ask::preempt_everybody_and_abort, registrant, not_all, Answer::invalid_list, "HR"},
    {Ask::preempt_everybody_and_abort, registrant, all_registrants, Answer::good, "R", '=', "H2A05"},
    {Ask::preempt_everybody_and_abort, stranger, any, Answer::conflict, "HR"},
    // Nothing was lost.
    {Ask::replace_lost, holder, any, Answer::refused, "HR"},
    {Ask::replace_lost, registrant, any, Answer::refused, "HR"},
    {Ask::replace_lost, stranger, any, Answer::refused, "HR"},
};

inline const Row& row_of(Ask ask, Role asker, const Type& type) {
  const Row* found = nullptr;
  for (const Row& row : table) {
    if (row.ask != ask || row.asker != asker || (row.kinds & type.kind) == 0) continue;
    CHECK(found == nullptr, "two rows for {} of the {}", ask_names[static_cast<size_t>(ask)],
          role_names[asker]);
    found = &row;
  }
  CHECK(found != nullptr, "no row for {} of the {}", ask_names[static_cast<size_t>(ask)], role_names[asker]);
  return *found;
}

/// Who may do what then: SPC-4 table 46, SBC-3 table 13.
inline bool may_read(uint8_t type, bool holds, bool registered) {
  switch (type) {
    case 3: return holds;
    case 6:
    case 8: return registered;
    default: return true;
  }
}
inline bool may_write(uint8_t type, bool holds, bool registered) {
  switch (type) {
    case 0: return true;
    case 1:
    case 3: return holds;
    default: return registered;
  }
}

}  // namespace ashlar::simulation::rules
