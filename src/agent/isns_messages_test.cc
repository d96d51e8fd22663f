#include "agent/isns_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using wire::isns::AttributeWriter;
using wire::isns::Function;
using wire::isns::Message;
using wire::isns::Status;
using wire::isns::Tag;

const IsnsEntity entity{"ashlar-0123", 600, 0};
const IsnsPortal first_portal{isns_address("192.0.2.1"), 3260};
const IsnsPortal second_portal{isns_address("2001:db8::1"), 860};

IsnsRegistration small_registration() {
  return {{first_portal, second_portal},
          {{"iqn.2026-11.io.ashlar:one", "first", {{first_portal, 1}, {second_portal, 2}}},
           {"iqn.2026-11.io.ashlar:two", "", {{first_portal, std::nullopt}, {second_portal, 2}}}},
          0};
}

IsnsRegistration large_registration(size_t targets) {
  IsnsRegistration out{{first_portal, second_portal}, {}, 0};
  for (size_t i = 0; i < targets; ++i)
    out.targets.push_back(
        {fmt::format("iqn.2026-11.io.ashlar:t{:04}", i), "", {{first_portal, 1}, {second_portal, 2}}});
  return out;
}

/// "32=iqn..." for each attribute, numbers in decimal, "51" for one without a value.
std::vector<std::string> shown(const Message& message) {
  std::vector<std::string> out;
  const auto attributes = wire::isns::parse_attributes(message.payload);
  EXPECT_TRUE(attributes);
  for (const auto& each : *attributes) {
    const auto tag = static_cast<uint32_t>(each.tag);
    if (each.value.empty()) {
      out.push_back(std::to_string(tag));
    } else if (const auto number = wire::isns::number_of(each)) {
      out.push_back(fmt::format("{}={}", tag, *number));
    } else if (each.value.size() == 16 &&
               (each.tag == Tag::portal_address || each.tag == Tag::group_portal_address)) {
      out.push_back(fmt::format("{}=..{}", tag, each.value[15]));
    } else {
      out.push_back(fmt::format("{}={}", tag, wire::isns::text_of(each)));
    }
  }
  return out;
}

Message answer_of(Function function, const AttributeWriter& payload) {
  return {static_cast<uint16_t>(static_cast<uint16_t>(function) | wire::isns::response_bit),
          wire::isns::from_server, 1, payload.bytes()};
}

Message status_alone(Function function, uint32_t status) {
  AttributeWriter payload;
  payload.status(static_cast<Status>(status));
  return answer_of(function, payload);
}

TEST(IsnsMessages, ARegistrationIsTheEntityWithAllItsObjects) {
  const auto messages = isns_registration_messages(entity, small_registration(), true);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_TRUE(messages[0].is(Function::device_attribute_registration));
  EXPECT_EQ(messages[0].flags, wire::isns::from_client | wire::isns::replace);
  const std::string one = "=iqn.2026-11.io.ashlar:one";
  const std::string two = "=iqn.2026-11.io.ashlar:two";
  EXPECT_THAT(
      shown(messages[0]),
      ElementsAre("32" + one, "1=ashlar-0123", "0", "1=ashlar-0123", "2=2", "6=600",  // who, key, entity
                  "32" + one, "33=1", "34=first", "16=..1", "17=3260", "16=..1", "17=860",  //
                  "48" + one, "49=..1", "50=3260", "51=1", "48" + one, "49=..1", "50=860", "51=2", "32" + two,
                  "33=1",  //
                  "48" + two, "49=..1", "50=3260", "51", "48" + two, "49=..1", "50=860", "51=2"));
}

TEST(IsnsMessages, AnUpdateDoesNotReplace) {
  EXPECT_EQ(isns_registration_messages(entity, small_registration(), false)[0].flags,
            wire::isns::from_client);
}

TEST(IsnsMessages, APortForInquiriesIsToldWithEachPortal) {
  IsnsEntity asked = entity;
  asked.esi_port = 7000;
  const auto attributes = shown(isns_registration_messages(asked, small_registration(), true)[0]);
  EXPECT_EQ(std::ranges::count(attributes, "20=7000"), 2);
  EXPECT_EQ(std::ranges::count(attributes, "19=60"), 2);
}

TEST(IsnsMessages, ManyTargetsAreSeveralMessagesOfOnePduEach) {
  const auto messages = isns_registration_messages(entity, large_registration(500), true);
  ASSERT_GT(messages.size(), 10u);
  size_t nodes = 0;
  size_t groups = 0;
  for (const Message& each : messages) {
    EXPECT_LE(each.payload.size(), most_registration_bytes);
    EXPECT_EQ((each.flags & wire::isns::replace) != 0, &each == &messages.front());
    const auto attributes = shown(each);
    EXPECT_THAT(std::vector(attributes.begin(), attributes.begin() + 2),
                ElementsAre("32=iqn.2026-11.io.ashlar:t0000", "1=ashlar-0123"));
    nodes += static_cast<size_t>(std::ranges::count(attributes, "33=1"));
    for (const std::string& attribute : attributes) groups += attribute.starts_with("48=") ? 1 : 0;
  }
  EXPECT_EQ(nodes, 500u);
  EXPECT_EQ(groups, 1000u);
}

TEST(IsnsMessages, TheLargestObjectsFitOneMessage) {
  IsnsRegistration registration;
  const std::string longest = "iqn.2026-11.io.ashlar:" + std::string(201, 'x');
  for (uint16_t i = 0; i < max_isns_portals; ++i) registration.portals.push_back({first_portal.address, i});
  registration.targets = {{longest, std::string(255, 'a'), {}}};
  for (const IsnsPortal& each : registration.portals) registration.targets[0].paths.push_back({each, 1});
  IsnsEntity asked{std::string(200, 'e'), 600, 7000};
  const auto messages = isns_registration_messages(asked, registration, true);
  for (const Message& each : messages) EXPECT_LE(each.payload.size(), most_registration_bytes);
  const auto first = shown(messages[0]);
  EXPECT_EQ(std::ranges::count(first, "20=7000"), static_cast<ptrdiff_t>(max_isns_portals));
}

TEST(IsnsMessages, TheAnswerToARegistrationTellsThePeriod) {
  constexpr auto registration = Function::device_attribute_registration;
  AttributeWriter payload;
  payload.status(Status::success);
  payload.text(Tag::entity_identifier, "ashlar-0123");
  payload.number(Tag::registration_period, 300);
  const auto granted = read_isns_registration(answer_of(registration, payload));
  ASSERT_TRUE(granted);
  EXPECT_EQ(*granted, 300u);
  const auto silent = read_isns_registration(status_alone(registration, 0));
  ASSERT_TRUE(silent);
  EXPECT_FALSE(*silent);
}

TEST(IsnsMessages, ARefusalHasWords) {
  constexpr auto registration = Function::device_attribute_registration;
  const auto refused = read_isns_registration(status_alone(registration, 8));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_THAT(refused.error().message, HasSubstr("source unauthorized"));
  const auto without = read_isns_registration(status_alone(registration, 21));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::unsupported);
  const Message cut{0x8001, 0, 1, {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9}};
  ASSERT_FALSE(read_isns_registration(cut));
  EXPECT_EQ(read_isns_registration(cut).error().code, ErrorCode::protocol_error);
}

TEST(IsnsMessages, AVerificationIsATargetThatAsksForItself) {
  const std::string name = "iqn.2026-11.io.ashlar:one";
  EXPECT_THAT(shown(isns_verification_message(name)), ElementsAre("32=" + name, "32=" + name, "0", "32"));
  constexpr auto query = Function::device_attribute_query;
  AttributeWriter payload;
  payload.status(Status::success);
  payload.text(Tag::iscsi_name, name);  // the key is no answer
  EXPECT_EQ(read_isns_verification(answer_of(query, payload), name).value(), false);
  payload.delimiter();
  payload.text(Tag::iscsi_name, "iqn.2026-11.org.example:other");
  EXPECT_EQ(read_isns_verification(answer_of(query, payload), name).value(), false);
  payload.text(Tag::iscsi_name, name);
  EXPECT_EQ(read_isns_verification(answer_of(query, payload), name).value(), true);
  for (const uint32_t status : {6u, 9u, 11u})
    EXPECT_EQ(read_isns_verification(status_alone(query, status), name).value(), false);
  EXPECT_FALSE(read_isns_verification({0x8002, 0, 1, {}}, name));
}

TEST(IsnsMessages, ADeregistrationIsOfTheEntity) {
  const Message message = isns_deregistration_message(entity, small_registration());
  EXPECT_TRUE(message.is(Function::device_deregistration));
  EXPECT_THAT(shown(message), ElementsAre("32=iqn.2026-11.io.ashlar:one", "0", "1=ashlar-0123"));
  constexpr auto deregistration = Function::device_deregistration;
  EXPECT_TRUE(read_isns_deregistration(status_alone(deregistration, 0)));
  EXPECT_TRUE(read_isns_deregistration(status_alone(deregistration, 9)));
  EXPECT_THAT(read_isns_deregistration(status_alone(deregistration, 22)).error().message,
              HasSubstr("invalid deregistration"));
}

Message inquiry_for(const std::string& name) {
  AttributeWriter payload;
  payload.text(Tag::entity_identifier, name);
  payload.address(Tag::portal_address, first_portal.address);
  return {0x000d, wire::isns::from_server, 77, payload.bytes()};
}

TEST(IsnsMessages, AnInquiryIsAnsweredWithWhatItSaid) {
  const Message inquiry = inquiry_for("ashlar-0123");
  const auto answer = isns_answer_to(inquiry, entity);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->function, 0x800d);
  EXPECT_EQ(answer->flags, wire::isns::from_client);
  EXPECT_EQ(answer->transaction, 77);
  const auto parsed = wire::isns::parse_answer(answer->payload);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->status, 0u);
  EXPECT_EQ(parsed->attributes.size(), 2u);
}

TEST(IsnsMessages, WhatIsNotOursIsAnsweredByAStatus) {
  const auto status_of = [](const Message& request) {
    const auto answer = isns_answer_to(request, entity);
    return answer ? wire::isns::parse_answer(answer->payload).value().status : 0;
  };
  EXPECT_EQ(status_of(inquiry_for("another")), 9u);
  Message request = inquiry_for("ashlar-0123");
  request.function = static_cast<uint16_t>(Function::state_change_notification);
  EXPECT_EQ(status_of(request), 15u);
  request = inquiry_for("ashlar-0123");
  request.payload.resize(6);
  EXPECT_EQ(status_of(request), 15u);
  EXPECT_FALSE(isns_answer_to(status_alone(Function::device_attribute_query, 0), entity));
}

}  // namespace
}  // namespace ashlar::agent
