// The two PDUs of the login phase (RFC 7143 11.12, 11.13) and the status that ends it.
#pragma once

#include "wire/iscsi_header.h"

namespace ashlar::wire::iscsi {

/// CSG and NSG (RFC 7143 11.12.3); 2 is reserved.
enum class LoginStage : uint8_t {
  security_negotiation = 0,
  login_operational_negotiation = 1,
  reserved = 2,
  full_feature_phase = 3
};

struct LoginRequest {
  bool transit = false;    ///< T bit: ready to go to `next_stage`
  bool continues = false;  ///< C bit: the text goes on in the next request
  LoginStage current_stage = LoginStage::security_negotiation;
  LoginStage next_stage = LoginStage::security_negotiation;
  uint8_t version_max = 0;
  uint8_t version_min = 0;
  uint32_t additional_header_bytes = 0;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 6> isid{};
  uint16_t tsih = 0;
  uint32_t initiator_task_tag = 0;
  uint16_t connection_id = 0;
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;

  static LoginRequest decode(const uint8_t* header) {
    LoginRequest pdu;
    pdu.transit = (header[1] & 0x80) != 0;
    pdu.continues = (header[1] & 0x40) != 0;
    pdu.current_stage = static_cast<LoginStage>(header[1] >> 2 & 3);
    pdu.next_stage = static_cast<LoginStage>(header[1] & 3);
    pdu.version_max = header[2];
    pdu.version_min = header[3];
    pdu.additional_header_bytes = iscsi::additional_header_bytes(header);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    std::memcpy(pdu.isid.data(), header + 8, pdu.isid.size());
    pdu.tsih = load_be16(header + 14);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.connection_id = load_be16(header + 20);
    pdu.cmd_sn = load_be32(header + 24);
    pdu.exp_stat_sn = load_be32(header + 28);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags =
        static_cast<uint8_t>(detail::bit(transit, 0x80) | detail::bit(continues, 0x40) |
                             static_cast<uint8_t>(current_stage) << 2 | static_cast<uint8_t>(next_stage));
    detail::begin(header, {Opcode::login_request, true, flags, additional_header_bytes, data_segment_length,
                           initiator_task_tag});
    header[2] = version_max;
    header[3] = version_min;
    std::memcpy(header + 8, isid.data(), isid.size());
    store_be16(header + 14, tsih);
    store_be16(header + 20, connection_id);
    store_be32(header + 24, cmd_sn);
    store_be32(header + 28, exp_stat_sn);
  }
  bool operator==(const LoginRequest&) const = default;
};

/// Status-Class in the high byte, Status-Detail in the low one (RFC 7143 11.13.5).
enum class LoginStatus : uint16_t {
  success = 0x0000,
  target_moved_temporarily = 0x0101,
  target_moved_permanently = 0x0102,
  initiator_error = 0x0200,
  authentication_failure = 0x0201,
  authorization_failure = 0x0202,
  not_found = 0x0203,
  target_removed = 0x0204,
  unsupported_version = 0x0205,
  too_many_connections = 0x0206,
  missing_parameter = 0x0207,
  cannot_include_in_session = 0x0208,
  session_type_not_supported = 0x0209,
  session_does_not_exist = 0x020a,
  invalid_during_login = 0x020b,
  target_error = 0x0300,
  service_unavailable = 0x0301,
  out_of_resources = 0x0302,
};

struct LoginResponse {
  bool transit = false;
  bool continues = false;
  LoginStage current_stage = LoginStage::security_negotiation;
  LoginStage next_stage = LoginStage::security_negotiation;
  uint8_t version_max = 0;
  uint8_t version_active = 0;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 6> isid{};
  uint16_t tsih = 0;
  uint32_t initiator_task_tag = 0;
  TargetNumbers numbers;
  LoginStatus status = LoginStatus::success;

  static LoginResponse decode(const uint8_t* header) {
    LoginResponse pdu;
    pdu.transit = (header[1] & 0x80) != 0;
    pdu.continues = (header[1] & 0x40) != 0;
    pdu.current_stage = static_cast<LoginStage>(header[1] >> 2 & 3);
    pdu.next_stage = static_cast<LoginStage>(header[1] & 3);
    pdu.version_max = header[2];
    pdu.version_active = header[3];
    pdu.data_segment_length = iscsi::data_segment_length(header);
    std::memcpy(pdu.isid.data(), header + 8, pdu.isid.size());
    pdu.tsih = load_be16(header + 14);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.status = static_cast<LoginStatus>(load_be16(header + 36));
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags =
        static_cast<uint8_t>(detail::bit(transit, 0x80) | detail::bit(continues, 0x40) |
                             static_cast<uint8_t>(current_stage) << 2 | static_cast<uint8_t>(next_stage));
    detail::begin(header, {Opcode::login_response, false, flags, 0, data_segment_length, initiator_task_tag});
    header[2] = version_max;
    header[3] = version_active;
    std::memcpy(header + 8, isid.data(), isid.size());
    store_be16(header + 14, tsih);
    numbers.encode(header);
    store_be16(header + 36, static_cast<uint16_t>(status));
  }
  bool operator==(const LoginResponse&) const = default;
};

/// "success", "authentication failure" and so on, for log lines; "unknown status" for others.
std::string_view name_of(LoginStatus status);

}  // namespace ashlar::wire::iscsi
