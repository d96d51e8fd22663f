// The bodies that a webhook sends.
#pragma once

#include <string>

#include "notify/notice.h"
#include "notify/webhook.h"

namespace ashlar::notify {

/// JSON in the format of the options: "alertmanager" (its webhook, version 4) or "plain" (the notice's fields). `notice` is clean.
std::string webhook_payload(const WebhookOptions& options, const Notice& notice);

}  // namespace ashlar::notify
