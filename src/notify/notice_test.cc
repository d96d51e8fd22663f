#include "notify/notice.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "notify/clean_text.h"
#include "notify/digest.h"
#include "notify/time_text.h"

namespace ashlar::notify {
namespace {

TEST(Notice, TellsOfAnAlert) {
  Alert alert{.id = "full~pools~p0",
              .rule = "full",
              .subject = "pools/p0",
              .severity = "warning",
              .message = "p0 is at 83",
              .raised_at = 1'767'323'045,
              .value = 83};
  Notice notice = notice_of(alert, "array1");
  EXPECT_EQ(notice.state, "raised");
  EXPECT_EQ(notice.time, "2026-01-02T03:04:05Z");
  EXPECT_EQ(notice.id, "full~pools~p0");
  EXPECT_EQ(notice.array, "array1");
  alert.state = AlertState::cleared;
  alert.cleared_at = 1'767'323'105;
  notice = notice_of(alert, "array1");
  EXPECT_EQ(notice.state, "cleared");
  EXPECT_EQ(notice.time, "2026-01-02T03:05:05Z");
  EXPECT_EQ(notice.raised_time, "2026-01-02T03:04:05Z");
  EXPECT_EQ(test_notice("mail", "array1", 0).state, "test");
}

TEST(Notice, CleanOnesAreOneLineEach) {
  const Notice clean = clean_notice({.rule = "a\r\nBcc: x",
                                     .subject = std::string(300, 's'),
                                     .message = "\x1b[31m\xC2\x9B \xff" + std::string(2000, 'm'),
                                     .state = "raised"});
  EXPECT_EQ(clean.rule, "a  Bcc: x");
  EXPECT_EQ(clean.subject.size(), 255u);
  EXPECT_TRUE(clean.message.starts_with(" [31m  \xEF\xBF\xBDm"));
  EXPECT_EQ(clean.message.size(), 1024u);
}

TEST(CleanText, CutsBetweenCharacters) {
  EXPECT_EQ(clean_line("a\xE2\x82\xAC", 3), "a");
  EXPECT_EQ(clean_line("a\xE2\x82\xAC", 4), "a\xE2\x82\xAC");
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"})
    EXPECT_TRUE(has_control_characters(bad));
  EXPECT_FALSE(has_control_characters("\xF0\x9F\x92\xBE \xC3\xA4"));
}

RC_GTEST_PROP(CleanTextProperty, IsCleanOfAnything, (const std::string& text, uint8_t most)) {
  const std::string clean = clean_line(text, most);
  RC_ASSERT(!has_control_characters(clean));
  RC_ASSERT(clean.size() <= most);
  RC_ASSERT(clean_line(clean, most) == clean);
}

TEST(TimeText, AllForms) {
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(-5), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(INT64_MAX), "9999-12-31T23:59:59Z");
  EXPECT_EQ(time_text(951'782'400), "2000-02-29T00:00:00Z");
  EXPECT_EQ(mail_date(1'767'323'045), "Fri, 02 Jan 2026 03:04:05 +0000");
  for (const char* good :
       {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.1+01:00"})
    EXPECT_TRUE(is_syslog_time(good)) << good;
  for (const char* bad :
       {"", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05Z ", "2026-01-02T03:04:05+0100"})
    EXPECT_FALSE(is_syslog_time(bad)) << bad;
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, 4.3
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace ashlar::notify
