// A way out for notices: e-mail, webhook, syslog or SNMP trap.
#pragma once

#include <memory>

#include "api/resources.h"
#include "base/result.h"
#include "notify/notice.h"

namespace ashlar::notify {

/// One channel, with its secrets in plain text. deliver() blocks: 20 s at most. It may be called from any thread, by one at a
/// time. Errors name what failed ("options.server", "secret"), never a secret.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual Result<void> deliver(const Notice& notice) = 0;
};
/// Errors name the option ("options.url"). Kinds: email, webhook, syslog, snmp; docs/alerts.md lists their options.
Result<std::unique_ptr<Channel>> make_channel(const api::AlertChannel& channel);
/// The rules of the options alone: used when the configuration is checked.
Result<void> check_channel(const api::AlertChannel& channel);
/// The rules of the secrets, which must be in plain text here (not "secret:ID"). make_channel() asks for them too.
Result<void> check_channel_secrets(const api::AlertChannel& channel);

/// True when the channel is enabled and the notice is severe enough for it. A test is always taken.
bool takes(const api::AlertChannel& channel, const Notice& notice);

}  // namespace ashlar::notify
