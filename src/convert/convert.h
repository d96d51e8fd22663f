// Configurations as text: our own in TOML, YAML and JSON, and those of the targets that Ashlar takes over from.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/configuration.h"

namespace ashlar::convert {

enum class Format : uint8_t { json, yaml, toml };
Result<Format> parse_format(std::string_view name);

/// The portable kinds (api::Kind::portable) in canonical order; secrets as "(redacted)". The same text for the same
/// configuration, always.
Result<std::string> print(const api::Json& configuration, Format format);

/// Text to JSON with what a person needs to mend it: errors have "line 12, column 3: ..." as their place, unknown keys the
/// nearest known one. Comments are ignored. Kinds that are missing stay missing in the JSON (apply without --prune).
Result<api::Json> parse(std::string_view text, Format format);

/// Any of our formats or any text that we know, to JSON, by content.
Result<Format> guess_format(std::string_view text);

/// YAML 1.2's core schema to JSON (used for docs/openapi.yaml too).
Result<api::Json> parse_yaml(std::string_view text);

/// What was made of another system's configuration.
struct Import {
  api::Configuration configuration;  ///< secrets in plain text, to be taken in by the secret store
  struct LeftOut {
    std::string where;  ///< "line 12" or "/targets/0/tpgs/0/attributes/..."
    std::string what, why;
  };
  std::vector<LeftOut> left_out;  ///< everything that could not be taken over; nothing is dropped silently
};

enum class Source : uint8_t { targetcli, scst, nvmet, tgt };
Result<Source> parse_source(std::string_view name);
/// Identities (NAA, serial, LUN numbers, portal group tags) stay, so that hosts notice nothing. `text` is saveconfig.json,
/// scst.conf, nvmet's JSON or targets.conf.
Result<Import> import(std::string_view text, Source source);

}  // namespace ashlar::convert
