// What a volume of another array proves itself with there, and has that array prove.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/tls_psk.h"
#include "initiator/nvme_authentication.h"
#include "initiator/options.h"
#include "initiator/remote_url.h"

namespace ashlar::initiator {

struct RemoteCredentials {
  std::optional<ChapCredentials> chap;   ///< of paths by iSCSI
  std::optional<NvmeProof> proof;        ///< of paths by NVMe/TCP: DH-HMAC-CHAP
  std::optional<ConfiguredPsk> tls_key;  ///< of paths by NVMe/TCP: they come by TLS
};

/// Of a store's options: user, secret, mutual_user, mutual_secret, dhchap_key, dhchap_controller_key, dhchap_hashes,
/// dhchap_groups, tls_key. A URL may name the user, too. Errors: invalid_argument, with the option; none shows any of a secret.
Result<RemoteCredentials> remote_credentials_of(const std::map<std::string, std::string>& options,
                                                const std::vector<RemoteUrl>& urls);

}  // namespace ashlar::initiator
