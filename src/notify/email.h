// Notices by e-mail (RFC 5321, by libcurl).
#pragma once

#include <string>
#include <vector>

#include "notify/channel.h"
#include "notify/channel_options.h"

namespace ashlar::notify {

struct EmailOptions {
  ServerAddress server;
  std::string user, from, tls, ca_file;
  std::vector<std::string> to;
};

Result<EmailOptions> read_email_options(const api::AlertChannel& channel);
std::unique_ptr<Channel> make_email(EmailOptions options, std::string password);

}  // namespace ashlar::notify
