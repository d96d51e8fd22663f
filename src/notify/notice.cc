#include "notify/notice.h"

#include "notify/clean_text.h"
#include "notify/time_text.h"

namespace ashlar::notify {
namespace {
constexpr size_t most_field_bytes = 255;
constexpr size_t most_message_bytes = 1024;
}  // namespace

std::string_view name_of(AlertState state) {
  switch (state) {
    case AlertState::raised: return "raised";
    case AlertState::acknowledged: return "acknowledged";
    case AlertState::cleared: return "cleared";
  }
  return "raised";
}

Notice notice_of(const Alert& alert, std::string_view array) {
  const bool cleared = alert.state == AlertState::cleared;
  return Notice{.rule = alert.rule,
                .subject = alert.subject,
                .severity = alert.severity,
                .message = alert.message,
                .state = cleared ? "cleared" : "raised",
                .time = time_text(cleared ? alert.cleared_at : alert.raised_at),
                .array = std::string(array),
                .value = alert.value,
                .id = alert.id,
                .raised_time = time_text(alert.raised_at)};
}

Notice test_notice(std::string_view channel, std::string_view array, int64_t now) {
  const std::string subject = fmt::format("alert-channels/{}", channel);
  return Notice{.rule = "test",
                .subject = subject,
                .severity = "info",
                .message = fmt::format("This is a test of the alert channel {}. Nothing is wrong.", channel),
                .state = "test",
                .time = time_text(now),
                .array = std::string(array),
                .value = 0,
                .id = fmt::format("test~{}", channel),
                .raised_time = time_text(now)};
}

Notice clean_notice(const Notice& notice) {
  Notice clean = notice;
  for (std::string* field : {&clean.rule, &clean.subject, &clean.severity, &clean.state, &clean.time,
                             &clean.array, &clean.id, &clean.raised_time}) {
    *field = clean_line(*field, most_field_bytes);
  }
  clean.message = clean_line(notice.message, most_message_bytes);
  return clean;
}

}  // namespace ashlar::notify
