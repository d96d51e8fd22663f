#include "engine/door.h"

#include <algorithm>

#include "base/log.h"
#include "engine/door_client.h"
#include "engine/initiator_requests.h"
#include "loop/on_worker.h"
#include "rpc/methods.h"
#include "rpc/status_fields.h"

namespace ashlar::engine {
namespace {

using rpc::Json;
namespace method = rpc::method;

template <typename Params>
Result<Params> params_of(const rpc::Request& request) {
  return rpc::decode<Params>(request.params, "", rpc::Unknown::refuse);
}

Error unknown_method(const std::string& name) {
  const std::string advice = rpc::advice(
      name, {method::apply, method::amend, method::document, method::status, method::stats, method::sessions,
             method::session_drop, method::volume_resize, method::volume_clear_reservations,
             method::volume_allow_removal, method::volume_forget, method::pool_level, method::key_destroy,
             method::events, method::version, method::stop});
  return Error{ErrorCode::unsupported, "method", fmt::format("there is no method \"{}\"{}", name, advice)};
}

constexpr std::string_view acts[] = {method::session_drop,         method::volume_resize,
                                     method::pool_level,           method::volume_clear_reservations,
                                     method::volume_allow_removal, method::volume_forget,
                                     method::key_destroy};

/// Answers that grow with all that is served: megabytes of text for a thousand volumes, not for a shard that serves.
bool is_large(std::string_view name) {
  return name == method::stats || name == method::status || name == method::document ||
         name == method::sessions;
}

/// `encode` on a worker; what it reads lives until the answer is there.
template <typename Encode>
loop::Task<Result<Json>> encoded(Encode encode) {
  auto encoding = loop::on_worker(loop::Loop::current(), std::move(encode));
  co_return co_await encoding;
}

std::string printed(const Json& id, const Result<Json>& outcome) {
  if (!outcome) return rpc::print_error(id, outcome.error());
  std::string line = rpc::print_result(id, *outcome);
  if (line.size() <= rpc::max_line_bytes) return line;
  return rpc::print_error(
      id, Error{ErrorCode::exhausted, "",
                fmt::format("the answer has {} bytes; a line holds {}", line.size(), rpc::max_line_bytes)});
}

}  // namespace

Door::Door(Engine& engine, DoorOptions options) : engine_(engine), options_(std::move(options)) {}
Door::~Door() {
  CHECK(clients_.empty() && !listener_, "the door was destroyed with {} clients", clients_.size());
}

Result<void> Door::open() {
  loop::ListenOptions options;
  options.unix_mode = 0600;
  options.backlog = 64;
  TRY_ASSIGN(listener_, loop::Loop::current().listen(loop::Endpoint{options_.path, 0}, options, *this));
  log_info("engine.door", "listening socket={}", options_.path);
  return {};
}

loop::Task<void> Door::close() {
  closing_ = true;
  listener_.reset();
  for (const std::shared_ptr<Client>& client : clients_) client->close();
  if (!clients_.empty()) co_await empty_;
}

void Door::accepted(std::unique_ptr<loop::Stream> stream) {
  auto client = std::make_shared<Client>(engine_.events());
  if (clients_.size() >= options_.most_clients) {
    const std::string refusal = rpc::print_error(
        Json(), Error{ErrorCode::exhausted, "",
                      fmt::format("{} clients are connected already; try again later", clients_.size())});
    const iovec part{const_cast<char*>(refusal.data()), refusal.size()};
    if (stream->send({&part, 1}) < 0) log_debug("engine.door", "a client too many could not be told");
    return;
  }
  clients_.insert(client);
  client->begin(std::move(stream));
  serve(std::move(client)).detach();
}

loop::Task<void> Door::serve(std::shared_ptr<Client> client) {
  while (true) {
    std::optional<std::string> line = client->take_line();
    if (line) {
      auto handling = handle(*client, std::move(*line));
      co_await handling;
      continue;
    }
    if (client->take_line_too_long()) {
      client->send(rpc::print_error(Json(), rpc::invalid_request,
                                    Error{ErrorCode::out_of_range, "",
                                          fmt::format("a line has at most {} bytes", rpc::max_line_bytes)}));
    }
    if (client->over()) break;
    client->changed().reset();
    co_await client->changed();
  }
  client->close();
  clients_.erase(client);
  if (closing_ && clients_.empty()) empty_.set();
}

// A whole document takes as long to read as it is long.
loop::Task<std::expected<rpc::Request, rpc::BadRequest>> Door::parse(std::string line) {
  constexpr size_t short_bytes = 16384;
  if (line.size() <= short_bytes) co_return rpc::parse_request(line);
  auto parsing = loop::on_worker(loop::Loop::current(), [&line] { return rpc::parse_request(line); });
  co_return co_await parsing;
}

loop::Task<void> Door::handle(Client& client, std::string line) {
  if (line.find_first_not_of(" \r") == std::string::npos) co_return;
  auto parsing = parse(std::move(line));
  std::expected<rpc::Request, rpc::BadRequest> request = co_await parsing;
  if (!request) {
    client.send(rpc::print_error(request.error().id, request.error().code, request.error().error));
    co_return;
  }
  const Json id = request->id;
  const bool wants_answer = request->wants_answer;
  if (request->method == method::events) {
    const Result<Json> page = begin_events(client, *request);
    if (wants_answer) client.send(printed(id, page));
    co_return;
  }
  if (request->method == method::stop) {
    const auto params = params_of<rpc::StopParams>(*request);
    const bool possible = params && options_.stop_asked;
    const Error refusal =
        params ? Error{ErrorCode::unsupported, "", "this engine cannot be stopped by its socket"}
               : params.error();
    const Result<Json> outcome =
        possible ? Result<Json>(Json::object()) : Result<Json>(std::unexpected(refusal));
    if (wants_answer) client.send(printed(id, outcome));
    if (possible) options_.stop_asked(loop::seconds(params->grace_seconds));
    co_return;
  }
  const bool large = is_large(request->method);
  auto working = answer(std::move(*request));
  Result<Json> outcome = co_await working;
  if (!wants_answer) co_return;
  if (large) {
    auto printing = loop::on_worker(loop::Loop::current(), [&id, &outcome] {
      const Result<Json> taken = std::move(outcome);
      return printed(id, taken);
    });
    client.send(co_await printing);
    co_return;
  }
  const bool unknown =
      !outcome && outcome.error().code == ErrorCode::unsupported && outcome.error().place == "method";
  client.send(unknown ? rpc::print_error(id, rpc::method_not_found, outcome.error()) : printed(id, outcome));
}

Result<Json> Door::begin_events(Client& client, const rpc::Request& request) {
  TRY_ASSIGN(const rpc::EventsParams params, params_of<rpc::EventsParams>(request));
  Json page = rpc::encode(engine_.events().since(params.since));
  if (params.wait) client.subscribe();
  return page;
}

Door::Answer Door::apply(rpc::Request request) {
  auto decoding = loop::on_worker(loop::Loop::current(), [&request] {
    const rpc::Request taken = std::move(request);
    return params_of<rpc::ApplyParams>(taken);
  });
  Result<rpc::ApplyParams> params = co_await decoding;
  if (!params) {
    // "volumes[0].name", as in the document that the caller wrote.
    Error error = std::move(params).error();
    if (error.place.starts_with("document.")) error.place.erase(0, 9);
    co_return std::unexpected(std::move(error));
  }
  auto applying = engine_.apply(std::move(params->document), params->dry_run);
  const Result<rpc::ApplyReport> report = co_await applying;
  if (!report) co_return std::unexpected(report.error());
  co_return rpc::encode(*report);
}

Door::Answer Door::amend(rpc::Request request) {
  CO_TRY_ASSIGN(rpc::AmendParams params, params_of<rpc::AmendParams>(request));
  request.params = Json();
  rpc::Amendment amendment{std::move(params.changed), std::move(params.gone)};
  auto amending = engine_.amend(params.base, std::move(amendment), params.dry_run);
  const Result<rpc::ApplyReport> report = co_await amending;
  if (!report) co_return std::unexpected(report.error());
  co_return rpc::encode(*report);
}

// What is done to a session or a volume beside the document.
Door::Answer Door::act(rpc::Request request) {
  const std::string& name = request.method;
  if (name == method::session_drop) {
    CO_TRY_ASSIGN(rpc::SessionDropParams params, params_of<rpc::SessionDropParams>(request));
    if (params.reason.empty()) params.reason = "dropped by the administrator";
    auto dropping = engine_.drop_session(params.id, std::move(params.reason));
    const Result<void> outcome = co_await dropping;
    CO_TRY(outcome);
    co_return Json::object();
  }
  if (name == method::volume_resize) {
    CO_TRY_ASSIGN(rpc::VolumeResizeParams params, params_of<rpc::VolumeResizeParams>(request));
    auto resizing = engine_.resize(std::move(params.name), params.size_bytes, params.shrink);
    const Result<rpc::VolumeStatus> status = co_await resizing;
    if (!status) co_return std::unexpected(status.error());
    co_return rpc::encode(*status);
  }
  if (name == method::pool_level) {
    CO_TRY_ASSIGN(const rpc::PoolLevelParams params, params_of<rpc::PoolLevelParams>(request));
    engine_.take_pool_level(params);
    co_return Json::object();
  }
  if (name == method::volume_clear_reservations) {
    CO_TRY_ASSIGN(rpc::VolumeParams params, params_of<rpc::VolumeParams>(request));
    auto clearing = engine_.clear_reservations(std::move(params.name));
    const Result<void> outcome = co_await clearing;
    CO_TRY(outcome);
    co_return Json::object();
  }
  if (name == method::volume_allow_removal) {
    CO_TRY_ASSIGN(rpc::VolumeParams params, params_of<rpc::VolumeParams>(request));
    auto allowing = engine_.allow_removal(std::move(params.name));
    const Result<void> outcome = co_await allowing;
    CO_TRY(outcome);
    co_return Json::object();
  }
  if (name == method::key_destroy) {
    CO_TRY_ASSIGN(rpc::KeyParams params, params_of<rpc::KeyParams>(request));
    auto destroying = engine_.destroy_key(std::move(params.id));
    const Result<void> outcome = co_await destroying;
    CO_TRY(outcome);
    co_return Json::object();
  }
  CO_TRY_ASSIGN(rpc::VolumeForgetParams params, params_of<rpc::VolumeForgetParams>(request));
  auto forgetting = engine_.forget(std::move(params.uuid));
  const Result<void> outcome = co_await forgetting;
  CO_TRY(outcome);
  co_return Json::object();
}

Door::Answer Door::answer(rpc::Request request) {
  const std::string& name = request.method;
  if (name == method::amend) {
    auto amending = amend(std::move(request));
    co_return co_await amending;
  }
  if (name == method::apply) {
    auto applying = apply(std::move(request));
    co_return co_await applying;
  }
  if (std::ranges::find(acts, name) != std::end(acts)) {
    auto acting = act(std::move(request));
    co_return co_await acting;
  }
  if (is_initiator_method(name)) {
    CO_TRY_ASSIGN(rpc::InitiatorParams params, params_of<rpc::InitiatorParams>(request));
    auto asking = answer_as_initiator(name, std::move(params));
    co_return co_await asking;
  }
  if (name == method::document) {
    CO_TRY_ASSIGN(const rpc::DocumentParams params, params_of<rpc::DocumentParams>(request));
    const std::shared_ptr<const rpc::Document> document = engine_.shared_document();
    auto encoding = encoded([&document, &params]() -> Result<Json> {
      return rpc::encode(*document, params.secrets ? rpc::Secrets::show : rpc::Secrets::redact);
    });
    co_return co_await encoding;
  }
  if (name == method::status) {
    CO_TRY_ASSIGN(rpc::StatusParams params, params_of<rpc::StatusParams>(request));
    auto asking = engine_.status(std::move(params.only));
    rpc::EngineStatus status = co_await asking;
    auto encoding = encoded([&status]() -> Result<Json> {
      const rpc::EngineStatus taken = std::move(status);
      return rpc::encode(taken);
    });
    co_return co_await encoding;
  }
  const bool known = name == method::stats || name == method::sessions || name == method::version;
  if (!known) co_return std::unexpected(unknown_method(name));
  CO_TRY(params_of<rpc::NoParams>(request));
  if (name == method::stats) {
    auto asking = engine_.stats();
    rpc::Stats stats = co_await asking;
    auto encoding = encoded([&stats]() -> Result<Json> {
      const rpc::Stats taken = std::move(stats);
      return rpc::encode(taken);
    });
    co_return co_await encoding;
  }
  if (name == method::sessions) {
    auto asking = engine_.sessions();
    std::vector<rpc::SessionStatus> sessions = co_await asking;
    auto encoding = encoded([&sessions]() -> Result<Json> {
      const std::vector<rpc::SessionStatus> taken = std::move(sessions);
      Json list = Json::array();
      for (const rpc::SessionStatus& session : taken) list.push_back(rpc::encode(session));
      Json result = Json::object();
      result["sessions"] = std::move(list);
      return result;
    });
    co_return co_await encoding;
  }
  co_return rpc::encode(rpc::Version{engine_.options().version});
}

}  // namespace ashlar::engine
