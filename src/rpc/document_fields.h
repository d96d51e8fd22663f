// The fields of the document's types, in the order in which they are printed. Used by fields.h.
#pragma once

#include "json/fields.h"
#include "rpc/amendment.h"
#include "rpc/document.h"
#include "rpc/words.h"

namespace ashlar::rpc {

/// Of stores of kind "remote": what it proves itself with, or has the other array prove.
constexpr const char* secret_options[] = {"secret", "mutual_secret", "dhchap_key", "dhchap_controller_key",
                                          "tls_key"};

template <typename V, Is<StoreDocument> T>
void visit_fields(V& v, T& store) {
  v.field("kind", store.kind, required);
  // Secrets stand beside the options, where they can be redacted; in the types they are options like others.
  if constexpr (std::is_const_v<T>) {
    std::map<std::string, std::string> options = store.options, apart;
    for (const char* const name : secret_options) {
      if (const auto found = options.find(name); found != options.end() && !found->second.empty())
        apart.insert(options.extract(found));
    }
    v.field("options", options);
    for (const char* const name : secret_options) {
      if (apart.contains(name)) v.secret(name, apart.at(name));
    }
  } else {
    v.field("options", store.options);
    for (const char* const name : secret_options) {
      std::string secret;
      v.secret(name, secret);
      if (!secret.empty()) store.options[name] = secret;
    }
  }
}

template <typename V, Is<IdentityDocument> T>
void visit_fields(V& v, T& identity) {
  v.field("naa", identity.naa);
  v.field("eui64", identity.eui64);
  v.field("uuid", identity.uuid);
  v.field("serial", identity.serial);
  v.field("vendor", identity.vendor);
  v.field("product", identity.product);
  v.field("revision", identity.revision);
}

template <typename V, Is<VolumeDocument> T>
void visit_fields(V& v, T& volume) {
  v.field("name", volume.name, required);
  v.size("size_bytes", volume.size_bytes);
  v.size("block_bytes", volume.block_bytes);
  v.size("physical_block_bytes", volume.physical_block_bytes);
  v.field("thin", volume.thin);
  v.field("read_only", volume.read_only);
  v.field("write_cache", volume.write_cache);
  v.field("removable", volume.removable);
  v.field("encrypted", volume.encrypted);
  v.field("key_id", volume.key_id);
  v.field("key_shared", volume.key_shared);
  v.field("identity", volume.identity);
  v.field("store", volume.store, required);
  v.field("layers", volume.layers);
}

template <typename V, Is<ChapDocument> T>
void visit_fields(V& v, T& chap) {
  v.field("user", chap.user, required);
  v.secret("secret", chap.secret);
  v.field("mutual_user", chap.mutual_user);
  v.secret("mutual_secret", chap.mutual_secret);
}

template <typename V, Is<DhchapDocument> T>
void visit_fields(V& v, T& dhchap) {
  v.secret("key", dhchap.key);
  v.secret("controller_key", dhchap.controller_key);
  v.field("hashes", dhchap.hashes);
  v.field("groups", dhchap.groups);
}

template <typename V, Is<HostDocument> T>
void visit_fields(V& v, T& host) {
  v.field("name", host.name, required);
  v.field("initiators", host.initiators);
  v.field("any", host.any);
  v.field("chap", host.chap);
  v.field("dhchap", host.dhchap);
  v.field("addresses", host.addresses);
  v.field("max_sessions", host.max_sessions);
  v.field("asynchronous_events", host.asynchronous_events);
  v.secret("tls_key", host.tls_key);
  v.field("tls_optional", host.tls_optional);
}

template <typename V, Is<PortalDocument> T>
void visit_fields(V& v, T& portal) {
  v.field("name", portal.name, required);
  v.field("address", portal.address, required);
  v.field("port", portal.port);
  v.field("group_tag", portal.group_tag);
  v.field("protocol", portal.protocol);
  v.field("discovery_chap", portal.discovery_chap);
  v.field("tls", portal.tls);
  v.field("referrals", portal.referrals);
}

template <typename V, Is<SubsystemDocument> T>
void visit_fields(V& v, T& subsystem) {
  v.field("io_queues", subsystem.io_queues);
  v.field("queue_depth", subsystem.queue_depth);
  v.field("in_capsule_bytes", subsystem.in_capsule_bytes);
  v.field("max_transfer_bytes", subsystem.max_transfer_bytes);
  v.field("first_controller_id", subsystem.first_controller_id);
  v.field("last_controller_id", subsystem.last_controller_id);
}

template <typename V, Is<TargetDocument> T>
void visit_fields(V& v, T& target) {
  v.field("name", target.name, required);
  v.field("alias", target.alias);
  v.field("portals", target.portals);
  v.field("redirect", target.redirect);
  v.field("redirect_permanent", target.redirect_permanent);
  v.field("max_sessions", target.max_sessions);
  v.field("management_addresses", target.management_addresses);
  v.field("nvme", target.nvme);
}

template <typename V, Is<MappingDocument> T>
void visit_fields(V& v, T& mapping) {
  v.field("host", mapping.host, required);
  v.field("target", mapping.target, required);
  v.field("volume", mapping.volume, required);
  v.field("lun", mapping.lun);
  v.field("read_only", mapping.read_only);
}

template <typename V, Is<PortGroupDocument> T>
void visit_fields(V& v, T& port_group) {
  v.field("group_tag", port_group.group_tag, required);
  v.field("state", port_group.state, required);
  v.field("preferred", port_group.preferred);
}

template <typename V, Is<GroupDocument> T>
void visit_fields(V& v, T& group) {
  v.field("name", group.name, required);
  v.field("volumes", group.volumes);
  v.field("explicit", group.explicit_changes);
  v.field("access", group.access);
}

template <typename V, Is<Document> T>
void visit_fields(V& v, T& document) {
  v.field("volumes", document.volumes);
  v.field("hosts", document.hosts);
  v.field("portals", document.portals);
  v.field("targets", document.targets);
  v.field("mappings", document.mappings);
  v.field("groups", document.groups);
}

template <typename V, Is<Removals> T>
void visit_fields(V& v, T& gone) {
  v.field("volumes", gone.volumes);
  v.field("hosts", gone.hosts);
  v.field("portals", gone.portals);
  v.field("targets", gone.targets);
  v.field("mappings", gone.mappings);
  v.field("groups", gone.groups);
}

}  // namespace ashlar::rpc
