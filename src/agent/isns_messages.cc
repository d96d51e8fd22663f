#include "agent/isns_messages.h"

#include <algorithm>

namespace ashlar::agent {
namespace {

using wire::isns::Attribute;
using wire::isns::AttributeWriter;
using wire::isns::Function;
using wire::isns::Message;
using wire::isns::Status;
using wire::isns::Tag;

constexpr uint32_t esi_interval_seconds = 60;

Message request_of(Function function, const AttributeWriter& payload, uint16_t flags = 0) {
  return {static_cast<uint16_t>(function), static_cast<uint16_t>(wire::isns::from_client | flags), 0,
          payload.bytes()};
}

// 5.6.1: who asks is a node of the entity, by its name.
AttributeWriter begin_request(const IsnsRegistration& registration) {
  AttributeWriter out;
  out.text(Tag::iscsi_name, registration.targets.front().name);
  return out;
}

/// Puts objects into as few messages as there must be. Each begins with the entity, which the objects belong to.
class RegistrationWriter {
 public:
  RegistrationWriter(const IsnsEntity& entity, const IsnsRegistration& registration, bool replace)
      : entity_(entity), registration_(registration), replace_(replace) {
    begin();
  }

  void add(const AttributeWriter& object) {
    if (has_objects_ && current_.size() + object.size() > most_registration_bytes) finish();
    current_.append(object.bytes());
    has_objects_ = true;
  }

  std::vector<Message> take() {
    finish();
    return std::move(messages_);
  }

 private:
  // 5.6.5.1: the key of the message names the object that it is about, and stands among what is registered, too.
  void begin() {
    current_ = begin_request(registration_);
    current_.text(Tag::entity_identifier, entity_.identifier);
    current_.delimiter();
    current_.text(Tag::entity_identifier, entity_.identifier);
    current_.number(Tag::entity_protocol, wire::isns::protocol_iscsi);
    current_.number(Tag::registration_period, entity_.period_seconds);
    has_objects_ = false;
  }

  void finish() {
    const bool first = messages_.empty();
    messages_.push_back(request_of(Function::device_attribute_registration, current_,
                                   first && replace_ ? wire::isns::replace : 0));
    begin();
  }

  const IsnsEntity& entity_;
  const IsnsRegistration& registration_;
  const bool replace_;
  AttributeWriter current_;
  bool has_objects_ = false;
  std::vector<Message> messages_;
};

void add_node(RegistrationWriter& out, const IsnsTarget& target) {
  AttributeWriter node;
  node.text(Tag::iscsi_name, target.name);
  node.number(Tag::iscsi_node_type, wire::isns::node_type_target);
  if (!target.alias.empty()) node.text(Tag::iscsi_alias, target.alias);
  out.add(node);
}

void add_portal(RegistrationWriter& out, const IsnsPortal& portal, const IsnsEntity& entity) {
  AttributeWriter object;
  object.address(Tag::portal_address, portal.address);
  object.number(Tag::portal_port, portal.port);
  if (entity.esi_port != 0) {
    object.number(Tag::esi_interval, esi_interval_seconds);
    object.number(Tag::esi_port, entity.esi_port);
  }
  out.add(object);
}

// 3.4 and 6.5.4: without these each target would be at each portal, with the group tag 1; without a tag it is not there.
void add_paths(RegistrationWriter& out, const IsnsTarget& target) {
  for (const IsnsPath& each : target.paths) {
    AttributeWriter object;
    object.text(Tag::group_iscsi_name, target.name);
    object.address(Tag::group_portal_address, each.portal.address);
    object.number(Tag::group_portal_port, each.portal.port);
    if (each.group_tag) {
      object.number(Tag::group_tag, *each.group_tag);
    } else {
      object.empty(Tag::group_tag);
    }
    out.add(object);
  }
}

Result<wire::isns::Answer> read_answer(const Message& answer) {
  auto parsed = wire::isns::parse_answer(answer.payload);
  if (parsed) return parsed;
  Error error = parsed.error();
  error.code = ErrorCode::protocol_error;
  return std::unexpected(std::move(error));
}

}  // namespace

// The node that asks first, so that it is in the message that replaces the entity.
std::vector<Message> isns_registration_messages(const IsnsEntity& entity,
                                                const IsnsRegistration& registration, bool replace) {
  RegistrationWriter out(entity, registration, replace);
  add_node(out, registration.targets.front());
  for (const IsnsPortal& each : registration.portals) add_portal(out, each, entity);
  for (const IsnsTarget& each : registration.targets) {
    if (&each != &registration.targets.front()) add_node(out, each);
    add_paths(out, each);
  }
  return out.take();
}

Result<std::optional<uint32_t>> read_isns_registration(const Message& answer) {
  TRY_ASSIGN(const wire::isns::Answer parsed, read_answer(answer));
  if (parsed.status == static_cast<uint32_t>(Status::esi_not_available))
    return fail(ErrorCode::unsupported, "esi_port", "the server does not ask for the status of entities");
  if (parsed.status != 0)
    return fail(ErrorCode::permission_denied, "registration", "the server refuses: {}",
                wire::isns::status_words(parsed.status));
  std::optional<uint32_t> period;
  for (const Attribute& each : parsed.attributes) {
    if (each.tag == Tag::registration_period) period = wire::isns::number_of(each);
  }
  return period;
}

Message isns_verification_message(const std::string& target) {
  AttributeWriter out;
  out.text(Tag::iscsi_name, target);  // who asks
  out.text(Tag::iscsi_name, target);  // of whom
  out.delimiter();
  out.empty(Tag::iscsi_name);
  return request_of(Function::device_attribute_query, out);
}

// A server that was started anew may not even know who asks: that is a no, not an error.
Result<bool> read_isns_verification(const Message& answer, const std::string& target) {
  TRY_ASSIGN(const wire::isns::Answer parsed, read_answer(answer));
  if (parsed.status != 0) return false;
  const auto told = std::ranges::find_if(parsed.attributes, &Attribute::is_delimiter);
  return std::any_of(told, parsed.attributes.end(), [&target](const Attribute& each) {
    return each.tag == Tag::iscsi_name && wire::isns::text_of(each) == target;
  });
}

Message isns_deregistration_message(const IsnsEntity& entity, const IsnsRegistration& held) {
  AttributeWriter out = begin_request(held);
  out.delimiter();
  out.text(Tag::entity_identifier, entity.identifier);
  return request_of(Function::device_deregistration, out);
}

Result<void> read_isns_deregistration(const Message& answer) {
  TRY_ASSIGN(const wire::isns::Answer parsed, read_answer(answer));
  if (parsed.status == 0 || parsed.status == static_cast<uint32_t>(Status::no_such_entry)) return {};
  return fail(ErrorCode::permission_denied, "deregistration", "the server refuses: {}",
              wire::isns::status_words(parsed.status));
}

std::optional<Message> isns_answer_to(const Message& request, const IsnsEntity& entity) {
  if (request.is_response()) return {};
  AttributeWriter payload;
  const auto attributes = wire::isns::parse_attributes(request.payload);
  const auto is_ours = [&entity](const Attribute& each) {
    return each.tag == Tag::entity_identifier && wire::isns::text_of(each) == entity.identifier;
  };
  if (!request.is(Function::entity_status_inquiry) || !attributes) {
    payload.status(Status::message_not_supported);
  } else if (std::ranges::none_of(*attributes, is_ours)) {
    payload.status(Status::no_such_entry);
  } else {
    payload.status(Status::success);
    payload.append(request.payload);
  }
  return Message{static_cast<uint16_t>(request.function | wire::isns::response_bit), wire::isns::from_client,
                 request.transaction, payload.bytes()};
}

}  // namespace ashlar::agent
