#include "state/alert_table.h"

#include <cmath>

namespace ashlar::state {
namespace {

constexpr std::string_view columns =
    "id, rule, subject, severity, message, state, raised_at, acknowledged_at, acknowledged_by, cleared_at, value, told";

}  // namespace

Result<void> save_alert(Connection& connection, const AlertRow& alert, size_t kept_cleared) {
  return connection.transaction([&]() -> Result<void> {
    TRY(connection
            .statement(fmt::format(
                "INSERT INTO alerts ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
                "rule=excluded.rule, subject=excluded.subject, severity=excluded.severity, message=excluded.message, "
                "state=excluded.state, raised_at=excluded.raised_at, acknowledged_at=excluded.acknowledged_at, "
                "acknowledged_by=excluded.acknowledged_by, cleared_at=excluded.cleared_at, value=excluded.value, "
                "told=excluded.told",
                columns))
            .bind_all(alert.id, alert.rule, alert.subject, alert.severity, alert.message, alert.state,
                      alert.raised_at, alert.acknowledged_at, alert.acknowledged_by, alert.cleared_at,
                      std::isnan(alert.value) ? 0.0 : alert.value, alert.told)  // SQLite makes NULL of NaN
            .run());
    return connection
        .statement(
            "DELETE FROM alerts WHERE state = 'cleared' AND number <= (SELECT number FROM alerts WHERE state = "
            "'cleared' ORDER BY number DESC LIMIT 1 OFFSET ?)")
        .bind_all(kept_cleared)
        .run();
  });
}

Result<std::vector<AlertRow>> list_alerts(Connection& connection) {
  Statement row = connection.statement(fmt::format("SELECT {} FROM alerts ORDER BY number DESC", columns));
  std::vector<AlertRow> alerts;
  while (true) {
    TRY_ASSIGN(const bool more, row.next());
    if (!more) return alerts;
    alerts.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5),
                      row.text(6), row.text(7), row.text(8), row.text(9), row.real(10),
                      row.integer(11) != 0});
  }
}

}  // namespace ashlar::state
