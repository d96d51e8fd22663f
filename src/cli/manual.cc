// `ashlar man`: the manual page, made of the command tree itself so that it forgets nothing.
#include <CLI/CLI.hpp>

#include "cli/program_commands.h"
#include "cli/tree.h"
#include "cli/version.h"

namespace ashlar::cli {
namespace {

// Text as roff takes it literally.
std::string roff(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\\') {
      safe += "\\e";
    } else if (c == '-') {
      safe += "\\-";
    } else {
      safe += c;
    }
  }
  return safe.starts_with('.') || safe.starts_with('\'') ? "\\&" + safe : safe;
}

std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames())
    names += fmt::format("{}-{}", names.empty() ? "" : ", ", name);
  for (const std::string& name : option.get_lnames())
    names += fmt::format("{}--{}", names.empty() ? "" : ", ", name);
  if (names.empty()) names = option.get_name();
  const bool flag = option.get_items_expected_max() == 0;
  return !flag && option.nonpositional() ? fmt::format("{} {}", names, option.get_type_name()) : names;
}

void add_option_lines(std::string& page, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames() == std::vector<std::string>{"help"} && app.get_parent() != nullptr) continue;
    page += fmt::format(".TP\n.B {}\n{}\n", roff(names_of(*option)), roff(option->get_description()));
  }
}

void add_commands(std::string& page, const CLI::App& app, const std::string& before) {
  for (const CLI::App* sub : app.get_subcommands({})) {
    const std::string name = fmt::format("{} {}", before, sub->get_name());
    const bool is_noun = !sub->get_subcommands({}).empty();
    std::string line = name;
    for (const CLI::Option* option : sub->get_options()) {
      if (!option->nonpositional()) line += " " + option->get_name();
    }
    if (is_noun) {
      page += fmt::format(".SS {}\n{}.\n", roff(name), roff(sub->get_description()));
    } else {
      page += fmt::format(".PP\n.B {}\n.br\n{}.\n", roff(line), roff(sub->get_description()));
      std::string options;
      add_option_lines(options, *sub);
      if (!options.empty()) page += ".RS\n" + options + ".RE\n";
    }
    add_commands(page, *sub, name);
  }
}

constexpr char description[] = R"(.SH DESCRIPTION
.B ashlar
manages storage arrays through their agent. A command is a noun, a verb and a name; options may stand anywhere. Data goes to
standard output, talk to standard error. Changes may be tried with
.BR \-\-dry\-run ,
which shows what would be done and whom it would disturb; those that interrupt hosts or destroy data need
.B \-\-force
or a yes on the terminal.
)";

constexpr char rest[] = R"(.SH EXIT STATUS
0 well done, 1 failed, 2 wrong use, 3 not found, 4 conflict, 5 denied, 6 out of time.
.SH ENVIRONMENT
.TP
.B ASHLAR_URL
The array that is meant: https://HOST:8443 or unix:PATH.
.TP
.B ASHLAR_TOKEN
The token to show it.
.TP
.B ASHLAR_AGENT_SOCKET
The socket of the agent on this machine.
.TP
.B ASHLAR_SOCKET
The socket of the engine, for ashlar engine.
.TP
.B NO_COLOR
Without colours.
.SH FILES
.TP
.I ~/.config/ashlar/arrays.json
The arrays that are known, with their fingerprints and tokens; readable by its owner alone.
.TP
.I ~/.config/ashlar/history
What was typed in ashlar shell.
.SH EXAMPLES
.nf
ashlar login https://array1:8443
ashlar status
ashlar pool create p0 \-\-kind dir \-\-path /srv/p0
ashlar volume create db1 \-\-pool p0 \-\-size 2TiB
ashlar host add esx01 \-\-os esxi \-\-initiator iqn.1998\-01.com.vmware:esx01
ashlar map create db1 \-\-host esx01
ashlar connect show db1 \-\-host esx01
ashlar volume resize db1 +500GiB \-\-dry\-run
.fi
)";

}  // namespace

Result<void> print_manual(Invocation& invocation) {
  Asked asked;
  const std::shared_ptr<CLI::App> tree = make_tree(asked);
  std::string page = fmt::format(".TH ASHLAR 1 \"\" \"ashlar {}\" \"User Commands\"\n", program_version);
  page += ".SH NAME\nashlar \\- the command line of Ashlar storage arrays\n";
  page += ".SH SYNOPSIS\n.B ashlar\n[options] NOUN VERB [NAME] [options]\n";
  page += description;
  page += ".SH OPTIONS\nThese may stand on any line.\n";
  add_option_lines(page, *tree);
  page += ".SH COMMANDS\n";
  add_commands(page, *tree, "ashlar");
  page += rest;
  invocation.data(page);
  return {};
}

}  // namespace ashlar::cli
