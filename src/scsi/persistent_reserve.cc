#include "scsi/persistent_reserve.h"

#include <algorithm>
#include <string_view>

#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

using unit::Registration;
using unit::ReservationAction;
using unit::Reservations;

constexpr size_t header_bytes = 8;
constexpr size_t list_bytes = 24;
constexpr uint8_t iscsi_transport_id = 0x45;  // FORMAT CODE 01b: an initiator port; PROTOCOL IDENTIFIER 5h
constexpr uint8_t iscsi_node_id = 0x05;       // FORMAT CODE 00b: an initiator device with all its ports

void append(std::vector<uint8_t>& data, ConstBytes bytes) {
  data.insert(data.end(), bytes.begin(), bytes.end());
}

std::vector<uint8_t> header(const Reservations& reservations) {
  std::vector<uint8_t> data(header_bytes);
  store_be32(data.data(), reservations.generation);
  return data;
}

std::vector<uint8_t> finished(std::vector<uint8_t> data) {
  store_be32(data.data() + 4, static_cast<uint32_t>(data.size() - header_bytes));
  return data;
}

std::vector<uint8_t> keys(const Reservations& reservations) {
  std::vector<uint8_t> data = header(reservations);
  for (const Registration& each : reservations.registrations) {
    uint8_t key[8];
    store_be64(key, each.key);
    append(data, key);
  }
  return finished(std::move(data));
}

// SPC-4 6.15.3: all registrants hold it together, so no key of one is told.
std::vector<uint8_t> reservation(const Reservations& reservations) {
  std::vector<uint8_t> data = header(reservations);
  if (reservations.type == unit::ReservationType::none) return data;
  uint8_t told[16] = {};
  if (const Registration* holder = reservations.find(reservations.holder);
      holder != nullptr && !unit::all_registrants(reservations.type))
    store_be64(told, holder->key);
  told[13] = static_cast<uint8_t>(reservations.type);  // SCOPE 0h: the logical unit
  append(data, told);
  return finished(std::move(data));
}

// SPC-4 6.15.4: all six types; RLR_C: a lost reservation can be replaced; SIP_C and ATP_C: other initiator ports and all target
// ports can be registered at once. CRH is zero: RESERVE(6) conflicts while anybody is registered.
std::vector<uint8_t> capabilities(const Reservations& reservations, bool keeps) {
  const uint8_t persists = keeps ? 0x01 : 0x00;               // PTPL_C
  const uint8_t active = reservations.persist ? 0x01 : 0x00;  // PTPL_A
  return {0x00, 0x08, static_cast<uint8_t>(0x8c | persists), static_cast<uint8_t>(0x80 | active), 0xea, 0x01,
          0x00, 0x00};
}

std::vector<uint8_t> full_status(const Reservations& reservations) {
  std::vector<uint8_t> data = header(reservations);
  for (const Registration& each : reservations.registrations) {
    uint8_t descriptor[24] = {};
    store_be64(descriptor, each.key);
    const bool holds = reservations.holds(each.nexus);
    descriptor[12] = static_cast<uint8_t>((each.all_target_ports ? 0x02 : 0) | (holds ? 0x01 : 0));
    if (holds) descriptor[13] = static_cast<uint8_t>(reservations.type);
    store_be16(descriptor + 18, each.nexus.relative_target_port);
    const std::vector<uint8_t> id = transport_id(each.nexus.initiator_port);
    store_be32(descriptor + 20, static_cast<uint32_t>(id.size()));
    append(data, descriptor);
    append(data, id);
  }
  return finished(std::move(data));
}

bool names_port(std::string_view name) { return name.find(",i,0x") != std::string_view::npos; }

Sense wrong(size_t field, int bit = -1) {
  return Sense::invalid_parameter_field(static_cast<uint16_t>(field), bit);
}

// The name of a port or a node at `at`, and how many bytes it takes.
std::expected<std::pair<std::string, size_t>, Sense> read_transport_id(ConstBytes list, size_t at) {
  if (list.size() - at < 4) return std::unexpected(Sense::parameter_list_length_error());
  if (list[at] != iscsi_transport_id && list[at] != iscsi_node_id) return std::unexpected(wrong(at));
  const size_t length = load_be16(list.data() + at + 2);
  if (length < 20 || length % 4 != 0) return std::unexpected(wrong(at + 2));
  if (list.size() - at - 4 < length) return std::unexpected(Sense::parameter_list_length_error());
  const char* begin = reinterpret_cast<const char*>(list.data() + at + 4);
  std::string name(begin, std::find(begin, begin + length, '\0'));
  // It ends with a null, and has an ISID if it is a port's.
  if (name.empty() || name.size() == length || names_port(name) != (list[at] == iscsi_transport_id))
    return std::unexpected(wrong(at + 4));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::pair(std::move(name), 4 + length);
}

ReservationAction action_of(uint8_t service_action) { return static_cast<ReservationAction>(service_action); }

// SPC-4 6.16.3: what stands behind the 24 bytes when SPEC_I_PT says so.
std::expected<std::vector<std::string>, Sense> read_initiator_ports(ConstBytes list) {
  if (list.size() < list_bytes + 4) return std::unexpected(Sense::parameter_list_length_error());
  if (load_be32(list.data() + list_bytes) != list.size() - list_bytes - 4)
    return std::unexpected(wrong(list_bytes));
  std::vector<std::string> ports;
  for (size_t at = list_bytes + 4; at < list.size();) {
    auto id = read_transport_id(list, at);
    if (!id) return std::unexpected(id.error());
    ports.push_back(std::move(id->first));
    at += id->second;
  }
  return ports;
}

// SPC-4 6.16.4. A relative target port is one of the target that was asked.
std::expected<void, Sense> read_move(ConstBytes list, const ReserveOutContext& context,
                                     unit::ReservationRequest& request) {
  request.unregister = (list[17] & 0x02) != 0;
  request.persist = (list[17] & 0x01) != 0;
  if (request.persist && !context.keeps) return std::unexpected(wrong(17, 0));
  const uint16_t port = load_be16(list.data() + 18);
  const auto found =
      std::ranges::find(context.target_ports, port, &unit::TargetPortName::relative_target_port);
  if (found == context.target_ports.end()) return std::unexpected(wrong(18));
  request.destination.relative_target_port = port;
  request.destination.target_port = found->target_port;
  if (load_be32(list.data() + 20) != list.size() - list_bytes) return std::unexpected(wrong(20));
  auto id = read_transport_id(list, list_bytes);
  if (!id) return std::unexpected(id.error());
  if (list_bytes + id->second != list.size()) return std::unexpected(Sense::parameter_list_length_error());
  request.destination.initiator_port = std::move(id->first);
  return {};
}

bool names_type(ReservationAction action) {
  return action == ReservationAction::reserve || action == ReservationAction::release ||
         action == ReservationAction::preempt || action == ReservationAction::preempt_and_abort ||
         action == ReservationAction::replace_lost_reservation;
}

}  // namespace

std::vector<std::string> named_nodes(const unit::ReservationRequest& request) {
  std::vector<std::string> nodes = request.initiator_ports;
  if (request.action == ReservationAction::register_and_move)
    nodes.push_back(request.destination.initiator_port);
  std::erase_if(nodes, names_port);
  return nodes;
}

bool put_ports(unit::ReservationRequest& request,
               const std::map<std::string, std::set<std::string>>& ports_of) {
  std::set<std::string> ports;
  for (const std::string& name : request.initiator_ports) {
    if (names_port(name)) {
      ports.insert(name);
    } else {
      ports.insert(ports_of.at(name).begin(), ports_of.at(name).end());
    }
  }
  request.initiator_ports.assign(ports.begin(), ports.end());
  std::string& destination = request.destination.initiator_port;
  if (request.action != ReservationAction::register_and_move || names_port(destination)) return true;
  const std::set<std::string>& of_destination = ports_of.at(destination);
  if (of_destination.size() != 1) return false;
  destination = *of_destination.begin();
  return true;
}

std::vector<uint8_t> transport_id(const std::string& initiator_port) {
  std::vector<uint8_t> id = {iscsi_transport_id, 0, 0, 0};
  id.insert(id.end(), initiator_port.begin(), initiator_port.end());
  id.push_back(0);
  constexpr size_t shortest = 24;
  id.resize(std::max(shortest, (id.size() + 3) / 4 * 4));
  store_be16(id.data() + 2, static_cast<uint16_t>(id.size() - 4));
  return id;
}

std::vector<uint8_t> reserve_in_data(ReserveIn action, const Reservations& reservations, bool keeps) {
  switch (action) {
    case ReserveIn::keys: return keys(reservations);
    case ReserveIn::reservation: return reservation(reservations);
    case ReserveIn::capabilities: return capabilities(reservations, keeps);
    case ReserveIn::full_status: break;
  }
  return full_status(reservations);
}

std::expected<unit::ReservationRequest, Sense> parse_reserve_out(const uint8_t* cdb, ConstBytes list,
                                                                 const ReserveOutContext& context) {
  unit::ReservationRequest request;
  request.action = action_of(cdb[1] & 0x1f);
  request.nexus = context.nexus;
  if (names_type(request.action)) {
    if ((cdb[2] & 0xf0) != 0) return std::unexpected(Sense::invalid_cdb_field(2, 7));
    if (!unit::is_reservation_type(cdb[2] & 0x0f)) return std::unexpected(Sense::invalid_cdb_field(2, 3));
    request.type = static_cast<unit::ReservationType>(cdb[2] & 0x0f);
  }
  if (list.size() < list_bytes) return std::unexpected(Sense::parameter_list_length_error());
  request.key = load_be64(list.data());
  request.new_key = load_be64(list.data() + 8);
  if (request.action == ReservationAction::register_and_move) {
    if (const auto read = read_move(list, context, request); !read) return std::unexpected(read.error());
    return request;
  }
  const bool others = (list[20] & 0x08) != 0;
  if (others && request.action != ReservationAction::register_key) return std::unexpected(wrong(20, 3));
  if (!others && list.size() != list_bytes) return std::unexpected(Sense::parameter_list_length_error());
  const bool registers = request.action == ReservationAction::register_key ||
                         request.action == ReservationAction::register_and_ignore_existing_key;
  if (registers && (list[20] & 0x04) != 0) request.all_target_ports = context.target_ports;
  request.persist = registers && (list[20] & 0x01) != 0;
  if (request.persist && !context.keeps) return std::unexpected(wrong(20, 0));
  if (!others) return request;
  auto ports = read_initiator_ports(list);
  if (!ports) return std::unexpected(ports.error());
  request.initiator_ports = std::move(*ports);
  return request;
}

}  // namespace ashlar::scsi
