#include "cli/alert_commands.h"

#include "cli/table.h"

namespace ashlar::cli {

Result<void> acknowledge_alert(Invocation& invocation) {
  const std::string id = invocation.text("ID");
  TRY(invocation.act("POST", path_of("/alerts", {id, "acknowledge"})));
  invocation.talk(fmt::format("alert {} is acknowledged\n", printable(id)));
  return {};
}

Result<void> test_channel(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  TRY(invocation.act("POST", path_of("/alert-channels", {name, "test"})));
  invocation.talk(fmt::format("a test message went to {}: see whether it arrived\n", printable(name)));
  return {};
}

}  // namespace ashlar::cli
