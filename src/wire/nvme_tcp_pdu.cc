#include "wire/nvme_tcp_pdu.h"

namespace ashlar::wire::nvme {
namespace {

bool is_termination(PduType type) {
  return type == PduType::host_termination || type == PduType::controller_termination;
}

bool may_have_data(PduType type) {
  return type == PduType::command || type == PduType::host_data || type == PduType::controller_data;
}

bool has_digests(PduType type) {
  return type != PduType::initialize_request && type != PduType::initialize_response && !is_termination(type);
}

HeaderFault fault(uint32_t offset) { return {true, FatalError::invalid_header_field, offset}; }

}  // namespace

std::string_view pdu_name(PduType type) {
  switch (type) {
    case PduType::initialize_request: return "ICReq";
    case PduType::initialize_response: return "ICResp";
    case PduType::host_termination: return "H2CTermReq";
    case PduType::controller_termination: return "C2HTermReq";
    case PduType::command: return "CapsuleCmd";
    case PduType::response: return "CapsuleResp";
    case PduType::host_data: return "H2CData";
    case PduType::controller_data: return "C2HData";
    case PduType::ready_to_transfer: return "R2T";
  }
  return "unknown PDU";
}

uint8_t header_bytes_of(PduType type) {
  switch (type) {
    case PduType::initialize_request:
    case PduType::initialize_response: return most_header_bytes;
    case PduType::host_termination:
    case PduType::controller_termination:
    case PduType::host_data:
    case PduType::controller_data:
    case PduType::ready_to_transfer: return data_header_bytes;
    case PduType::command: return capsule_header_bytes;
    case PduType::response: return response_header_bytes;
  }
  return 0;
}

// Offsets of figure 17: PDU-Type 0, FLAGS 1, HLEN 2, PDO 3, PLEN 4.
HeaderFault check_header(const CommonHeader& header, bool header_digest, bool data_digest,
                         uint32_t most_data_bytes) {
  const uint8_t expected = header_bytes_of(header.type);
  if (expected == 0) return fault(0);
  if (header.header_bytes != expected) return fault(2);
  const bool digests = has_digests(header.type);
  if (header.has(PduFlag::header_digest) != (digests && header_digest)) return fault(1);
  const uint32_t signed_bytes = expected + (digests && header_digest ? tcp_digest_bytes : 0);
  if (header.pdu_bytes < signed_bytes) return fault(4);
  // What it quotes stands right behind its header, and PDO is reserved.
  if (is_termination(header.type)) {
    return header.pdu_bytes > signed_bytes + most_quoted_bytes ? fault(4) : HeaderFault{};
  }
  if (header.pdu_bytes == signed_bytes) {
    const bool needs_data = header.type == PduType::host_data || header.type == PduType::controller_data;
    return needs_data ? fault(4) : HeaderFault{};
  }
  if (!may_have_data(header.type)) return fault(4);
  // With data, its digest is on the wire whenever it was agreed on.
  if (header.has(PduFlag::data_digest) != (digests && data_digest)) return fault(1);
  const uint32_t trailer = header.has(PduFlag::data_digest) ? tcp_digest_bytes : 0;
  if (header.data_offset < signed_bytes || header.data_offset % 4 != 0) return fault(3);
  if (header.pdu_bytes <= header.data_offset + trailer) return fault(4);
  const uint32_t data = header.pdu_bytes - header.data_offset - trailer;
  if (data > most_data_bytes) return {true, FatalError::transfer_limit_exceeded, 0};
  return {};
}

uint32_t data_bytes_of(const CommonHeader& header) {
  if (is_termination(header.type)) return header.pdu_bytes - header.header_bytes;
  const uint32_t signed_bytes =
      header.header_bytes + (header.has(PduFlag::header_digest) ? tcp_digest_bytes : 0);
  if (header.pdu_bytes <= signed_bytes) return 0;
  const uint32_t trailer = header.has(PduFlag::data_digest) ? tcp_digest_bytes : 0;
  return header.pdu_bytes - header.data_offset - trailer;
}

}  // namespace ashlar::wire::nvme
