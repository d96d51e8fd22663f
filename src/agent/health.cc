#include "agent/health.h"

namespace ashlar::agent {

Health health_of(const std::optional<rpc::EngineStatus>& engine,
                 const std::map<std::string, std::string>& failures, const std::vector<notify::Alert>& alerts,
                 const std::vector<std::string>& damaged) {
  Health health{"ok", "", {}};
  const auto worsen = [&health](const char* state) {
    if (health.state != "critical") health.state = state;
  };
  std::vector<std::string> sentences;
  if (!engine) {
    worsen("critical");
    sentences.push_back("The engine does not answer: hosts are not served.");
    health.advice.push_back(
        "Look at the engine's log; it is given the configuration again as soon as it runs.");
  }
  for (const auto& [resource, reason] : failures) {
    worsen("critical");
    sentences.push_back(fmt::format("{} is not served: {}.", resource, reason));
    health.advice.push_back(fmt::format(
        "Bring back what {} needs; it is tried again with the next change, or when the engine begins anew.",
        resource));
  }
  if (!damaged.empty()) {
    worsen("warning");
    sentences.push_back(
        fmt::format("{} of the configuration's files were damaged and are not used.", damaged.size()));
    health.advice.push_back(
        "Compare `ashlar generation list` with what you expect, then look at the disk that holds the state.");
  }
  size_t critical = 0;
  size_t open = 0;
  for (const notify::Alert& each : alerts) {
    if (each.state != notify::AlertState::raised) continue;
    ++open;
    if (each.severity == "critical") ++critical;
    if (health.advice.size() < 5) health.advice.push_back(fmt::format("{} ({})", each.message, each.id));
  }
  if (open > 0) {
    worsen(critical > 0 ? "critical" : "warning");
    sentences.push_back(fmt::format("{} alert{} wait{} for you (`ashlar alert list`).", open,
                                    open == 1 ? "" : "s", open == 1 ? "s" : ""));
  }
  if (sentences.empty()) {
    sentences.push_back(fmt::format("All is well: {} volume{}, {} session{} of hosts.",
                                    engine->volumes.size(), engine->volumes.size() == 1 ? "" : "s",
                                    engine->sessions, engine->sessions == 1 ? "" : "s"));
  }
  health.sentence = fmt::format("{}", fmt::join(sentences, " "));
  return health;
}

}  // namespace ashlar::agent
