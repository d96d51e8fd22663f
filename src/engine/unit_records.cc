#include "engine/unit_records.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "engine/record_file.h"
#include "loop/loop.h"
#include "rpc/document_fields.h"

namespace ashlar::engine {
namespace {

struct KeptRegistration {
  std::string initiator_port, target_port;
  uint16_t relative_target_port = 1;
  std::string key;  // "0x000000000000000a": JSON's numbers have 53 bits
  bool all_target_ports = false;
};

struct KeptReservations {
  std::string boot_id;
  bool persist = false;
  uint32_t generation = 0;
  uint16_t type = 0;
  std::vector<KeptRegistration> holder;  // none or one
  std::vector<KeptRegistration> registrations;
};

template <typename V, rpc::Is<KeptRegistration> T>
void visit_fields(V& v, T& kept) {
  v.field("initiator_port", kept.initiator_port, rpc::required);
  v.field("target_port", kept.target_port, rpc::required);
  v.field("relative_target_port", kept.relative_target_port, rpc::required);
  v.field("key", kept.key, rpc::required);
  v.field("all_target_ports", kept.all_target_ports);
}

template <typename V, rpc::Is<KeptReservations> T>
void visit_fields(V& v, T& kept) {
  v.field("boot_id", kept.boot_id, rpc::required);
  v.field("aptpl", kept.persist, rpc::required);
  v.field("generation", kept.generation, rpc::required);
  v.field("type", kept.type, rpc::required);
  v.field("holder", kept.holder, rpc::required);
  v.field("registrations", kept.registrations, rpc::required);
}

KeptRegistration kept_of(const unit::NexusName& nexus, uint64_t key, bool all_target_ports) {
  return {nexus.initiator_port, nexus.target_port, nexus.relative_target_port, fmt::format("0x{:016x}", key),
          all_target_ports};
}

unit::NexusName nexus_of(const KeptRegistration& kept) {
  return {kept.initiator_port, kept.relative_target_port, kept.target_port};
}

Result<unit::Registration> registration_of(const KeptRegistration& kept) {
  unit::Registration registration{.nexus = nexus_of(kept), .all_target_ports = kept.all_target_ports};
  const char* const end = kept.key.data() + kept.key.size();
  const bool hexadecimal = kept.key.starts_with("0x");
  const auto [stop, problem] =
      std::from_chars(kept.key.data() + (hexadecimal ? 2 : 0), end, registration.key, 16);
  if (!hexadecimal || problem != std::errc() || stop != end || registration.key == 0)
    return fail(ErrorCode::invalid_argument, "key", "'{}' is no reservation key", kept.key);
  return registration;
}

}  // namespace

std::string reservations_text(const unit::Reservations& reservations, const std::string& boot_id) {
  KeptReservations kept{.boot_id = boot_id,
                        .persist = reservations.persist,
                        .generation = reservations.generation,
                        .type = static_cast<uint16_t>(reservations.type),
                        .holder = {},
                        .registrations = {}};
  if (!reservations.holder.initiator_port.empty())
    kept.holder.push_back(kept_of(reservations.holder, 0, false));
  for (const unit::Registration& each : reservations.registrations)
    kept.registrations.push_back(kept_of(each.nexus, each.key, each.all_target_ports));
  return rpc::print_json(rpc::encode(kept));
}

Result<unit::Reservations> parse_reservations(const std::string& text, const std::string& boot_id) {
  TRY_ASSIGN(const rpc::Json json, rpc::parse_json(text));
  TRY_ASSIGN(const KeptReservations kept, rpc::decode<KeptReservations>(json, "", rpc::Unknown::refuse));
  unit::Reservations reservations;
  // SPC-4 5.12.5: without APTPL a power cycle ends them.
  if (kept.boot_id != boot_id && !kept.persist) return reservations;
  const bool known =
      kept.type == 0 || (kept.type < 16 && unit::is_reservation_type(static_cast<uint8_t>(kept.type)));
  if (!known || kept.holder.size() > 1)
    return fail(ErrorCode::invalid_argument, "type", "{} is no reservation type", kept.type);
  reservations.persist = kept.persist;
  reservations.generation = kept.boot_id == boot_id ? kept.generation : 0;  // SPC-4 6.15.2
  reservations.type = static_cast<unit::ReservationType>(kept.type);
  if (!kept.holder.empty()) reservations.holder = nexus_of(kept.holder.front());
  for (const KeptRegistration& each : kept.registrations) {
    TRY_ASSIGN(unit::Registration registration, registration_of(each));
    reservations.registrations.push_back(std::move(registration));
  }
  std::ranges::sort(reservations.registrations, {}, &unit::Registration::nexus);
  return reservations;
}

std::string UnitRecords::path_of(const char* folder, const Uuid& unit) const {
  return fmt::format("{}/{}/{}", state_folder_, folder, uuid_text(unit));
}

loop::Task<Result<void>> UnitRecords::keep(Uuid unit,
                                           std::shared_ptr<const unit::Reservations> reservations) {
  auto writing = write_record(path_of(folders[0], unit), reservations_text(*reservations, boot_id_));
  co_return co_await writing;
}

loop::Task<Result<void>> UnitRecords::keep_mode_parameters(Uuid unit, std::string text) {
  auto keeping = keep_in_turn(mode_parameters_, path_of(folders[1], unit), std::move(text));
  co_return co_await keeping;
}

loop::Task<Result<void>> UnitRecords::keep_identifying_information(Uuid unit, std::string text) {
  auto keeping = keep_in_turn(identifying_information_, path_of(folders[3], unit), std::move(text));
  co_return co_await keeping;
}

loop::Task<Result<void>> UnitRecords::keep_in_turn(Turnstile& turnstile, std::string path, std::string text) {
  auto entering = turnstile.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile);
  auto writing = write_record(std::move(path), std::move(text));
  co_return co_await writing;
}

// One at a time: the unit has one rewriting at most, and hears of this before it goes on.
loop::Task<Result<void>> UnitRecords::keep_rewrite(Uuid unit, std::string text) {
  auto writing = write_record(path_of(folders[2], unit), std::move(text));
  co_return co_await writing;
}

loop::Task<Result<void>> UnitRecords::forget(Uuid unit) {
  for (const char* folder : folders) {
    auto removing = loop::Loop::current().remove(path_of(folder, unit));
    const Result<void> removed = co_await removing;
    if (!removed && removed.error().code != ErrorCode::not_found) co_return removed;
  }
  co_return Result<void>{};
}

loop::Task<unit::Recalled> UnitRecords::recall(Uuid unit) {
  unit::Recalled recalled;
  auto recalling = recall_reservations(unit);
  recalled.reservations = co_await recalling;
  auto reading = recall_text(folders[1], unit, "saved mode pages are");
  recalled.mode_parameters = co_await reading;
  auto asking = recall_text(folders[3], unit, "identifying information is");
  recalled.identifying_information = co_await asking;
  auto looking = read_record(path_of(folders[2], unit));
  const Result<std::optional<std::string>> rewrite = co_await looking;
  if (!rewrite) log_error("engine", "nobody knows whether SANITIZE ended: {}", rewrite.error().text());
  recalled.rewrite = rewrite ? rewrite->value_or("") : "?";
  co_return recalled;
}

loop::Task<std::string> UnitRecords::recall_text(const char* folder, Uuid unit, const char* what) {
  auto reading = read_record(path_of(folder, unit));
  const Result<std::optional<std::string>> text = co_await reading;
  if (!text) log_warning("engine", "{} left aside: {}", what, text.error().text());
  co_return text ? text->value_or("") : "";
}

loop::Task<unit::Reservations> UnitRecords::recall_reservations(Uuid unit) {
  auto reading = read_record(path_of(folders[0], unit));
  const Result<std::optional<std::string>> text = co_await reading;
  if (text && !*text) co_return unit::Reservations{};
  Result<unit::Reservations> kept =
      text ? parse_reservations(**text, boot_id_) : std::unexpected(text.error());
  if (kept) co_return std::move(*kept);
  log_error("engine",
            "reservations of unit {} are lost, and its hosts are kept out until one of them replaces them "
            "(PERSISTENT RESERVE OUT, REPLACE LOST RESERVATION): {}",
            uuid_text(unit), kept.error().text());
  unit::Reservations lost;
  lost.lost = true;
  co_return lost;
}

}  // namespace ashlar::engine
