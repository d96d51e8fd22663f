#include "agent/array.h"

#include <algorithm>

#include "access/access.h"
#include "agent/authentication.h"
#include "agent/clock.h"
#include "agent/compile.h"
#include "agent/completion.h"
#include "agent/secret_fields.h"
#include "api/lists.h"
#include "base/log.h"
#include "notify/notify.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using Kind = StorageWork::Kind;

constexpr size_t most_plans = 100;
constexpr int64_t plan_seconds = 15 * 60;

std::unexpected<Refusal> refuse(Error error) { return std::unexpected(Refusal{std::move(error), {}}); }

Error needs_force(const api::Plan& plan) {
  std::set<std::string> hosts;
  for (const api::Interruption& each : plan.interruptions) hosts.insert(each.host);
  std::string what =
      plan.interruptions.empty()
          ? std::string("data would be lost")
          : fmt::format("{} of host{} {} would be disturbed: {}",
                        plan.interruptions.size() == 1 ? "a session" : "sessions",
                        hosts.size() == 1 ? "" : "s", fmt::join(hosts, ", "), plan.interruptions[0].reason);
  return {ErrorCode::busy, "force", std::move(what) + "; say force to do it all the same"};
}

// The rules that only the senders of alerts know, for what is new: what was there before must not stop other changes.
Result<void> check_alerts(const Configuration& next, const Configuration& before) {
  const auto placed = [](std::string_view kind, const std::string& name, Error error) {
    error.place = fmt::format("{}/{}/{}", kind, name, error.place);
    return std::unexpected(std::move(error));
  };
  for (const api::AlertChannel& each : next.alert_channels) {
    const api::AlertChannel* now = api::find_named(before.alert_channels, each.name);
    if (now != nullptr && *now == each) continue;
    if (const auto checked = notify::check_channel(each); !checked)
      return placed("alert-channels", each.name, checked.error());
  }
  for (const api::AlertRule& each : next.alert_rules) {
    const api::AlertRule* now = api::find_named(before.alert_rules, each.name);
    if (now != nullptr && *now == each) continue;
    if (const auto checked = notify::check_rule(each); !checked)
      return placed("alert-rules", each.name, checked.error());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Array>> Array::open(ArrayParts parts) {
  std::unique_ptr<Array> array(new Array(std::move(parts)));
  TRY_ASSIGN(state::GenerationStore generations,
             state::GenerationStore::open(*array->parts_.files, array->parts_.folder + "/config"));
  array->generations_ = std::make_unique<state::GenerationStore>(std::move(generations));
  TRY_ASSIGN(state::SecretStore secrets,
             state::SecretStore::open(*array->parts_.files, array->parts_.folder + "/secrets"));
  array->secrets_ = std::make_unique<state::SecretStore>(std::move(secrets));
  array->publish();
  array->recover();
  return array;
}

// A change was cut short before its commit: what it made in the pools goes, unless the generation in force has it.
void Array::recover() {
  const std::lock_guard lock(changes_);
  // A disk that cannot be written now must not keep the array from serving: the next change tries again.
  if (const auto taken_back = take_back_unfinished(); !taken_back)
    log_error("agent", "the change that was cut short is not taken back yet: {}", taken_back.error().text());
  do_afterwork();
  remove_old_secrets();
}

Result<void> Array::take_back_unfinished() {
  const auto& unfinished = generations_->unfinished();
  if (!unfinished) return {};
  // Until it is settled, the disk may yet show that generation after a power cut: then it needs its storage.
  TRY(generations_->settle());
  for (const state::Forework& each : unfinished->before)
    remove_backing(driver_in(unfinished->configuration, each.pool), each.pool, each.backing);
  return generations_->abandon();
}

bool Array::remove_backing(const Result<std::shared_ptr<storage::PoolDriver>>& driver,
                           const std::string& pool, const std::string& backing) {
  const Result<void> removed =
      driver ? (*driver)->remove(backing) : Result<void>(std::unexpected(driver.error()));
  if (!removed) log_warning("agent", "{} of pool {} stays behind: {}", backing, pool, removed.error().text());
  return removed.has_value();
}

std::shared_ptr<const View> Array::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void Array::publish() {
  const state::Generation& current = generations_->current();
  auto view = std::make_shared<const View>(View{current.info, current.configuration});
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

Result<std::string> Array::secret(const std::string& reference) const { return secrets_->get(reference); }

Result<std::vector<state::GenerationInfo>> Array::generations() const {
  const std::lock_guard lock(changes_);
  return generations_->list();
}

Result<state::Generation> Array::generation(uint64_t number) const {
  const std::lock_guard lock(changes_);
  return generations_->read(number);
}

std::vector<std::string> Array::damaged() const {
  const std::lock_guard lock(changes_);
  return generations_->damaged();
}

std::map<std::string, std::string> Array::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::expected<Outcome, Refusal> Array::change(const Change& change) {
  const std::lock_guard lock(changes_);
  return change_locked(change);
}

std::expected<Outcome, Refusal> Array::change_locked(const Change& change) {
  forget_drivers();
  const std::shared_ptr<const View> before = view();
  Configuration wish = before->configuration;
  if (const auto edited = change.edit(wish); !edited) return refuse(edited.error());
  const Configuration as_sent = change.dry_run ? wish : Configuration();
  Result<Prepared> prepared = prepare(std::move(wish), change);
  if (!prepared) return refuse(std::move(prepared).error());
  Outcome outcome{prepared->planned.plan, false, before->generation.number, before};
  outcome.plan.base = before->generation.number;
  if (change.dry_run) {
    outcome.plan.id = keep_plan(outcome.plan, as_sent, change);
    return outcome;
  }
  if (!outcome.plan.changed()) return outcome;
  if (outcome.plan.needs_force && !change.force)
    return std::unexpected(Refusal{needs_force(outcome.plan), outcome.plan});
  if (const auto done = carry_out(*prepared, change); !done) return refuse(done.error());
  outcome.applied = true;
  const std::shared_ptr<const View> after = view();
  outcome.generation = after->generation.number;
  outcome.view = after;
  if (parts_.committed) parts_.committed(*before, *after, change);
  return outcome;
}

Result<Array::Prepared> Array::prepare(Configuration next, const Change& change) {
  const Configuration& before = view()->configuration;
  TRY(take_in(next, before, change));
  TRY(find_adopted_sizes(next));
  Draw draw;
  draw.uuid = [this] {
    Uuid uuid;
    parts_.random(uuid);
    return uuid;
  };
  draw.now = rfc3339(parts_.now());
  draw.backing = [this, &next](const api::Volume& volume) -> Result<std::string> {
    TRY_ASSIGN(const auto driver, driver_in(next, volume.pool));
    if (driver->abilities().one_volume_a_device && volume.device.empty()) return choose_device(next, volume);
    uint32_t random = 0;
    parts_.random({reinterpret_cast<uint8_t*>(&random), sizeof random});
    return driver->choose_backing(volume, random);
  };
  TRY_ASSIGN(std::set<std::string> fresh, complete(next, before, draw));
  TRY(api::check_configuration(next));
  TRY(check_alerts(next, before));
  TRY(check_new_pools(next));
  api::make_canonical(next);  // as it will be read: the engine is given the same document now and then
  Moment moment{{}, std::move(fresh)};
  // An engine that is away serves nobody: nobody is disturbed.
  if (auto sessions = parts_.engine->sessions()) moment.sessions = std::move(*sessions);
  TRY_ASSIGN(Planned planned, make_plan(before, next, moment));
  return Prepared{std::move(next), std::move(planned)};
}

Result<std::vector<api::Difference>> Array::compare(
    const std::function<Result<void>(Configuration& next)>& edit) {
  const std::shared_ptr<const View> before = view();
  Configuration next = before->configuration;
  TRY(edit(next));
  Change only_told;
  only_told.dry_run = true;
  TRY(take_in(next, before->configuration, only_told));
  size_t made = 0;
  Draw draw;
  draw.uuid = [this] {
    Uuid uuid;
    parts_.random(uuid);
    return uuid;
  };
  draw.now = rfc3339(parts_.now());
  draw.backing = [&made](const api::Volume& volume) -> Result<std::string> {
    return fmt::format("{}-new-{}", volume.name, ++made);
  };
  TRY(complete(next, before->configuration, draw));
  TRY(api::check_configuration(next));
  api::make_canonical(next);
  return api::differences_of(before->configuration, next);
}

Result<void> Array::carry_out(Prepared& prepared, const Change& change) {
  const Work& work = prepared.planned.work;
  if (generations_->unfinished()) {
    // The disk failed in the middle of an earlier commit, and works again perhaps.
    const auto taken_back = take_back_unfinished();
    raise("state_not_writable", taken_back);
    TRY(taken_back);
  }
  TRY(check_room(prepared.next));
  state::Generation generation;
  generation.info.author = change.author;
  generation.info.comment = change.comment;
  generation.info.time = rfc3339(parts_.now());
  generation.configuration = std::move(prepared.next);
  for (const StorageWork& each : work.before) {
    if (each.kind != Kind::adopt) generation.before.push_back({"created_storage", each.pool, each.backing});
  }
  for (const StorageWork& each : work.after)
    generation.after.push_back({"delete_storage", each.pool, each.backing});
  for (const std::string& uuid : work.gone) generation.after.push_back({"forget_unit", "", uuid});
  for (const std::string& each : work.keys_gone) generation.after.push_back({"destroy_key", "", each});
  const auto written = generations_->prepare(std::move(generation));
  raise("state_not_writable", written ? Result<void>() : std::unexpected(written.error()));
  TRY(written);
  const Configuration& next = generations_->unfinished()->configuration;
  // What cannot be taken back now goes before the next change: the cause is what the caller must know.
  if (const auto done = do_before(work, next); !done) {
    static_cast<void>(take_back_unfinished());
    return done;
  }
  if (const auto told = tell_engine(next, work); !told) {
    static_cast<void>(take_back_unfinished());
    return told;
  }
  const Result<void> committed = generations_->commit();
  raise("state_not_writable", committed);
  if (!committed) {
    publish();
    if (work.engine) static_cast<void>(serve_locked());
    // While it is not settled which of the two the disk will show after a power cut, what both need stays.
    static_cast<void>(take_back_unfinished());
    return committed;
  }
  publish();
  do_afterwork();
  return {};
}

void Array::raise(const std::string& name, const Result<void>& outcome) {
  state_writable_ = outcome.has_value();
  if (parts_.alarm) parts_.alarm(name, outcome ? "" : outcome.error().text(), !outcome);
}

Result<void> Array::do_before(const Work& work, const Configuration& next) {
  for (const StorageWork& each : work.before) {
    TRY_ASSIGN(const auto driver, driver_in(next, each.pool));
    if (each.kind == Kind::create) TRY(driver->create(each.volume));
    if (each.kind == Kind::clone) TRY(driver->clone(each.from, each.backing));
    if (each.kind == Kind::adopt) TRY(driver->find(each.backing));
  }
  return {};
}

// A key, or what the engine keeps of a unit: who reserved it, its mode pages.
Result<void> Array::forget_in_engine(const state::Afterwork& work) {
  const bool is_key = work.kind == "destroy_key";
  const Result<void> forgotten =
      is_key ? parts_.engine->destroy_key(work.backing) : parts_.engine->forget_unit(work.backing);
  if (forgotten || (!is_key && forgotten.error().code == ErrorCode::unsupported)) return {};
  log_warning("agent", "{} {} stays behind: {}", is_key ? "key" : "what the engine keeps of unit",
              work.backing, forgotten.error().text());
  return forgotten;
}

// At least once: what cannot be done now (a pool or the engine is away) is tried again with the next change, at the next start, and
// when the engine is back. What came back meanwhile, from an import, is kept: it goes when that goes.
void Array::do_afterwork() {
  if (generations_->afterwork().empty()) return;
  const std::shared_ptr<const View> now = view();
  const auto backings = backings_of(now->configuration);
  const std::set<std::string> units = units_of(now->configuration), keys = needed_keys(now->configuration);
  bool all = true, away = false;
  for (const state::Afterwork& each : generations_->afterwork()) {
    if (each.kind == "delete_storage") {
      if (!backings.contains(backing_key(each.pool, each.backing)))
        all = remove_backing(pool(each.pool), each.pool, each.backing) && all;
      continue;
    }
    if ((each.kind == "destroy_key" ? keys : units).contains(each.backing)) continue;
    const Result<void> forgotten = away ? Result<void>() : forget_in_engine(each);
    away = away || (!forgotten && forgotten.error().code == ErrorCode::closed);
    all = all && !away && forgotten.has_value();
  }
  if (all) static_cast<void>(generations_->afterwork_done());
}

std::string Array::keep_plan(const api::Plan& plan, const Configuration& wish, const Change& change) {
  const int64_t now = parts_.now();
  std::erase_if(plans_, [now](const auto& each) { return each.second.until < now; });
  while (plans_.size() >= most_plans) {
    plans_.erase(std::ranges::min_element(plans_, {}, [](const auto& each) { return each.second.until; }));
  }
  Uuid random;
  parts_.random(random);
  const std::string id = uuid_text(make_uuid(random));
  KeptPlan& kept = plans_[id];
  kept = {plan, wish, change.comment, change.role, now + plan_seconds};
  kept.plan.id = id;
  return id;
}

Result<api::Plan> Array::find_plan(const std::string& id) {
  const std::lock_guard lock(changes_);
  const auto found = plans_.find(id);
  if (found == plans_.end() || found->second.until < parts_.now())
    return fail(ErrorCode::not_found, "plans/" + id, "there is no such plan: plans are kept for 15 minutes");
  return found->second.plan;
}

std::expected<Outcome, Refusal> Array::apply_plan(const std::string& id, const std::string& author,
                                                  access::Role role, bool force) {
  const auto known = find_plan(id);
  if (!known) return refuse(known.error());
  const std::lock_guard lock(changes_);
  const auto found = plans_.find(id);
  if (found == plans_.end()) return refuse({ErrorCode::not_found, "plans/" + id, "there is no such plan"});
  if (role < found->second.role) {
    return refuse({ErrorCode::permission_denied, "plans/" + id,
                   fmt::format("was made by somebody with the role {}: who applies it needs that too",
                               name_of(found->second.role))});
  }
  if (found->second.plan.base != view()->generation.number) {
    return std::unexpected(
        Refusal{{ErrorCode::stale, "plans/" + id,
                 fmt::format("generation {} is in force, and the plan was made for {}: make it again",
                             view()->generation.number, found->second.plan.base)},
                {}});
  }
  Change change;
  change.author = author;
  change.role = role;
  change.comment = found->second.comment;
  change.force = force;
  change.edit = [wish = found->second.wish](Configuration& next) -> Result<void> {
    next = wish;
    return {};
  };
  auto outcome = change_locked(change);
  if (outcome) plans_.erase(id);
  return outcome;
}

}  // namespace ashlar::agent
