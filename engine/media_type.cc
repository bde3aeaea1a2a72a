#include "engine/media_type.h"

#include <algorithm>

namespace strandline {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view without_space(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Up to the next semicolon that is not quoted, which is cut off with it.
std::string_view next_parameter(std::string_view& rest) {
  bool quoted = false;
  size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != ';'); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (quoted && rest[end] == '\\') ++end;
  }
  end = std::min(end, rest.size());
  const std::string_view parameter = rest.substr(0, end);
  rest = rest.substr(std::min(end + 1, rest.size()));
  return without_space(parameter);
}

}  // namespace

MediaType::MediaType(std::string_view text) : essence_(lower_case(next_parameter(text))) {
  while (!text.empty() && charset_.empty()) {
    const std::string_view parameter = next_parameter(text);
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (lower_case(without_space(parameter.substr(0, equals))) != "charset") continue;
    for (const char c : lower_case(without_space(parameter.substr(equals + 1)))) {
      if (c != '"' && c != '\\') charset_ += c;
    }
  }
}

bool MediaType::is_utf8() const {
  return charset_.empty() || charset_ == "utf-8" || charset_ == "utf8" || charset_ == "us-ascii" ||
         charset_ == "ascii";
}

}  // namespace strandline
