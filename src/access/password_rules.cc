// What makes a password too easy: the tries that come first in every list of leaked ones.
#include <algorithm>
#include <array>
#include <bitset>
#include <cstdlib>

#include "access/password.h"

namespace ashlar::access {
namespace {

constexpr size_t min_distinct_characters = 5;

/// The most used passwords and parts of passwords, folded; a longer one stands before those that are part of it.
constexpr auto trivial_words = std::to_array<std::string_view>(
    {"administrator", "1q2w3e4r5t6y", "1qaz2wsx3edc", "qazwsxedcrfv", "qwertyuiop", "1234567890",
     "0987654321",    "9876543210",   "1q2w3e4r5t",   "liverpool",    "zaq12wsx",   "asdfghjkl",
     "1qaz2wsx",      "qazwsxedc",    "987654321",    "123456789",    "password",   "passwort",
     "iloveyou",      "princess",     "sunshine",     "football",     "baseball",   "superman",
     "trustno1",      "changeme",     "whatever",     "starwars",     "computer",   "michelle",
     "12345678",      "87654321",     "1q2w3e4r",     "welcome",      "letmein",    "charlie",
     "default",       "zxcvbnm",      "1234567",      "q1w2e3r4",     "asdfgh",     "qwertz",
     "qwerty",        "azerty",       "monkey",       "dragon",       "master",     "secret",
     "shadow",        "summer",       "winter",       "spring",       "autumn",     "ashlar",
     "abc123",        "123456",       "654321",       "admin",        "login",      "guest",
     "hello",         "12345",        "1234",         "root"});

std::string folded(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// "p4$$w0rd" is "password" to those who guess.
std::string without_disguise(std::string text) {
  constexpr std::string_view disguised = "01345789@$!|";
  constexpr std::string_view plain = "oleastbgasii";
  static_assert(disguised.size() == plain.size());
  for (char& c : text) {
    const size_t found = disguised.find(c);
    if (found != std::string_view::npos) c = plain[found];
  }
  return text;
}

/// A NUL stands where the word stood, so that the pieces beside it do not make a new one.
void cut_out(std::string& text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + word.size())) {
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), word.size(), '\0');
  }
}

size_t distinct_characters_without_words(std::string text, std::string_view user) {
  if (user.size() >= 3) cut_out(text, user);
  for (const std::string_view word : trivial_words) cut_out(text, word);
  std::bitset<256> seen;
  for (const char c : text) seen.set(static_cast<uint8_t>(c));
  seen.reset(0);
  return seen.count();
}

/// "abcdefghijkl", "98765432109876", "aaaabbbbcccc": three of four characters are the one before, or next to it.
bool is_sequence(std::string_view text) {
  size_t near = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    const int step = std::abs(static_cast<uint8_t>(text[i]) - static_cast<uint8_t>(text[i - 1]));
    if (step <= 1 || step == '9' - '0') ++near;
  }
  return near * 4 >= (text.size() - 1) * 3;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

Result<void> check_password(std::string_view password, std::string_view user, std::string_view place) {
  if (password.size() > max_password_bytes) {
    return fail(ErrorCode::out_of_range, std::string(place), "a password has at most {} bytes; this has {}",
                max_password_bytes, password.size());
  }
  const size_t characters = count_characters(password);
  if (characters < min_password_characters) {
    return fail(ErrorCode::invalid_argument, std::string(place),
                "a password has {} characters at least; this has {}", min_password_characters, characters);
  }
  const std::string plain = folded(password);
  const std::string name = folded(user);
  if (is_sequence(plain)) {
    return fail(ErrorCode::invalid_argument, std::string(place),
                "characters in their order are tried first: take several words that do not belong together");
  }
  if (distinct_characters_without_words(plain, name) < min_distinct_characters ||
      distinct_characters_without_words(without_disguise(plain), without_disguise(name)) <
          min_distinct_characters) {
    return fail(
        ErrorCode::invalid_argument, std::string(place),
        "little but the user's name, or words that are tried first, or a few characters over and over: "
        "take several words that do not belong together");
  }
  return {};
}

}  // namespace ashlar::access
