// Verbs of users, tokens, logins and the audit trail.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> create_user(Invocation& invocation);
Result<void> change_password(Invocation& invocation);
Result<void> enroll_totp(Invocation& invocation);
Result<void> issue_certificate(Invocation& invocation);
Result<void> unlock_user(Invocation& invocation);
Result<void> create_token(Invocation& invocation);
Result<void> end_login(Invocation& invocation);
Result<void> list_audit(Invocation& invocation);
Result<void> verify_audit(Invocation& invocation);
Result<void> export_audit(Invocation& invocation);

}  // namespace ashlar::cli
