// Operational negotiation from the host's side: what is offered, and what the target made of it (RFC 7143 sections 6.2, 13).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "initiator/options.h"
#include "wire/iscsi_text.h"

namespace ashlar::initiator {

/// Pure. Makes the offer, takes the target's pairs over one or more responses, checks them when it is over.
class Negotiation {
 public:
  explicit Negotiation(const LoginOptions& options);

  /// The text of the first operational request.
  std::string offer();
  /// One pair of a response. Errors: protocol_error when the value is none that the offer allows.
  Result<void> take(std::string_view key, std::string_view value);
  /// Answers owed for keys that the target brought up and we do not know; empty: none.
  std::string take_answers() { return answers_.take(); }
  /// Every key that wants an answer has got one.
  Result<void> finish() const;
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Offered {
    std::string key;
    std::string value;
    bool wants_answer = true;
    bool answered = false;
  };
  void add(std::string_view key, std::string_view value, bool wants_answer = true);
  Result<void> declaration(std::string_view key, std::string_view value);
  Result<void> take_digest(const Offered& offered, std::string_view value);
  Result<void> take_boolean(const Offered& offered, bool value);
  Result<void> take_number(const Offered& offered, uint64_t value);

  std::vector<Offered> offered_;
  wire::iscsi::TextWriter answers_;
  Parameters parameters_;
};

/// Are the numbers in their ranges? Errors name the option.
Result<void> check_options(const LoginOptions& options);

}  // namespace ashlar::initiator
