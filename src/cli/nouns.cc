#include "cli/nouns.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>

namespace ashlar::cli {

std::vector<const Noun*> all_nouns() {
  std::vector<const Noun*> all;
  for (const auto list : {storage_nouns(), host_nouns(), target_nouns(), access_nouns(), operation_nouns(),
                          alert_nouns(), user_nouns(), program_nouns()}) {
    for (const Noun& noun : list) all.push_back(&noun);
  }
  return all;
}

const Noun* find_noun(std::string_view name) {
  for (const Noun* noun : all_nouns()) {
    if (noun->name == name) return noun;
  }
  return nullptr;
}

const Noun* find_collection(std::string_view plural) {
  for (const Noun* noun : all_nouns()) {
    if (!noun->collection.empty() && noun->collection.substr(1) == plural) return noun;
  }
  return nullptr;
}

const Verb* find_verb(const Noun& noun, std::string_view name) {
  for (const Verb& verb : noun.verbs) {
    if (verb.name == name || (!verb.alias.empty() && verb.alias == name)) return &verb;
  }
  return nullptr;
}

std::string_view derived_name(std::string_view prefix, std::string_view option) {
  static std::mutex mutex;
  static std::map<std::string, std::string, std::less<>> names;  // nodes do not move
  const std::lock_guard lock(mutex);
  option.remove_prefix(std::min<size_t>(2, option.size()));
  std::string name = fmt::format("--{}-{}", prefix, option);
  return names.try_emplace(name, name).first->second;
}

std::vector<Argument> arguments_of(const Noun& noun, const Verb& verb) {
  std::vector<Argument> all(verb.arguments.begin(), verb.arguments.end());
  if (verb.takes == Takes::own) return all;
  const bool creates = verb.takes == Takes::fields_of_create;
  // A field that is positional on create ("NAME", or a map's "VOLUME") names the resource; `set` takes the name instead.
  if (!creates) all.push_back(name_argument[0]);
  for (const Argument& field : noun.fields) {
    const bool positional = !field.name.starts_with("-");
    if (!creates && positional) continue;
    if (field.when == (creates ? When::set : When::create)) continue;
    all.push_back(field);
    if (creates) continue;
    all.back().required = false;
    if (field.type != Type::list && field.type != Type::texts) continue;
    for (const std::string_view prefix : {"add", "remove"}) {
      Argument more = field;
      more.name = derived_name(prefix, field.name);
      more.help = prefix == "add" ? "One more, beside those there are" : "Without this one";
      more.required = false;
      all.push_back(more);
    }
  }
  return all;
}

}  // namespace ashlar::cli
