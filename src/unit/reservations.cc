#include "unit/reservations.h"

#include <algorithm>

namespace ashlar::unit {
namespace {

using Answer = ReservationStatus;
using Type = ReservationType;

bool is_registrants_only(Type type) {
  return type == Type::write_exclusive_registrants_only || type == Type::exclusive_access_registrants_only;
}

/// One request against one state.
class Change {
 public:
  Change(const Reservations& now, const ReservationRequest& request)
      : now_(now), request_(request), own_(now.find(request.nexus)) {
    outcome_.after = now;
  }

  ReservationOutcome run() {
    outcome_.status = decide();
    if (outcome_.status == Answer::good) {
      std::ranges::sort(after().registrations, {}, &Registration::nexus);
      return std::move(outcome_);
    }
    return {outcome_.status, now_, {}, {}};
  }

 private:
  Reservations& after() { return outcome_.after; }

  Answer decide() {
    switch (request_.action) {
      case ReservationAction::reserve_unit:
      case ReservationAction::release_unit:
      case ReservationAction::end_unit_reservation: return of_unit();
      case ReservationAction::clear_for_administrator: return clear_for_administrator();
      default: break;
    }
    // SPC-2 5.5.1: the two worlds do not mix.
    if (now_.unit_holder) return Answer::conflict;
    // Whatever is written down takes the place of what was lost, so nothing is until somebody replaces that.
    if (now_.lost && request_.action != ReservationAction::replace_lost_reservation) return Answer::conflict;
    switch (request_.action) {
      case ReservationAction::register_key: return register_key();
      case ReservationAction::register_and_ignore_existing_key: return change_registration();
      case ReservationAction::replace_lost_reservation: return replace_lost();
      default: break;
    }
    // SPC-4 5.12.1: every other action is for who is registered, and knows the key.
    if (own_ == nullptr || own_->key != request_.key) return Answer::conflict;
    switch (request_.action) {
      case ReservationAction::reserve: return reserve();
      case ReservationAction::release: return release();
      case ReservationAction::clear: return clear();
      case ReservationAction::preempt:
      case ReservationAction::preempt_and_abort: return preempt();
      default: return move();
    }
  }

  void tell(const NexusName& nexus, Attention attention) {
    if (nexus != request_.nexus) outcome_.tell.emplace_back(nexus, attention);
  }
  void tell_others(Attention attention) {
    for (const Registration& each : after().registrations) tell(each.nexus, attention);
  }

  // SPC-4 5.12.7, table 45.
  Answer register_key() {
    if (own_ == nullptr && request_.key != 0) return Answer::conflict;
    if (own_ != nullptr && own_->key != request_.key) return Answer::conflict;
    // Others are registered together with a nexus that is new, or not at all.
    if (own_ != nullptr && !request_.initiator_ports.empty()) return Answer::invalid_request;
    return change_registration();
  }

  std::vector<NexusName> named() const {
    std::vector<TargetPortName> ports = request_.all_target_ports;
    if (ports.empty()) ports.push_back({request_.nexus.relative_target_port, request_.nexus.target_port});
    std::vector<NexusName> names;
    for (const auto& [number, port] : ports) {
      names.push_back({request_.nexus.initiator_port, number, port});
      for (const std::string& each : request_.initiator_ports) names.push_back({each, number, port});
    }
    return names;
  }

  Answer change_registration() {
    if (request_.new_key == 0 && own_ == nullptr) return Answer::good;  // table 45: "do nothing"
    if (request_.new_key == 0 && !request_.initiator_ports.empty()) return Answer::invalid_request;
    const std::vector<NexusName> names = named();
    if (names.size() > Reservations::most_registrations) return Answer::insufficient_resources;
    if (request_.new_key == 0) {
      for (const NexusName& each : names) unregister(each);
    } else {
      for (const NexusName& each : names) {
        const bool other = each.initiator_port != request_.nexus.initiator_port;
        // A key that another host has set is not ours to change.
        if (other && now_.find(each) != nullptr) return Answer::conflict;
        put(each, !request_.all_target_ports.empty());
      }
    }
    if (after().registrations.size() > Reservations::most_registrations)
      return Answer::insufficient_resources;
    after().persist = request_.persist;
    ++after().generation;
    return Answer::good;
  }

  void put(const NexusName& nexus, bool all_target_ports) {
    auto& all = after().registrations;
    const auto found = std::ranges::find(all, nexus, &Registration::nexus);
    if (found == all.end()) {
      all.push_back({nexus, request_.new_key, all_target_ports});
    } else {
      *found = {nexus, request_.new_key, all_target_ports};
    }
  }

  // SPC-4 5.12.11.3: what a nexus holds goes with its registration.
  void unregister(const NexusName& nexus) {
    const bool held = now_.holds(nexus);
    std::erase_if(after().registrations, [&nexus](const Registration& each) { return each.nexus == nexus; });
    if (!held || (all_registrants(now_.type) && !after().registrations.empty())) return;
    if (is_registrants_only(now_.type)) tell_others(Attention::reservations_released);
    end_reservation();
  }

  void end_reservation() {
    after().type = Type::none;
    after().holder = {};
  }

  // SPC-4 5.12.9.
  Answer reserve() {
    if (now_.type != Type::none && (!now_.holds(request_.nexus) || now_.type != request_.type))
      return Answer::conflict;
    take(request_.type);
    return Answer::good;
  }

  void take(Type type) {
    after().type = type;
    after().holder = all_registrants(type) ? NexusName{} : request_.nexus;
  }

  // SPC-4 5.12.11.2.
  Answer release() {
    if (!now_.holds(request_.nexus)) return Answer::good;
    if (now_.type != request_.type) return Answer::invalid_release;
    end_reservation();
    if (registrants_pass(now_.type)) tell_others(Attention::reservations_released);
    return Answer::good;
  }

  // SPC-4 5.12.11.6.
  Answer clear() {
    tell_others(Attention::reservations_preempted);
    end_reservation();
    after().registrations.clear();
    ++after().generation;
    return Answer::good;
  }

  Answer clear_for_administrator() {
    tell_others(Attention::reservations_preempted);
    if (now_.unit_holder) tell(*now_.unit_holder, Attention::reservations_preempted);
    after() = Reservations{};
    after().generation = now_.generation + 1;
    return Answer::good;
  }

  // SPC-4 5.12.11.4. Which registrations go, and whether the reservation changes hands with them.
  Answer preempt() {
    const bool of_all = all_registrants(now_.type);
    if (request_.new_key == 0 && !of_all) return Answer::invalid_key;
    const bool everybody = of_all && request_.new_key == 0;
    const bool takes = everybody || (!of_all && now_.type != Type::none && holders_key() == request_.new_key);
    const auto goes = [&](const Registration& each) {
      return each.nexus != request_.nexus && (everybody || each.key == request_.new_key);
    };
    const bool any = std::ranges::any_of(now_.registrations, goes) || own_->key == request_.new_key;
    if (!any && !takes) return Answer::conflict;
    for (const Registration& each : now_.registrations) {
      if (!goes(each)) continue;
      tell(each.nexus, Attention::registrations_preempted);
      if (request_.action == ReservationAction::preempt_and_abort) outcome_.abort.push_back(each.nexus);
    }
    std::erase_if(after().registrations, goes);
    if (takes) {
      take(request_.type);
      if (now_.type != request_.type) tell_others(Attention::reservations_released);
    }
    ++after().generation;
    return Answer::good;
  }

  uint64_t holders_key() const {
    const Registration* holder = now_.find(now_.holder);
    return holder == nullptr ? 0 : holder->key;
  }

  // SPC-4 5.12.8.
  Answer move() {
    if (!now_.holds(request_.nexus) || all_registrants(now_.type)) return Answer::conflict;
    if (request_.new_key == 0) return Answer::invalid_key;
    if (request_.destination == request_.nexus) return Answer::invalid_destination;
    put(request_.destination, false);
    after().holder = request_.destination;
    if (request_.unregister) {
      std::erase_if(after().registrations,
                    [this](const Registration& each) { return each.nexus == request_.nexus; });
    }
    if (after().registrations.size() > Reservations::most_registrations)
      return Answer::insufficient_resources;
    after().persist = request_.persist;
    ++after().generation;
    return Answer::good;
  }

  // SPC-4 5.12.3 without CRH: while anybody is registered, RESERVE and RELEASE conflict.
  Answer of_unit() {
    if (request_.action == ReservationAction::end_unit_reservation) {
      const bool reset = request_.nexus.initiator_port.empty();
      if (reset || now_.unit_holder == request_.nexus) after().unit_holder.reset();
      return Answer::good;
    }
    if (!now_.registrations.empty() || now_.lost) return Answer::conflict;
    const bool anothers = now_.unit_holder && *now_.unit_holder != request_.nexus;
    if (request_.action == ReservationAction::release_unit) {
      if (!anothers) after().unit_holder.reset();
      return Answer::good;
    }
    if (anothers) return Answer::conflict;
    after().unit_holder = request_.nexus;
    return Answer::good;
  }

  // SPC-4 5.13.11.3.
  Answer replace_lost() {
    if (!now_.lost) return Answer::invalid_release;
    if (request_.key != 0) return Answer::invalid_request;
    if (request_.new_key == 0) return Answer::invalid_key;
    after() = Reservations{};  // PRgeneration begins with zero again
    put(request_.nexus, false);
    take(request_.type);
    return Answer::good;
  }

  const Reservations& now_;
  const ReservationRequest& request_;
  const Registration* own_;
  ReservationOutcome outcome_;
};

}  // namespace

bool is_reservation_type(uint8_t number) {
  return number == 1 || number == 3 || (number >= 5 && number <= 8);
}

bool registrants_pass(Type type) { return is_registrants_only(type) || all_registrants(type); }

bool all_registrants(Type type) {
  return type == Type::write_exclusive_all_registrants || type == Type::exclusive_access_all_registrants;
}

NexusName name_of(const Nexus& nexus) {
  return {nexus.initiator_port, nexus.relative_target_port, nexus.target_port};
}

const Registration* Reservations::find(const NexusName& nexus) const {
  const auto found = std::ranges::find(registrations, nexus, &Registration::nexus);
  return found == registrations.end() ? nullptr : &*found;
}

bool Reservations::holds(const NexusName& nexus) const {
  if (type == Type::none) return false;
  return all_registrants(type) ? find(nexus) != nullptr : holder == nexus;
}

ReservationOutcome apply(const Reservations& now, const ReservationRequest& request) {
  return Change(now, request).run();
}

bool keeps_out_wholly(const Reservations& reservations, const NexusName& nexus) {
  return reservations.unit_holder && *reservations.unit_holder != nexus;
}

bool keeps_out(const Reservations& reservations, const NexusName& nexus, CommandEffect effect) {
  if (effect == CommandEffect::none) return false;
  if (reservations.lost) return true;
  const Type type = reservations.type;
  if (type == Type::none || reservations.holds(nexus)) return false;
  const bool exclusive_access = type == Type::exclusive_access ||
                                type == Type::exclusive_access_registrants_only ||
                                type == Type::exclusive_access_all_registrants;
  if (effect == CommandEffect::reads && !exclusive_access) return false;
  return !registrants_pass(type) || reservations.find(nexus) == nullptr;
}

void KeptOut::keep_out(const Reservations& reservations, const NexusName& nexus) {
  kept_from_reading = keeps_out(reservations, nexus, CommandEffect::reads);
  kept_from_writing = keeps_out(reservations, nexus, CommandEffect::writes);
  kept_out_wholly = keeps_out_wholly(reservations, nexus);
}

}  // namespace ashlar::unit
