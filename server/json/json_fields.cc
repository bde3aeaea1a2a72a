#include "server/json/json_fields.h"

#include <algorithm>

namespace strandline::server {

std::expected<JsonFields, std::string> JsonFields::parse(
    std::string_view json, std::initializer_list<std::string_view> known) {
  JsonFields fields;
  const auto kind = fields.reader_.parse(json);
  if (!kind) return std::unexpected(kind.error());
  std::string names;
  for (const std::string_view name : known) {
    names += (names.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  if (*kind != JsonKind::object) {
    return std::unexpected("this is " + std::string(name_of(*kind)) + " and not an object with " +
                           names);
  }
  for (const JsonMember& member : fields.reader_.members()) {
    if (std::ranges::find(known, member.name) != known.end()) continue;
    return std::unexpected("no member \"" + std::string(member.name.substr(0, 64)) +
                           "\" is known here; there are " + names);
  }
  return fields;
}

const JsonValue* JsonFields::find(std::string_view name) const {
  for (const JsonMember& member : reader_.members()) {
    if (member.name == name && member.value.kind != JsonKind::null) return &member.value;
  }
  return nullptr;
}

std::expected<std::optional<std::string_view>, std::string> JsonFields::string(
    std::string_view name) {
  const JsonValue* value = find(name);
  if (!value) return std::nullopt;
  if (value->kind == JsonKind::string) return reader_.string(*value);
  return std::unexpected("\"" + std::string(name) + "\" is a string, not " + name_of(value->kind));
}

std::expected<std::optional<uint64_t>, std::string> JsonFields::number(
    std::string_view name) const {
  const JsonValue* value = find(name);
  if (!value) return std::nullopt;
  if (const auto number = json_integer(*value)) return number;
  return std::unexpected("\"" + std::string(name) + "\" is a whole number from 0 on");
}

std::expected<std::optional<bool>, std::string> JsonFields::boolean(std::string_view name) const {
  const JsonValue* value = find(name);
  if (!value) return std::nullopt;
  if (value->kind == JsonKind::boolean) return value->text == "true";
  return std::unexpected("\"" + std::string(name) + "\" is true or false, not " +
                         name_of(value->kind));
}

std::expected<std::optional<std::vector<std::string>>, std::string> JsonFields::strings(
    std::string_view name) const {
  const JsonValue* value = find(name);
  if (!value) return std::nullopt;
  JsonReader elements;
  const auto kind = elements.parse(value->text);
  if (!kind) return std::unexpected(kind.error());
  if (*kind != JsonKind::array) {
    return std::unexpected("\"" + std::string(name) + "\" is an array, not " + name_of(*kind));
  }
  std::vector<std::string> strings;
  for (const JsonMember& element : elements.members()) {
    if (element.value.kind != JsonKind::string) {
      return std::unexpected("\"" + std::string(name) + "\" is an array of strings");
    }
    strings.emplace_back(elements.string(element.value));
  }
  return strings;
}

}  // namespace strandline::server
