#include "wire/isns_attribute.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::wire::isns {
namespace {

constexpr size_t attribute_word_bytes = 4;
constexpr size_t max_text_value_bytes = 255;

// RFC 4171 5.4, by number; those of Fibre Channel are never an answer to us.
constexpr std::string_view words_of_status[] = {
    "success",
    "unknown error",
    "message format error",
    "invalid registration",
    "",
    "invalid query",
    "source unknown",
    "source absent",
    "source unauthorized",
    "no such entry",
    "version not supported",
    "internal error",
    "busy",
    "option not understood",
    "invalid update",
    "message not supported",
    "state change event rejected",
    "state change registration rejected",
    "attribute not implemented",
    "no domain id is available",
    "the domain id is not allocated",
    "entity status inquiries are not available",
    "invalid deregistration",
    "registration feature not supported",
};

}  // namespace

std::string status_words(uint32_t status) {
  const bool known = status < std::size(words_of_status) && !words_of_status[status].empty();
  if (known) return std::string(words_of_status[status]);
  return fmt::format("status {}, which the standard does not know", status);
}

Result<std::vector<Attribute>> parse_attributes(ConstBytes bytes) {
  std::vector<Attribute> attributes;
  Reader reader(bytes);
  const auto refuse = [&attributes](ErrorCode code, const std::string& why) {
    return fail(code, fmt::format("attribute {}", attributes.size() + 1), "{}", why);
  };
  while (reader.remaining() > 0) {
    if (attributes.size() == max_attributes)
      return refuse(ErrorCode::exhausted, fmt::format("a message has at most {} of them", max_attributes));
    const auto tag = static_cast<Tag>(reader.u32());
    const uint32_t length = reader.u32();
    if (!reader.ok() || length > reader.remaining())
      return refuse(ErrorCode::protocol_error, "the message ends within it");
    if (length % attribute_word_bytes != 0)
      return refuse(ErrorCode::protocol_error, fmt::format("its length {} is not a multiple of 4", length));
    attributes.push_back({tag, reader.take(length)});
  }
  return attributes;
}

std::optional<uint32_t> number_of(const Attribute& attribute) {
  if (attribute.value.size() != attribute_word_bytes) return {};
  return load_be32(attribute.value.data());
}

std::string_view text_of(const Attribute& attribute) {
  const auto end = std::ranges::find(attribute.value, uint8_t{0});
  return {reinterpret_cast<const char*>(attribute.value.data()),
          static_cast<size_t>(end - attribute.value.begin())};
}

Result<Answer> parse_answer(ConstBytes payload) {
  if (payload.size() < attribute_word_bytes)
    return fail(ErrorCode::protocol_error, "status",
                "an answer begins with a status, and this one ends before it");
  Answer answer;
  answer.status = load_be32(payload.data());
  TRY_ASSIGN(answer.attributes, parse_attributes(payload.subspan(attribute_word_bytes)));
  return answer;
}

void AttributeWriter::word(uint32_t value) {
  const size_t at = bytes_.size();
  bytes_.resize(at + attribute_word_bytes);
  store_be32(&bytes_[at], value);
}

void AttributeWriter::begin(Tag tag, size_t length) {
  word(static_cast<uint32_t>(tag));
  word(static_cast<uint32_t>(length));
}

void AttributeWriter::text(Tag tag, std::string_view value) {
  CHECK(value.size() <= max_text_value_bytes, "tag {}", static_cast<uint32_t>(tag));
  const size_t padded = (value.size() + attribute_word_bytes) / attribute_word_bytes * attribute_word_bytes;
  begin(tag, padded);
  append(bytes_of(value));
  bytes_.resize(bytes_.size() + padded - value.size());
}

void AttributeWriter::number(Tag tag, uint32_t value) {
  begin(tag, attribute_word_bytes);
  word(value);
}

void AttributeWriter::address(Tag tag, const Address& value) {
  begin(tag, value.size());
  append(value);
}

}  // namespace ashlar::wire::isns
