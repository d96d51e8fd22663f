#include "notify/snmp_trap.h"

// clang-format off: the library wants its configuration first
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
// clang-format on
#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace ashlar::notify {
namespace {

using Clock = std::chrono::steady_clock;

struct PduFreer {
  void operator()(netsnmp_pdu* pdu) const { snmp_free_pdu(pdu); }
};
using Pdu = std::unique_ptr<netsnmp_pdu, PduFreer>;

struct HandleCloser {
  void operator()(void* handle) const { snmp_sess_close(handle); }
};
using Handle = std::unique_ptr<void, HandleCloser>;

// The library has one list of users and one of engines for the whole process.
std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

// Receivers refuse what is older than what they heard last of our engine (RFC 3414, 3.2), so snmpEngineBoots must rise with
// every start. The seconds since 2024 do, without a file, and fit 31 bits until 2092.
struct Engine {
  u_int boots;
  Clock::time_point started;
};

const Engine& engine() {
  static const Engine once = [] {
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
    // What is installed on this machine for other programs is not ours: no snmp.conf, no state, no MIBs.
    for (const int flag : {NETSNMP_DS_LIB_DONT_READ_CONFIGS, NETSNMP_DS_LIB_DONT_PERSIST_STATE,
                           NETSNMP_DS_LIB_DONT_LOAD_HOST_FILES}) {
      netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, flag, 1);
    }
    netsnmp_set_mib_directory("");
    set_persistent_directory("/dev/null");  // else it looks for certificates in /var/lib/snmp, or makes that
    init_snmp("ashlar");
    constexpr int64_t start_of_2024 = 1'704'067'200;
    const int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    return Engine{static_cast<u_int>(std::clamp<int64_t>(now - start_of_2024, 1, INT32_MAX - 1)),
                  Clock::now()};
  }();
  return once;
}

std::vector<oid> oids_of(const ObjectId& object) { return {object.begin(), object.end()}; }

bool add_value(netsnmp_pdu* pdu, const ObjectId& object, u_char type, const void* value, size_t bytes) {
  const std::vector<oid> name = oids_of(object);
  return snmp_pdu_add_variable(pdu, name.data(), name.size(), type, value, bytes) != nullptr;
}

// RFC 3416, 4.2.6: sysUpTime.0 and snmpTrapOID.0 first.
Pdu make_pdu(const Trap& trap) {
  Pdu pdu(snmp_pdu_create(SNMP_MSG_TRAP2));
  if (pdu == nullptr) return pdu;
  const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - engine().started);
  const long hundredths = static_cast<long>((up.count() / 10) & 0xFFFFFFFF);
  const std::vector<oid> kind = oids_of(trap.kind);
  bool added =
      add_value(pdu.get(), {1, 3, 6, 1, 2, 1, 1, 3, 0}, ASN_TIMETICKS, &hundredths, sizeof hundredths);
  added = added && add_value(pdu.get(), {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}, ASN_OBJECT_ID, kind.data(),
                             kind.size() * sizeof(oid));
  for (const TrapValue& value : trap.values) {
    const long number = value.number;
    added = added &&
            (value.is_number
                 ? add_value(pdu.get(), value.object, ASN_INTEGER, &number, sizeof number)
                 : add_value(pdu.get(), value.object, ASN_OCTET_STR, value.text.data(), value.text.size()));
  }
  return added ? std::move(pdu) : Pdu();
}

u_char* bytes_of(std::string& text) { return reinterpret_cast<u_char*>(text.data()); }

Result<void> make_key(const netsnmp_session& session, const std::string& password, std::string_view place,
                      u_char* key, size_t& length) {
  length = USM_AUTH_KU_LEN;
  const auto* bytes = reinterpret_cast<const u_char*>(password.data());
  if (generate_Ku(session.securityAuthProto, static_cast<u_int>(session.securityAuthProtoLen), bytes,
                  password.size(), key, &length) == SNMPERR_SUCCESS) {
    return {};
  }
  return fail(ErrorCode::invalid_argument, std::string(place), "no key can be made of it (RFC 3414, A.2)");
}

/// A session's settings with the keys in it, which are wiped at the end.
struct Settings {
  netsnmp_session session{};
  std::string peer, user, engine_id;

  explicit Settings(const Trap& trap)
      : peer(fmt::format("{}:{}", trap.ipv6 ? "udp6" : "udp", trap.peer)),
        user(trap.user),
        engine_id(trap.engine_id) {
    snmp_sess_init(&session);
    session.version = SNMP_VERSION_3;
    session.peername = peer.data();
    session.retries = 0;
    session.flags |= SNMP_FLAGS_DONT_PROBE;
    session.securityModel = SNMP_SEC_MODEL_USM;
    session.securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
    session.securityName = user.data();
    session.securityNameLen = user.size();
    session.securityEngineID = session.contextEngineID = bytes_of(engine_id);
    session.securityEngineIDLen = session.contextEngineIDLen = engine_id.size();
    const bool wide = trap.auth_protocol == "SHA-256";
    session.securityAuthProto = wide ? usmHMAC192SHA256AuthProtocol : usmHMACSHA1AuthProtocol;
    session.securityAuthProtoLen =
        wide ? OID_LENGTH(usmHMAC192SHA256AuthProtocol) : OID_LENGTH(usmHMACSHA1AuthProtocol);
    session.securityPrivProto = usmAESPrivProtocol;
    session.securityPrivProtoLen = OID_LENGTH(usmAESPrivProtocol);
  }
  Settings(const Settings&) = delete;
  ~Settings() {
    OPENSSL_cleanse(session.securityAuthKey, sizeof session.securityAuthKey);
    OPENSSL_cleanse(session.securityPrivKey, sizeof session.securityPrivKey);
  }
};

// The library keeps a user for ever, with the first keys it had: a changed key would not count.
void forget_user(Settings& settings) {
  usmUser* user = usm_get_user(bytes_of(settings.engine_id), settings.engine_id.size(), settings.user.data());
  if (user == nullptr) return;
  usm_remove_user(user);
  usm_free_user(user);
}

Error library_error(const std::string& peer, int code) {
  return Error{ErrorCode::io_error, "options.server",
               fmt::format("{}: the trap cannot be sent ({})", peer, snmp_api_errstring(code))};
}

}  // namespace

Result<void> send_trap(const Trap& trap) {
  const std::lock_guard lock(library_mutex());
  const Engine& ours = engine();
  Settings settings(trap);
  TRY(make_key(settings.session, trap.auth_key, "secret", settings.session.securityAuthKey,
               settings.session.securityAuthKeyLen));
  TRY(make_key(settings.session, trap.privacy_key, "second_secret", settings.session.securityPrivKey,
               settings.session.securityPrivKeyLen));
  // For a trap the sender is the authoritative engine (RFC 3414, 1.5.1).
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - ours.started);
  set_enginetime(bytes_of(settings.engine_id), static_cast<u_int>(settings.engine_id.size()), ours.boots,
                 static_cast<u_int>(up.count()), TRUE);
  forget_user(settings);
  Result<void> done;
  {
    const Handle handle(snmp_sess_open(&settings.session));
    if (handle == nullptr) {
      done = std::unexpected(library_error(trap.peer, settings.session.s_snmp_errno));
    } else if (Pdu pdu = make_pdu(trap); pdu == nullptr) {
      done = fail(ErrorCode::exhausted, "options.server", "{}: no memory for the trap", trap.peer);
    } else if (snmp_sess_send(handle.get(), pdu.get()) == 0) {
      done = std::unexpected(library_error(trap.peer, snmp_sess_session(handle.get())->s_snmp_errno));
    } else {
      (void)pdu.release();  // the library has freed it
    }
  }
  forget_user(settings);
  return done;
}

}  // namespace ashlar::notify
