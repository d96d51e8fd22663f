// The kernel's NVMe target as nvmetcli saves it. Volumes come with their identity, hosts with their keys; subsystems and ports do
// not come yet.
#include <algorithm>

#include "base/dhchap_key.h"
#include "base/identity.h"
#include "convert/draft.h"

namespace ashlar::convert {
namespace {

using api::Json;

constexpr std::string_view not_served = "its subsystems are not taken over yet";

bool all_zero(ConstBytes bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

class Importer {
 public:
  Result<Import> run(const Json& json) {
    ForeignObject root(draft_, json, "");
    root.each_of("subsystems", [this](ForeignObject& each) { subsystem(each); });
    root.each_of("ports", [this](ForeignObject& each) { port(each); });
    root.each_of("hosts", [this](ForeignObject& each) { host(each); });
    root.leave_rest("nothing here stands for it");
    return std::move(draft_).take();
  }

 private:
  void subsystem(ForeignObject& object) {
    const std::string name = object.text("nqn");
    draft_.leave_out(object.where(), "subsystem " + name, std::string(not_served));
    object.each_of("namespaces", [&](ForeignObject& each) { space(each, name); });
    ForeignObject attributes(draft_, object.get("attr"), object.where() + "/attr");
    attributes.leave_rest(not_served);
    const Json& hosts = object.get("allowed_hosts");
    for (size_t i = 0; hosts.is_array() && i < hosts.size(); ++i) {
      draft_.leave_out(
          fmt::format("{}/allowed_hosts/{}", object.where(), i),
          fmt::format("access of {} to {}", hosts[i].is_string() ? hosts[i].get<std::string>() : "?", name),
          std::string(not_served));
    }
    object.leave_rest(not_served);
  }

  void space(ForeignObject& object, const std::string& subsystem) {
    ForeignObject device(draft_, object.get("device"), object.where() + "/device");
    const uint64_t number = object.number("nsid", 0);
    const std::string name = fmt::format("{}-ns{}", last_part(subsystem), number);
    if (!object.flag("enable", true)) {
      draft_.leave_out(object.where(), fmt::format("enable 0 of namespace {} of {}", number, subsystem),
                       "the volume is taken over all the same: it is seen by nobody until it is mapped");
    }
    if (api::Volume* volume = draft_.add_volume(name, device.text("path"), object.where())) {
      volume->thin = false;
      draft_.set_geometry(*volume, 0, 512, object.where());
      identity(device, *volume);
      device.leave_rest("nothing here stands for it");
    }
    object.leave_rest(not_served);
  }

  // A namespace has an EUI-64, an NGUID, a UUID, or several of them (NVM Express 4.5.1); all zeroes: it has none.
  void identity(ForeignObject& device, api::Volume& volume) {
    api::Identity identity{.vendor = "Linux", .product = "Linux"};
    const auto unless_zero = [](std::string text) {
      return text.find_first_not_of("0-") == std::string::npos ? std::string() : text;
    };
    identity.eui64 = unless_zero(device.text("eui64"));
    std::erase(identity.eui64, '-');
    identity.uuid = unless_zero(device.text("uuid"));
    const std::string nguid = unless_zero(device.text("nguid"));
    const std::string what = fmt::format("NGUID {} of volume {}", nguid, volume.name);
    const auto wide = parse_uuid(nguid, "");
    if (!nguid.empty() && !wide) {
      draft_.leave_out(device.where(), what, "it is not an NGUID of 32 hex digits");
    } else if (wide) {
      const ConstBytes bytes(*wide);
      if (identity.eui64.empty() && all_zero(bytes.subspan(8))) {
        identity.eui64 = hex_of(bytes.first(8));
      } else if (identity.uuid.empty()) {
        identity.uuid = uuid_text(*wide);
        draft_.leave_out(device.where(), what,
                         "it is kept as the volume's UUID, for want of a place of its own");
      } else {
        draft_.leave_out(device.where(), what,
                         "the volume keeps its UUID; a second identifier of 16 bytes has no place");
      }
    }
    draft_.set_identity(volume, std::move(identity), device.where());
  }

  // nvmet/hosts/NQN in configfs: dhchap_key, dhchap_ctrl_key, dhchap_hash, dhchap_dhgroup, one by one or as a group of attributes.
  void host(ForeignObject& object) {
    ForeignObject grouped(draft_, object.get("dhchap"), object.where() + "/dhchap");
    const auto attribute = [&](const std::string& name) {
      const std::string alone = object.text("dhchap_" + name), in_group = grouped.text(name);
      std::string value(trimmed(alone.empty() ? in_group : alone));
      while (value.ends_with('\n')) value.pop_back();  // as the kernel tells it
      return value;
    };
    const std::string nqn = object.text("nqn"), key = attribute("key"), own = attribute("ctrl_key"),
                      hash = attribute("hash"), group = attribute("dhgroup");
    std::optional<api::Dhchap> dhchap;
    if (!key.empty()) dhchap = keys(key, own, nqn, object.where());
    if (dhchap) {
      allow(*dhchap, hash, group, nqn, object.where());
    } else if (!key.empty() || !own.empty()) {
      // With less than it had to prove it must not come in.
      draft_.leave_out(object.where(), "host " + nqn, "its key of DH-HMAC-CHAP cannot be taken over");
      grouped.leave_rest("nothing here stands for it");
      return object.leave_rest("nothing here stands for it");
    }
    draft_.add_nvme_host(nqn, std::move(dhchap), object.where());
    grouped.leave_rest("nothing here stands for it");
    object.leave_rest("nothing here stands for it");
  }

  std::optional<api::Dhchap> keys(const std::string& key, const std::string& own, const std::string& nqn,
                                  const std::string& where) {
    if (!parse_dhchap_key(key, "")) return std::nullopt;
    api::Dhchap dhchap{.key = key};
    if (own.empty()) return dhchap;
    if (parse_dhchap_key(own, "") && own != key) {
      dhchap.controller_key = own;
    } else {
      draft_.leave_out(where, "dhchap_ctrl_key of " + nqn,
                       "it must be a key (DHHC-1:...), and another one than the host's");
    }
    return dhchap;
  }

  // The kernel's target takes what a host offers where it does not offer that; here it is the one that is taken.
  void allow(api::Dhchap& dhchap, const std::string& hash, const std::string& group, const std::string& nqn,
             const std::string& where) {
    const size_t digits = hash.find("sha");
    if (digits != std::string::npos && hash.size() > digits + 5)
      dhchap.hashes = {"sha-" + hash.substr(digits + 3, 3)};  // "hmac(sha256)"
    if (!dhchap.hashes.empty() && !parse_dhchap_hash(dhchap.hashes[0], "")) dhchap.hashes.clear();
    // "null" is what the kernel has where nobody has chosen: hosts with exchanges are as welcome.
    if (group == "null") {
      dhchap.groups = {"ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192", "ffdhe2048", "null"};
    } else if (parse_dhchap_group(group, "")) {
      dhchap.groups = {group};
    } else if (!group.empty()) {
      draft_.leave_out(where, fmt::format("dhchap_dhgroup {} of {}", group, nqn),
                       "there is no such group here");
    }
  }

  void port(ForeignObject& object) {
    ForeignObject address(draft_, object.get("addr"), object.where() + "/addr");
    draft_.leave_out(object.where(),
                     fmt::format("port {} ({} {} {})", object.text("portid"), address.text("trtype"),
                                 address.text("traddr"), address.text("trsvcid")),
                     std::string(not_served));
    address.leave_rest(not_served);
    object.leave_rest(not_served);
  }

  Draft draft_;
};

}  // namespace

Result<Import> import_nvmet(std::string_view text) {
  TRY_ASSIGN(const Json json, api::parse_json(text));
  if (!json.is_object() || !json.contains("subsystems"))
    return fail(ErrorCode::invalid_argument, "", "this is not nvmetcli's JSON: it has no subsystems");
  return Importer().run(json);
}

}  // namespace ashlar::convert
