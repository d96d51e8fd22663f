// A change of the configuration, with all that the command line owes it: a plan to look at, a question, force, the job, a word.
#pragma once

#include <optional>
#include <string>

#include "cli/invocation.h"

namespace ashlar::cli {

/// How an answer is waited for.
enum class Pace : uint8_t {
  quick,   ///< with the answer
  slow,    ///< as a job, so that its progress is seen and no answer is waited for in vain
  answer,  ///< never as a job: what the answer tells is told once
};

struct Change {
  std::string method;      ///< "POST"
  std::string path;        ///< encoded; its query begins here when it has one of its own
  Json body;               ///< null: `text`
  std::string text;        ///< sent as it is when there is no `body`
  std::string media_type;  ///< of `text`
  std::string etag;        ///< If-Match; empty: not sent
  std::string question;    ///< asked first; empty: not asked
  std::string done;        ///< "volume db1 is created"
  Pace pace = Pace::quick;
  std::string result_path;  ///< what to show afterwards when a job did it; empty: what the job tells
};

/// What becomes a job is planned first, so that a refusal, or the need of force, is heard at once and by its own exit code.
/// Empty: a dry run, whose plan has been shown, or a job that is not waited for. Else the answer, or that of the job
/// ("result"). 409 that needs force asks on a tty; 412 tells what another has changed.
Result<std::optional<Answer>> make_change(Invocation& invocation, const Change& change);

/// make_change(), and with -o json and its like the body of the answer.
Result<void> change_and_show(Invocation& invocation, const Change& change);

}  // namespace ashlar::cli
