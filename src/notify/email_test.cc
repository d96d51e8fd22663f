#include "notify/email.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <regex>

#include "notify/digest.h"
#include "notify/email_message.h"
#include "notify/fake_server_test.h"

namespace ashlar::notify {
namespace {

constexpr const char* password = "hunter22hunter22";

Notice notice(std::string state = "raised") {
  return {.rule = "full",
          .subject = "pools/p0",
          .severity = "warning",
          .message = "pool p0 is 83 % full",
          .state = std::move(state),
          .time = "2026-01-02T03:04:05Z",
          .array = "array1",
          .value = 83,
          .id = "full~pools~p0"};
}

/// What a mail server heard.
struct Mailbox {
  std::string from, user_and_password, message;
  std::vector<std::string> to;
  bool encrypted = false;
};

/// How it behaves.
struct Manners {
  bool offers_tls = false;
  std::string refuses_login, refuses_recipient, refuses_message;
};

std::string decoded(const std::string& text) {
  std::string bytes(text.size(), '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(length < 0 ? 0 : static_cast<size_t>(length));
  while (bytes.ends_with('\0')) bytes.pop_back();
  return bytes;
}

void take_message(FakeConnection& peer, Mailbox& box) {
  peer.write("354 go on\r\n");
  for (std::string line = peer.line(); line != "."; line = peer.line()) {
    box.message += (line.starts_with('.') ? line.substr(1) : line) + "\n";
    if (box.message.size() > 100'000) return;
  }
}

void serve_mail(FakeConnection& peer, const TestCertificate& certificate, const Manners& manners,
                Mailbox& box) {
  peer.write("220 mail.example.com ESMTP\r\n");
  for (std::string line = peer.line(); !line.empty(); line = peer.line()) {
    std::string answer = "250 ok";
    if (line.starts_with("EHLO")) {
      answer = fmt::format("250-mail.example.com\r\n{}250 AUTH PLAIN",
                           manners.offers_tls && !box.encrypted ? "250-STARTTLS\r\n" : "");
    } else if (line == "STARTTLS") {
      peer.write("220 begin\r\n");
      if (!peer.start_tls(certificate)) return;
      box.encrypted = true;
      continue;
    } else if (line == "AUTH PLAIN") {
      peer.write("334 \r\n");
      box.user_and_password = decoded(peer.line());
      answer = manners.refuses_login.empty() ? "235 welcome" : manners.refuses_login;
    } else if (line.starts_with("MAIL FROM:")) {
      box.from = line.substr(10);
    } else if (line.starts_with("RCPT TO:")) {
      const bool bad = !manners.refuses_recipient.empty() && line.contains(manners.refuses_recipient);
      if (!bad) box.to.push_back(line.substr(8));
      if (bad) answer = "550 5.1.1 no such user";
    } else if (line == "DATA") {
      take_message(peer, box);
      if (!manners.refuses_message.empty()) answer = manners.refuses_message;
    } else if (line == "QUIT") {
      peer.write("221 bye\r\n");
      return;
    }
    peer.write(answer + "\r\n");
  }
}

struct Delivery {
  Result<void> done;
  Mailbox box;
};

Delivery deliver(const Manners& manners, std::map<std::string, std::string> more,
                 const Notice& what = notice(), const std::string& secret = "", const char* scheme = "smtp") {
  const TestCertificate certificate;
  Delivery delivery;
  FakeServer server([&](FakeConnection& peer, int) { serve_mail(peer, certificate, manners, delivery.box); });
  api::AlertChannel channel{.name = "mail",
                            .kind = "email",
                            .options = {{"server", fmt::format("{}://127.0.0.1:{}", scheme, server.port())},
                                        {"from", "array1@example.com"},
                                        {"to", "ops@example.com,boss@example.com"}},
                            .secret = secret};
  for (auto& [key, value] : more) channel.options[key] = value == "CA" ? certificate.certificate_file : value;
  auto made = make_channel(channel);
  EXPECT_TRUE(made) << made.error().text();
  if (made) delivery.done = (*made)->deliver(what);
  server.stop();
  if (!delivery.done) {
    EXPECT_FALSE(delivery.done.error().text().contains("hunter2")) << delivery.done.error().text();
  }
  return delivery;
}

TEST(Email, GoesOutPlainToThisMachine) {
  const Delivery delivery = deliver({}, {{"tls", "none"}});
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_EQ(delivery.box.from, "<array1@example.com>");
  EXPECT_EQ(delivery.box.to, (std::vector<std::string>{"<ops@example.com>", "<boss@example.com>"}));
  EXPECT_FALSE(delivery.box.encrypted);
  const std::string& text = delivery.box.message;
  EXPECT_TRUE(text.contains("\nSubject: [array1] RAISED warning: pool p0 is 83 % full\n")) << text;
  EXPECT_TRUE(text.contains("\nTo: ops@example.com,\n boss@example.com\n")) << text;
  EXPECT_TRUE(text.contains("\n\npool p0 is 83 % full\n")) << text;
  EXPECT_TRUE(text.contains("\nValue:    83\n")) << text;
  EXPECT_TRUE(std::regex_search(
      text, std::regex("Date: \\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d \\+0000\n")));
}

TEST(Email, LogsInOverStartTls) {
  const Delivery delivery =
      deliver({.offers_tls = true}, {{"user", "array1"}, {"ca_file", "CA"}}, notice(), password);
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_TRUE(delivery.box.encrypted);
  EXPECT_EQ(delivery.box.user_and_password, std::string("\0array1\0hunter22hunter22", 24));
  EXPECT_FALSE(delivery.box.message.empty());
}

TEST(Email, OpportunisticTakesTlsWhenItIsThere) {
  Delivery delivery = deliver({.offers_tls = true}, {{"tls", "opportunistic"}, {"ca_file", "CA"}});
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_TRUE(delivery.box.encrypted);
  delivery = deliver({}, {{"tls", "opportunistic"}, {"ca_file", "CA"}});
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_FALSE(delivery.box.encrypted);
}

TEST(Email, WithoutTlsNothingIsSaid) {
  const Delivery delivery = deliver({}, {{"user", "array1"}, {"ca_file", "CA"}}, notice(), password);
  ASSERT_FALSE(delivery.done);
  EXPECT_EQ(delivery.done.error().place, "options.server");
  EXPECT_EQ(delivery.done.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(delivery.box.user_and_password.empty());
  EXPECT_TRUE(delivery.box.message.empty());
}

TEST(Email, AStrangersCertificateIsRefused) {
  const Delivery delivery = deliver({.offers_tls = true}, {{"user", "array1"}}, notice(), password);
  ASSERT_FALSE(delivery.done);
  EXPECT_EQ(delivery.done.error().code, ErrorCode::permission_denied);
  EXPECT_TRUE(delivery.done.error().message.contains("options.ca_file"));
  EXPECT_TRUE(delivery.box.user_and_password.empty());
}

TEST(Email, FaultsNameWhatFailed) {
  Delivery delivery = deliver({.offers_tls = true, .refuses_login = "535 5.7.8 hunter22hunter22 is wrong"},
                              {{"user", "array1"}, {"ca_file", "CA"}}, notice(), password);
  ASSERT_FALSE(delivery.done);
  EXPECT_EQ(delivery.done.error().place, "secret");
  delivery = deliver({.refuses_recipient = "@"}, {{"tls", "none"}});
  ASSERT_FALSE(delivery.done);
  EXPECT_TRUE(delivery.done.error().message.contains("no such user")) << delivery.done.error().text();
  delivery = deliver({.refuses_message = "554 5.7.1 looks like spam"}, {{"tls", "none"}});
  ASSERT_FALSE(delivery.done);
  EXPECT_TRUE(delivery.done.error().message.contains("looks like spam")) << delivery.done.error().text();
  delivery = deliver({}, {{"ca_file", "/nonexistent/ca.pem"}, {"tls", "required"}});
  ASSERT_FALSE(delivery.done);
  delivery = deliver({.offers_tls = true}, {{"ca_file", "/nonexistent/ca.pem"}});
  ASSERT_FALSE(delivery.done);
  EXPECT_EQ(delivery.done.error().place, "options.ca_file") << delivery.done.error().text();
}

TEST(Email, OneBadAddressDoesNotSilenceTheOthers) {
  const Delivery delivery = deliver({.refuses_recipient = "boss"}, {{"tls", "none"}});
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_EQ(delivery.box.to, std::vector<std::string>{"<ops@example.com>"});
}

TEST(Email, NobodyListens) {
  const std::string server = fmt::format("smtp://127.0.0.1:{}", free_port());
  auto channel =
      make_channel({.name = "mail",
                    .kind = "email",
                    .options = {{"server", server}, {"from", "a@b"}, {"to", "c@d"}, {"tls", "none"}}});
  ASSERT_TRUE(channel);
  const auto done = (*channel)->deliver(notice());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::closed);
  EXPECT_EQ(done.error().place, "options.server");
  EXPECT_TRUE(done.error().message.contains("127.0.0.1:"));
}

TEST(Email, ALineThatIsADotIsNotTheEnd) {
  Notice dots = notice();
  dots.message = ".";
  const Delivery delivery = deliver({}, {{"tls", "none"}}, dots);
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_TRUE(delivery.box.message.contains("\n\n.\n\nState:")) << delivery.box.message;
}

EmailOptions options() { return {.from = "array1@example.com", .to = {"ops@example.com"}}; }

std::string header(const std::string& message, const std::string& name) {
  const size_t at = message.find("\r\n" + name + ": ");
  return at == std::string::npos
             ? ""
             : message.substr(at + 4 + name.size(), message.find("\r\n", at + 2) - at - 4 - name.size());
}

TEST(EmailMessage, RaisingAndClearingAreOneThread) {
  const std::string raised = email_message(options(), notice("raised"), 1'767'323'045);
  const std::string cleared = email_message(options(), notice("cleared"), 1'767'323'045);
  EXPECT_TRUE(raised.starts_with("Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n"));
  EXPECT_EQ(header(raised, "References"), header(cleared, "References"));
  EXPECT_EQ(header(raised, "In-Reply-To"), header(raised, "References"));
  EXPECT_NE(header(raised, "Message-ID"), header(cleared, "Message-ID"));
  EXPECT_TRUE(header(raised, "Message-ID").ends_with(".ashlar@example.com>"));
  Notice other = notice();
  other.id = "full~pools~p1";
  EXPECT_NE(header(email_message(options(), other, 0), "References"), header(raised, "References"));
}

TEST(EmailMessage, SubjectsAreEncoded) {
  EXPECT_EQ(mail_subject("plain"), "plain");
  EXPECT_EQ(mail_subject("=?x?="), "=?UTF-8?B?PT94Pz0=?=");
  EXPECT_EQ(mail_subject("\xC3\xA4"), "=?UTF-8?B?w6Q=?=");
  std::string euros;
  for (int i = 0; i < 60; ++i) euros += "\xE2\x82\xAC";
  const std::string folded = mail_subject("x" + euros);
  std::string joined;
  for (size_t at = 0; at < folded.size();) {
    const size_t end = std::min(folded.find("\r\n ", at), folded.size());
    const std::string word = folded.substr(at, end - at);
    EXPECT_LE(word.size(), 75u);
    const std::string bytes = decoded(word.substr(10, word.size() - 12));
    EXPECT_NE(static_cast<uint8_t>(bytes.front()) & 0xC0, 0x80);  // begins with a whole character
    joined += bytes;
    at = end + 3;
  }
  EXPECT_EQ(joined, "x" + euros);
}

TEST(EmailMessage, NothingInANoticeMakesAHeader) {
  Notice evil = notice();
  evil.message = "x\r\nBcc: victim@example.com\r\n\r\nbody";
  evil.array = "a\nBcc: victim@example.com";
  const std::string text = email_message(options(), clean_notice(evil), 0);
  EXPECT_FALSE(text.contains("\nBcc:"));
  const std::string body = text.substr(text.find("\r\n\r\n") + 4);
  EXPECT_TRUE(body.starts_with("x  Bcc: victim@example.com    body\r\n"));
}

TEST(EmailMessage, OtherLettersAreBase64) {
  Notice german = notice();
  german.message =
      "Vorrat p0 ist voll: \xC3\xBC"
      "ber 80 %";
  const std::string text = email_message(options(), german, 0);
  EXPECT_EQ(header(text, "Content-Transfer-Encoding"), "base64");
  std::string joined;
  for (const char each : text.substr(text.find("\r\n\r\n") + 4)) {
    if (each != '\r' && each != '\n') joined += each;
  }
  EXPECT_TRUE(decoded(joined).starts_with(german.message + "\r\n"));
  Notice wide = notice();
  wide.message = std::string(1000, 'm');
  EXPECT_EQ(header(email_message(options(), wide, 0), "Content-Transfer-Encoding"), "base64");
}

}  // namespace
}  // namespace ashlar::notify
