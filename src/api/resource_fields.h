// The fields of the resources, in the order in which they are printed. Used by json/fields.h.
#pragma once

#include "api/resources.h"
#include "json/fields.h"

namespace ashlar::api {

template <typename V, Is<Chap> T>
void visit_fields(V& v, T& chap) {
  v.field("user", chap.user, required);
  v.secret("secret", chap.secret);
  v.field("mutual_user", chap.mutual_user);
  v.secret("mutual_secret", chap.mutual_secret);
}

template <typename V, Is<Dhchap> T>
void visit_fields(V& v, T& dhchap) {
  v.secret("key", dhchap.key);
  v.secret("controller_key", dhchap.controller_key);
  v.field("hashes", dhchap.hashes);
  v.field("groups", dhchap.groups);
}

template <typename V, Is<Pool> T>
void visit_fields(V& v, T& pool) {
  v.field("name", pool.name, required);
  v.field("kind", pool.kind, required);
  v.field("path", pool.path);
  v.field("devices", pool.devices);
  v.field("initiator", pool.initiator);
  v.field("host_nqn", pool.host_nqn);
  v.field("chap", pool.chap);
  v.field("dhchap", pool.dhchap);
  v.secret("tls_key", pool.tls_key);
  v.field("warn_percent", pool.warn_percent);
  v.field("critical_percent", pool.critical_percent);
  v.field("comment", pool.comment);
}

template <typename V, Is<Identity> T>
void visit_fields(V& v, T& identity) {
  v.field("naa", identity.naa);
  v.field("eui64", identity.eui64);
  v.field("uuid", identity.uuid);
  v.field("serial", identity.serial);
  v.field("vendor", identity.vendor);
  v.field("product", identity.product);
  v.field("revision", identity.revision);
}

template <typename V, Is<Layer> T>
void visit_fields(V& v, T& layer) {
  v.field("kind", layer.kind, required);
  v.field("options", layer.options);
}

template <typename V, Is<Volume> T>
void visit_fields(V& v, T& volume) {
  v.field("name", volume.name, required);
  v.field("pool", volume.pool, required);
  v.field("kind", volume.kind);
  v.field("medium", volume.medium);
  v.field("device", volume.device);
  v.size("size_bytes", volume.size_bytes);
  v.size("block_bytes", volume.block_bytes);
  v.size("physical_block_bytes", volume.physical_block_bytes);
  v.field("thin", volume.thin);
  v.field("read_only", volume.read_only);
  v.field("write_cache", volume.write_cache);
  v.field("removable", volume.removable);
  v.field("encrypted", volume.encrypted);
  v.field("profile", volume.profile);
  v.field("identity", volume.identity);
  v.field("layers", volume.layers);
  v.field("allow", volume.allow);
  v.field("timeout_seconds", volume.timeout_seconds);
  v.field("comment", volume.comment);
  v.field("origin", volume.origin);
  v.field("backing", volume.backing);
  v.field("key_id", volume.key_id);
  v.field("created_at", volume.created_at);
}

template <typename V, Is<Snapshot> T>
void visit_fields(V& v, T& snapshot) {
  v.field("name", snapshot.name, required);
  v.field("volume", snapshot.volume);
  v.field("comment", snapshot.comment);
  v.size("size_bytes", snapshot.size_bytes);
  v.field("backing", snapshot.backing);
  v.field("created_at", snapshot.created_at);
}

template <typename V, Is<Map> T>
void visit_fields(V& v, T& map) {
  v.field("name", map.name);
  v.field("volume", map.volume, required);
  v.field("target", map.target, required);
  v.field("host", map.host);
  v.field("host_group", map.host_group);
  v.field("lun", map.lun);
  v.field("read_only", map.read_only);
  v.field("comment", map.comment);
}

template <typename V, Is<GroupAccess> T>
void visit_fields(V& v, T& access) {
  v.field("group_tag", access.group_tag, required);
  v.field("state", access.state, required);
  v.field("preferred", access.preferred);
}

template <typename V, Is<Group> T>
void visit_fields(V& v, T& group) {
  v.field("name", group.name, required);
  v.field("volumes", group.volumes);
  v.field("explicit", group.explicit_changes);
  v.field("access", group.access);
  v.field("comment", group.comment);
}

template <typename V, Is<DeletedVolume> T>
void visit_fields(V& v, T& deleted) {
  v.field("name", deleted.name, required);
  v.field("volume", deleted.volume, required);
  v.field("snapshots", deleted.snapshots);
  v.field("maps", deleted.maps);
  v.field("group", deleted.group);
  v.field("deleted_at", deleted.deleted_at);
  v.field("purge_at", deleted.purge_at);
}

template <typename V, Is<Host> T>
void visit_fields(V& v, T& host) {
  v.field("name", host.name, required);
  v.field("os", host.os);
  v.field("initiators", host.initiators);
  v.field("any", host.any);
  v.field("chap", host.chap);
  v.field("dhchap", host.dhchap);
  v.field("addresses", host.addresses);
  v.field("max_sessions", host.max_sessions);
  v.field("asynchronous_events", host.asynchronous_events);
  v.secret("tls_key", host.tls_key);
  v.field("tls_optional", host.tls_optional);
  v.field("comment", host.comment);
}

template <typename V, Is<HostGroup> T>
void visit_fields(V& v, T& group) {
  v.field("name", group.name, required);
  v.field("hosts", group.hosts);
  v.field("comment", group.comment);
}

template <typename V, Is<Portal> T>
void visit_fields(V& v, T& portal) {
  v.field("name", portal.name, required);
  v.field("protocol", portal.protocol);
  v.field("address", portal.address, required);
  v.field("port", portal.port);
  v.field("group_tag", portal.group_tag);
  v.field("discovery_chap", portal.discovery_chap);
  v.field("tls", portal.tls);
  v.field("referrals", portal.referrals);
  v.field("comment", portal.comment);
}

template <typename V, Is<NvmeBounds> T>
void visit_fields(V& v, T& bounds) {
  v.field("io_queues", bounds.io_queues);
  v.field("queue_depth", bounds.queue_depth);
  v.field("in_capsule_bytes", bounds.in_capsule_bytes);
  v.field("max_transfer_bytes", bounds.max_transfer_bytes);
  v.field("first_controller_id", bounds.first_controller_id);
  v.field("last_controller_id", bounds.last_controller_id);
}

template <typename V, Is<Target> T>
void visit_fields(V& v, T& target) {
  v.field("name", target.name, required);
  v.field("protocol", target.protocol);
  v.field("alias", target.alias);
  v.field("portals", target.portals);
  v.field("redirect", target.redirect);
  v.field("redirect_permanent", target.redirect_permanent);
  v.field("max_sessions", target.max_sessions);
  v.field("nvme", target.nvme);
  v.field("comment", target.comment);
}

template <typename V, Is<IsnsServer> T>
void visit_fields(V& v, T& server) {
  v.field("name", server.name, required);
  v.field("address", server.address, required);
  v.field("port", server.port);
  v.field("enabled", server.enabled);
  v.field("entity", server.entity);
  v.field("esi_port", server.esi_port);
  v.field("comment", server.comment);
}

template <typename V, Is<Grant> T>
void visit_fields(V& v, T& grant) {
  v.field("kind", grant.kind, required);
  v.field("name", grant.name);
  v.field("role", grant.role, required);
}

template <typename V, Is<User> T>
void visit_fields(V& v, T& user) {
  v.field("name", user.name, required);
  v.field("role", user.role);
  v.field("source", user.source);
  v.secret("password", user.password);
  v.secret("totp_secret", user.totp_secret);
  v.field("certificate_subjects", user.certificate_subjects);
  v.field("grants", user.grants);
  v.field("disabled", user.disabled);
  v.field("comment", user.comment);
}

template <typename V, Is<Token> T>
void visit_fields(V& v, T& token) {
  v.field("name", token.name, required);
  v.field("user", token.user, required);
  v.field("role", token.role);
  v.field("grants", token.grants);
  v.field("expires_at", token.expires_at);
  v.secret("hash", token.hash);
  v.field("created_at", token.created_at);
  v.field("comment", token.comment);
}

template <typename V, Is<Setting> T>
void visit_fields(V& v, T& setting) {
  v.field("name", setting.name, required);
  v.field("value", setting.value, required);
}

template <typename V, Is<AlertRule> T>
void visit_fields(V& v, T& rule) {
  v.field("name", rule.name, required);
  v.field("metric", rule.metric, required);
  v.field("comparison", rule.comparison);
  v.field("threshold", rule.threshold);
  v.field("for_seconds", rule.for_seconds);
  v.field("severity", rule.severity);
  v.field("message", rule.message);
  v.field("channels", rule.channels);
  v.field("enabled", rule.enabled);
  v.field("comment", rule.comment);
}

template <typename V, Is<AlertChannel> T>
void visit_fields(V& v, T& channel) {
  v.field("name", channel.name, required);
  v.field("kind", channel.kind, required);
  v.field("options", channel.options);
  v.secret("secret", channel.secret);
  v.secret("second_secret", channel.second_secret);
  v.field("lowest_severity", channel.lowest_severity);
  v.field("enabled", channel.enabled);
  v.field("comment", channel.comment);
}

}  // namespace ashlar::api
