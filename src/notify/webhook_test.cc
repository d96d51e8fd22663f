#include "notify/webhook.h"

#include <gtest/gtest.h>

#include "json/json.h"
#include "notify/digest.h"
#include "notify/fake_server_test.h"
#include "notify/webhook_payload.h"

namespace ashlar::notify {
namespace {

constexpr std::chrono::milliseconds no_time{0};

Notice notice(std::string state = "raised") {
  return {.rule = "full",
          .subject = "pools/p0",
          .severity = "warning",
          .message = "pool p0 is 83 % full",
          .state = std::move(state),
          .time = "2026-01-02T03:04:05Z",
          .array = "array1",
          .value = 83.5,
          .id = "full~pools~p0",
          .raised_time = "2026-01-02T03:00:00Z"};
}

struct Post {
  std::string request;
  std::map<std::string, std::string> headers;
  std::string body;
};

Post take_post(FakeConnection& peer) {
  Post post{.request = peer.line(), .headers = {}, .body = {}};
  for (std::string line = peer.line(); !line.empty(); line = peer.line()) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) post.headers[line.substr(0, colon)] = line.substr(colon + 2);
  }
  post.body = peer.bytes(std::strtoul(post.headers["Content-Length"].c_str(), nullptr, 10));
  return post;
}

void answer(FakeConnection& peer, int status) {
  peer.write(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", status));
}

struct Delivery {
  Result<void> done;
  std::vector<Post> posts;
};

/// The n-th connection is answered with the n-th status; 0: closed without an answer.
Delivery deliver(std::vector<int> statuses, const std::string& key = "", const Notice& what = notice()) {
  Delivery delivery;
  FakeServer server([&](FakeConnection& peer, int number) {
    delivery.posts.push_back(take_post(peer));
    const int status = statuses.at(static_cast<size_t>(number));
    if (status != 0) answer(peer, status);
  });
  const auto channel =
      make_webhook({.channel = "hook",
                    .url = fmt::format("http://127.0.0.1:{}/in/token-s3cret?x=1", server.port()),
                    .pauses = {no_time, no_time}},
                   key);
  delivery.done = channel->deliver(what);
  server.stop();
  if (!delivery.done) {
    EXPECT_EQ(delivery.done.error().place, "options.url");
    EXPECT_FALSE(delivery.done.error().text().contains("s3cret")) << delivery.done.error().text();
  }
  return delivery;
}

TEST(Webhook, PostsJsonThatIsSigned) {
  const Delivery delivery = deliver({200}, "hunter22hunter22");
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  ASSERT_EQ(delivery.posts.size(), 1u);
  Post post = delivery.posts[0];
  EXPECT_EQ(post.request, "POST /in/token-s3cret?x=1 HTTP/1.1");
  EXPECT_EQ(post.headers["Content-Type"], "application/json");
  const std::string signed_text = post.headers["X-Ashlar-Timestamp"] + "." + post.body;
  EXPECT_EQ(post.headers["X-Ashlar-Signature"], "sha256=" + hmac_sha256_hex("hunter22hunter22", signed_text));
  EXPECT_FALSE(post.headers.contains("Expect"));
}

TEST(Webhook, WithoutAKeyNothingIsSigned) {
  const Delivery delivery = deliver({204});
  ASSERT_TRUE(delivery.done) << delivery.done.error().text();
  EXPECT_FALSE(delivery.posts.at(0).headers.contains("X-Ashlar-Signature"));
}

TEST(Webhook, TriesThreeTimesWhenItMayPass) {
  EXPECT_TRUE(deliver({500, 0, 200}).done);
  const Delivery delivery = deliver({503, 502, 500});
  ASSERT_FALSE(delivery.done);
  EXPECT_EQ(delivery.posts.size(), 3u);
  EXPECT_EQ(delivery.done.error().code, ErrorCode::busy);
  EXPECT_TRUE(delivery.done.error().message.contains("answers 500"));
  EXPECT_EQ(deliver({0, 0, 0}).posts.size(), 3u);
}

TEST(Webhook, DoesNotRepeatWhatIsRefused) {
  for (const int status : {301, 400, 401, 404, 422}) {
    const Delivery delivery = deliver({status});
    ASSERT_FALSE(delivery.done);
    EXPECT_EQ(delivery.posts.size(), 1u);
    EXPECT_TRUE(delivery.done.error().message.contains(fmt::format("answers {}", status)));
  }
}

TEST(Webhook, NobodyListens) {
  const auto channel = make_webhook(
      {.url = fmt::format("http://127.0.0.1:{}/", free_port()), .pauses = {no_time, no_time}}, "");
  const auto done = channel->deliver(notice());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::closed);
  EXPECT_EQ(done.error().place, "options.url");
}

TEST(Webhook, AnEndlessAnswerIsNotRead) {
  FakeServer server([&](FakeConnection& peer, int) {
    take_post(peer);
    peer.write("HTTP/1.1 200 x\r\n\r\n" + std::string(1u << 20, 'x'));
  });
  const auto channel =
      make_webhook({.url = fmt::format("http://127.0.0.1:{}/", server.port()), .pauses = {}}, "");
  const auto done = channel->deliver(notice());
  EXPECT_TRUE(done) << done.error().text();
}

TEST(Webhook, ChecksTheServersCertificate) {
  const TestCertificate certificate;
  size_t posts = 0;
  FakeServer server([&](FakeConnection& peer, int) {
    if (!peer.start_tls(certificate)) return;
    if (take_post(peer).request.empty()) return;
    ++posts;
    answer(peer, 200);
  });
  const std::string url = fmt::format("https://127.0.0.1:{}/", server.port());
  const auto stranger = make_webhook({.url = url, .pauses = {no_time}}, "")->deliver(notice());
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, ErrorCode::permission_denied);
  EXPECT_TRUE(stranger.error().message.contains("options.ca_file"));
  const auto known =
      make_webhook({.url = url, .ca_file = certificate.certificate_file}, "")->deliver(notice());
  EXPECT_TRUE(known) << known.error().text();
  server.stop();
  EXPECT_EQ(posts, 1u);
}

json::Json payload(const Notice& what, std::string format = "alertmanager") {
  const auto text = webhook_payload(
      {.channel = "hook", .format = std::move(format), .external_url = "https://array1:8443"}, what);
  return *json::parse_json(text);
}

TEST(WebhookPayload, IsAlertmanagersVersion4) {
  const json::Json firing = payload(notice());
  EXPECT_EQ(firing["version"], "4");
  EXPECT_EQ(firing["status"], "firing");
  EXPECT_EQ(firing["receiver"], "hook");
  EXPECT_EQ(firing["externalURL"], "https://array1:8443");
  EXPECT_EQ(firing["truncatedAlerts"], 0);
  EXPECT_EQ(firing["groupLabels"]["alertname"], "full");
  EXPECT_EQ(firing["commonLabels"]["severity"], "warning");
  EXPECT_EQ(firing["commonAnnotations"]["summary"], "pool p0 is 83 % full");
  ASSERT_EQ(firing["alerts"].size(), 1u);
  const json::Json& alert = firing["alerts"][0];
  EXPECT_EQ(alert["status"], "firing");
  EXPECT_EQ(alert["labels"]["subject"], "pools/p0");
  EXPECT_EQ(alert["annotations"]["value"], "83.5");
  EXPECT_EQ(alert["startsAt"], "2026-01-02T03:00:00Z");
  EXPECT_EQ(alert["endsAt"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(alert["fingerprint"].get<std::string>().size(), 16u);
  const json::Json resolved = payload(notice("cleared"));
  EXPECT_EQ(resolved["status"], "resolved");
  EXPECT_EQ(resolved["groupKey"], firing["groupKey"]);
  EXPECT_EQ(resolved["alerts"][0]["fingerprint"], alert["fingerprint"]);
  EXPECT_EQ(resolved["alerts"][0]["endsAt"], "2026-01-02T03:04:05Z");
  EXPECT_FALSE(firing["commonLabels"].contains("test"));
  EXPECT_EQ(payload(notice("test"))["commonLabels"]["test"], "true");
  EXPECT_EQ(payload(notice("test"))["status"], "firing");
}

TEST(WebhookPayload, PlainIsTheNotice) {
  const json::Json plain = payload(notice(), "plain");
  EXPECT_EQ(plain["id"], "full~pools~p0");
  EXPECT_EQ(plain["state"], "raised");
  EXPECT_EQ(plain["value"], 83.5);
}

}  // namespace
}  // namespace ashlar::notify
