// What an array that has never been configured begins with, and what is told of every change.
#pragma once

#include <string>

#include "agent/array.h"
#include "agent/event_bus.h"

namespace ashlar::agent {

/// In the state folder, mode 0600, until the password in it was used: the first administrator's way in.
constexpr const char* first_password_file = "first-password";

/// A user `admin` whose password, in `file`, counts for one login, and the rules of alerts. Nothing when there is a user.
Result<void> make_first_configuration(Array& array, const std::string& file);

/// One event for each resource that differs.
void tell_changes(EventBus& events, const View& before, const View& after, const Change& change);

}  // namespace ashlar::agent
