// Where secrets stand in a configuration, and how they get from what people send into the secret store.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "api/configuration.h"
#include "base/result.h"

namespace ashlar::agent {

enum class SecretKind : uint8_t { chap, dhchap, tls_key, password, totp, token, channel };

/// Calls `visit(path, kind, value)` for each secret that may be there, empty ones too.
using SecretVisitor = std::function<void(const std::string& path, SecretKind kind, std::string& value)>;
void for_each_secret(api::Configuration& configuration, const SecretVisitor& visit);

/// Puts a plain secret away and gives its reference. `before`: that of the secret which is there now, which may be the same one;
/// empty: none is there.
using KeepSecret = std::function<Result<std::string>(SecretKind kind, const std::string& path,
                                                     const std::string& plain, const std::string& before)>;

/// Is there a secret of that reference? Older generations, which may come back, have some that `before` has not.
using IsKept = std::function<bool(const std::string& reference)>;

/// Every secret of `next` becomes a reference: "(redacted)" keeps what `before` has at that place, plain text goes to `keep`.
/// invalid_argument: a reference that is not kept, a redacted secret where there was none, a CHAP secret of the wrong length,
/// a key of DH-HMAC-CHAP of another form.
Result<void> take_in_secrets(api::Configuration& next, const api::Configuration& before,
                             const KeepSecret& keep, const IsKept& is_kept = {});

/// All references in use.
std::set<std::string> secret_references(const api::Configuration& configuration);

}  // namespace ashlar::agent
