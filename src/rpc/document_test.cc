#include "rpc/document.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "rpc/document_fields.h"

namespace ashlar::rpc {
namespace {

const std::string good = R"({
  "volumes": [
    {"name": "a", "size_bytes": "1GiB", "store": {"kind": "file", "options": {"path": "/srv/a.img"}},
     "identity": {"naa": "3111111111111111", "eui64": "0211111111111111", "serial": "A1"}},
    {"name": "b", "size_bytes": 1048576, "block_bytes": 4096, "store": {"kind": "memory"}, "layers": [{"kind": "readonly"}]}
  ],
  "hosts": [
    {"name": "h1", "initiators": ["iqn.2026-11.com.example:h1"], "chap": {"user": "h1", "secret": "0123456789abcdef"}},
    {"name": "all", "any": true}
  ],
  "portals": [{"name": "p4", "address": "127.0.0.1"}, {"name": "p6", "address": "::1", "port": 3261}],
  "targets": [{"name": "iqn.2026-11.io.ashlar:t", "portals": ["p4"]}],
  "mappings": [
    {"host": "h1", "target": "iqn.2026-11.io.ashlar:t", "volume": "a", "lun": 0},
    {"host": "all", "target": "iqn.2026-11.io.ashlar:t", "volume": "b", "lun": 1, "read_only": true}
  ],
  "groups": [
    {"name": "g", "volumes": ["a"], "explicit": true, "access": [{"group_tag": 1, "state": "standby", "preferred": true}]},
    {"name": "empty"}
  ]
})";

// `good` with one piece of text replaced by another, that must occur.
std::string with(const std::string& from, const std::string& to) {
  const size_t at = good.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return std::string(good).replace(at, from.size(), to);
}

Result<void> parse_and_check(const std::string& text) {
  TRY_ASSIGN(const Document document, parse_document(text));
  return check_document(document);
}

TEST(Document, AGoodOneIsTaken) {
  const auto document = parse_document(good);
  ASSERT_TRUE(document) << document.error().text();
  const auto checked = check_document(*document);
  EXPECT_TRUE(checked) << checked.error().text();
  EXPECT_EQ(document->volumes[0].size_bytes, 1ull << 30);
  EXPECT_EQ(document->volumes[0].physical_block_bytes, 4096u);
  EXPECT_TRUE(document->volumes[0].thin);
  EXPECT_FALSE(document->volumes[1].identity);
  EXPECT_EQ(document->portals[0].port, 3260);
  EXPECT_EQ(document->hosts[0].chap->secret, "0123456789abcdef");
  EXPECT_TRUE(document->groups[0].explicit_changes);
  EXPECT_EQ(document->groups[0].access[0].state, "standby");
  EXPECT_TRUE(document->groups[0].access[0].preferred);
}

TEST(Document, AnEmptyOneIsTaken) {
  EXPECT_TRUE(parse_and_check("{}"));
  EXPECT_EQ(*parse_document("{}"), Document{});
}

struct Case {
  std::string from, to, place, words;
};

const std::string target = "\"iqn.2026-11.io.ashlar:t\"";

const std::vector<Case> mistakes = {
    // Form.
    {"\"volumes\"", "\"volume\"", "volume", "did you mean \"volumes\"?"},
    {"\"size_bytes\": \"1GiB\"", "\"size_byte\": \"1GiB\"", "volumes[0].size_byte",
     "did you mean \"size_bytes\"?"},
    {"\"size_bytes\": \"1GiB\"", "\"colour\": 1", "volumes[0].colour", "Known here: name, size_bytes"},
    {"\"size_bytes\": \"1GiB\"", "\"size_bytes\": \"1G\"", "volumes[0].size_bytes", "unit 'G'"},
    {"\"size_bytes\": \"1GiB\"", "\"size_bytes\": true", "volumes[0].size_bytes",
     "must be a whole number, not boolean"},
    {"\"size_bytes\": \"1GiB\"", "\"size_bytes\": 1.5", "volumes[0].size_bytes", "must be a whole number"},
    {"\"size_bytes\": \"1GiB\"", "\"size_bytes\": -512", "volumes[0].size_bytes", "less than 0"},
    {"\"name\": \"a\", ", "", "volumes[0].name", "is missing"},
    {"\"name\": \"a\"", "\"name\": 7", "volumes[0].name", "must be a string, not number"},
    {"{\"kind\": \"memory\"}", "\"memory\"", "volumes[1].store", "must be an object, not string"},
    {"{\"kind\": \"memory\"}", "{}", "volumes[1].store.kind", "is missing"},
    {"\"any\": true", "\"any\": 1", "hosts[1].any", "true or false"},
    {"[\"p4\"]", "\"p4\"", "targets[0].portals", "must be a list"},
    {"\"port\": 3261", "\"port\": 70000", "portals[1].port", "70000 is more than 65535"},
    {"\"lun\": 1", "\"lun\": 1, \"lun\": 2", "", "stands twice"},
    // Volumes.
    {"\"name\": \"a\"", "\"name\": \"b\"", "volumes[1].name", "used by volumes[0].name"},
    {"\"name\": \"a\"", "\"name\": \"-a\"", "volumes[0].name", "is not a name"},
    {"\"size_bytes\": \"1GiB\", ", "", "volumes[0].size_bytes", "is missing"},
    {"1048576", "1048577", "volumes[1].size_bytes", "the next one is 1052672"},
    {"\"1GiB\"", "\"2048PiB\"", "volumes[0].size_bytes", "is more than"},
    {"\"block_bytes\": 4096", "\"block_bytes\": 1024", "volumes[1].block_bytes", "512 or 4096"},
    {"\"block_bytes\": 4096", "\"physical_block_bytes\": 256", "volumes[1].physical_block_bytes",
     "power of two"},
    {"\"block_bytes\": 4096", "\"physical_block_bytes\": 5000", "volumes[1].physical_block_bytes",
     "power of two"},
    {"/srv/a.img", "a.img", "volumes[0].store.options.path", "absolute"},
    {"{\"kind\": \"memory\"}", "{\"kind\": \"file\", \"options\": {\"path\": \"/srv/a.img\"}}",
     "volumes[1].store.options.path", "used by volumes[0]"},
    {"\"kind\": \"readonly\"", "\"kind\": \"stats\"", "volumes[1].layers[0].kind", "always on top"},
    {"3111111111111111", "311111111111111", "volumes[0].identity.naa", "16 hex digits"},
    {"3111111111111111", "6111111111111111", "volumes[0].identity.naa", "begins with 2, 3 or 5"},
    {"0211111111111111", "02111111111111xx", "volumes[0].identity.eui64", "not a hex digit"},
    {"\"serial\": \"A1\"", "\"serial\": \"A\\u0001\"", "volumes[0].identity.serial", "printable"},
    {"\"serial\": \"A1\"", "\"vendor\": \"NINECHARS\"", "volumes[0].identity.vendor", "at most 8"},
    {"\"block_bytes\": 4096,", "\"identity\": {\"naa\": \"3111111111111111\"},", "volumes[1].identity.naa",
     "used by volumes[0]"},
    // Hosts.
    {"\"h1\", \"initiators\"", "\"all\", \"initiators\"", "hosts[1].name", "used by hosts[0]"},
    {"\"any\": true", "\"any\": false", "hosts[1].initiators", "is empty"},
    {"iqn.2026-11.com.example:h1", "host1", "hosts[0].initiators[0]", "must begin with iqn."},
    {"iqn.2026-11.com.example:h1", "iqn.2026-11.com.example:H1", "hosts[0].initiators[0]", "lower case"},
    {"\"any\": true", "\"initiators\": [\"iqn.2026-11.com.example:h1\"]", "hosts[1].initiators[0]",
     "used by hosts[0].initiators[0]"},
    {"0123456789abcdef", "short", "hosts[0].chap.secret", "12 to 255 bytes"},
    {"0123456789abcdef", "(redacted)", "hosts[0].chap.secret", "is redacted"},
    {"\"user\": \"h1\"", "\"user\": \"\"", "hosts[0].chap.user", "is empty"},
    {"\"any\": true", "\"any\": true, \"dhchap\": {}", "hosts[1].dhchap.key", "begins with DHHC-1:"},
    {"\"any\": true", "\"any\": true, \"dhchap\": {\"key\": \"(redacted)\"}", "hosts[1].dhchap.key",
     "is redacted"},
    {"\"any\": true",
     "\"any\": true, \"dhchap\": {\"key\": \"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:\", "
     "\"groups\": [\"ffdhe1024\"]}",
     "hosts[1].dhchap.groups[0]", "is none of null"},
    {"\"any\": true",
     "\"any\": true, \"dhchap\": {\"key\": \"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:\", "
     "\"controller_key\": \"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:\"}",
     "hosts[1].dhchap.controller_key", "must differ"},
    {"\"any\": true", "\"any\": true, \"addresses\": [\"::1\", \"192.0.2.7/24\"]", "hosts[1].addresses[1]",
     "behind its prefix"},
    {"\"any\": true", "\"any\": true, \"max_sessions\": -1", "hosts[1].max_sessions", "less than 0"},
    {"\"port\": 3261", "\"discovery_chap\": {\"user\": \"u\", \"secret\": \"eleven byte\"}",
     "portals[1].discovery_chap.secret", "12 to 255 bytes"},
    {"\"any\": true", "\"any\": true, \"tls_optional\": true", "hosts[1].tls_optional", "without a tls_key"},
    {"\"any\": true",
     "\"any\": true, \"tls_key\": \"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:\"",
     "hosts[1].tls_key", "not of every other"},
    {"\"any\": true",
     "\"initiators\": [\"nqn.2026-11.a:b\"], \"tls_key\": \"NVMeTLSkey-1:01:VRLctnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:\"",
     "hosts[1].tls_key", "check value"},
    {"\"any\": true", "\"initiators\": [\"nqn.2026-11.a:b\"], \"tls_key\": \"(redacted)\"",
     "hosts[1].tls_key", "is redacted"},
    {"\"port\": 3261", "\"tls\": \"required\"", "portals[1].tls", "TLS is for NVMe/TCP"},
    {"\"port\": 3261", "\"protocol\": \"nvme-tcp\", \"tls\": \"on\"", "portals[1].tls",
     "off, allowed, required"},
    {"[\"p4\"]", "[\"p4\"], \"redirect\": \"elsewhere:3260\"", "targets[0].redirect", "address and port"},
    {"[\"p4\"]", "[\"p4\"], \"management_addresses\": [\"san:8443\"]", "targets[0].management_addresses[0]",
     "is no URL"},
    {"[\"p4\"]", "[\"p4\"], \"management_addresses\": [\"x://a\",\"x://a b\"]",
     "targets[0].management_addresses[1]", "is no URL"},
    {"\"user\": \"h1\"", "\"user\": \"h1\", \"mutual_user\": \"t\"", "hosts[0].chap.mutual_user", "both"},
    {"\"user\": \"h1\"", "\"user\": \"h1\", \"mutual_user\": \"t\", \"mutual_secret\": \"0123456789abcdef\"",
     "hosts[0].chap.mutual_secret", "must differ"},
    // Portals, targets, mappings.
    {"127.0.0.1", "localhost", "portals[0].address", "is not an IPv4 or IPv6 address"},
    {"\"port\": 3261", "\"port\": 0", "portals[1].port", "1 to 65535"},
    {"\"port\": 3261", "\"group_tag\": 0", "portals[1].group_tag", "1 to 65535"},
    {"\"address\": \"::1\", \"port\": 3261", "\"address\": \"127.0.0.1\"", "portals[1].port",
     "used by portals[0].port"},
    {"\"name\": \"p6\"", "\"name\": \"p4\"", "portals[1].name", "used by portals[0]"},
    {"[\"p4\"]", "[\"p5\"]", "targets[0].portals[0]", "no portal named 'p5'"},
    {"[\"p4\"]", "[\"p4\", \"p4\"]", "targets[0].portals[1]", "used by"},
    {target, "\"demo\"", "targets[0].name", "must begin with iqn."},
    {"\"host\": \"h1\"", "\"host\": \"h2\"", "mappings[0].host", "no host named 'h2'"},
    {"\"volume\": \"a\"", "\"volume\": \"c\"", "mappings[0].volume", "no volume named 'c'"},
    {"\"h1\", \"target\": " + target, "\"h1\", \"target\": \"iqn.x\"", "mappings[0].target",
     "no target named 'iqn.x'"},
    {"\"lun\": 1", "\"lun\": 16384", "mappings[1].lun", "is more than 16383"},
    {"\"host\": \"all\", \"target\": " + target + ", \"volume\": \"b\", \"lun\": 1",
     "\"host\": \"h1\", \"target\": " + target + ", \"volume\": \"b\", \"lun\": 0", "mappings[1].lun",
     "is taken by mappings[0]"},
    {"\"host\": \"all\", \"target\": " + target + ", \"volume\": \"b\"",
     "\"host\": \"h1\", \"target\": " + target + ", \"volume\": \"a\"", "mappings[1].volume",
     "is mapped there by mappings[0]"},
    {"\"initiators\": [\"iqn.2026-11.com.example:h1\"]", "\"any\": true", "mappings[1].host",
     "both stand for any"},
    // Groups.
    {"\"name\": \"empty\"", "\"name\": \"g\"", "groups[1].name", "used by groups[0].name"},
    {"[\"a\"]", "[\"c\"]", "groups[0].volumes[0]", "no volume named 'c'"},
    {"\"name\": \"empty\"", "\"name\": \"empty\", \"volumes\": [\"b\", \"a\"]", "groups[1].volumes[1]",
     "'a' is used by groups[0].volumes[0]"},
    {"standby", "stand-by", "groups[0].access[0].state", "optimized, non_optimized, standby"},
    {"\"group_tag\": 1, \"state\"", "\"group_tag\": 7, \"state\"", "groups[0].access[0].group_tag",
     "no portal has the group tag 7"},
    {"\"group_tag\": 1, \"state\": \"standby\", \"preferred\": true}",
     "\"group_tag\": 1, \"state\": \"standby\"}, {\"group_tag\": 1, \"state\": \"offline\"}",
     "groups[0].access[1].group_tag", "used by groups[0].access[0]"},
    {"\"explicit\": true", "\"explicit\": 1", "groups[0].explicit", "true or false"},
};

TEST(Document, EveryMistakeIsNamedWithItsPlace) {
  for (const Case& mistake : mistakes) {
    const auto outcome = parse_and_check(with(mistake.from, mistake.to));
    ASSERT_FALSE(outcome) << mistake.to;
    EXPECT_EQ(outcome.error().place, mistake.place) << outcome.error().text();
    EXPECT_NE(outcome.error().message.find(mistake.words), std::string::npos) << outcome.error().text();
  }
}

TEST(Document, OneKeyOfTwoVolumesIsSharedByBoth) {
  Document document;
  for (const char* name : {"a", "b"}) {
    VolumeDocument volume;
    volume.name = name;
    volume.size_bytes = 1 << 20;
    volume.store.kind = "memory";
    volume.encrypted = true;
    document.volumes.push_back(volume);
  }
  EXPECT_TRUE(check_document(document)) << "each will get its own";
  document.volumes[0].identity = IdentityDocument{.uuid = "8a2d1f6e-0000-4000-8000-000000000001"};
  document.volumes[1].key_id = "8A2D1F6E-0000-4000-8000-000000000001";
  for (const auto& [first, second] : {std::pair(false, false), {true, false}, {false, true}, {true, true}}) {
    document.volumes[0].key_shared = first;
    document.volumes[1].key_shared = second;
    const Result<void> checked = check_document(document);
    EXPECT_EQ(checked.has_value(), first && second);
    if (!checked) EXPECT_EQ(checked.error().place, "volumes[1].key_shared");
  }
  document.volumes[1].key_id = "mine";
  EXPECT_EQ(check_document(document).error().place, "volumes[1].key_id");
  document.volumes[1].encrypted = false;
  EXPECT_EQ(check_document(document).error().place, "volumes[1].key_id") << "of what is not encrypted";
  document.volumes[1].key_id.clear();
  EXPECT_EQ(check_document(document).error().place, "volumes[1].key_shared");
}

TEST(Document, TargetsNeedAPortal) {
  const auto outcome = parse_and_check(R"({"targets": [{"name": "iqn.2026-11.io.ashlar:t"}]})");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().place, "portals");
}

TEST(Document, SecretsAreRedactedUnlessAskedFor) {
  const Document document = *parse_document(good);
  EXPECT_EQ(print_json(encode(document)).find("0123456789abcdef"), std::string::npos);
  EXPECT_NE(print_document(document).find("0123456789abcdef"), std::string::npos);
}

TEST(Document, SecretsOfARemoteStoreStandBesideItsOptions) {
  const Document document = *parse_document(
      R"({"volumes": [{"name": "a", "size_bytes": 0, "store": {"kind": "remote", "secret": "a secret of ours",
          "options": {"urls": "iscsi://192.0.2.7/iqn.x:a/0", "user": "u"}}}]})");
  EXPECT_TRUE(check_document(document));
  EXPECT_EQ(document.volumes[0].store.options.at("secret"), "a secret of ours");
  EXPECT_EQ(print_json(encode(document)).find("of ours"), std::string::npos);
  EXPECT_EQ(*parse_document(print_document(document)), document);
  Document short_secret = document;
  short_secret.volumes[0].store.options["secret"] = "(redacted)";
  EXPECT_EQ(check_document(short_secret).error().place, "volumes[0].store.secret");
  Document keys = document;
  std::map<std::string, std::string>& options = keys.volumes[0].store.options;
  options["dhchap_key"] = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  options["dhchap_controller_key"] = "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  options["tls_key"] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
  EXPECT_TRUE(check_document(keys));
  EXPECT_EQ(print_json(encode(keys)).find("AAECAwQF"), std::string::npos);
  EXPECT_EQ(print_json(encode(keys)).find("VRLbtnN9"), std::string::npos);
  EXPECT_EQ(*parse_document(print_document(keys)), keys);
  EXPECT_EQ(without_credentials(keys.volumes[0].store),
            (StoreDocument{"remote", {{"urls", "iscsi://192.0.2.7/iqn.x:a/0"}}}));
  const auto place_with = [&keys](const char* name, const std::string& value) {
    Document bent = keys;
    bent.volumes[0].store.options[name] = value;
    return check_document(bent).error().place;
  };
  EXPECT_EQ(place_with("tls_key", "(redacted)"), "volumes[0].store.tls_key");
  EXPECT_EQ(place_with("dhchap_key", "(redacted)"), "volumes[0].store.dhchap_key");
  EXPECT_EQ(place_with("dhchap_controller_key", options["dhchap_key"]),
            "volumes[0].store.dhchap_controller_key");
  EXPECT_EQ(place_with("mutual_secret", "a secret of ours"), "volumes[0].store.mutual_secret");
}

TEST(Document, PrintIsCanonical) {
  const Document document = *parse_document(good);
  const std::string printed = print_document(document);
  EXPECT_EQ(*parse_document(printed), document);
  EXPECT_EQ(print_document(*parse_document(printed)), printed);
  EXPECT_TRUE(printed.starts_with("{\n  \"volumes\": [\n    {\n      \"name\": \"a\""));
}

rc::Gen<std::string> any_text() { return rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127)); }

rc::Gen<StoreDocument> any_store() {
  return rc::gen::build<StoreDocument>(
      rc::gen::set(&StoreDocument::kind, any_text()),
      rc::gen::set(&StoreDocument::options,
                   rc::gen::resize(
                       5, rc::gen::container<std::map<std::string, std::string>>(any_text(), any_text()))));
}

// Not a document that makes sense: the codec must carry any.
rc::Gen<Document> any_document() {
  using namespace rc;
  const auto identity = gen::build<IdentityDocument>(gen::set(&IdentityDocument::naa, any_text()),
                                                     gen::set(&IdentityDocument::serial, any_text()));
  const auto volume = gen::build<VolumeDocument>(
      gen::set(&VolumeDocument::name, any_text()), gen::set(&VolumeDocument::size_bytes),
      gen::set(&VolumeDocument::block_bytes), gen::set(&VolumeDocument::thin),
      gen::set(&VolumeDocument::read_only), gen::set(&VolumeDocument::store, any_store()),
      gen::set(&VolumeDocument::layers,
               gen::resize(3, gen::container<std::vector<StoreDocument>>(any_store()))),
      gen::set(&VolumeDocument::identity,
               gen::map(gen::pair(gen::arbitrary<bool>(), identity), [](const auto& pair) {
                 return pair.first ? std::optional(pair.second) : std::nullopt;
               })));
  const auto chap = gen::build<ChapDocument>(gen::set(&ChapDocument::user, any_text()),
                                             gen::set(&ChapDocument::secret, any_text()));
  const auto dhchap = gen::build<DhchapDocument>(
      gen::set(&DhchapDocument::key, any_text()),
      gen::set(&DhchapDocument::groups, gen::container<std::vector<std::string>>(any_text())));
  const auto host = gen::build<HostDocument>(
      gen::set(&HostDocument::name, any_text()), gen::set(&HostDocument::any),
      gen::set(&HostDocument::initiators, gen::container<std::vector<std::string>>(any_text())),
      gen::set(&HostDocument::chap,
               gen::map(chap, [](ChapDocument c) { return std::optional(std::move(c)); })),
      gen::set(&HostDocument::dhchap,
               gen::map(dhchap, [](DhchapDocument d) { return std::optional(std::move(d)); })));
  const auto portal = gen::build<PortalDocument>(gen::set(&PortalDocument::name, any_text()),
                                                 gen::set(&PortalDocument::port));
  const auto mapping = gen::build<MappingDocument>(gen::set(&MappingDocument::host, any_text()),
                                                   gen::set(&MappingDocument::lun));
  return gen::build<Document>(
      gen::set(&Document::volumes, gen::container<std::vector<VolumeDocument>>(volume)),
      gen::set(&Document::hosts, gen::container<std::vector<HostDocument>>(host)),
      gen::set(&Document::portals, gen::container<std::vector<PortalDocument>>(portal)),
      gen::set(&Document::mappings, gen::container<std::vector<MappingDocument>>(mapping)));
}

RC_GTEST_PROP(DocumentProperty, WhatIsPrintedIsParsedBack, ()) {
  const Document document = *rc::gen::resize(12, any_document());
  const auto back = parse_document(print_document(document));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == document);
}

}  // namespace
}  // namespace ashlar::rpc
