// The fields of the status types, in the order in which they are printed. Used by fields.h.
#pragma once

#include "rpc/document_fields.h"
#include "rpc/events.h"
#include "rpc/status.h"

namespace ashlar::rpc {

template <typename V, Is<RegistrationStatus> T>
void visit_fields(V& v, T& registration) {
  v.field("initiator_port", registration.initiator_port);
  v.field("target_port", registration.target_port);
  v.field("key", registration.key);
  v.field("holds", registration.holds);
}

template <typename V, Is<ReservationStatus> T>
void visit_fields(V& v, T& reservations) {
  v.field("type", reservations.type);
  v.field("holder", reservations.holder);
  v.field("persists", reservations.persists);
  v.field("lost", reservations.lost);
  v.field("generation", reservations.generation);
  v.field("registered", reservations.registered);
  v.field("registrations", reservations.registrations);
}

template <typename V, Is<MediumStatus> T>
void visit_fields(V& v, T& medium) {
  v.field("path", medium.path);
  v.field("state", medium.state);
  v.field("prevented", medium.prevented);
}

template <typename V, Is<DeviceStatus> T>
void visit_fields(V& v, T& device) {
  v.field("type", device.type);
  v.field("vendor", device.vendor);
  v.field("product", device.product);
  v.field("revision", device.revision);
  v.field("max_transfer_bytes", device.max_transfer_bytes);
}

template <typename V, Is<PathStatus> T>
void visit_fields(V& v, T& path) {
  v.field("url", path.url, required);
  v.field("state", path.state);
  v.field("authentication", path.authentication);
  v.field("last_error", path.last_error);
  v.field("shards", path.shards);
  v.field("commands", path.commands);
  v.field("reconnects", path.reconnects);
  v.field("losses", path.losses);
  v.field("refused", path.refused);
}

template <typename V, Is<RemoteStatus> T>
void visit_fields(V& v, T& remote) {
  v.field("size_bytes", remote.size_bytes);
  v.field("paths", remote.paths);
}

template <typename V, Is<VolumeStatus> T>
void visit_fields(V& v, T& volume) {
  v.field("name", volume.name, required);
  v.field("state", volume.state);
  v.field("size_bytes", volume.size_bytes);
  v.field("block_bytes", volume.block_bytes);
  v.field("physical_block_bytes", volume.physical_block_bytes);
  v.field("thin", volume.thin);
  v.field("read_only", volume.read_only);
  v.field("write_cache", volume.write_cache);
  v.field("removable", volume.removable);
  v.field("encrypted", volume.encrypted);
  v.field("message", volume.message);
  v.field("identity", volume.identity);
  v.field("store", volume.store);
  v.field("mappings", volume.mappings);
  v.field("sessions", volume.sessions);
  v.field("in_use", volume.in_use);
  v.field("reservations", volume.reservations);
  v.field("medium", volume.medium);
  v.field("device", volume.device);
  v.field("remote", volume.remote);
}

template <typename V, Is<HostStatus> T>
void visit_fields(V& v, T& host) {
  v.field("name", host.name, required);
  v.field("initiators", host.initiators);
  v.field("any", host.any);
  v.field("authentication", host.authentication);
  v.field("sessions", host.sessions);
}

template <typename V, Is<PortalStatus> T>
void visit_fields(V& v, T& portal) {
  v.field("name", portal.name, required);
  v.field("address", portal.address);
  v.field("port", portal.port);
  v.field("group_tag", portal.group_tag);
  v.field("protocol", portal.protocol);
  v.field("listening", portal.listening);
  v.field("connections_accepted", portal.connections_accepted);
}

template <typename V, Is<TargetStatus> T>
void visit_fields(V& v, T& target) {
  v.field("name", target.name, required);
  v.field("alias", target.alias);
  v.field("portals", target.portals);
  v.field("sessions", target.sessions);
}

template <typename V, Is<SessionStatus> T>
void visit_fields(V& v, T& session) {
  v.field("id", session.id, required);
  v.field("shard", session.shard);
  v.field("protocol", session.protocol);
  v.field("target", session.target);
  v.field("initiator", session.initiator);
  v.field("host", session.host);
  v.field("isid", session.isid);
  v.field("tsih", session.tsih);
  v.field("connections", session.connections);
  v.field("local_address", session.local_address);
  v.field("peer_address", session.peer_address);
  v.field("header_digest", session.header_digest);
  v.field("data_digest", session.data_digest);
  v.field("authentication", session.authentication);
  v.field("commands", session.commands);
  v.field("read_bytes", session.read_bytes);
  v.field("written_bytes", session.written_bytes);
  v.field("tasks_in_flight", session.tasks_in_flight);
  v.field("age_seconds", session.age_seconds);
  v.field("commands_by_kind", session.commands_by_kind);
}

template <typename V, Is<PortGroupStatus> T>
void visit_fields(V& v, T& port_group) {
  v.field("group_tag", port_group.group_tag, required);
  v.field("state", port_group.state);
  v.field("preferred", port_group.preferred);
  v.field("changed_by", port_group.changed_by);
}

template <typename V, Is<GroupStatus> T>
void visit_fields(V& v, T& group) {
  v.field("name", group.name, required);
  v.field("volumes", group.volumes);
  v.field("explicit", group.explicit_changes);
  v.field("access", group.access);
  v.field("changed_by", group.changed_by);
}

template <typename V, Is<EngineStatus> T>
void visit_fields(V& v, T& status) {
  v.field("version", status.version);
  v.field("state", status.state);
  v.field("shards", status.shards);
  v.field("uptime_seconds", status.uptime_seconds);
  v.field("applied", status.applied);
  v.field("sessions", status.sessions);
  v.field("volumes", status.volumes);
  v.field("hosts", status.hosts);
  v.field("portals", status.portals);
  v.field("targets", status.targets);
  v.field("mappings", status.mappings);
  v.field("groups", status.groups);
}

template <typename V, Is<OperationStats> T>
void visit_fields(V& v, T& stats) {
  v.field("operation", stats.operation, required);
  v.field("count", stats.count);
  v.field("in_flight", stats.in_flight);
  v.field("bytes", stats.bytes);
  v.field("errors", stats.errors);
  v.field("latency_sum_ns", stats.latency_sum_ns);
  v.field("latency_p50_ns", stats.latency_p50_ns);
  v.field("latency_p99_ns", stats.latency_p99_ns);
  v.field("latency_p999_ns", stats.latency_p999_ns);
  v.field("latency_max_ns", stats.latency_max_ns);
  v.field("latency_ns", stats.latency_ns);
}

template <typename V, Is<VolumeStats> T>
void visit_fields(V& v, T& volume) {
  v.field("name", volume.name, required);
  v.field("operations", volume.operations);
  v.field("counters", volume.counters);
}

template <typename V, Is<ShardStats> T>
void visit_fields(V& v, T& shard) {
  v.field("index", shard.index, required);
  v.field("counters", shard.counters);
}

template <typename V, Is<Stats> T>
void visit_fields(V& v, T& stats) {
  v.field("volumes", stats.volumes);
  v.field("sessions", stats.sessions);
  v.field("shards", stats.shards);
}

template <typename V, Is<StepReport> T>
void visit_fields(V& v, T& step) {
  v.field("kind", step.kind, required);
  v.field("name", step.name);
  v.field("detail", step.detail);
}

template <typename V, Is<DrawnIdentity> T>
void visit_fields(V& v, T& drawn) {
  v.field("volume", drawn.volume, required);
  v.field("identity", drawn.identity);
}

template <typename V, Is<ApplyReport> T>
void visit_fields(V& v, T& report) {
  v.field("dry_run", report.dry_run);
  v.field("changed", report.changed);
  v.field("steps", report.steps);
  v.field("drawn", report.drawn);
  v.field("revision", report.revision);
}

template <typename V, Is<Version> T>
void visit_fields(V& v, T& version) {
  v.field("engine", version.engine, required);
  v.field("protocol", version.protocol);
}

template <typename V, Is<Event> T>
void visit_fields(V& v, T& event) {
  v.field("id", event.id, required);
  v.field("time", event.time);
  v.field("kind", event.kind);
  v.field("fields", event.fields);
}

template <typename V, Is<EventPage> T>
void visit_fields(V& v, T& page) {
  v.field("events", page.events);
  v.field("last", page.last);
  v.field("lost", page.lost);
}

}  // namespace ashlar::rpc
