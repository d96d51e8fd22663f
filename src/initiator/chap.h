// CHAP as the host computes it (RFC 1994 through RFC 7143 12.1.3). Pure: challenges are drawn by the caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "initiator/options.h"

namespace ashlar::initiator {

/// Digest over identifier, secret and challenge.
std::vector<uint8_t> chap_response(ChapAlgorithm algorithm, uint8_t identifier, std::string_view secret,
                                   ConstBytes challenge);
/// Compares in a time that does not tell where they differ.
bool same_bytes(ConstBytes left, ConstBytes right);
/// "SHA-256"
std::string_view name_of(ChapAlgorithm algorithm);
/// "8,7,6,5": CHAP_A as offered.
std::string chap_algorithm_list(const std::vector<ChapAlgorithm>& algorithms);

}  // namespace ashlar::initiator
