// People and programs: users, tokens, logins, the audit trail.
#include "cli/nouns.h"
#include "cli/user_commands.h"

namespace ashlar::cli {
namespace {

constexpr std::string_view roles = "viewer|operator|admin|none";

constexpr Column user_columns[] = {
    {"NAME", "/name"},
    {"ROLE", "/role"},
    {"SOURCE", "/source"},
    {"DISABLED", "/disabled", Shown::yes_no},
    {"CERTIFICATES", "/certificate_subjects", Shown::list, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument user_fields[] = {
    {.name = "NAME", .help = "The name to log in with", .pointer = "/name", .required = true},
    {.name = "--role",
     .help = "viewer, operator, admin, or none: grants alone",
     .pointer = "/role",
     .completes = roles},
    {.name = "--source",
     .help = "local or ldap",
     .pointer = "/source",
     .completes = "local|ldap",
     .when = When::create},
    {.name = "--password",
     .help = "- asks, @FILE reads; asked for when left out on a terminal",
     .type = Type::secret,
     .pointer = "/password",
     .when = When::create},
    {.name = "--certificate-subject",
     .help = "RFC 2253 names of client certificates that are this user",
     .type = Type::texts,
     .pointer = "/certificate_subjects"},
    {.name = "--grant",
     .help = "ROLE:KIND[:NAME], as in operator:volumes:db*",
     .type = Type::grants,
     .pointer = "/grants"},
    {.name = "--disabled", .help = "May not log in", .type = Type::flag, .pointer = "/disabled"},
    description_argument,
};
constexpr Argument password_arguments[] = {
    {.name = "NAME", .help = "The user", .completes = ".", .required = true},
    {.name = "--password", .help = "@FILE reads it; asked for when left out", .type = Type::secret},
    {.name = "--old-password", .help = "One's own; asked for when left out", .type = Type::secret},
};
constexpr Argument totp_arguments[] = {
    {.name = "NAME", .help = "The user", .completes = ".", .required = true},
    {.name = "--code", .help = "Confirms the enrolment; asked for when left out"},
    {.name = "--remove", .help = "Without a second factor from now on", .type = Type::lone},
};
constexpr Argument certificate_arguments[] = {
    {.name = "NAME", .help = "The user", .completes = ".", .required = true},
    {.name = "--days", .help = "How long it holds; 90 when left out", .type = Type::number},
    {.name = "-f,--file",
     .help = "Where certificate and key go; NAME.pem when left out, - is standard output"},
    {.name = "--revoke", .help = "Instead: make the one with this serial number void"},
};
constexpr Argument unlock_arguments[] = {
    {.name = "NAME", .help = "The user", .completes = ".", .required = true},
};
constexpr Verb user_verbs[] = {
    list_verb,
    show_verb,
    {.name = "create",
     .help = "Make one",
     .run = create_user,
     .alias = "add",
     .takes = Takes::fields_of_create},
    set_verb,
    delete_verb,
    {"password", "A new password", change_password, password_arguments},
    {"totp", "A second factor: codes of an app", enroll_totp, totp_arguments},
    {"certificate", "A client certificate", issue_certificate, certificate_arguments},
    {"unlock", "Take back --disabled", unlock_user, unlock_arguments},
};

constexpr Column token_columns[] = {
    {"NAME", "/name"},
    {"USER", "/user"},
    {"ROLE", "/role"},
    {"EXPIRES", "/expires_at", Shown::time},
    {"CREATED", "/created_at", Shown::time},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument token_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--user",
     .help = "Whose it is; yours when left out",
     .pointer = "/user",
     .completes = "user",
     .when = When::create},
    {.name = "--role", .help = "No more than the user's", .pointer = "/role", .completes = roles},
    {.name = "--grant", .help = "Only this: ROLE:KIND[:NAME]", .type = Type::grants, .pointer = "/grants"},
    {.name = "--expires", .help = "90d, 12h, or a time; never when left out", .when = When::create},
    description_argument,
};
constexpr Verb token_verbs[] = {
    list_verb,
    show_verb,
    {.name = "create",
     .help = "Make one; it is shown this once",
     .run = create_token,
     .alias = "add",
     .takes = Takes::fields_of_create},
    set_verb,
    delete_verb,
};

constexpr Column login_columns[] = {
    {"ID", "/id"},
    {"USER", "/user"},
    {"ADDRESS", "/address"},
    {"SINCE", "/created_at", Shown::time},
    {"LAST SEEN", "/last_used_at", Shown::time},
};
constexpr Verb login_verbs[] = {
    {"list", "Who is logged in to the agent", list_resources},
    {"end", "End one", end_login, id_argument},
};

constexpr Column audit_columns[] = {
    {"ID", "/id"},
    {"TIME", "/time", Shown::time},
    {"ACTOR", "/actor"},
    {"METHOD", "/method"},
    {"PATH", "/path"},
    {"OUTCOME", "/outcome"},
    {"ADDRESS", "/address", Shown::plain, false, true},
    {"DETAIL", "/detail", Shown::plain, false, true},
};
constexpr Argument audit_list_arguments[] = {
    {.name = "--actor", .help = "Only this one's", .completes = "user"},
    {.name = "--after", .help = "Only what came after this id", .type = Type::number},
    {.name = "--limit", .help = "How many at most", .type = Type::number},
};
constexpr Argument audit_export_arguments[] = {
    {.name = "--format", .help = "json or csv", .completes = "json|csv"},
    {.name = "-f,--file", .help = "Where to; standard output when left out"},
    {.name = "--actor", .help = "Only this one's", .completes = "user"},
    {.name = "--after", .help = "Only what came after this id", .type = Type::number},
};
constexpr Verb audit_verbs[] = {
    {"list", "Who did what", list_audit, audit_list_arguments},
    {"verify", "See whether anything was taken out or altered", verify_audit},
    {"export", "All of it, for another system", export_audit, audit_export_arguments},
};

constexpr Noun nouns[] = {
    {.name = "user",
     .collection = "/users",
     .singular = "user",
     .group = "People",
     .help = "Users",
     .columns = user_columns,
     .fields = user_fields,
     .verbs = user_verbs},
    {.name = "token",
     .collection = "/tokens",
     .singular = "token",
     .group = "People",
     .help = "Tokens of programs",
     .columns = token_columns,
     .fields = token_fields,
     .verbs = token_verbs},
    {.name = "agent-login",
     .collection = "/logins",
     .singular = "login",
     .group = "People",
     .help = "Logins to the agent",
     .columns = login_columns,
     .verbs = login_verbs,
     .key = "/id"},
    {.name = "audit",
     .collection = "/audit",
     .singular = "audit record",
     .group = "People",
     .help = "Who did what, and whether the record is whole",
     .columns = audit_columns,
     .verbs = audit_verbs,
     .key = "/id",
     .agent_filters = false},
};

}  // namespace

std::span<const Noun> user_nouns() { return nouns; }

}  // namespace ashlar::cli
