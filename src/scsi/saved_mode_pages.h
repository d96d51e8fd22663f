// Mode parameters that outlive the engine, as text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "scsi/mode_pages.h"

namespace ashlar::scsi {

/// "write_cache=1 descriptor_sense=0 ...": one line, words that stay what they are.
std::string encode_mode_parameters(const ModeParameters& parameters);
/// What is not named keeps its default. An error names the word that is wrong; `place` is where the text was.
Result<ModeParameters> decode_mode_parameters(std::string_view text, std::string_view place);

}  // namespace ashlar::scsi
