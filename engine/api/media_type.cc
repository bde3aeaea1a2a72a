#include "engine/api/media_type.h"

#include <algorithm>
#include <utility>
#include <vector>

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

// A parameter's value, without the quotes around it.
std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  value = value.substr(1, value.size() - 2);
  std::string plain;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return plain;
}

// Its name in lower case, and its value; a charset's value in lower case, too.
std::pair<std::string, std::string> named_value(std::string_view parameter) {
  const size_t equals = std::min(parameter.find('='), parameter.size());
  std::string name = lower_case(without_space(parameter.substr(0, equals)));
  std::string value =
      unquoted(without_space(parameter.substr(std::min(equals + 1, parameter.size()))));
  if (name == "charset") value = lower_case(value);
  return {std::move(name), std::move(value)};
}

}  // namespace

MediaType::MediaType(std::string_view text) : essence_(lower_case(next_parameter(text))) {
  while (!text.empty() && charset_.empty()) {
    auto [name, value] = named_value(next_parameter(text));
    if (name == "charset") charset_ = std::move(value);
  }
}

std::string canonical_media_type(std::string_view text) {
  std::string canonical = lower_case(next_parameter(text));
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!text.empty()) {
    auto parameter = named_value(next_parameter(text));
    if (!parameter.first.empty()) parameters.push_back(std::move(parameter));
  }
  std::ranges::sort(parameters);
  for (const auto& [name, value] : parameters) {
    // With its length, for a value may have any character.
    canonical.append(";").append(name).append("=").append(std::to_string(value.size()));
    canonical.append(":").append(value);
  }
  return canonical;
}

bool MediaType::is_utf8() const {
  return charset_.empty() || charset_ == "utf-8" || charset_ == "utf8" || charset_ == "us-ascii" ||
         charset_ == "ascii";
}

}  // namespace strandline
