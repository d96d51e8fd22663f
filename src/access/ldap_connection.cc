#include "access/ldap_connection.h"

#include <sys/time.h>

#include <algorithm>
#include <string_view>

#include "base/log.h"

namespace ashlar::access {
namespace {

constexpr int most_entries = 1000;
constexpr size_t max_diagnostic_bytes = 256;
constexpr const char* system_certificates = "/etc/ssl/certs/ca-certificates.crt";

struct FreeMemory {
  void operator()(char* memory) const { ::ldap_memfree(memory); }
};
struct FreeMessage {
  void operator()(LDAPMessage* message) const { ::ldap_msgfree(message); }
};
struct FreeValues {
  void operator()(berval** values) const { ::ldap_value_free_len(values); }
};
using Text = std::unique_ptr<char, FreeMemory>;

std::string text_of_berval(const berval& value) { return {value.bv_val, value.bv_len}; }

ErrorCode code_of(int status) {
  switch (status) {
    case LDAP_TIMEOUT:
    case LDAP_TIMELIMIT_EXCEEDED: return ErrorCode::timed_out;
    case LDAP_NO_MEMORY: return ErrorCode::exhausted;
    case LDAP_DECODING_ERROR:
    case LDAP_PROTOCOL_ERROR: return ErrorCode::protocol_error;
    case LDAP_CONFIDENTIALITY_REQUIRED:
    case LDAP_STRONG_AUTH_REQUIRED:
    case LDAP_INVALID_DN_SYNTAX: return ErrorCode::invalid_argument;
    default: return ErrorCode::io_error;
  }
}

/// The server says no to this user, and works otherwise. Which of the two is wrong is not told, as everywhere.
bool is_denial(int status) {
  switch (status) {
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_INSUFFICIENT_ACCESS:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_INVALID_DN_SYNTAX:
    case LDAP_UNWILLING_TO_PERFORM: return true;
    default: return false;
  }
}

}  // namespace

std::unexpected<Error> LdapConnection::failure(int status, std::string_view what) const {
  char* found = nullptr;
  ::ldap_get_option(handle_.get(), LDAP_OPT_DIAGNOSTIC_MESSAGE, &found);
  const Text owner(found);
  std::string message = fmt::format("{}: {}", what, ::ldap_err2string(status));
  if (found != nullptr && *found != '\0') {
    message += fmt::format(" ({})", std::string_view(found).substr(0, max_diagnostic_bytes));
  }
  // What a server says goes to logs and terminals.
  std::ranges::replace_if(message, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, ' ');
  const ErrorCode code = watch_->expired() ? ErrorCode::timed_out : code_of(status);
  return std::unexpected(Error{code, url_.text, std::move(message)});
}

Result<void> LdapConnection::set_limits() {
  LDAP* handle = handle_.get();
  const int version = LDAP_VERSION3;
  const timeval timeout{static_cast<time_t>(timeout_seconds_), 0};
  // A referral would send the password to whichever server the answer names.
  const bool set = ::ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS &&
                   ::ldap_set_option(handle, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
                   ::ldap_set_option(handle, LDAP_OPT_NETWORK_TIMEOUT, &timeout) == LDAP_OPT_SUCCESS &&
                   ::ldap_set_option(handle, LDAP_OPT_TIMEOUT, &timeout) == LDAP_OPT_SUCCESS &&
                   watch_->attach(handle);
  if (!set)
    return fail(ErrorCode::unsupported, url_.text, "libldap does not take the options of a connection");
  return {};
}

Result<void> LdapConnection::set_encryption(const std::string& ca_file) {
  LDAP* handle = handle_.get();
  const char* authorities = ca_file.empty() ? system_certificates : ca_file.c_str();
  const int demand = LDAP_OPT_X_TLS_DEMAND;
  const int oldest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
  const int as_client = 0;
  // Said here, so that no ldap.conf or LDAPTLS_REQCERT can make it less.
  const bool set = ::ldap_set_option(handle, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS &&
                   ::ldap_set_option(handle, LDAP_OPT_X_TLS_PROTOCOL_MIN, &oldest) == LDAP_OPT_SUCCESS &&
                   ::ldap_set_option(handle, LDAP_OPT_X_TLS_CACERTFILE, authorities) == LDAP_OPT_SUCCESS &&
                   ::ldap_set_option(handle, LDAP_OPT_X_TLS_NEWCTX, &as_client) == LDAP_OPT_SUCCESS;
  if (set) return {};
  return fail(ErrorCode::invalid_argument, "ldap.ca_file",
              "'{}' cannot be used; name a PEM file with the certificates that sign the server's",
              authorities);
}

Result<void> LdapConnection::start_tls() {
  const int status = ::ldap_start_tls_s(handle_.get(), nullptr, nullptr);
  if (status != LDAP_SUCCESS) return failure(status, "StartTLS failed");
  return {};
}

Result<void> LdapConnection::check_encrypted() const {
  if (url_.encryption != LdapUrl::Encryption::by_command || ::ldap_tls_inplace(handle_.get()) == 1) return {};
  return fail(ErrorCode::io_error, url_.text, "the encrypted connection was lost");
}

Result<LdapConnection> LdapConnection::open(const LdapUrl& url, const std::string& ca_file,
                                            uint32_t timeout_seconds) {
  LDAP* handle = nullptr;
  const int status = ::ldap_initialize(&handle, url.text.c_str());
  if (status != LDAP_SUCCESS) {
    return fail(ErrorCode::invalid_argument, "ldap.url", "'{}': {}", url.text, ::ldap_err2string(status));
  }
  LdapConnection connection(Handle(handle), url, std::clamp<uint32_t>(timeout_seconds, 1, 60));
  TRY(connection.set_limits());
  if (url.encryption != LdapUrl::Encryption::none) TRY(connection.set_encryption(ca_file));
  if (url.encryption == LdapUrl::Encryption::by_command) TRY(connection.start_tls());
  return connection;
}

Result<void> LdapConnection::bind(const std::string& dn, std::string_view password) {
  TRY(check_encrypted());
  std::string copy(password);
  berval credential{copy.size(), copy.data()};
  const int status =
      ::ldap_sasl_bind_s(handle_.get(), dn.c_str(), LDAP_SASL_SIMPLE, &credential, nullptr, nullptr, nullptr);
  if (status == LDAP_SUCCESS) return {};
  if (!is_denial(status)) return failure(status, "the directory cannot check the password");
  return fail(ErrorCode::permission_denied, url_.text, "user or password is wrong ({})",
              ::ldap_err2string(status));
}

Result<std::vector<LdapEntry>> LdapConnection::search(const std::string& base, int scope,
                                                      const std::string& filter,
                                                      const std::string& attribute) {
  std::string name = attribute;
  char* attributes[] = {name.data(), nullptr};
  timeval timeout{static_cast<time_t>(timeout_seconds_), 0};
  LDAPMessage* answer = nullptr;
  const int status = ::ldap_search_ext_s(handle_.get(), base.c_str(), scope, filter.c_str(), attributes, 0,
                                         nullptr, nullptr, &timeout, most_entries, &answer);
  const std::unique_ptr<LDAPMessage, FreeMessage> owner(answer);
  TRY(check_encrypted());
  std::vector<LdapEntry> entries;
  if (status == LDAP_NO_SUCH_OBJECT || status == LDAP_INSUFFICIENT_ACCESS) return entries;
  if (status == LDAP_SIZELIMIT_EXCEEDED) {
    log_warning("access", "{}: more than {} groups of one user below '{}'; the rest does not count",
                url_.text, most_entries, base);
  } else if (status != LDAP_SUCCESS) {
    return failure(status, fmt::format("cannot search '{}'", base));
  }
  for (LDAPMessage* entry = ::ldap_first_entry(handle_.get(), answer); entry != nullptr;
       entry = ::ldap_next_entry(handle_.get(), entry)) {
    const Text dn(::ldap_get_dn(handle_.get(), entry));
    LdapEntry& found = entries.emplace_back();
    if (dn) found.dn = dn.get();
    const std::unique_ptr<berval*, FreeValues> values(
        ::ldap_get_values_len(handle_.get(), entry, name.c_str()));
    for (berval** value = values.get(); value != nullptr && *value != nullptr; ++value)
      found.values.push_back(text_of_berval(**value));
  }
  return entries;
}

}  // namespace ashlar::access
