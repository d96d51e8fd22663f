#include "state/audit_chain.h"

#include "state/database_world_test.h"

namespace ashlar::state {
namespace {

class Audit : public DatabaseTest {
 protected:
  void add(int rows) {
    for (int i = 0; i < rows; ++i) {
      ASSERT_TRUE(database_->add_audit({.time = "2025-01-02T03:04:05Z",
                                        .actor = i % 2 == 0 ? "alice" : "bob",
                                        .address = "192.0.2.1",
                                        .method = "PUT",
                                        .path = "/volumes/a",
                                        .outcome = "201",
                                        .detail = "d"}));
    }
  }
  uint64_t verify() { return open().verify_audit().value_or(UINT64_MAX); }
};

TEST_F(Audit, RoundTrip) {
  open();
  EXPECT_EQ(*database_->verify_audit(), 0u);
  add(5);
  const auto rows = database_->audit({.after = 1, .equal = {{"actor", "alice"}}});
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].id, 3u);
  EXPECT_EQ((*rows)[0].hash.size(), 64u);
  EXPECT_EQ((*rows)[0].previous_hash, database_->audit({})->at(1).hash);
  EXPECT_EQ(database_->audit({})->front().previous_hash, "");
  EXPECT_EQ(verify(), 0u);
}

TEST_F(Audit, FieldsCannotFlowIntoEachOther) {
  EXPECT_NE(hash_of({.actor = "ab", .address = "c"}), hash_of({.actor = "a", .address = "bc"}));
  EXPECT_NE(hash_of({.id = 1}), hash_of({.id = 2}));
  EXPECT_NE(hash_of({.previous_hash = "a"}), hash_of({.previous_hash = "b"}));
}

TEST_F(Audit, EveryTamperingIsFound) {
  const std::vector<std::pair<std::string, uint64_t>> cases = {
      {"UPDATE audit SET actor = 'mallory' WHERE id = 4", 4},
      {"UPDATE audit SET time = '' WHERE id = 1", 1},
      {"UPDATE audit SET outcome = '403' WHERE id = 10", 10},
      {"UPDATE audit SET detail = detail || ' ' WHERE id = 7", 7},
      {"UPDATE audit SET hash = upper(hash) WHERE id = 6", 6},
      {"DELETE FROM audit WHERE id = 1", 1},
      {"DELETE FROM audit WHERE id = 5", 5},
      {"DELETE FROM audit WHERE id IN (5, 6, 7)", 5},
      {"DELETE FROM audit WHERE id = 5; UPDATE audit SET id = id - 1 WHERE id > 5", 5},
      {"DELETE FROM audit WHERE id = 10", 10},
      {"DELETE FROM audit WHERE id > 7", 8},
      {"DELETE FROM audit", 1},
      {"UPDATE audit SET id = 99 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 8; UPDATE audit SET id = 8 WHERE id = 99",
       3},
      {"INSERT INTO audit SELECT 11, time, actor, address, method, path, outcome, detail, hash, 'f' FROM audit WHERE id = 10",
       11},
      {"INSERT INTO audit SELECT 0, time, actor, address, method, path, outcome, detail, '', 'f' FROM audit WHERE id = 10",
       0},
      {"UPDATE meta SET value = 'ab' WHERE key = 'audit_hash'", 10},
      {"UPDATE meta SET value = '9' WHERE key = 'audit_last'", 10},
      {"INSERT OR REPLACE INTO meta VALUES ('audit_first', '3')", 1},
      {"DELETE FROM meta", 1},
  };
  open();
  add(10);
  EXPECT_EQ(verify(), 0u);
  database_.reset();
  std::filesystem::copy(path_, folder_ + "/good");
  for (const auto& [sql, bad] : cases) {
    std::filesystem::remove(path_);
    std::filesystem::copy(folder_ + "/good", path_);
    tamper(sql);
    EXPECT_EQ(verify(), bad) << sql;
    EXPECT_TRUE(database_->add_audit({.actor = "alice"})) << sql << ": the audit goes on";
    // Of these two the next row makes the marks whole again, and no row was lost.
    const bool mends = bad == 0 || sql.contains("'audit_last'");
    EXPECT_EQ(verify() == 0, mends) << sql << ": and the next row does not hide it";
    database_.reset();
  }
}

TEST_F(Audit, TheNewestAreKeptAndTheChainHolds) {
  options_.kept_audit = 20;
  open();
  add(100);
  EXPECT_EQ(database_->audit({})->size(), 20u);
  EXPECT_EQ(database_->audit({})->front().id, 81u);
  EXPECT_EQ(verify(), 0u);
  tamper("UPDATE audit SET actor = 'mallory' WHERE id = 81");
  EXPECT_EQ(verify(), 81u);
  tamper("DELETE FROM audit WHERE id < 85");
  EXPECT_EQ(verify(), 81u);
}

TEST_F(Audit, ALongChainIsWalkedInPieces) {
  open();
  add(2500);
  EXPECT_EQ(*database_->verify_audit(), 0u);
  tamper("UPDATE audit SET actor = 'mallory' WHERE id = 2001");
  EXPECT_EQ(verify(), 2001u);
}

}  // namespace
}  // namespace ashlar::state
