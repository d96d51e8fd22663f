#include "cli/login_commands.h"

#include <sys/stat.h>

#include <fstream>

#include "cli/arrays.h"
#include "cli/fake_world_test.h"

namespace ashlar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string good_print(64, 'a');

class Login : public CliTest {
 protected:
  void SetUp() override {
    terminal_->tty = true;
    environment_.erase("ASHLAR_AGENT_SOCKET");
    api_->answers("POST /login", 200, R"({"session":"ses","csrf":"c","role":"admin","user":"alice"})");
  }
  Arrays arrays() const { return *load_arrays(arrays_file()); }
};

TEST_F(Login, AsksPinsAndRemembers) {
  terminal_->lines = {"y", "alice"};
  terminal_->hidden = {"pass"};
  ASSERT_EQ(ashlar({"login", "array1"}), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/login");
  EXPECT_EQ(last().body, R"({"user":"alice","password":"pass"})");
  EXPECT_EQ(connections_.back().url, "https://array1:8443");
  EXPECT_EQ(connections_.back().fingerprint, good_print);
  EXPECT_THAT(talk_, HasSubstr("AA:AA:AA"));
  EXPECT_THAT(talk_, Not(HasSubstr("pass\n")));
  struct stat there{};
  ASSERT_EQ(::stat(arrays_file().c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((home_ + "/.config/ashlar").c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0700u);
  EXPECT_EQ(arrays().preferred, "array1");
  EXPECT_EQ(arrays().arrays.front().session, "ses");
  // From now on that one is meant, as that user.
  api_->answers("GET /whoami", 200, R"({"user":"alice","role":"admin"})");
  EXPECT_EQ(ashlar({"whoami", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "alice\n");
  EXPECT_EQ(connections_.back().token, "ses");
  EXPECT_EQ(connections_.back().fingerprint, good_print);
}

TEST_F(Login, AnUnknownCertificateNeedsAYes) {
  terminal_->lines = {"n"};
  EXPECT_EQ(ashlar({"login", "array1"}), exit_failed);
  EXPECT_TRUE(api_->requests.empty()) << "no password went there";
  terminal_->tty = false;
  EXPECT_EQ(ashlar({"login", "array1"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("--fingerprint"));
}

TEST_F(Login, WithoutATerminal) {
  terminal_->tty = false;
  terminal_->lines = {"pass"};
  ASSERT_EQ(ashlar({"login", "https://[::1]:9000", "--name", "a", "--user", "u", "--password-stdin",
                    "--fingerprint", print_fingerprint(good_print)}),
            exit_ok)
      << talk_;
  EXPECT_EQ(arrays().arrays.front(), (KnownArray{"a", "https://[::1]:9000", good_print, "", "u", "", "ses"}));
  EXPECT_EQ(ashlar({"login", "x", "--fingerprint", "12:34"}), exit_usage);
  EXPECT_EQ(ashlar({"login", "http://x"}), exit_usage);
  EXPECT_EQ(ashlar({"login", "x", "--ca", "/ca.pem"}), exit_usage) << "nobody to ask for the user";
}

TEST_F(Login, SecondFactorIsAskedForWhenItIsWanted) {
  api_ = std::make_shared<FakeApi>();
  api_->answers("POST /login", 401, R"({"status":401,"field":"totp","detail":"a code is wanted"})");
  api_->answers("POST /login", 200, R"({"session":"ses"})");
  terminal_->lines = {"y", "123456"};
  terminal_->hidden = {"pass"};
  ASSERT_EQ(ashlar({"login", "array1", "--user", "alice"}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"user":"alice","password":"pass","totp":"123456"})");
}

TEST_F(Login, WhoIsDeniedIsNotRemembered) {
  api_ = std::make_shared<FakeApi>();
  api_->answers("POST /login", 401, R"({"status":401,"detail":"wrong name or password"})");
  terminal_->lines = {"y"};
  terminal_->hidden = {"pass"};
  EXPECT_EQ(ashlar({"login", "array1", "--user", "alice"}), exit_denied);
  EXPECT_FALSE(std::filesystem::exists(arrays_file()));
}

TEST_F(Login, ATokenIsTriedAndKept) {
  api_->answers("GET /whoami", 200, R"({"user":"ci"})");
  terminal_->lines = {"y"};
  ASSERT_EQ(ashlar({"login", "array1", "--token", "tok"}), exit_ok) << talk_;
  EXPECT_EQ(connections_.back().token, "tok");
  EXPECT_EQ(arrays().arrays.front().token, "tok");
  EXPECT_EQ(ashlar({"array", "list"}), exit_ok);
  EXPECT_THAT(data_, HasSubstr("array1 yes    https://array1:8443 -    token"));
  EXPECT_THAT(data_, Not(HasSubstr("tok\n")));
  api_->answers("POST /logout", 200, "{}");
  EXPECT_EQ(ashlar({"logout"}), exit_ok);
  EXPECT_EQ(arrays().arrays.front().credential(), "");
}

TEST_F(Login, ArraysAreChosen) {
  ASSERT_TRUE(save_arrays(
      arrays_file(),
      {"a", {{"a", "https://a:8443", "", "", "", "ta", ""}, {"b", "https://b:8443", "", "", "", "", "sb"}}}));
  api_->answers("GET /hosts", 200, R"({"items":[]})");
  const auto chosen = [this](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"host", "list"};
    words.insert(words.end(), more.begin(), more.end());
    ashlar(words);
    return connections_.empty() ? Connection{} : connections_.back();
  };
  EXPECT_EQ(chosen({}).url, "https://a:8443");
  EXPECT_EQ(chosen({"-a", "b"}).token, "sb");
  EXPECT_EQ(chosen({"--url", "b"}).token, "sb") << "a URL that is known brings its session";
  EXPECT_EQ(chosen({"--url", "c"}).token, "") << "and no other's";
  EXPECT_EQ(chosen({"--token", "t"}).token, "t");
  EXPECT_EQ(chosen({"--timeout", "5"}).timeout_seconds, 5u);
  EXPECT_EQ(chosen({"--url", "unix:/x/agent.sock"}).unix_socket, "/x/agent.sock");
  environment_["ASHLAR_AGENT_SOCKET"] = "/y/agent.sock";
  EXPECT_EQ(chosen({}).unix_socket, "/y/agent.sock");
  environment_["ASHLAR_URL"] = "https://d";
  environment_["ASHLAR_TOKEN"] = "te";
  EXPECT_EQ(chosen({}).url, "https://d:8443");
  EXPECT_EQ(chosen({}).token, "te");
  EXPECT_EQ(chosen({"--ca", "/ca.pem"}).ca_file, "/ca.pem");
  EXPECT_EQ(ashlar({"host", "list", "-a", "zz"}), exit_not_found);
  EXPECT_EQ(ashlar({"array", "use", "b"}), exit_ok);
  EXPECT_EQ(arrays().preferred, "b");
  EXPECT_EQ(ashlar({"array", "remove", "b"}), exit_ok);
  EXPECT_EQ(arrays().arrays.size(), 1u);
  EXPECT_EQ(ashlar({"array", "use", "b"}), exit_not_found);
}

TEST_F(Login, ANameIsNotTakenFromAnotherArray) {
  ASSERT_TRUE(save_arrays(arrays_file(), {"", {{"a", "https://a:8443"}}}));
  EXPECT_EQ(ashlar({"login", "b", "--name", "a"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("another name"));
}

TEST_F(Login, AFileThatOthersReadIsNotUsed) {
  ASSERT_TRUE(save_arrays(arrays_file(), {"a", {{"a", "https://a:8443", "", "", "", "secret-token", ""}}}));
  ::chmod(arrays_file().c_str(), 0644);
  EXPECT_EQ(ashlar({"host", "list"}), exit_denied);
  EXPECT_THAT(talk_, HasSubstr("chmod 600"));
  EXPECT_TRUE(connections_.empty());
}

TEST_F(Login, ABrokenFileIsToldNotOverwritten) {
  ASSERT_TRUE(save_arrays(arrays_file(), {}));
  std::ofstream(arrays_file()) << "{ oops";
  EXPECT_EQ(ashlar({"host", "list"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("mend it, or move it away"));
}

TEST(Arrays, UrlsAndFingerprints) {
  EXPECT_EQ(*full_url("array1"), "https://array1:8443");
  EXPECT_EQ(*full_url("https://array1:9/"), "https://array1:9");
  EXPECT_EQ(*full_url("[::1]"), "https://[::1]:8443");
  for (const char* bad : {"", "http://x", "a b", "https://u@h", "h/path"}) EXPECT_FALSE(full_url(bad)) << bad;
  EXPECT_EQ(*read_fingerprint(std::string(64, 'F')), std::string(64, 'f'));
  EXPECT_FALSE(read_fingerprint("zz"));
  EXPECT_FALSE(read_fingerprint(std::string(63, 'a') + "g"));
  EXPECT_EQ(print_fingerprint("0aff"), "0A:FF");
}

}  // namespace
}  // namespace ashlar::cli
