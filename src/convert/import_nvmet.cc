// The kernel's NVMe target as nvmetcli saves it. Volumes come with their identity; subsystems, ports and hosts do not come yet.
#include <algorithm>

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
    root.each_of("hosts", [this](ForeignObject& each) {
      draft_.leave_out(each.where(), "host " + each.text("nqn"), std::string(not_served));
      each.leave_rest(not_served);
    });
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
