#include "state/audit_chain.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "state/event_table.h"
#include "state/sha256.h"

namespace ashlar::state {
namespace {

constexpr std::string_view columns =
    "id, time, actor, address, method, path, outcome, detail, previous_hash, hash";

/// The two ends of the chain. `first` is the id of the oldest row kept, `before` the hash that it follows.
struct Ends {
  uint64_t first = 1, last = 0;
  std::string before, hash;
};

Result<std::string> meta(Connection& connection, std::string_view key) {
  Statement statement = connection.statement("SELECT value FROM meta WHERE key = ?");
  statement.bind_all(key);
  TRY_ASSIGN(const bool row, statement.next());
  return row ? statement.text(0) : std::string();
}

Result<void> set_meta(Connection& connection, std::string_view key, std::string_view value) {
  return connection.statement("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
      .bind_all(key, value)
      .run();
}

uint64_t number_or(const std::string& text, uint64_t otherwise) {
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

Result<Ends> ends_of(Connection& connection) {
  Ends ends;
  TRY_ASSIGN(const std::string first, meta(connection, "audit_first"));
  TRY_ASSIGN(const std::string last, meta(connection, "audit_last"));
  TRY_ASSIGN(ends.before, meta(connection, "audit_before"));
  TRY_ASSIGN(ends.hash, meta(connection, "audit_hash"));
  ends.first = std::max<uint64_t>(number_or(first, 1), 1);
  ends.last = number_or(last, 0);
  return ends;
}

AuditRow row_of(const Statement& row) {
  return {row.number(0), row.text(1), row.text(2), row.text(3), row.text(4),
          row.text(5),   row.text(6), row.text(7), row.text(8), row.text(9)};
}

Result<uint64_t> newest_id(Connection& connection) {
  Statement statement = connection.statement("SELECT ifnull(max(id), 0) FROM audit");
  TRY(statement.next());
  return statement.number(0);
}

Result<void> insert(Connection& connection, const AuditRow& row) {
  TRY(connection.statement(fmt::format("INSERT INTO audit ({}) VALUES (?,?,?,?,?,?,?,?,?,?)", columns))
          .bind_all(row.id, row.time, row.actor, row.address, row.method, row.path, row.outcome, row.detail,
                    row.previous_hash, row.hash)
          .run());
  TRY(set_meta(connection, "audit_last", fmt::format("{}", row.id)));
  return set_meta(connection, "audit_hash", row.hash);
}

/// Rows up to `last` go, and the chain begins after them.
Result<void> trim(Connection& connection, uint64_t last) {
  std::string hash;
  {
    Statement statement = connection.statement("SELECT hash FROM audit WHERE id = ?");
    statement.bind_all(last);
    TRY_ASSIGN(const bool row, statement.next());
    if (!row) return {};  // taken out by someone: what is left must stay as it is, for verify to find
    hash = statement.text(0);
  }
  TRY(connection.statement("DELETE FROM audit WHERE id <= ?").bind_all(last).run());
  TRY(set_meta(connection, "audit_first", fmt::format("{}", last + 1)));
  return set_meta(connection, "audit_before", hash);
}

}  // namespace

std::string hash_of(const AuditRow& row) {
  std::string encoded;
  const auto add = [&encoded](std::string_view field) {
    uint8_t length[8];
    store_be64(length, field.size());
    encoded.append(text_of(length)).append(field);
  };
  add(row.previous_hash);
  add(fmt::format("{}", row.id));
  for (const std::string* field :
       {&row.time, &row.actor, &row.address, &row.method, &row.path, &row.outcome, &row.detail})
    add(*field);
  return sha256_hex(encoded);
}

Result<uint64_t> add_audit(Connection& connection, AuditRow row, size_t kept) {
  TRY(connection.transaction([&]() -> Result<void> {
    TRY_ASSIGN(const Ends ends, ends_of(connection));
    TRY_ASSIGN(const uint64_t newest, newest_id(connection));
    row.id = std::max(ends.last, newest) + 1;  // they differ when someone has been at the table
    row.previous_hash = ends.hash;
    row.hash = hash_of(row);
    TRY(insert(connection, row));
    if (row.id >= ends.first + kept) TRY(trim(connection, row.id - kept));
    return {};
  }));
  return row.id;
}

Result<std::vector<AuditRow>> audit_rows(Connection& connection, const Page& page) {
  TRY_ASSIGN(const PageQuery query,
             query_of(page, columns, "audit", {"time", "actor", "address", "method", "path", "outcome"}));
  Statement statement = connection.statement(query.sql);
  bind_page(statement, page, query);
  std::vector<AuditRow> rows;
  while (true) {
    TRY_ASSIGN(const bool row, statement.next());
    if (!row) return rows;
    rows.push_back(row_of(statement));
  }
}

bool AuditWalk::fits(const AuditRow& row) {
  if (row.id != next_ || row.previous_hash != hash_ || row.hash != hash_of(row)) {
    first_bad_ = next_;
    return false;
  }
  hash_ = row.hash;
  ++next_;
  return true;
}

Result<bool> AuditWalk::go_on(Connection& connection, size_t rows) {
  TRY_ASSIGN(const Ends ends, ends_of(connection));
  if (next_ == 0) {
    // Rows below where the chain begins were put in.
    TRY_ASSIGN(const std::vector<AuditRow> oldest, audit_rows(connection, {.limit = 1}));
    if (!oldest.empty() && oldest[0].id < ends.first) {
      first_bad_ = oldest[0].id;
      return true;
    }
  }
  if (next_ < ends.first) {  // the beginning, or the oldest went while the lock was free
    next_ = ends.first;
    hash_ = ends.before;
  }
  TRY_ASSIGN(const std::vector<AuditRow> piece, audit_rows(connection, {.limit = rows, .after = next_ - 1}));
  for (const AuditRow& row : piece) {
    if (!fits(row)) return true;
  }
  if (piece.size() == rows) return false;
  // Taken from the end, put in at the end, or the mark of the end was changed.
  if (next_ != ends.last + 1) {
    first_bad_ = std::min(next_, ends.last + 1);
  } else if (hash_ != ends.hash && next_ != ends.first) {
    first_bad_ = ends.last;
  }
  return true;
}

}  // namespace ashlar::state
