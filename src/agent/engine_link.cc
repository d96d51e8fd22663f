#include "agent/engine_link.h"

#include <mutex>
#include <optional>
#include <semaphore>

#include "json/fields.h"
#include "rpc/amendment.h"
#include "rpc/client.h"
#include "rpc/document_fields.h"
#include "rpc/methods.h"
#include "rpc/status_fields.h"

namespace ashlar::agent {
namespace {

using rpc::Json;
constexpr auto longest_answer = std::chrono::seconds(60);
constexpr auto event_poll = std::chrono::seconds(1);
// Resources. Beyond it an amendment saves little.
constexpr size_t most_amended = 1000;
// Each holds a thread of the API while another array takes its time.
constexpr ptrdiff_t most_elsewhere = 4;

/// One connection for questions, made anew when it broke; one more for each follower.
class RpcLink final : public EngineLink {
 public:
  explicit RpcLink(std::function<Result<int>()> connect) : connect_(std::move(connect)) {}

  Result<rpc::ApplyReport> apply(const rpc::Document& document, bool dry_run) override {
    const std::lock_guard lock(applying_);
    if (const auto amended = amend(document, dry_run)) return *amended;
    Result<rpc::ApplyReport> report = apply_whole(document, dry_run);
    if (dry_run) return report;
    given_.reset();
    if (report) given_.emplace(document, report->revision);
    return report;
  }
  Result<rpc::EngineStatus> status() override {
    return ask<rpc::EngineStatus>(rpc::method::status, Json::object());
  }
  Result<rpc::EngineStatus> status_of(const std::string& resources) override {
    return ask<rpc::EngineStatus>(rpc::method::status, Json{{"only", resources}});
  }
  Result<rpc::Stats> stats() override { return ask<rpc::Stats>(rpc::method::stats, Json::object()); }
  Result<rpc::Document> document() override {
    return ask<rpc::Document>(rpc::method::document, Json{{"secrets", true}});
  }
  Result<std::vector<rpc::SessionStatus>> sessions() override {
    TRY_ASSIGN(const Json answer, call(rpc::method::sessions, Json::object()));
    std::vector<rpc::SessionStatus> sessions;
    for (const Json& each : answer.value("sessions", Json::array())) {
      TRY_ASSIGN(rpc::SessionStatus session,
                 rpc::decode<rpc::SessionStatus>(each, "", rpc::Unknown::overlook));
      sessions.push_back(std::move(session));
    }
    return sessions;
  }
  Result<void> drop_session(uint64_t id, const std::string& reason) override {
    TRY(call(rpc::method::session_drop, Json{{"id", id}, {"reason", reason}}));
    return {};
  }
  Result<void> clear_reservations(const std::string& volume) override {
    TRY(call(rpc::method::volume_clear_reservations, Json{{"name", volume}}));
    return {};
  }
  Result<void> forget_unit(const std::string& uuid) override {
    TRY(call(rpc::method::volume_forget, Json{{"uuid", uuid}}));
    return {};
  }
  Result<void> allow_removal(const std::string& volume) override {
    TRY(call(rpc::method::volume_allow_removal, Json{{"name", volume}}));
    return {};
  }
  Result<void> destroy_key(const std::string& id) override {
    TRY(call(rpc::method::key_destroy, Json{{"id", id}}));
    return {};
  }
  Result<void> resize(const std::string& volume, uint64_t size_bytes, bool shrink) override {
    TRY(call(rpc::method::volume_resize, Json{{"name", volume}, {"size", size_bytes}, {"shrink", shrink}}));
    return {};
  }

  Result<Json> ask_elsewhere(std::string_view method, const rpc::InitiatorParams& params) override {
    if (!elsewhere_.try_acquire()) {
      return fail(ErrorCode::exhausted, "",
                  "the engine looks at {} other arrays already: ask again in a moment", most_elsewhere);
    }
    const auto leave = [](std::counting_semaphore<most_elsewhere>* places) { places->release(); };
    const std::unique_ptr<std::counting_semaphore<most_elsewhere>, decltype(leave)> place(&elsewhere_, leave);
    TRY_ASSIGN(rpc::Client client, open());
    Result<Json> answer = client.call(method, rpc::encode(params, rpc::Secrets::show));
    if (answer || !broken(answer.error())) return answer;
    return fail(ErrorCode::closed, "engine", "the engine did not answer {}: {}", method,
                answer.error().message);
  }

  Result<void> pool_level(const rpc::PoolLevelParams& level) override {
    TRY(call(rpc::method::pool_level, rpc::encode(level)));
    return {};
  }

  Result<void> follow(uint64_t since, const std::function<bool(const rpc::Event&)>& take) override {
    TRY_ASSIGN(rpc::Client client, open());
    TRY_ASSIGN(const Json page, client.call(rpc::method::events, Json{{"since", since}, {"wait", true}}));
    for (const Json& each : page.value("events", Json::array())) {
      TRY_ASSIGN(const rpc::Event event, rpc::decode<rpc::Event>(each, "", rpc::Unknown::overlook));
      if (!take(event)) return {};
    }
    client.set_timeout(event_poll);
    while (true) {
      Result<rpc::Response> told = client.next_notification();
      if (!told && told.error().code == ErrorCode::timed_out) {
        if (!take(rpc::Event{})) return {};
        continue;
      }
      if (!told) return std::unexpected(std::move(told).error());
      if (told->method != rpc::method::event_notification) continue;
      TRY_ASSIGN(const rpc::Event event, rpc::decode<rpc::Event>(told->params, "", rpc::Unknown::overlook));
      if (!take(event)) return {};
    }
  }

 private:
  Result<rpc::ApplyReport> apply_whole(const rpc::Document& document, bool dry_run) {
    Json params = Json::object();
    params["document"] = rpc::encode(document, rpc::Secrets::show);
    params["dry_run"] = dry_run;
    return ask<rpc::ApplyReport>(rpc::method::apply, params);
  }

  /// What differs from the last one alone, when the engine still has that one. Nothing: the whole document must be sent, also to
  /// be told an error with places as the caller knows them.
  std::optional<rpc::ApplyReport> amend(const rpc::Document& document, bool dry_run) {
    if (!given_) return {};
    rpc::Amendment amendment = rpc::difference(given_->first, document);
    if (amendment.size() > most_amended) return {};
    Json params = rpc::encode(
        rpc::AmendParams{given_->second, std::move(amendment.changed), std::move(amendment.gone), dry_run},
        rpc::Secrets::show);
    const Result<rpc::ApplyReport> report = ask<rpc::ApplyReport>(rpc::method::amend, params);
    if (!report) return {};
    if (!dry_run) given_.emplace(document, report->revision);
    return *report;
  }

  Result<rpc::Client> open() {
    Result<int> descriptor = connect_();
    if (!descriptor) {
      return fail(ErrorCode::closed, "engine",
                  "the engine does not answer ({}): it is being started again, or look at its log",
                  descriptor.error().text());
    }
    rpc::Client client = rpc::Client::adopt(*descriptor, "engine");
    client.set_timeout(longest_answer);
    return client;
  }

  Result<Json> call(std::string_view method, const Json& params) {
    const std::lock_guard lock(mutex_);
    for (const bool fresh : {false, true}) {
      if (!client_) {
        TRY_ASSIGN(rpc::Client opened, open());
        client_.emplace(std::move(opened));
      }
      Result<Json> answer = client_->call(method, params);
      if (answer || !broken(answer.error())) return answer;
      client_.reset();
      // A connection that an engine of an earlier life left behind breaks on first use; one that was just made does not.
      if (fresh || answer.error().code == ErrorCode::timed_out) {
        return fail(ErrorCode::closed, "engine", "the engine did not answer {}: {}", method,
                    answer.error().message);
      }
    }
    return fail(ErrorCode::closed, "engine", "the engine did not answer {}", method);
  }
  // The line's own errors have the line's name as their place; the engine's have a field or nothing.
  static bool broken(const Error& error) { return error.place == "engine"; }

  template <typename T>
  Result<T> ask(std::string_view method, const Json& params) {
    TRY_ASSIGN(const Json answer, call(method, params));
    return rpc::decode<T>(answer, "", rpc::Unknown::overlook);
  }

  std::function<Result<int>()> connect_;
  std::counting_semaphore<most_elsewhere> elsewhere_{most_elsewhere};
  std::mutex applying_;
  std::optional<std::pair<rpc::Document, uint64_t>> given_;  ///< what was applied last, and its revision
  std::mutex mutex_;
  std::optional<rpc::Client> client_;
};

}  // namespace

std::unique_ptr<EngineLink> make_engine_link(std::function<Result<int>()> connect) {
  return std::make_unique<RpcLink>(std::move(connect));
}

}  // namespace ashlar::agent
