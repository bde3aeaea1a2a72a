// The members of one small JSON object, such as a request's, by name and kind.
//
// A null member is an absent one; a member that is not among those known is an error, as is one of
// the wrong kind. *Memory*: views live as long as the text and this. *Errors*: a sentence.
#pragma once

#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/json/json_reader.h"

namespace strandline::server {

class JsonFields {
 public:
  static std::expected<JsonFields, std::string> parse(
      std::string_view json, std::initializer_list<std::string_view> known);

  const JsonValue* find(std::string_view name) const;
  std::expected<std::optional<std::string_view>, std::string> string(std::string_view name);
  std::expected<std::optional<uint64_t>, std::string> number(std::string_view name) const;
  std::expected<std::optional<bool>, std::string> boolean(std::string_view name) const;
  std::expected<std::optional<std::vector<std::string>>, std::string> strings(
      std::string_view name) const;

 private:
  JsonReader reader_;
};

}  // namespace strandline::server
