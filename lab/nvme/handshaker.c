// Shakes hands for the guest's kernel, which leaves that to a program and encrypts itself from there on (Documentation/networking/
// tls-handshake.rst of Linux). What tlshd of ktls-utils does for everybody, for NVMe/TCP alone, as Debian 12 has no tlshd:
//   handshaker add IDENTITY HEX     puts a TLS PSK into the kernel's keyring .nvme
//   handshaker serve                for ever
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// <linux/handshake.h>, which came after the headers of Debian 12.
enum { HANDLER_CLASS_TLSHD = 1, AUTH_PSK = 2 };
enum { ACCEPT_SOCKFD = 1, ACCEPT_HANDLER_CLASS, ACCEPT_MESSAGE_TYPE, ACCEPT_TIMEOUT, ACCEPT_AUTH_MODE, ACCEPT_PEER_IDENTITY };
enum { DONE_STATUS = 1, DONE_SOCKFD, DONE_REMOTE_AUTH };
enum { COMMAND_READY = 1, COMMAND_ACCEPT, COMMAND_DONE };

static uint16_t family;
static uint32_t group;

struct message {
  struct nlmsghdr header;
  struct genlmsghdr generic;
  char attributes[4096];
};

static void put(struct message* to, int type, const void* value, size_t bytes) {
  struct nlattr* attribute = (struct nlattr*)((char*)to + NLMSG_ALIGN(to->header.nlmsg_len));
  attribute->nla_type = (uint16_t)type;
  attribute->nla_len = (uint16_t)(NLA_HDRLEN + bytes);
  memcpy((char*)attribute + NLA_HDRLEN, value, bytes);
  to->header.nlmsg_len = NLMSG_ALIGN(to->header.nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

static struct message begin(uint16_t type, uint8_t command, uint16_t flags) {
  struct message made;
  memset(&made, 0, sizeof made);
  made.header.nlmsg_type = type;
  made.header.nlmsg_flags = NLM_F_REQUEST | flags;
  made.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
  made.generic.cmd = command;
  made.generic.version = 1;
  return made;
}

// The answer, or -errno.
static int ask(int netlink, struct message* request, struct message* answer) {
  if (send(netlink, request, request->header.nlmsg_len, 0) < 0) return -errno;
  if (recv(netlink, answer, sizeof *answer, 0) < 0) return -errno;
  if (answer->header.nlmsg_type == NLMSG_ERROR) return ((struct nlmsgerr*)NLMSG_DATA(&answer->header))->error;
  return 0;
}

#define EACH_ATTRIBUTE(each, begins, ends)                                                                          \
  for (const struct nlattr* each = (begins); (const char*)each + NLA_HDRLEN <= (const char*)(ends) && each->nla_len; \
       each = (const struct nlattr*)((const char*)each + NLA_ALIGN(each->nla_len)))
#define VALUE(attribute) ((const char*)(attribute) + NLA_HDRLEN)
#define NUMBER(attribute) (*(const int32_t*)VALUE(attribute))

static int find_family(int netlink) {
  struct message request = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0), answer;
  put(&request, CTRL_ATTR_FAMILY_NAME, "handshake", sizeof "handshake");
  const int error = ask(netlink, &request, &answer);
  if (error != 0) return error;
  const char* const end = (char*)&answer + answer.header.nlmsg_len;
  EACH_ATTRIBUTE(each, (struct nlattr*)answer.attributes, end) {
    if (each->nla_type == CTRL_ATTR_FAMILY_ID) family = *(const uint16_t*)VALUE(each);
    if (each->nla_type != CTRL_ATTR_MCAST_GROUPS) continue;
    EACH_ATTRIBUTE(one, (const struct nlattr*)VALUE(each), (const char*)each + each->nla_len) {
      const char* name = "";
      uint32_t number = 0;
      EACH_ATTRIBUTE(fact, (const struct nlattr*)VALUE(one), (const char*)one + one->nla_len) {
        if (fact->nla_type == CTRL_ATTR_MCAST_GRP_NAME) name = VALUE(fact);
        if (fact->nla_type == CTRL_ATTR_MCAST_GRP_ID) number = (uint32_t)NUMBER(fact);
      }
      if (strcmp(name, "tlshd") == 0) group = number;
    }
  }
  return family != 0 && group != 0 ? 0 : -ENOENT;
}

static char identity[1024];
static uint8_t psk[64];
static long psk_bytes;
static char client_secret[200], server_secret[200];  // hex

static int use_psk(SSL* ssl, const EVP_MD* digest, const unsigned char** name, size_t* length, SSL_SESSION** used) {
  static const unsigned char suites[2][2] = {{0x13, 0x01}, {0x13, 0x02}};
  (void)digest;
  *used = SSL_SESSION_new();
  SSL_SESSION_set1_master_key(*used, psk, (size_t)psk_bytes);
  SSL_SESSION_set_cipher(*used, SSL_CIPHER_find(ssl, suites[psk_bytes == 48]));
  SSL_SESSION_set_protocol_version(*used, TLS1_3_VERSION);
  *name = (const unsigned char*)identity;
  *length = strlen(identity);
  return 1;
}

static void take_secret(const SSL* ssl, const char* line) {
  (void)ssl;
  if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0) snprintf(client_secret, sizeof client_secret, "%s", strchr(line + 24, ' ') + 1);
  if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0) snprintf(server_secret, sizeof server_secret, "%s", strchr(line + 24, ' ') + 1);
}

static size_t from_hex(const char* text, uint8_t* to, size_t most) {
  size_t count = 0;
  unsigned value;
  while (count < most && sscanf(text + 2 * count, "%2x", &value) == 1) to[count++] = (uint8_t)value;
  return count;
}

// HKDF-Expand-Label with no context (RFC 8446 7.1), one round.
static void expand(const char* hex, const char* label, uint8_t* to, size_t bytes) {
  uint8_t secret[64], info[64], mac[64];
  const size_t secret_bytes = from_hex(hex, secret, sizeof secret);
  const int length = snprintf((char*)info + 3, sizeof info - 3, "tls13 %s", label);
  info[0] = 0;
  info[1] = (uint8_t)bytes;
  info[2] = (uint8_t)length;
  info[3 + length] = 0;
  info[4 + length] = 1;
  HMAC(secret_bytes == 48 ? EVP_sha384() : EVP_sha256(), secret, (int)secret_bytes, info, (size_t)length + 5, mac, NULL);
  memcpy(to, mac, bytes);
}

// The kernel encrypts what is sent, or decrypts what is received, from record 0 on.
static int give_keys(int socket, int direction, const char* secret) {
  uint8_t vector[12];
  expand(secret, "iv", vector, sizeof vector);
  if (psk_bytes == 48) {
    struct tls12_crypto_info_aes_gcm_256 keys = {.info = {TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256}};
    expand(secret, "key", keys.key, sizeof keys.key);
    memcpy(keys.salt, vector, sizeof keys.salt);
    memcpy(keys.iv, vector + sizeof keys.salt, sizeof keys.iv);
    return setsockopt(socket, SOL_TLS, direction, &keys, sizeof keys);
  }
  struct tls12_crypto_info_aes_gcm_128 keys = {.info = {TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128}};
  expand(secret, "key", keys.key, sizeof keys.key);
  memcpy(keys.salt, vector, sizeof keys.salt);
  memcpy(keys.iv, vector + sizeof keys.salt, sizeof keys.iv);
  return setsockopt(socket, SOL_TLS, direction, &keys, sizeof keys);
}

static int shake_hands(int socket) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, psk_bytes == 48 ? "TLS_AES_256_GCM_SHA384" : "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_psk_use_session_callback(context, use_psk);
  SSL_CTX_set_keylog_callback(context, take_secret);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, socket);
  int error = 0;
  if (SSL_connect(ssl) != 1 || !SSL_session_reused(ssl)) {
    fprintf(stderr, "handshaker: %s: %s\n", identity, ERR_reason_error_string(ERR_peek_error()));
    error = EACCES;
  } else if (setsockopt(socket, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") != 0 ||
             give_keys(socket, TLS_TX, client_secret) != 0 || give_keys(socket, TLS_RX, server_secret) != 0) {
    error = errno;
    fprintf(stderr, "handshaker: the kernel takes no keys: %s\n", strerror(error));
  }
  SSL_set_quiet_shutdown(ssl, 1);
  SSL_free(ssl);
  SSL_CTX_free(context);
  return error;
}

// The identity is what the key is called: "psk;0;0;3f010000;NVMe1R01 ...".
static int take_key(int32_t key) {
  char described[1200];
  if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, described, sizeof described) < 0) return errno;
  const char* name = described;
  for (int i = 0; i < 4 && name != NULL; ++i) name = strchr(name, ';') + 1;
  snprintf(identity, sizeof identity, "%s", name);
  psk_bytes = syscall(SYS_keyctl, KEYCTL_READ, key, psk, sizeof psk);
  return psk_bytes < 0 ? errno : 0;
}

static int accept_one(int netlink) {
  struct message request = begin(family, COMMAND_ACCEPT, 0), answer;
  const uint32_t class = HANDLER_CLASS_TLSHD;
  put(&request, ACCEPT_HANDLER_CLASS, &class, sizeof class);
  if (ask(netlink, &request, &answer) != 0) return 0;
  int32_t socket = -1, key = 0, mode = 0;
  EACH_ATTRIBUTE(each, (struct nlattr*)answer.attributes, (char*)&answer + answer.header.nlmsg_len) {
    if (each->nla_type == ACCEPT_SOCKFD) socket = NUMBER(each);
    if (each->nla_type == ACCEPT_AUTH_MODE) mode = NUMBER(each);
    if (each->nla_type == ACCEPT_PEER_IDENTITY && key == 0) key = NUMBER(each);
  }
  uint32_t status = EINVAL;
  if (mode == AUTH_PSK && key != 0) status = (uint32_t)take_key(key);
  if (status == 0) status = (uint32_t)shake_hands(socket);
  fprintf(stderr, "handshaker: %s: status %u\n", identity, status);
  struct message done = begin(family, COMMAND_DONE, NLM_F_ACK);
  put(&done, DONE_STATUS, &status, sizeof status);
  put(&done, DONE_SOCKFD, &socket, sizeof socket);
  if (status == 0) put(&done, DONE_REMOTE_AUTH, &key, sizeof key);
  const int told = ask(netlink, &done, &answer);
  if (told != 0) fprintf(stderr, "handshaker: the kernel was not told: %s\n", strerror(-told));
  close(socket);
  return 1;
}

static int serve(void) {
  const int requests = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), notices = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
  struct sockaddr_nl self = {.nl_family = AF_NETLINK};
  if (bind(requests, (struct sockaddr*)&self, sizeof self) != 0 || bind(notices, (struct sockaddr*)&self, sizeof self) != 0 ||
      find_family(requests) != 0 || setsockopt(notices, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    perror("handshaker: no notices of the kernel");
    return 1;
  }
  fprintf(stderr, "handshaker: ready\n");
  for (;;) {
    while (accept_one(requests)) continue;
    struct message notice;
    recv(notices, &notice, sizeof notice, 0);
  }
}

static int32_t keyring(void) {
  FILE* keys = fopen("/proc/keys", "r");
  char line[512];
  int32_t found = 0;
  while (keys != NULL && fgets(line, sizeof line, keys) != NULL)
    if (strstr(line, "keyring") != NULL && strstr(line, " .nvme") != NULL) found = (int32_t)strtoul(line, NULL, 16);
  if (keys != NULL) fclose(keys);
  return found;
}

int main(int count, char** words) {
  if (count == 2 && strcmp(words[1], "serve") == 0) return serve();
  if (count != 4 || strcmp(words[1], "add") != 0) return 2;
  uint8_t key[64];
  const size_t bytes = from_hex(words[3], key, sizeof key);
  if (syscall(SYS_add_key, "psk", words[2], key, bytes, keyring()) >= 0) return 0;
  perror("handshaker: the keyring .nvme does not take it");
  return 1;
}
