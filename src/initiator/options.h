// What a host asks for at login, and what both sides agreed on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loop/cancellation.h"
#include "loop/stream.h"
#include "loop/time.h"

namespace ashlar::initiator {

class SessionWatcher;

/// CHAP hash algorithms by their CHAP_A number (RFC 7143 12.1.3, IANA).
enum class ChapAlgorithm : uint8_t { md5 = 5, sha1 = 6, sha256 = 7, sha3_256 = 8 };

struct ChapCredentials {
  std::string user, secret;                ///< ours
  std::string mutual_user, mutual_secret;  ///< the target's; empty: it need not prove itself
  /// Offered in this order.
  std::vector<ChapAlgorithm> algorithms = {ChapAlgorithm::sha3_256, ChapAlgorithm::sha256,
                                           ChapAlgorithm::sha1, ChapAlgorithm::md5};
};

/// What we offer for HeaderDigest or DataDigest.
enum class DigestWish : uint8_t {
  none,           ///< "None"
  prefer_none,    ///< "None,CRC32C"
  prefer_crc32c,  ///< "CRC32C,None"
  crc32c,         ///< "CRC32C": login fails without it
};

struct LoginOptions {
  loop::Endpoint endpoint;
  std::string initiator_name;
  std::string target_name;  ///< empty: a discovery session
  /// The same names and ISID again, with tsih 0, reinstate the session (RFC 7143 6.3.5).
  std::array<uint8_t, 6> isid = {0x80, 0, 0, 0, 0, 1};
  std::optional<ChapCredentials> chap;  ///< absent: AuthMethod=None
  bool skip_security_stage = false;     ///< without chap: begin with operational negotiation

  DigestWish header_digest = DigestWish::prefer_none;
  DigestWish data_digest = DigestWish::prefer_none;
  bool initial_r2t = false;
  bool immediate_data = true;
  uint32_t first_burst_bytes = 262144;               ///< 512 to 2^24-1
  uint32_t max_burst_bytes = 1048576;                ///< 512 to 2^24-1
  uint32_t max_receive_data_segment_bytes = 262144;  ///< ours; 512 to 2^24-1
  uint16_t max_outstanding_r2t = 8;                  ///< 1 to Command::max_outstanding_r2t
  uint32_t initial_cmd_sn = 1;

  uint16_t max_commands = 256;  ///< sent and not answered; 1 to 4096
  uint32_t max_waiting = 4096;  ///< beyond those and beyond the CmdSN window; more end as not_sent
  loop::Nanoseconds connect_timeout = loop::seconds(10);
  loop::Nanoseconds login_timeout = loop::seconds(15);
  /// A NOP-Out when nothing was received for that long, and an end when it is not answered for as long again; 0: never.
  loop::Nanoseconds ping_interval{0};
  SessionWatcher* watcher = nullptr;           ///< outlives the session
  loop::Cancellation* cancellation = nullptr;  ///< ends login(): aborted
};

/// Agreed on. Before the negotiation: the defaults of RFC 7143 13.
struct Parameters {
  bool header_digest = false;
  bool data_digest = false;
  bool initial_r2t = true;
  bool immediate_data = true;
  uint32_t first_burst_bytes = 65536;
  uint32_t max_burst_bytes = 262144;
  uint32_t max_send_data_segment_bytes = 8192;     ///< the target's MaxRecvDataSegmentLength
  uint32_t max_receive_data_segment_bytes = 8192;  ///< ours
  uint16_t max_outstanding_r2t = 1;
  uint16_t tsih = 0;
  uint16_t portal_group_tag = 0;
  std::string target_alias;
  std::string authentication = "none";  ///< "none", "CHAP SHA-256", "mutual CHAP SHA-256"
};

struct DiscoveredPortal {
  std::string address;  ///< as told: "192.0.2.7:3260" or "[2001:db8::7]:3260"
  uint16_t group_tag = 0;
};
struct DiscoveredTarget {
  std::string name;
  std::vector<DiscoveredPortal> portals;
};

}  // namespace ashlar::initiator
