// A change before it is made: what would be done, what would differ, and whom it would disturb.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/configuration.h"
#include "json/fields.h"

namespace ashlar::api {

struct PlanStep {
  std::string kind;      ///< "create storage", "serve", "delete storage" ...
  std::string resource;  ///< "volumes/db1"; empty for steps of the whole
  std::string detail;    ///< "10 GiB, thin, in pool p0"
  std::string undo;      ///< what takes it back; empty: nothing does
  bool operator==(const PlanStep&) const = default;
};

/// One value that differs. Secrets are shown as "(redacted)".
struct Difference {
  std::string path;  ///< "volumes/db1/size_bytes"; "volumes/db1" for a whole resource
  Json before;       ///< null: was not there
  Json after;        ///< null: is not there any more
  bool operator==(const Difference&) const = default;
};

/// A session that would end, or lose something it uses.
struct Interruption {
  uint64_t session = 0;
  std::string host, initiator, target, volume;
  std::string reason;  ///< "volume db1 is deleted"
  bool operator==(const Interruption&) const = default;
};

struct Plan {
  std::string id;     ///< to apply it by; kept for 15 minutes
  uint64_t base = 0;  ///< the generation that it starts from
  std::vector<PlanStep> steps;
  std::vector<Difference> differences;
  std::vector<Interruption> interruptions;
  std::vector<std::string> warnings;
  bool destroys_data = false;
  bool needs_force = false;  ///< it interrupts sessions or destroys data: say so with force
  bool changed() const { return !differences.empty(); }
  bool operator==(const Plan&) const = default;
};

/// Value by value, in canonical order. Pure.
std::vector<Difference> differences_of(const Configuration& before, const Configuration& after);
/// The resources of `after` that `before` does not have just so.
Configuration news_of(const Configuration& before, const Configuration& after);

template <typename V, Is<PlanStep> T>
void visit_fields(V& v, T& step) {
  v.field("kind", step.kind);
  v.field("resource", step.resource);
  v.field("detail", step.detail);
  v.field("undo", step.undo);
}
template <typename V, Is<Difference> T>
void visit_fields(V& v, T& difference) {
  v.field("path", difference.path);
  v.field("before", difference.before);
  v.field("after", difference.after);
}
template <typename V, Is<Interruption> T>
void visit_fields(V& v, T& interruption) {
  v.field("session", interruption.session);
  v.field("host", interruption.host);
  v.field("initiator", interruption.initiator);
  v.field("target", interruption.target);
  v.field("volume", interruption.volume);
  v.field("reason", interruption.reason);
}
template <typename V, Is<Plan> T>
void visit_fields(V& v, T& plan) {
  v.field("id", plan.id);
  v.field("base", plan.base);
  v.field("steps", plan.steps);
  v.field("differences", plan.differences);
  v.field("interruptions", plan.interruptions);
  v.field("warnings", plan.warnings);
  v.field("destroys_data", plan.destroys_data);
  v.field("needs_force", plan.needs_force);
}

}  // namespace ashlar::api
