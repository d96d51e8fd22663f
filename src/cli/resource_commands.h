// What the commands of single nouns build on.
#pragma once

#include <string>

#include "cli/change.h"
#include "cli/invocation.h"

namespace ashlar::cli {

/// All items of a list, page after page, filtered and sorted as the options say, by the agent or here. At most 100000.
Result<Json> fetch_items(Invocation& invocation, const Noun& noun);
/// The same with another filter than that of the options.
Result<Json> fetch_items(Invocation& invocation, const Noun& noun, const std::string& filter);
/// The options' filter and sort, for lists that the agent gives as they are.
Result<Json> filtered_here(const Invocation& invocation, const Json& items);
/// The same for any path, without options.
Result<Json> fetch_all(Invocation& invocation, const std::string& path);
/// POSTs `body` to the noun's collection.
Result<void> send_create(Invocation& invocation, Json body, const std::string& name);
/// The fields of the verb as a body.
Result<Json> create_body(Invocation& invocation);
/// `PATH?name=value&...`; empty values are left out.
std::string with_query(const std::string& path,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> query);

}  // namespace ashlar::cli
