#include "initiator/url_fault.h"

#include <fmt/format.h>

namespace ashlar::initiator {
namespace {

/// Somebody is there, and nothing that speaks this protocol listens at that port; or nobody is.
Error unreachable(Error error, Protocol protocol, const loop::Endpoint& endpoint, std::string_view place) {
  const bool met = error.place != endpoint.text();
  const bool there = met || error.code == ErrorCode::closed || error.code == ErrorCode::protocol_error;
  error.place = fmt::format("{}.{}", place, there ? "port" : "host");
  error.message = fmt::format("{} does not take {} connections: {}", endpoint.text(),
                              protocol == Protocol::iscsi ? "iSCSI" : "NVMe/TCP", error.message);
  return error;
}

}  // namespace

Error fault_of_url(Error error, Protocol protocol, const loop::Endpoint& endpoint, std::string_view place) {
  const bool gone = error.code == ErrorCode::closed || error.code == ErrorCode::timed_out;
  const bool unheard = gone && (error.place == "connection" || error.place == "login");
  if (unheard || error.place == endpoint.text())
    return unreachable(std::move(error), protocol, endpoint, place);
  if (error.code == ErrorCode::not_found && (error.place == "login" || error.place == "target")) {
    error.place = fmt::format("{}.target", place);
  } else if (error.place == "path" || error.place == "namespace") {
    const bool about_unit = error.code == ErrorCode::not_found || error.code == ErrorCode::unsupported;
    const std::string_view part = protocol == Protocol::iscsi ? ".lun" : ".nsid";
    error.place = fmt::format("{}{}", place, about_unit ? part : "");
  }
  return error;
}

}  // namespace ashlar::initiator
