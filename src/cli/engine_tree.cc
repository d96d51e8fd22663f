// The commands of `ashlar engine`.
#include <CLI/CLI.hpp>

#include <memory>

#include "cli/initiator_commands.h"
#include "cli/tree.h"

namespace ashlar::cli {
namespace {

void add_command(CLI::App& parent, const char* verb, const char* help, Asked& asked, EngineCommand command,
                 const std::function<void(CLI::App&)>& options = {}) {
  CLI::App* sub = parent.add_subcommand(verb, help);
  if (options) options(*sub);
  sub->callback([&asked, command = std::move(command)] { asked.engine = command; });
}

void add_reading_commands(CLI::App& engine, Asked& asked) {
  add_command(engine, "status", "What is served", asked, show_status);
  add_command(engine, "stats", "Counters and latencies of each volume; -o wide: sessions and shards too",
              asked, show_stats);
  add_command(engine, "sessions", "Who is logged in", asked, list_sessions);
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
}

void add_initiator_commands(CLI::App& engine, Asked& asked) {
  // CLI11 writes into it when the words are parsed, after this function is over.
  const auto words = std::make_shared<InitiatorWords>();
  const auto options = [words](CLI::App& sub) {
    sub.add_option("URL", words->urls, "iscsi://ADDRESS[/IQN/LUN] or nvme-tcp://ADDRESS[/NQN/NAMESPACE]")
        ->required();
    sub.add_option("--user", words->user, "Our CHAP name");
    sub.add_option("--secret-file", words->secret_file,
                   "The file that has our CHAP secret; - is standard input");
    sub.add_option("--mutual-user", words->mutual_user, "The target's CHAP name");
    sub.add_option("--mutual-secret-file", words->mutual_secret_file,
                   "The file that has the target's CHAP secret");
    sub.add_option("--dhchap-key-file", words->dhchap_key_file,
                   "The file that has our DH-HMAC-CHAP key, DHHC-1:...");
    sub.add_option("--dhchap-controller-key-file", words->dhchap_controller_key_file,
                   "The file that has the controller's DH-HMAC-CHAP key");
    sub.add_option("--tls-key-file", words->tls_key_file,
                   "The file that has our key of TLS over NVMe/TCP, NVMeTLSkey-1:...");
    sub.add_option("--initiator", words->initiator, "Our iSCSI name");
    sub.add_option("--host-nqn", words->host_nqn, "Our NVMe name");
  };
  add_command(
      engine, "discover", "The targets of another array's portal, as the engine sees it", asked,
      [words](const Context& context) { return discover_targets(context, *words); }, options);
  add_command(
      engine, "inspect", "A unit of another array, by all the paths that are given", asked,
      [words](const Context& context) { return inspect_unit(context, *words); }, options);
}

}  // namespace

void add_engine_commands(CLI::App& app, Asked& asked) {
  CLI::App& engine = *app.add_subcommand("engine", "Talk to ashlar-engine itself: for troubleshooting");
  engine.require_subcommand(1)->group("Operation");
  add_command(
      engine, "apply", "Put a document in force, all of it or nothing", asked,
      [&asked](const Context& context) { return apply(context, asked.file, asked.options.dry_run); },
      [&asked](CLI::App& sub) {
        sub.add_option("-f,--file", asked.file, "The document, JSON; - is standard input")->required();
      });
  add_reading_commands(engine, asked);
  add_initiator_commands(engine, asked);
  add_command(
      engine, "session-drop", "End a session; its host may log in again", asked,
      [&asked](const Context& context) { return drop_session(context, asked.id, asked.reason); },
      [&asked](CLI::App& sub) {
        sub.add_option("ID", asked.id, "As `ashlar engine sessions` shows it")->required();
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
      engine, "stop", "Stop it cleanly", asked,
      [&asked](const Context& context) { return stop(context, asked.grace_seconds); },
      [&asked](CLI::App& sub) {
        sub.add_option("--grace", asked.grace_seconds, "Seconds for commands in flight")
            ->check(CLI::Range(0, 600));
      });
}

}  // namespace ashlar::cli
