#include "server/json/json_reader.h"

#include <charconv>
#include <unordered_set>

#include "engine/api/json_scanner.h"

namespace strandline::server {
namespace {

// Few members are compared one by one; many (a hostile object) through a set.
constexpr size_t kComparedMax = 32;

std::string at_byte(size_t at) { return " (at byte " + std::to_string(at) + ")"; }

JsonKind kind_of(JsonToken token) {
  switch (token) {
    case JsonToken::boolean:
      return JsonKind::boolean;
    case JsonToken::number:
      return JsonKind::number;
    case JsonToken::string:
      return JsonKind::string;
    case JsonToken::object_begin:
    case JsonToken::object_end:
      return JsonKind::object;
    case JsonToken::array_begin:
    case JsonToken::array_end:
      return JsonKind::array;
    default:
      return JsonKind::null;
  }
}

// The names of an object so far.
class MemberNames {
 public:
  bool is_new(std::string_view name, const std::vector<JsonMember>& members) {
    if (members.size() < kComparedMax) {
      for (const JsonMember& member : members) {
        if (member.name == name) return false;
      }
      return true;
    }
    if (names_.empty()) {
      for (const JsonMember& member : members) names_.insert(member.name);
    }
    return names_.insert(name).second;
  }

 private:
  std::unordered_set<std::string_view> names_;
};

}  // namespace

const char* name_of(JsonKind kind) {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::number:
      return "a number";
    case JsonKind::string:
      return "a string";
    case JsonKind::object:
      return "an object";
    case JsonKind::array:
      return "an array";
  }
  return "?";
}

std::expected<JsonKind, std::string> JsonReader::parse(std::string_view text) {
  members_.clear();
  kept_.clear();
  JsonScanner scanner(text);
  MemberNames names;
  std::string_view name;
  size_t opened = 0;  // where the container at level 1 begins
  JsonToken token = scanner.next();
  const JsonKind root = kind_of(token);
  for (; token != JsonToken::end; token = scanner.next()) {
    switch (token) {
      case JsonToken::error:
        return std::unexpected("malformed JSON: " + scanner.problem() +
                               at_byte(scanner.problem_at()));
      case JsonToken::name:
        if (scanner.level() != 1) continue;
        name = scanner.text().substr(1, scanner.text().size() - 2);
        if (scanner.escaped()) name = keep(unescape_json(name));
        if (!names.is_new(name, members_)) {
          return std::unexpected("the member \"" + std::string(name) + "\" occurs twice" +
                                 at_byte(scanner.begin()));
        }
        continue;
      case JsonToken::object_begin:
      case JsonToken::array_begin:
        if (scanner.level() == 2) opened = scanner.begin();
        continue;
      case JsonToken::object_end:
      case JsonToken::array_end:
        if (scanner.level() != 1) continue;
        members_.push_back(
            {name, {kind_of(token), false, text.substr(opened, scanner.end() - opened)}});
        continue;
      default:
        if (scanner.level() != 1) continue;
        members_.push_back(
            {name,
             {kind_of(token), token == JsonToken::string && scanner.escaped(), scanner.text()}});
        continue;
    }
  }
  return root;
}

std::string_view JsonReader::string(const JsonValue& value) {
  const std::string_view inside = value.text.substr(1, value.text.size() - 2);
  return value.escaped ? keep(unescape_json(inside)) : inside;
}

std::optional<uint64_t> json_integer(const JsonValue& value) {
  if (value.kind != JsonKind::number) return std::nullopt;
  uint64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [at, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace strandline::server
