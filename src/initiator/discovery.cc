#include "initiator/login.h"
#include "wire/iscsi_text.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;

namespace {

/// "192.0.2.7:3260,1" (RFC 7143 4.1.1 and Appendix C)
Result<DiscoveredPortal> parse_portal(std::string_view value) {
  const size_t comma = value.rfind(',');
  if (comma == std::string_view::npos)
    return fail(ErrorCode::protocol_error, "target", "TargetAddress={} has no group tag", value);
  TRY_ASSIGN(const uint64_t tag, iscsi::parse_number("TargetAddress", value.substr(comma + 1)));
  return DiscoveredPortal{std::string(value.substr(0, comma)), static_cast<uint16_t>(tag)};
}

}  // namespace

Result<std::vector<DiscoveredTarget>> parse_targets(std::string_view text) {
  std::vector<DiscoveredTarget> targets;
  while (!text.empty()) {
    const size_t end = text.find('\0');
    if (end == std::string_view::npos)
      return fail(ErrorCode::protocol_error, "target", "a text pair without its NUL");
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      return fail(ErrorCode::protocol_error, "target", "\"{}\" is no key=value pair", pair);
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    if (key == "TargetName") {
      targets.push_back({std::string(value), {}});
    } else if (key == "TargetAddress") {
      if (targets.empty())
        return fail(ErrorCode::protocol_error, "target", "TargetAddress before any TargetName");
      TRY_ASSIGN(auto portal, parse_portal(value));
      targets.back().portals.push_back(std::move(portal));
    }
  }
  return targets;
}

loop::Task<Result<std::vector<DiscoveredTarget>>> discover(loop::Loop& loop, LoginOptions options) {
  options.target_name.clear();
  auto logged_in = co_await login(loop, std::move(options));
  if (!logged_in) co_return std::unexpected(logged_in.error());
  const std::unique_ptr<Session> session = std::move(*logged_in);
  iscsi::TextWriter writer;
  writer.add("SendTargets", "All");
  std::string request = writer.take();
  const auto answer = co_await session->text(std::move(request));
  if (!answer) co_return std::unexpected(answer.error());
  auto targets = parse_targets(*answer);
  const auto left = co_await session->logout();
  if (targets && !left) co_return std::unexpected(left.error());
  co_return targets;
}

}  // namespace ashlar::initiator
