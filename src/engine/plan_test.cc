#include "engine/plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "block/test_shards.h"
#include "engine/apply.h"
#include "json/sizes.h"

namespace ashlar::engine {
namespace {

using rpc::Document;
using rpc::VolumeDocument;

VolumeDocument volume(const std::string& name, uint64_t size = 1 << 20) {
  VolumeDocument made;
  made.name = name;
  made.size_bytes = size;
  made.store.kind = "memory";
  return made;
}

std::vector<std::string> words(const Plan& plan) {
  std::vector<std::string> all;
  for (const Step& step : plan.steps) {
    const auto report = describe(step);
    all.push_back(report.name.empty() ? report.kind : report.kind + " " + report.name);
  }
  return all;
}

// What a runner would hold: the model that steps act on, with the rules of the real things as checks.
struct Model {
  std::map<std::string, VolumeDocument> volumes;
  std::set<std::pair<std::string, uint16_t>> listening;
  Document published;
  std::map<std::string, rpc::GroupDocument> groups;
  bool operator==(const Model&) const = default;
};

class ModelRunner final : public StepRunner {
 public:
  Model model;
  int fail_at = -1;

  loop::Task<Result<void>> run(Step step) override {
    if (fail_at-- == 0) co_return fail(ErrorCode::io_error, "disk", "planted");
    act(step);
    co_return Result<void>{};
  }

 private:
  static bool seen_by_hosts(const Document& document, const std::string& name) {
    return std::any_of(document.mappings.begin(), document.mappings.end(),
                       [&](const auto& mapping) { return mapping.volume == name; });
  }
  void act(const Step& step) {
    const std::pair endpoint{step.portal.address, step.portal.port};
    switch (step.kind) {
      case StepKind::open_volume:
        RC_ASSERT(model.volumes.emplace(step.volume.name, step.volume).second);
        break;
      case StepKind::close_volume:
        RC_ASSERT(!seen_by_hosts(model.published, step.volume.name));
        RC_ASSERT(model.volumes.erase(step.volume.name) == 1u);
        break;
      case StepKind::resize_volume:
        RC_ASSERT(model.volumes.at(step.volume.name).size_bytes == step.volume.size_bytes);
        model.volumes.at(step.volume.name).size_bytes = step.size_bytes;
        break;
      case StepKind::set_credentials:
        RC_ASSERT(model.volumes.at(step.volume.name).store == step.volume.store);
        model.volumes.at(step.volume.name).store = step.store;
        break;
      case StepKind::set_write_cache:
        model.volumes.at(step.volume.name).write_cache = step.write_cache;
        break;
      case StepKind::change_medium:
        RC_ASSERT(rpc::medium_of(model.volumes.at(step.volume.name)) == rpc::medium_of(step.volume));
        model.volumes.at(step.volume.name).store.options.erase("path");
        if (!step.medium.empty()) model.volumes.at(step.volume.name).store.options["path"] = step.medium;
        break;
      case StepKind::set_key_shared: model.volumes.at(step.volume.name).key_shared = step.key_shared; break;
      case StepKind::add_portal:
        for (const auto& [address, port] : model.listening) {
          const bool all = address == "0.0.0.0" || step.portal.address == "0.0.0.0";
          RC_ASSERT(port != step.portal.port || (!all && address != step.portal.address));
        }
        model.listening.insert(endpoint);
        break;
      case StepKind::remove_portal: RC_ASSERT(model.listening.erase(endpoint) == 1u); break;
      case StepKind::set_group: {
        model.groups.erase(step.group);
        const auto group = std::ranges::find(step.after->groups, step.group, &rpc::GroupDocument::name);
        if (group == step.after->groups.end()) break;
        for (const std::string& name : group->volumes) RC_ASSERT(model.volumes.contains(name));
        model.groups.emplace(step.group, *group);
        break;
      }
      case StepKind::publish:
        RC_ASSERT(model.groups.size() == step.after->groups.size());
        for (const auto& mapping : step.after->mappings) RC_ASSERT(model.volumes.contains(mapping.volume));
        model.published = *step.after;
        break;
    }
  }
};

Model model_of(const Document& document) {
  Model model;
  model.published = document;
  for (const auto& each : document.volumes) model.volumes[each.name] = each;
  for (const auto& each : document.portals) model.listening.emplace(each.address, each.port);
  for (const auto& each : document.groups) model.groups[each.name] = each;
  return model;
}

// Small documents over few names, so that two of them have much in common. Sizes only grow with `age`.
rc::Gen<Document> any_document(uint64_t age) {
  return rc::gen::exec([age] {
    Document document;
    for (const char* name : {"a", "b", "c"}) {
      if (!*rc::gen::arbitrary<bool>()) continue;
      document.volumes.push_back(volume(name, (age + *rc::gen::inRange<uint64_t>(0, 2)) << 20));
      document.volumes.back().write_cache = *rc::gen::arbitrary<bool>();
      document.volumes.back().encrypted = true;
      document.volumes.back().key_shared = *rc::gen::arbitrary<bool>();
      if (!*rc::gen::arbitrary<bool>()) continue;
      rpc::MappingDocument mapping;
      mapping.volume = name;
      document.mappings.push_back(mapping);
    }
    const std::string address = *rc::gen::element<std::string>("0.0.0.0", "127.0.0.1");
    for (const uint16_t port : {3260, 3261, 3262}) {
      if (!*rc::gen::arbitrary<bool>()) continue;
      document.portals.push_back(
          {*rc::gen::element<std::string>("p", "q") + std::to_string(port), address, port, 1});
    }
    for (const char* name : {"g", "h"}) {
      if (!*rc::gen::arbitrary<bool>()) continue;
      rpc::GroupDocument group;
      group.name = name;
      group.explicit_changes = *rc::gen::arbitrary<bool>();
      for (const VolumeDocument& each : document.volumes) {
        if ((each.name == "a") == (group.name == "g")) group.volumes.push_back(each.name);
      }
      document.groups.push_back(std::move(group));
    }
    return document;
  });
}

RC_GTEST_PROP(PlanProperty, RunningThePlanReachesTheDesired, ()) {
  const Document running = *any_document(1);
  const Document desired = *any_document(2);
  const auto plan = make_plan(running, desired);
  RC_ASSERT(plan.has_value());
  RC_ASSERT(plan->steps.empty() == (running == desired));
  block::TestShards shards(1);
  ModelRunner runner;
  runner.model = model_of(running);
  const Result<void> outcome = shards.run([&] { return run_steps(runner, plan->steps); });
  RC_ASSERT(outcome.has_value());
  RC_ASSERT(runner.model == model_of(desired));
  RC_ASSERT(make_plan(desired, desired)->steps.empty());
}

RC_GTEST_PROP(PlanProperty, AFailingStepChangesNothing, ()) {
  const Document running = *any_document(1);
  const Document desired = *any_document(2);
  const auto plan = make_plan(running, desired);
  RC_ASSERT(plan.has_value());
  RC_PRE(!plan->steps.empty());
  // What may fail stands before the publication; what comes after it cannot.
  const auto publish = std::find_if(plan->steps.begin(), plan->steps.end(),
                                    [](const Step& s) { return s.kind == StepKind::publish; });
  block::TestShards shards(1);
  ModelRunner runner;
  runner.model = model_of(running);
  runner.fail_at = *rc::gen::inRange<int>(0, static_cast<int>(publish - plan->steps.begin()) + 1);
  const Result<void> outcome = shards.run([&] { return run_steps(runner, plan->steps); });
  RC_ASSERT(!outcome.has_value());
  RC_ASSERT(outcome.error().message == "planted");
  RC_ASSERT(runner.model == model_of(running));
}

TEST(Plan, OrderOfSteps) {
  Document running, desired;
  running.volumes = {volume("old"), volume("kept")};
  running.portals = {{"p", "0.0.0.0", 3260, 1}, {"q", "127.0.0.1", 3261, 1}};
  desired.volumes = {volume("kept", 2 << 20), volume("new")};
  desired.volumes[0].write_cache = true;
  desired.portals = {{"p", "127.0.0.1", 3260, 1}};
  EXPECT_EQ(
      words(*make_plan(running, desired)),
      (std::vector<std::string>{"remove portal p", "open volume new", "add portal p", "resize volume kept",
                                "set write cache kept", "publish", "remove portal q", "close volume old"}));
}

TEST(Plan, OfARemoteStoreItsCredentialsMayChange) {
  Document running;
  running.volumes = {volume("far")};
  running.volumes[0].store = {"remote", {{"urls", "iscsi://192.0.2.7/iqn.x:a/0"}}};
  Document desired = running;
  for (const char* option : {"user", "secret", "mutual_user", "mutual_secret", "dhchap_key",
                             "dhchap_controller_key", "dhchap_hashes", "dhchap_groups", "tls_key"})
    desired.volumes[0].store.options[option] = "a secret";
  const auto plan = make_plan(running, desired);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(words(*plan), (std::vector<std::string>{"set credentials far", "publish"}));
  EXPECT_EQ(describe(plan->steps[0]).detail.find("a secret"), std::string::npos);
  EXPECT_EQ(plan->steps[0].store, desired.volumes[0].store);
  EXPECT_EQ(inverse(plan->steps[0]).store, running.volumes[0].store);
  EXPECT_EQ(words(*make_plan(desired, running)),
            (std::vector<std::string>{"set credentials far", "publish"}));
  desired.volumes[0].store.options["initiator"] = "iqn.x:b";
  EXPECT_EQ(make_plan(running, desired).error().place, "volumes[0].store");
}

TEST(Plan, AKeyIsSharedForAsLongAsAnotherVolumeIsOpenWithIt) {
  Document alone, together;
  alone.volumes = {volume("origin")};
  alone.volumes[0].encrypted = true;
  together = alone;
  together.volumes[0].key_shared = true;
  together.volumes.push_back(volume("clone"));
  EXPECT_EQ(words(*make_plan(alone, together)),
            (std::vector<std::string>{"set key shared origin", "open volume clone", "publish"}));
  EXPECT_EQ(words(*make_plan(together, alone)),
            (std::vector<std::string>{"publish", "close volume clone", "set key shared origin"}));
}

TEST(Plan, GroupsAreSetBeforeHostsSeeNewVolumes) {
  Document running, desired;
  running.volumes = {volume("a")};
  running.groups = {{.name = "kept", .volumes = {"a"}}, {.name = "old"}};
  desired.volumes = {volume("a"), volume("new")};
  desired.groups = {{.name = "kept", .volumes = {"a"}},
                    {.name = "g",
                     .volumes = {"new"},
                     .explicit_changes = true,
                     .access = {{.group_tag = 1, .state = "standby"}, {.group_tag = 2, .preferred = true}}}};
  const auto plan = make_plan(running, desired);
  ASSERT_TRUE(plan);
  EXPECT_EQ(words(*plan),
            (std::vector<std::string>{"open volume new", "set group g", "remove group old", "publish"}));
  EXPECT_EQ(plan->steps[1].place, "groups[1]");
  EXPECT_EQ(describe(plan->steps[1]).detail,
            "1 standby, 2 optimized preferred, 1 volumes, hosts may change it");
  EXPECT_EQ(describe(inverse(plan->steps[1])).kind, "remove group");
}

TEST(Plan, ARenamedPortalKeepsListening) {
  Document running, desired;
  running.portals = {{"p", "127.0.0.1", 3260, 1}};
  desired.portals = {{"renamed", "127.0.0.1", 3260, 7}};
  EXPECT_EQ(words(*make_plan(running, desired)), std::vector<std::string>{"publish"});
}

TEST(Plan, WhatIsFixedIsRefusedWithAWayOut) {
  struct Change {
    const char* place;
    std::function<void(VolumeDocument&)> make;
    const char* words;
  };
  const std::vector<Change> table = {
      {"volumes[0].block_bytes", [](auto& v) { v.block_bytes = 4096; },
       "cannot change from 512 to 4096 while the volume exists"},
      {"volumes[0].physical_block_bytes", [](auto& v) { v.physical_block_bytes = 8192; },
       "from 4096 to 8192"},
      {"volumes[0].thin", [](auto& v) { v.thin = false; }, "from true to false"},
      {"volumes[0].read_only", [](auto& v) { v.read_only = true; }, "from false to true"},
      {"volumes[0].removable", [](auto& v) { v.removable = true; }, "from false to true"},
      {"volumes[0].identity", [](auto& v) { v.identity.emplace().serial = "other"; }, "cannot change while"},
      {"volumes[0].store", [](auto& v) { v.store.kind = "null"; }, "cannot change while"},
      {"volumes[0].layers", [](auto& v) { v.layers.push_back({"readonly", {}}); }, "cannot change while"},
      {"volumes[0].size_bytes", [](auto& v) { v.size_bytes = 512; },
       "is less than the 1 MiB that the volume has"},
      {"volumes[0].size_bytes", [](auto& v) { v.size_bytes = 0; }, "cannot change"},
  };
  Document running;
  running.volumes = {volume("a")};
  for (const Change& change : table) {
    Document desired = running;
    change.make(desired.volumes[0]);
    const auto plan = make_plan(running, desired);
    ASSERT_FALSE(plan) << change.place;
    EXPECT_EQ(plan.error().place, change.place);
    EXPECT_EQ(plan.error().code, ErrorCode::already_exists);
    EXPECT_NE(plan.error().message.find(change.words), std::string::npos) << plan.error().text();
  }
}

TEST(Plan, TheMediumOfADriveIsChangedAndItsInverseTakesThatBack) {
  Document running, desired;
  running.volumes = {volume("a", 0)};
  running.volumes[0].store = {"cdrom", {{"path", "/srv/a.iso"}}};
  running.volumes.push_back(volume("b", 0));
  running.volumes[1].store = {"cdrom", {{"path", "/srv/a.iso"}}};
  desired = running;
  desired.volumes[0].store.options["path"] = "/srv/b.iso";
  desired.volumes[1].store.options.clear();
  const auto plan = make_plan(running, desired);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(words(*plan), (std::vector<std::string>{"change medium a", "change medium b", "publish"}));
  EXPECT_EQ(describe(plan->steps[0]).detail, "/srv/a.iso -> /srv/b.iso");
  EXPECT_EQ(describe(plan->steps[1]).detail, "/srv/a.iso -> empty");
  const Step back = inverse(plan->steps[1]);
  EXPECT_EQ(back.medium, "/srv/a.iso");
  EXPECT_EQ(rpc::medium_of(back.volume), "");
  EXPECT_EQ(inverse(back).medium, "");
  desired.volumes[1].store = {"memory", {}};
  EXPECT_FALSE(make_plan(running, desired)) << "a drive becomes no disk";
}

TEST(Plan, ARenamedVolumeMustGoFirst) {
  Document running, desired;
  running.volumes = {volume("a")};
  running.volumes[0].store = {"file", {{"path", "/srv/a"}}};
  desired = running;
  desired.volumes[0].name = "b";
  const auto plan = make_plan(running, desired);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::busy);
  EXPECT_EQ(plan.error().place, "volumes[0].store.options.path");
}

TEST(Apply, AFailedTakingBackIsTold) {
  class Runner final : public StepRunner {
   public:
    loop::Task<Result<void>> run(Step step) override {
      if (step.kind != StepKind::open_volume) co_return fail(ErrorCode::io_error, "", "cannot do that");
      co_return Result<void>{};
    }
  };
  Document desired;
  desired.volumes = {volume("a")};
  desired.portals = {{"p", "127.0.0.1", 3260, 1}};
  block::TestShards shards(1);
  Runner runner;
  const auto plan = make_plan({}, desired);
  const Result<void> outcome = shards.run([&] { return run_steps(runner, plan->steps); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().place, "portals[0]");
  EXPECT_NE(outcome.error().message.find("taking back \"open volume a\" failed"), std::string::npos)
      << outcome.error().text();
}

class Identities : public testing::Test {
 protected:
  Uuid draw() {
    Uuid uuid{};
    uuid.fill(++drawn_);
    return uuid;
  }
  std::vector<rpc::DrawnIdentity> complete(Document& desired) {
    return complete_identities(desired, running_, kept_, [this] { return draw(); }).drawn;
  }
  Document running_;
  DrawnIdentities kept_;
  uint8_t drawn_ = 0;
};

TEST_F(Identities, DrawnOnceThenKept) {
  Document first, second;
  first.volumes = {volume("a")};
  second = first;
  const auto drawn = complete(first);
  ASSERT_EQ(drawn.size(), 1u);
  EXPECT_EQ(drawn[0].identity.naa.size(), 16u);
  EXPECT_EQ(drawn[0].identity.naa[0], '3');
  EXPECT_EQ(*first.volumes[0].identity, drawn[0].identity);
  running_ = first;
  EXPECT_TRUE(complete(second).empty());
  EXPECT_EQ(first, second);
}

TEST_F(Identities, KeptWhileTheVolumeIsAway) {
  Document first, again;
  first.volumes = {volume("a")};
  again = first;
  complete(first);
  kept_.remember({"a", first.volumes[0].store, *first.volumes[0].identity});
  EXPECT_TRUE(complete(again).empty());
  EXPECT_EQ(first, again);
  Document other;
  other.volumes = {volume("a")};
  other.volumes[0].store.kind = "null";
  EXPECT_EQ(complete(other).size(), 1u) << "another store is another disk";
}

TEST_F(Identities, TheOldestIsForgotten) {
  for (size_t i = 0; i <= DrawnIdentities::capacity; ++i)
    kept_.remember({"v" + std::to_string(i), {"memory", {}}, {}});
  EXPECT_EQ(kept_.all().size(), DrawnIdentities::capacity);
  EXPECT_EQ(kept_.find(volume("v0")), nullptr);
  EXPECT_NE(kept_.find(volume("v1")), nullptr);
  kept_.remember({"v1", {"memory", {}}, {}});
  EXPECT_EQ(kept_.all().size(), DrawnIdentities::capacity);
  EXPECT_EQ(kept_.all().back().volume, "v1");
}

TEST_F(Identities, WhatIsGivenStaysAndIsMadeCanonical) {
  Document desired;
  desired.volumes = {volume("a")};
  desired.volumes[0].identity = rpc::IdentityDocument{.naa = "naa.3ABCDEF012345678", .serial = "mine"};
  const auto drawn = complete(desired);
  ASSERT_EQ(drawn.size(), 1u);
  EXPECT_EQ(desired.volumes[0].identity->naa, "3abcdef012345678");
  EXPECT_EQ(desired.volumes[0].identity->serial, "mine");
  EXPECT_EQ(desired.volumes[0].identity->eui64.size(), 16u);
  EXPECT_EQ(desired.volumes[0].identity->uuid.size(), 36u);
}

}  // namespace
}  // namespace ashlar::engine
