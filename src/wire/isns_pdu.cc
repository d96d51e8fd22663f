#include "wire/isns_pdu.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::wire::isns {
namespace {

constexpr uint16_t isns_version = 1;
constexpr size_t pdu_word_bytes = 4;

}  // namespace

Result<Header> parse_header(ConstBytes bytes) {
  CHECK(bytes.size() == header_bytes);
  const uint16_t version = load_be16(&bytes[0]);
  if (version != isns_version)
    return fail(ErrorCode::unsupported, "version", "is {}, and only 1 is known: is this an iSNS server?",
                version);
  Header header;
  header.function = load_be16(&bytes[2]);
  header.payload_bytes = load_be16(&bytes[4]);
  header.flags = load_be16(&bytes[6]);
  header.transaction = load_be16(&bytes[8]);
  header.sequence = load_be16(&bytes[10]);
  if (header.payload_bytes % pdu_word_bytes != 0)
    return fail(ErrorCode::protocol_error, "length", "{} is not a multiple of 4", header.payload_bytes);
  if ((header.flags & authentication_block) != 0)
    return fail(ErrorCode::unsupported, "flags", "messages are signed, which this side cannot check");
  return header;
}

void write_header(const Header& header, Bytes out) {
  CHECK(out.size() == header_bytes && header.payload_bytes % pdu_word_bytes == 0);
  store_be16(&out[0], isns_version);
  store_be16(&out[2], header.function);
  store_be16(&out[4], header.payload_bytes);
  store_be16(&out[6], header.flags);
  store_be16(&out[8], header.transaction);
  store_be16(&out[10], header.sequence);
}

std::vector<uint8_t> encode_message(const Message& message, size_t most_payload_bytes) {
  CHECK(most_payload_bytes > 0 && most_payload_bytes <= max_pdu_payload_bytes &&
        most_payload_bytes % pdu_word_bytes == 0);
  const ConstBytes payload(message.payload);
  std::vector<uint8_t> out;
  Header header{message.function, 0, 0, message.transaction, 0};
  size_t at = 0;
  do {
    const size_t part = std::min(most_payload_bytes, payload.size() - at);
    header.payload_bytes = static_cast<uint16_t>(part);
    header.flags = message.flags;
    if (at == 0) header.flags |= first_pdu;
    if (at + part == payload.size()) header.flags |= last_pdu;
    const size_t begin = out.size();
    out.resize(begin + header_bytes);
    write_header(header, Bytes(out).subspan(begin));
    out.insert(out.end(), payload.begin() + static_cast<ptrdiff_t>(at),
               payload.begin() + static_cast<ptrdiff_t>(at + part));
    at += part;
    ++header.sequence;
  } while (at < payload.size());
  return out;
}

Result<std::optional<Message>> MessageReader::next() {
  size_t used = 0;
  std::optional<Message> whole;
  while (!whole && bytes_.size() - used >= header_bytes) {
    const ConstBytes rest = ConstBytes(bytes_).subspan(used);
    TRY_ASSIGN(const Header header, parse_header(rest.first(header_bytes)));
    if (rest.size() < header_bytes + header.payload_bytes) break;
    TRY(take(header, rest.subspan(header_bytes, header.payload_bytes)));
    used += header_bytes + header.payload_bytes;
    if ((header.flags & last_pdu) != 0) whole = std::exchange(begun_, std::nullopt);
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(used));
  return whole;
}

// RFC 4171 5.1.5 and 5.1.6: the PDUs of a message share function and transaction, and count from 0.
Result<void> MessageReader::take(const Header& header, ConstBytes payload) {
  const bool is_first = (header.flags & first_pdu) != 0;
  if (is_first == begun_.has_value()) {
    return fail(ErrorCode::protocol_error, "flags", "{}",
                is_first ? "a message begins before the last one has ended"
                         : "a PDU goes on with a message that has not begun");
  }
  if (is_first) {
    pdus_ = 0;
    constexpr uint16_t of_pdus = first_pdu | last_pdu;
    begun_ = Message{header.function, static_cast<uint16_t>(header.flags & ~of_pdus), header.transaction, {}};
  }
  if (header.function != begun_->function || header.transaction != begun_->transaction)
    return fail(ErrorCode::protocol_error, "transaction", "PDUs of two messages are mixed");
  if (header.sequence != pdus_)
    return fail(ErrorCode::protocol_error, "sequence", "is {}, and {} is due", header.sequence, pdus_);
  if (begun_->payload.size() + payload.size() > max_message_bytes)
    return fail(ErrorCode::exhausted, "length", "a message of more than {} bytes is not taken",
                max_message_bytes);
  ++pdus_;
  begun_->payload.insert(begun_->payload.end(), payload.begin(), payload.end());
  return {};
}

}  // namespace ashlar::wire::isns
