// Events: a page of them, a stream of them (SSE), or one WebSocket for all that a browser wants to know.
#include <algorithm>
#include <charconv>
#include <set>

#include "agent/call.h"
#include "json/fields.h"

namespace ashlar::agent {
namespace {

using api::Json;

bool may_hear(const access::Principal& principal, const state::EventRow& event) {
  return event.id == 0 || access::may_see(principal, event.topic, event.name);
}

uint64_t number_in(const std::string& text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// `after` of the query, else the Last-Event-ID that a browser sends when it reconnects.
uint64_t resume_point(const Call& call) {
  if (const std::string* after = call.request.query_value("after")) return number_in(*after);
  const std::string* last = http::find_header(call.request.headers, "Last-Event-ID");
  return last == nullptr ? 0 : number_in(*last);
}

bool wants_stream(const http::Request& request) {
  const std::string* accept = http::find_header(request.headers, "Accept");
  return accept != nullptr && accept->find("text/event-stream") != std::string::npos;
}

Answer stream(Call& call) {
  http::Response response{
      200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}}, {}, {}, {}};
  const bool from_now = call.request.query_value("after") == nullptr &&
                        http::find_header(call.request.headers, "Last-Event-ID") == nullptr;
  const uint64_t after = from_now ? UINT64_MAX : resume_point(call);
  response.stream = [&bus = call.service.events, principal = call.principal,
                     after](std::shared_ptr<http::Stream> out) {
    out->write(": events of this array\n\n");
    bus.listen(after, [out, principal](const state::EventRow& event) {
      if (event.id == 0) return out->write(": still here\n\n");
      if (!may_hear(principal, event)) return out->open();
      return out->write(fmt::format("id: {}\nevent: {}.{}\ndata: {}\n\n", event.id, event.topic, event.action,
                                    api::print_json(event_json(event))));
    });
  };
  return response;
}

Answer list(Call& call) {
  if (wants_stream(call.request)) return stream(call);
  const uint64_t after = resume_point(call);
  ROUTE_TRY_ASSIGN(const std::vector<state::EventRow> rows,
                   call.service.database.events({call.query.value("limit", size_t{100}), after, {}}));
  Json items = Json::array();
  uint64_t last = after;
  for (const state::EventRow& each : rows) {
    last = each.id;
    if (may_hear(call.principal, each)) items.push_back(event_json(each));
  }
  return json_response(
      200, {{"items", std::move(items)}, {"first", call.service.database.first_event()}, {"last", last}});
}

/// What one WebSocket wants to hear.
struct Subscription {
  std::mutex mutex;
  std::set<std::string> topics;
  bool all = false;
  bool listening = false;
};

void take_message(EventBus& bus, const access::Principal& principal,
                  const std::shared_ptr<http::Socket>& socket, const std::shared_ptr<Subscription>& wanted,
                  const std::string& message) {
  const auto json = api::parse_json(message);
  if (!json || !json->is_object() || !json->contains("subscribe") || !(*json)["subscribe"].is_array()) {
    socket->write("{\"error\":\"say {\\\"subscribe\\\":[\\\"volumes\\\", ...],\\\"after\\\":ID}\"}");
    return;
  }
  bool first = false;
  {
    const std::lock_guard lock(wanted->mutex);
    wanted->topics.clear();
    wanted->all = false;
    for (const Json& each : (*json)["subscribe"]) {
      if (!each.is_string()) continue;
      wanted->topics.insert(each.get<std::string>());
      wanted->all = wanted->all || each == "*";
    }
    first = !wanted->listening;
    wanted->listening = true;
  }
  if (!first) return;
  const uint64_t after = json->contains("after") && (*json)["after"].is_number_unsigned()
                             ? (*json)["after"].get<uint64_t>()
                             : UINT64_MAX;
  bus.listen(after, [socket, principal, wanted](const state::EventRow& event) {
    if (event.id == 0 || !may_hear(principal, event)) return socket->open();
    {
      const std::lock_guard lock(wanted->mutex);
      if (!wanted->all && !wanted->topics.contains(event.topic)) return socket->open();
    }
    return socket->write(api::print_json(event_json(event)));
  });
}

// A page of another site can open a WebSocket here and the browser sends our cookie along: only our own pages may.
bool foreign_origin(const http::Request& request) {
  const std::string* origin = http::find_header(request.headers, "Origin");
  const std::string* host = http::find_header(request.headers, "Host");
  if (origin == nullptr) return false;
  return host == nullptr || *origin != "https://" + *host;
}

Answer open_socket(Call& call) {
  if (foreign_origin(call.request))
    return std::unexpected(Problem({ErrorCode::permission_denied, "Origin", "is not this array's own"}));
  http::Response response = response_of(
      Problem({ErrorCode::invalid_argument, "Upgrade", "this is a WebSocket: ask for \"Upgrade: websocket\""},
              400),
      call.trace_id);
  response.socket = [&bus = call.service.events,
                     principal = call.principal](std::shared_ptr<http::Socket> socket) {
    const auto wanted = std::make_shared<Subscription>();
    // The handler holds the socket, and is let go of with its peer.
    socket->on_message([&bus, principal, socket, wanted](std::optional<std::string> message) {
      if (message) take_message(bus, principal, socket, wanted, *message);
    });
  };
  return response;
}

}  // namespace

void add_event_routes(Routes& routes) {
  routes["listEvents"] = list;
  routes["openEventSocket"] = open_socket;
}

}  // namespace ashlar::agent
