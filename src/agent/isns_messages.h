// What is said to an iSNS server, and what its answers mean (RFC 4171 5.6). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/isns_registration.h"
#include "wire/isns_pdu.h"

namespace ashlar::agent {

/// The array, as one server knows it: a network entity.
struct IsnsEntity {
  std::string identifier;
  uint32_t period_seconds = 600;  ///< the registration ends when nothing was heard for so long
  uint16_t esi_port = 0;          ///< 0: no entity status inquiries
};

/// Bytes of a message that registers, so that each is one PDU: open-isns takes no larger ones, and answers with all that it was
/// told.
constexpr size_t most_registration_bytes = 6000;

/// In this order, each after the answer to the one before: the first replaces the entity if `replace`, the others add to it.
/// The registration is not empty. Transactions are the sender's to number.
std::vector<wire::isns::Message> isns_registration_messages(const IsnsEntity& entity,
                                                            const IsnsRegistration& registration,
                                                            bool replace);
/// The registration period that the server has granted, if it says.
/// permission_denied: refused, in words; unsupported: it does not ask for the status of entities.
Result<std::optional<uint32_t>> read_isns_registration(const wire::isns::Message& answer);

/// Asks, as a target, whether the server knows that target, which also keeps the whole entity alive (6.2.6). Of others it need
/// not tell: they may be in another discovery domain.
wire::isns::Message isns_verification_message(const std::string& target);
Result<bool> read_isns_verification(const wire::isns::Message& answer, const std::string& target);

wire::isns::Message isns_deregistration_message(const IsnsEntity& entity, const IsnsRegistration& held);
/// permission_denied: refused, in words. That there is nothing (any more) is success.
Result<void> read_isns_deregistration(const wire::isns::Message& answer);

/// What a request of a server's is answered; nothing when it is none. Its inquiries are (5.6.5.13); notifications of changes are
/// for those who have asked for them, which a target has no use for.
std::optional<wire::isns::Message> isns_answer_to(const wire::isns::Message& request,
                                                  const IsnsEntity& entity);

}  // namespace ashlar::agent
