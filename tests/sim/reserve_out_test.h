// For tests: PERSISTENT RESERVE OUT by its bytes (SPC-4 6.16), and what each ask of the rules says.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "initiator/scsi_block.h"
#include "sim/reservation_rules_test.h"

namespace ashlar::simulation {

constexpr uint8_t persistent_reserve_out = 0x5f;
constexpr uint64_t nobodys_key = 0xdead;

inline uint64_t old_key(rules::Role role) { return 0xa0 + 0x10 * role; }
inline uint64_t new_key(rules::Role role) { return old_key(role) + 1; }

/// The command's bytes.
struct ReserveOut {
  uint8_t action = 0, type = 0;
  uint64_t key = 0, new_key = 0;
  std::string move_to = {};  ///< an initiator port
  bool unregister = false;
  bool persist = false;

  initiator::Cdb cdb(size_t list_bytes) const {
    return {persistent_reserve_out, action, type, 0, 0, 0, 0, 0, static_cast<uint8_t>(list_bytes)};
  }
  std::vector<uint8_t> list() const {
    std::vector<uint8_t> list(24);
    store_be64(list.data(), key);
    store_be64(&list[8], new_key);
    if (move_to.empty()) {
      list[20] = persist ? 0x01 : 0;
      return list;
    }
    list[17] = static_cast<uint8_t>((persist ? 0x01 : 0) | (unregister ? 0x02 : 0));
    list[19] = 1;  // the relative target port
    list.insert(list.end(), {0x45, 0, 0, 0});
    list.insert(list.end(), move_to.begin(), move_to.end());
    list.resize((list.size() + 4) / 4 * 4);
    list[23] = static_cast<uint8_t>(list.size() - 24);
    list[27] = static_cast<uint8_t>(list.size() - 28);
    return list;
  }
};

inline ReserveOut registering(ReserveOut request, uint8_t action, uint64_t key) {
  request.action = action;
  request.new_key = key;
  return request;
}
inline ReserveOut typed(ReserveOut request, uint8_t action, uint8_t type, uint64_t key = 0) {
  request.action = action;
  request.type = type;
  request.new_key = key;
  return request;
}

/// `port_of(role)`: the initiator port of who plays that role.
template <typename PortOf>
ReserveOut request_of(rules::Ask ask, rules::Role asker, const rules::Type& type, PortOf port_of) {
  using namespace rules;
  ReserveOut request{.key = asker == stranger ? 0 : old_key(asker)};
  const Role victim = asker == holder ? registrant : holder;
  const Role heir = asker == stranger ? registrant : stranger;
  switch (ask) {
    case Ask::register_key: return registering(request, 0, new_key(asker));
    case Ask::unregister: return registering(request, 0, 0);
    case Ask::register_and_ignore:
    case Ask::unregister_and_ignore:
      request.key = nobodys_key;
      return registering(request, 6, ask == Ask::register_and_ignore ? new_key(asker) : 0);
    case Ask::register_and_move:
    case Ask::move_and_unregister:
      request.move_to = port_of(heir);
      request.unregister = ask == Ask::move_and_unregister;
      return registering(request, 7, new_key(heir));
    case Ask::reserve: return typed(request, 1, type.number);
    case Ask::reserve_other_type: return typed(request, 1, type.other_type);
    case Ask::release: return typed(request, 2, type.number);
    case Ask::release_other_type: return typed(request, 2, type.other_type);
    case Ask::clear: request.action = 3; return request;
    case Ask::preempt: return typed(request, 4, type.number, old_key(victim));
    case Ask::preempt_to_other_type: return typed(request, 4, type.other_type, old_key(victim));
    case Ask::preempt_everybody: return typed(request, 4, type.number);
    case Ask::preempt_nobody: return typed(request, 4, type.number, nobodys_key);
    case Ask::preempt_and_abort: return typed(request, 5, type.number, old_key(victim));
    case Ask::preempt_everybody_and_abort: return typed(request, 5, type.number);
    case Ask::replace_lost: request.key = 0; return typed(request, 8, type.number, new_key(asker));
  }
  return request;
}

}  // namespace ashlar::simulation
