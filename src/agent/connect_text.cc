#include "agent/connect_text.h"

#include <algorithm>

#include "api/lists.h"
#include "base/address.h"
#include "base/nqn.h"
#include "json/sizes.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

/// All that the texts need of one map.
struct Connection {
  const api::Volume* volume = nullptr;
  const api::Host* host = nullptr;
  const api::Map* map = nullptr;
  std::vector<const api::Portal*> portals;
};

// The first of a host's names of one protocol; empty: it has none.
std::string first_name(const api::Host& host, bool nvme) {
  const auto name =
      std::ranges::find_if(host.initiators, [nvme](const std::string& each) { return is_nqn(each) == nvme; });
  return name == host.initiators.end() ? "" : *name;
}

std::string endpoint(const api::Portal& portal) {
  return print_address_and_port(portal.address, portal.port);
}

bool leads_to(const api::Portal& portal, const api::Target& target) {
  if (target.portals.empty()) return portal.protocol == target.protocol;
  return std::ranges::find(target.portals, portal.name) != target.portals.end();
}

bool is_of_host(const Configuration& configuration, const api::Map& map, const std::string& host) {
  if (map.host == host) return true;
  const api::HostGroup* group = api::find_named(configuration.host_groups, map.host_group);
  return group != nullptr && std::ranges::find(group->hosts, host) != group->hosts.end();
}

// One for each map: a host may have a volume over both protocols.
Result<std::vector<Connection>> find_connections(const Configuration& configuration,
                                                 const std::string& volume, const std::string& host) {
  Connection connection;
  connection.volume = api::find_named(configuration.volumes, volume);
  if (connection.volume == nullptr)
    return fail(ErrorCode::not_found, "volumes/" + volume, "there is no volume '{}'", volume);
  connection.host = api::find_named(configuration.hosts, host);
  if (connection.host == nullptr) return fail(ErrorCode::not_found, "host", "there is no host '{}'", host);
  std::vector<Connection> found;
  for (const api::Map& each : configuration.maps) {
    if (each.volume != volume || !is_of_host(configuration, each, host)) continue;
    connection.map = &each;
    connection.portals.clear();
    const api::Target* target = api::find_named(configuration.targets, each.target);
    for (const api::Portal& portal : configuration.portals) {
      if (leads_to(portal, *target)) connection.portals.push_back(&portal);
    }
    if (connection.portals.empty())
      return fail(ErrorCode::not_found, "portals", "target {} has no portal", each.target);
    found.push_back(connection);
  }
  if (!found.empty()) return found;
  return fail(ErrorCode::not_found, "host",
              "volume {} is not mapped to host {}: ashlar map create {} --host {} --target TARGET", volume,
              host, volume, host);
}

// What multipath software needs to be told, when there are several ways. Of the volume's vendor: that is what hosts match by.
bool several_ways(const Connection& c) { return c.portals.size() > 1; }

std::string linux_multipath_text(const Connection& c) {
  return fmt::format(
      "cat > /etc/multipath/conf.d/ashlar.conf <<'END' && systemctl restart multipathd\n"
      "devices {{\n  device {{\n    vendor \"{}\"\n    product \".*\"\n    path_grouping_policy group_by_prio\n"
      "    prio alua\n    hardware_handler \"1 alua\"\n    path_checker tur\n    failback immediate\n"
      "    no_path_retry 30\n  }}\n}}\nEND\n",
      c.volume->identity.vendor);
}

std::string linux_text(const Connection& c) {
  const std::string target = c.map->target;
  std::string text =
      fmt::format("# Volume {} ({}) on {}, LUN {}. As root; packages open-iscsi and multipath-tools.\n",
                  c.volume->name, json::print_size(c.volume->size_bytes), target, c.map->lun.value_or(0));
  if (const std::string name = first_name(*c.host, false); !name.empty()) {
    text += fmt::format(
        "echo InitiatorName={} > /etc/iscsi/initiatorname.iscsi && systemctl restart iscsid\n", name);
  }
  for (const api::Portal* each : c.portals)
    text += fmt::format("iscsiadm -m discovery -t sendtargets -p {}\n", endpoint(*each));
  if (c.host->chap) {
    text += fmt::format("iscsiadm -m node -T {} -o update -n node.session.auth.authmethod -v CHAP\n", target);
    text += fmt::format("iscsiadm -m node -T {} -o update -n node.session.auth.username -v {}\n", target,
                        c.host->chap->user);
    text += fmt::format("iscsiadm -m node -T {} -o update -n node.session.auth.password -v SECRET\n", target);
    if (!c.host->chap->mutual_user.empty()) {
      text += fmt::format("iscsiadm -m node -T {} -o update -n node.session.auth.username_in -v {}\n", target,
                          c.host->chap->mutual_user);
      text += fmt::format(
          "iscsiadm -m node -T {} -o update -n node.session.auth.password_in -v MUTUAL_SECRET\n", target);
    }
  }
  text += fmt::format("iscsiadm -m node -T {} -o update -n node.startup -v automatic\n", target);
  if (several_ways(c)) text += linux_multipath_text(c);
  text += fmt::format("iscsiadm -m node -T {} --login\n", target);
  text += fmt::format("ls -l /dev/disk/by-id/wwn-0x{}\n", c.volume->identity.naa);
  return text;
}

std::string windows_text(const Connection& c) {
  std::string text =
      "# PowerShell, as administrator.\nStart-Service MSiSCSI; Set-Service MSiSCSI -StartupType Automatic\n";
  if (several_ways(c))
    text += "Install-WindowsFeature Multipath-IO; Enable-MSDSMAutomaticClaim -BusType iSCSI\n";
  for (const api::Portal* each : c.portals)
    text += fmt::format("New-IscsiTargetPortal -TargetPortalAddress {} -TargetPortalPortNumber {}\n",
                        each->address, each->port);
  const std::string chap =
      c.host->chap
          ? fmt::format(" -AuthenticationType {} -ChapUsername {} -ChapSecret SECRET",
                        c.host->chap->mutual_user.empty() ? "ONEWAYCHAP" : "MUTUALCHAP", c.host->chap->user)
          : "";
  for (const api::Portal* each : c.portals) {
    text += fmt::format(
        "Connect-IscsiTarget -NodeAddress {} -TargetPortalAddress {} -IsPersistent $true -IsMultipathEnabled ${}{}\n",
        c.map->target, each->address, several_ways(c) ? "true" : "false", chap);
  }
  return text + fmt::format("Get-Disk | Where-Object SerialNumber -eq '{}'\n", c.volume->identity.serial);
}

std::string esxi_text(const Connection& c) {
  std::string text =
      "# ESXi shell.\nesxcli iscsi software set --enabled=true\nHBA=$(esxcli iscsi adapter list | awk '/iscsi_vmk/ {print $1}')\n";
  if (c.host->chap) {
    text += fmt::format(
        "esxcli iscsi adapter auth chap set --adapter=$HBA --direction=uni --level=required --authname={} --secret=SECRET\n",
        c.host->chap->user);
  }
  for (const api::Portal* each : c.portals)
    text += fmt::format("esxcli iscsi adapter discovery sendtarget add --adapter=$HBA --address={}\n",
                        endpoint(*each));
  if (several_ways(c)) {
    // By itself VMW_SATP_ALUA takes one path until it fails (MRU).
    text += fmt::format(
        "esxcli storage nmp satp rule add --satp=VMW_SATP_ALUA --psp=VMW_PSP_RR --psp-option=iops=1 "
        "--claim-option=tpgs_on --vendor=\"{}\"\n",
        c.volume->identity.vendor);
  }
  text += "esxcli storage core adapter rescan --adapter=$HBA\n";
  return text + fmt::format("esxcli storage core device list --device=naa.{}\n", c.volume->identity.naa);
}

std::string proxmox_text(const Connection& c) {
  std::string text;
  if (c.host->chap) text += "# CHAP: set node.session.auth.* in /etc/iscsi/iscsid.conf on each node first.\n";
  text += fmt::format("pvesm add iscsi {} --portal {} --target {} --content none\n", c.volume->name,
                      endpoint(*c.portals[0]), c.map->target);
  text += fmt::format("# LVM on it: the disk is /dev/disk/by-id/wwn-0x{}\n", c.volume->identity.naa);
  return text + fmt::format("pvesm list {}\n", c.volume->name);
}

// udev's name of a disk with a NAA, which is XAPI's SCSIid: "3" and the digits.
std::string xen_text(const Connection& c) {
  std::string text = "# XCP-ng or XenServer, on the pool's coordinator.\n";
  if (const std::string name = first_name(*c.host, false); !name.empty())
    text += fmt::format("xe host-param-set uuid=HOST iscsi-iqn={}\n", name);
  if (several_ways(c))
    text += "# On each host, in maintenance mode: xe host-param-set uuid=HOST multipathing=true\n";
  std::string addresses;
  for (const api::Portal* each : c.portals)
    addresses += fmt::format("{}{}", addresses.empty() ? "" : ",", each->address);
  text += fmt::format(
      "xe sr-create name-label={} shared=true type=lvmoiscsi content-type=user device-config:target={} "
      "device-config:port={} device-config:targetIQN={} device-config:SCSIid=3{}",
      c.volume->name, addresses, c.portals[0]->port, c.map->target, c.volume->identity.naa);
  if (c.host->chap) {
    text += fmt::format(" device-config:chapuser={} device-config:chappassword=SECRET", c.host->chap->user);
  }
  return text + "\n";
}

std::string kubernetes_text(const Connection& c) {
  std::string portals;
  for (size_t i = 1; i < c.portals.size(); ++i)
    portals += fmt::format("{}\"{}\"", i > 1 ? ", " : "", endpoint(*c.portals[i]));
  std::string text = fmt::format(
      "apiVersion: v1\nkind: PersistentVolume\nmetadata:\n  name: {}\nspec:\n  capacity:\n    storage: {}\n  accessModes:\n"
      "    - ReadWriteOnce\n  persistentVolumeReclaimPolicy: Retain\n  iscsi:\n    targetPortal: \"{}\"\n    portals: [{}]\n"
      "    iqn: {}\n    lun: {}\n    fsType: ext4\n    readOnly: {}\n",
      c.volume->name, c.volume->size_bytes, endpoint(*c.portals[0]), portals, c.map->target,
      c.map->lun.value_or(0), c.map->read_only);
  if (c.host->chap) {
    text += fmt::format(
        "    chapAuthSession: true\n    secretRef:\n      name: {}-chap  # type kubernetes.io/iscsi-chap\n",
        c.host->name);
  }
  return text;
}

std::string format_for(const std::string& os) { return os == "generic" ? "linux" : os; }

// What nvme-cli says of one portal.
std::string nvme_words(const api::Portal& portal) {
  return fmt::format("-t tcp -a {} -s {}", portal.address, portal.port);
}

std::string host_nqn(const Connection& c) { return first_name(*c.host, true); }

// In the kernel's keyring, where tlshd finds it: nvme-cli from 2.15 on derives it as the standard says.
std::string nvme_key_text(const Connection& c) {
  return fmt::format(
      "# TLS: package ktls-utils, and keyrings=.nvme in /etc/tlshd.conf. TLS_KEY is the host's, as `ashlar host set {} "
      "--tls-key generate` showed it.\n"
      "systemctl enable --now tlshd\n"
      "nvme check-tls-key --identity=1 --insert --subsysnqn={} --hostnqn={} --keydata=TLS_KEY\n",
      c.host->name, c.map->target, host_nqn(c));
}

// It comes by TLS there.
bool by_tls(const Connection& c, const api::Portal& portal) {
  return portal.tls != "off" && !c.host->tls_key.empty();
}

// It may not come in the clear, and others not by TLS.
bool leads_in(const Connection& c, const api::Portal& portal) {
  if (portal.tls == "required") return !c.host->tls_key.empty();
  return portal.tls == "allowed" || c.host->tls_key.empty() || c.host->tls_optional;
}

// Words of nvme-cli for a host that must prove itself; the file is where people put its key.
std::string nvme_proof_words(const api::Host& host) {
  if (!host.dhchap) return "";
  return host.dhchap->controller_key.empty() ? " --dhchap-secret=KEY"
                                             : " --dhchap-secret=KEY --dhchap-ctrl-secret=CONTROLLER_KEY";
}

// What has to be known beside the commands.
std::string nvme_proof_text(const api::Host& host) {
  if (host.dhchap)
    return "# It proves itself by DH-HMAC-CHAP: KEY stands for its key, DHHC-1:..., CONTROLLER_KEY for that of the array.\n";
  if (!host.chap || (!host.tls_key.empty() && !host.tls_optional)) return "";
  return fmt::format(
      "# It has CHAP and no key for NVMe/TCP, so it is not let in: ashlar host set {} --dhchap-key generate\n",
      host.name);
}

std::string nvme_linux_text(const Connection& c) {
  std::string text = fmt::format(
      "# Volume {} ({}) on {}, namespace {}. As root; package nvme-cli.\nmodprobe nvme-tcp\n", c.volume->name,
      json::print_size(c.volume->size_bytes), c.map->target, c.map->lun.value_or(0) + 1);
  text += nvme_proof_text(*c.host);
  const std::string proof = nvme_proof_words(*c.host);
  if (const std::string nqn = host_nqn(c); !nqn.empty())
    text += fmt::format("echo {} > /etc/nvme/hostnqn\n", nqn);
  const auto secured = [&c](const api::Portal* each) { return by_tls(c, *each); };
  if (std::ranges::any_of(c.portals, secured)) text += nvme_key_text(c);
  for (const api::Portal* each : c.portals) {
    text += leads_in(c, *each)
                ? fmt::format("nvme connect {} -n {}{}{}\n", nvme_words(*each), c.map->target, proof,
                              by_tls(c, *each) ? " --tls" : "")
                : fmt::format("# Not by {}: {}\n", each->name,
                              each->tls == "off" ? "this host must come by TLS, which is off there"
                                                 : "TLS is required there, and this host has no key");
  }
  text +=
      "# At each boot: systemd's nvmf-autoconnect.service does what stands in /etc/nvme/discovery.conf.\n";
  for (const api::Portal* each : c.portals)
    if (each->tls != "required")
      text += fmt::format("echo '{}{}' >> /etc/nvme/discovery.conf\n", nvme_words(*each), proof);
  if (!proof.empty()) text += "chmod 600 /etc/nvme/discovery.conf\n";
  text += "systemctl enable nvmf-autoconnect.service\n";
  return text + fmt::format("ls -l /dev/disk/by-id/nvme-uuid.{}\n", c.volume->identity.uuid);
}

std::string nvme_esxi_text(const Connection& c) {
  std::string text =
      "# ESXi shell; vmnic0 is the uplink of the storage network.\n"
      "esxcli nvme fabrics enable --protocol TCP --device vmnic0\n"
      "HBA=$(esxcli nvme adapter list | awk '/TCP/ {print $1; exit}')\nesxcli nvme info get\n";
  text += nvme_proof_text(*c.host);
  for (const api::Portal* each : c.portals) {
    text += fmt::format("esxcli nvme fabrics discover --adapter=$HBA --ip-address={} --port-number={}\n",
                        each->address, each->port);
    text += fmt::format(
        "esxcli nvme fabrics connect --adapter=$HBA --ip-address={} --port-number={} --subsystem-nqn={}\n",
        each->address, each->port, c.map->target);
  }
  return text + "esxcli nvme namespace list\n";
}

using Text = std::string (*)(const Connection&);
struct Format {
  std::string_view name;
  Text iscsi;
  Text nvme;  ///< null: such a host has no NVMe/TCP, or nobody has asked for it
};
constexpr Format formats[] = {
    {"linux", linux_text, nvme_linux_text},
    {"windows", windows_text, nullptr},
    {"esxi", esxi_text, nvme_esxi_text},
    {"proxmox", proxmox_text, nullptr},
    {"xen", xen_text, nullptr},
    {"k8s", kubernetes_text, nullptr},
};

}  // namespace

Result<std::string> connect_text(const Configuration& configuration, const std::string& volume,
                                 const std::string& host, const std::string& format) {
  TRY_ASSIGN(const std::vector<Connection> connections, find_connections(configuration, volume, host));
  if (format.empty())
    return connect_text(configuration, volume, host, format_for(connections.front().host->os));
  const auto* const known = std::ranges::find(formats, format, &Format::name);
  if (known == std::end(formats))
    return fail(ErrorCode::invalid_argument, "format",
                "'{}' is none of linux, windows, esxi, proxmox, xen, k8s", format);
  std::string text;
  for (const Connection& each : connections) {
    const Text words = is_nqn(each.map->target) ? known->nvme : known->iscsi;
    if (words != nullptr) text += words(each);
  }
  if (!text.empty()) return text;
  return fail(ErrorCode::invalid_argument, "format", "'{}' has no words for NVMe/TCP: linux and esxi have",
              format);
}

}  // namespace ashlar::agent
