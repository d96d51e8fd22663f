#include "access/ldap_server_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace ashlar::access {
namespace {

constexpr const char* configuration = R"(include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.so
moduleload memberof.so
{tls}
database mdb
maxsize 16777216
suffix "dc=example,dc=org"
rootdn "cn=root,dc=example,dc=org"
directory {folder}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to dn.exact="uid=hidden,ou=people,dc=example,dc=org" by * none
access to * by users read
)";

constexpr const char* entries = R"(dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: cn=storage admins,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: storage admins
member: uid=alice,ou=people,dc=example,dc=org
member: uid=dave,ou=people,dc=example,dc=org
member: uid=hidden,ou=people,dc=example,dc=org

dn: cn=readers,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: readers
member: uid=dave,ou=people,dc=example,dc=org
member: uid=a\2Cb (night) \2A\5C,ou=people,dc=example,dc=org

dn: cn=operators,ou=groups,dc=example,dc=org
objectClass: groupOfUniqueNames
cn: operators
uniqueMember: uid=olga,ou=people,dc=example,dc=org

dn: cn=cooks,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: cooks
member: uid=carol,ou=people,dc=example,dc=org

)";

std::string person(std::string_view dn_name, std::string_view name, std::string_view more) {
  return fmt::format(
      "dn: uid={},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: {}\ncn: {}\nsn: {}\n"
      "userPassword: the password of {}\n{}\n",
      dn_name, name, name, name, name, more);
}

/// Runs a program to its end; -1 when it cannot be started.
int run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

void make_certificate(const std::string& path) {
  ASSERT_EQ(run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout",
                 path + ".key", "-out", path}),
            0)
      << "openssl is needed: tools/setup test";
}

}  // namespace

uint16_t unused_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

LdapServer::LdapServer(Encryption encryption) : encryption_(encryption) {
  std::string pattern = (std::filesystem::temp_directory_path() / "ashlar_ldap_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    ADD_FAILURE() << "no folder like " << pattern;
    return;
  }
  folder_ = pattern;
  std::filesystem::create_directory(folder_ + "/data");
  if (encryption_ == Encryption::offered) {
    make_certificate(certificate());
    make_certificate(foreign_certificate());
  }
  write_configuration();
  fill();
  // A port that was free a moment ago may be taken now; slapd then ends at once.
  for (int attempt = 0; attempt < 5 && !runs() && !testing::Test::HasFailure(); ++attempt) {
    port_ = unused_port();
    secure_port_ = unused_port();
    start();
    wait_until_it_listens();
  }
  EXPECT_TRUE(runs()) << "slapd does not run";
}

LdapServer::~LdapServer() {
  if (runs()) {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string LdapServer::socket_url() const {
  std::string path = folder_ + "/socket";
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at))
    path.replace(at, 1, "%2F");
  return "ldapi://" + path;
}

std::string LdapServer::url() const { return fmt::format("ldap://127.0.0.1:{}", port_); }
std::string LdapServer::secure_url() const { return fmt::format("ldaps://127.0.0.1:{}", secure_port_); }

void LdapServer::write_configuration() {
  std::string text = configuration;
  const auto fill_in = [&](std::string_view mark, const std::string& value) {
    text.replace(text.find(mark), mark.size(), value);
  };
  fill_in("{folder}", folder_);
  fill_in("{tls}", encryption_ == Encryption::none
                       ? ""
                       : fmt::format("TLSCertificateFile {0}\nTLSCertificateKeyFile {0}.key", certificate()));
  std::ofstream(folder_ + "/slapd.conf") << text;
}

void LdapServer::fill() {
  const std::string groups = "ou=groups,dc=example,dc=org";
  {
    std::ofstream file(folder_ + "/entries.ldif");
    file << entries << person("alice", "alice", "");
    file << person("bob", "bob", fmt::format("memberOf: cn=Readers, {}\n", groups));
    file << person("carol", "carol", "") << person("dave", "dave", "") << person("olga", "olga", "");
    file << person("hidden", "hidden", "");
    file << person("a\\2Cb (night) \\2A\\5C", "a,b (night) *\\", "");
  }
  ASSERT_EQ(run({"/usr/sbin/slapadd", "-f", folder_ + "/slapd.conf", "-l", folder_ + "/entries.ldif"}), 0)
      << "slapd is needed: tools/setup test";
}

void LdapServer::start() {
  const std::string urls = encryption_ == Encryption::none
                               ? fmt::format("{} {}", socket_url(), url())
                               : fmt::format("{} {} {}", socket_url(), url(), secure_url());
  const std::string configuration_path = folder_ + "/slapd.conf";
  process_ = ::fork();
  if (process_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execl("/usr/sbin/slapd", "slapd", "-d", "0", "-h", urls.c_str(), "-f", configuration_path.c_str(),
          nullptr);
  ::_exit(127);
}

void LdapServer::wait_until_it_listens() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  // 60 s is for a machine that does much else; slapd needs a tenth of one.
  for (int attempt = 0; attempt < 6000; ++attempt) {
    if (::waitpid(process_, nullptr, WNOHANG) == process_) break;
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool there = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(descriptor);
    if (there) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  process_ = -1;
}

}  // namespace ashlar::access
