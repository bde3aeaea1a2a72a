// Splits one JSON object or array into its members, as slices of the text that they stand in.
//
// The whole text is validated (json_scanner.h), however deep it nests: how deep an event's data may
// is the engine's rule, the same whatever stands around it. What a member holds is not interpreted:
// an event's data is kept as the text the client wrote, numbers of any size included. *Memory*:
// slices point into the text; unescaped strings into the reader, until its next parse. *Errors*:
// malformed text, with its place in bytes; a member that occurs twice. *Threads*: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strandline::server {

enum class JsonKind : uint8_t { null, boolean, number, string, object, array };
const char* name_of(JsonKind kind);  // "a string" and so on

struct JsonValue {
  JsonKind kind = JsonKind::null;
  bool escaped = false;   // a string with escapes in it
  std::string_view text;  // as it was written; of a string with its quotes
};

struct JsonMember {
  std::string_view name;  // unescaped; empty in an array
  JsonValue value;
};

class JsonReader {
 public:
  // The text's own kind; what it holds is in members(). A sentence where it is malformed.
  std::expected<JsonKind, std::string> parse(std::string_view text);
  const std::vector<JsonMember>& members() const { return members_; }

  // The characters of a string value.
  std::string_view string(const JsonValue& value);

 private:
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  std::vector<JsonMember> members_;
  std::deque<std::string> kept_;
};

// A number without sign, fraction or exponent.
std::optional<uint64_t> json_integer(const JsonValue& value);

}  // namespace strandline::server
