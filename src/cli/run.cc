// The command line of `ashlar`: words to commands.
#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <map>

#include "cli/command.h"

namespace ashlar::cli {
namespace {

std::string default_socket() {
  if (const char* said = std::getenv("ASHLAR_SOCKET"); said != nullptr && *said != '\0') return said;
  struct stat there{};
  const char* beside = "./var/engine.sock";
  return ::stat(beside, &there) == 0 ? beside : "/run/ashlar/engine.sock";
}

// What the words ask for. The options of a subcommand live here while they are parsed and run.
struct Asked {
  Context context;
  Command command;
  std::string file, name, size, reason;
  uint64_t id = 0, since = 0;
  uint32_t grace_seconds = 10;
  bool dry_run = false, follow = false, secrets = false, shrink = false;
};

void add_command(CLI::App& parent, const char* verb, const char* help, Asked& asked, Command command,
                 const std::function<void(CLI::App&)>& options = {}) {
  CLI::App* sub = parent.add_subcommand(verb, help);
  if (options) options(*sub);
  sub->callback([&asked, command = std::move(command)] { asked.command = command; });
}

void add_engine_commands(CLI::App& app, Asked& asked) {
  CLI::App& engine = *app.add_subcommand("engine", "Talk to ashlar-engine itself: for troubleshooting");
  engine.require_subcommand(1);
  add_command(
      engine, "apply", "Put a document in force, all of it or nothing", asked,
      [&asked](const Context& context) { return apply(context, asked.file, asked.dry_run); },
      [&asked](CLI::App& sub) {
        sub.add_option("-f,--file", asked.file, "The document, JSON; - is standard input")->required();
        sub.add_flag("--dry-run", asked.dry_run, "Only tell what would be done");
      });
  add_command(engine, "status", "What is served", asked, show_status);
  add_command(engine, "stats", "Counters and latencies of each volume; -o wide: sessions and shards too",
              asked, show_stats);
  add_command(engine, "sessions", "Who is logged in", asked, list_sessions);
  add_command(
      engine, "session-drop", "End a session; its host may log in again", asked,
      [&asked](const Context& context) { return drop_session(context, asked.id, asked.reason); },
      [&asked](CLI::App& sub) {
        sub.add_option("ID", asked.id, "As `ashlar session list` shows it")->required();
        sub.add_option("--reason", asked.reason, "For the log and the events");
      });
  add_command(
      engine, "resize", "Change a volume's size while hosts use it", asked,
      [&asked](const Context& context) { return resize(context, asked.name, asked.size, asked.shrink); },
      [&asked](CLI::App& sub) {
        sub.add_option("NAME", asked.name, "The volume")->required();
        sub.add_option("SIZE", asked.size, "The new size: 20GiB")->required();
        sub.add_flag("--shrink", asked.shrink, "Allow a smaller size: what lies past the new end is lost");
      });
  add_command(
      engine, "events", "What happened", asked,
      [&asked](const Context& context) { return show_events(context, asked.since, asked.follow); },
      [&asked](CLI::App& sub) {
        sub.add_flag("--follow", asked.follow, "Go on telling");
        sub.add_option("--since", asked.since, "Only events after this id");
      });
  add_command(
      engine, "document", "The document in force, as JSON", asked,
      [&asked](const Context& context) { return show_document(context, asked.secrets); },
      [&asked](CLI::App& sub) { sub.add_flag("--secrets", asked.secrets, "With the CHAP secrets"); });
  add_command(engine, "version", "The version of the engine that runs", asked, show_version);
  add_command(
      engine, "stop", "Stop it cleanly", asked,
      [&asked](const Context& context) { return stop(context, asked.grace_seconds); },
      [&asked](CLI::App& sub) {
        sub.add_option("--grace", asked.grace_seconds, "Seconds for commands in flight")
            ->check(CLI::Range(0, 600));
      });
}

void add_list_commands(CLI::App& app, Asked& asked) {
  CLI::App& volume = *app.add_subcommand("volume", "Volumes")->require_subcommand(1);
  add_command(volume, "list", "All volumes", asked, list_volumes);
  add_command(
      volume, "show", "All about one volume", asked,
      [&asked](const Context& context) { return show_volume(context, asked.name); },
      [&asked](CLI::App& sub) { sub.add_option("NAME", asked.name, "The volume")->required(); });
  const std::tuple<const char*, const char*, Result<void> (*)(const Context&)> nouns[] = {
      {"session", "Sessions of hosts", list_sessions},
      {"target", "Targets", list_targets},
      {"host", "Hosts", list_hosts},
      {"portal", "Portals", list_portals},
  };
  for (const auto& [noun, help, command] : nouns) {
    CLI::App& sub = *app.add_subcommand(noun, help)->require_subcommand(1);
    add_command(sub, "list", "All of them", asked, command);
  }
}

void add_common_options(CLI::App& app, Asked& asked) {
  const std::map<std::string, Format> formats = {
      {"table", Format::table}, {"wide", Format::wide}, {"json", Format::json}, {"name", Format::name}};
  app.add_option("--socket", asked.context.socket_path,
                 "The engine's socket (default: $ASHLAR_SOCKET, ./var/engine.sock, /run/ashlar/engine.sock)");
  app.add_option("-o,--output", asked.context.format, "table, wide, json or name")
      ->transform(CLI::CheckedTransformer(formats));
  app.add_option("--timeout", asked.context.timeout_seconds,
                 "Seconds to wait for an answer; 0: for ever (default 60)")
      ->check(CLI::Range(0, 86400));
}

}  // namespace

int run(const std::vector<std::string>& words, const std::function<void(std::string_view)>& data,
        const std::function<void(std::string_view)>& talk) {
  Asked asked;
  asked.context.data = data;
  asked.context.talk = talk;
  CLI::App app("Ashlar's command line", "ashlar");
  app.require_subcommand(1);
  app.fallthrough();
  add_common_options(app, asked);
  add_engine_commands(app, asked);
  add_list_commands(app, asked);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    data(app.help());
    return exit_ok;
  } catch (const CLI::ParseError& error) {
    talk(fmt::format("ashlar: {}\nsee ashlar --help\n", error.what()));
    return exit_usage;
  }
  if (asked.context.socket_path.empty()) asked.context.socket_path = default_socket();
  const Result<void> outcome = asked.command(asked.context);
  if (outcome) return exit_ok;
  talk(fmt::format("ashlar: {}\n", printable(outcome.error().text())));
  return exit_code_of(outcome.error());
}

}  // namespace ashlar::cli
