#include "initiator/remote_credentials.h"

#include "base/dhchap_key.h"

namespace ashlar::initiator {
namespace {

using Options = std::map<std::string, std::string>;

std::string value_of(const Options& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

/// "sha-256,sha-384"
std::vector<std::string> words_of(const Options& options, const char* name) {
  const std::string text = value_of(options, name);
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Result<std::optional<ChapCredentials>> chap_of(const Options& options, const std::vector<RemoteUrl>& urls) {
  ChapCredentials chap;
  chap.user = value_of(options, "user");
  chap.secret = value_of(options, "secret");
  chap.mutual_user = value_of(options, "mutual_user");
  chap.mutual_secret = value_of(options, "mutual_secret");
  for (const RemoteUrl& url : urls) {
    if (chap.user.empty()) chap.user = url.user;
  }
  if (chap.secret.empty()) {
    if (!chap.user.empty() || !chap.mutual_user.empty() || !chap.mutual_secret.empty())
      return fail(ErrorCode::invalid_argument, "secret", "a CHAP name is given, and no secret");
    return std::optional<ChapCredentials>{};
  }
  if (chap.user.empty())
    return fail(ErrorCode::invalid_argument, "user", "a CHAP secret is given, and no name");
  if (chap.mutual_user.empty() != chap.mutual_secret.empty())
    return fail(ErrorCode::invalid_argument, chap.mutual_user.empty() ? "mutual_user" : "mutual_secret",
                "is missing: name and secret of the target, both or none");
  if (chap.mutual_secret == chap.secret)
    return fail(ErrorCode::invalid_argument, "mutual_secret", "must differ from secret");
  return std::optional(std::move(chap));
}

Result<std::optional<NvmeProof>> proof_of(const Options& options) {
  const std::string key = value_of(options, "dhchap_key"),
                    controller_key = value_of(options, "dhchap_controller_key");
  if (key.empty()) {
    for (const char* const name : {"dhchap_controller_key", "dhchap_hashes", "dhchap_groups"}) {
      if (!value_of(options, name).empty())
        return fail(ErrorCode::invalid_argument, "dhchap_key", "is missing: {} says nothing without it",
                    name);
    }
    return std::optional<NvmeProof>{};
  }
  if (key == controller_key)
    return fail(ErrorCode::invalid_argument, "dhchap_controller_key", "must differ from dhchap_key");
  NvmeProof proof;
  TRY_ASSIGN(proof.key, parse_dhchap_key(key, "dhchap_key"));
  if (!controller_key.empty()) {
    TRY_ASSIGN(proof.controller_key, parse_dhchap_key(controller_key, "dhchap_controller_key"));
  }
  TRY_ASSIGN(proof.hashes, parse_dhchap_hashes(words_of(options, "dhchap_hashes"), "dhchap_hashes"));
  TRY_ASSIGN(proof.groups, parse_dhchap_groups(words_of(options, "dhchap_groups"), "dhchap_groups"));
  return std::optional(std::move(proof));
}

}  // namespace

Result<RemoteCredentials> remote_credentials_of(const Options& options, const std::vector<RemoteUrl>& urls) {
  RemoteCredentials credentials;
  TRY_ASSIGN(credentials.chap, chap_of(options, urls));
  TRY_ASSIGN(credentials.proof, proof_of(options));
  if (const std::string key = value_of(options, "tls_key"); !key.empty()) {
    TRY_ASSIGN(credentials.tls_key, parse_tls_key(key, "tls_key"));
  }
  return credentials;
}

}  // namespace ashlar::initiator
