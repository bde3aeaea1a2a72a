// What stands behind the `?`: parameters, and the grammar of their values.
//
// Parsed as forms are (percent-decoded, + is a space), because that is what URLSearchParams, curl
// and every HTTP library write. A parameter that a route does not know is an error that lists those
// it does: a misspelt `form=` must not read from the start. *Errors*: a sentence for a 400.
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log.h"

namespace strandline::server {

template <class T = void>
using Parsed = std::expected<T, std::string>;

class Query {
 public:
  static Parsed<Query> parse(std::string_view text);

  // An error names the first parameter that is not among these.
  Parsed<> allow(std::initializer_list<std::string_view> names) const;
  // The value of one that occurs at most once.
  Parsed<std::optional<std::string>> one(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // The same, of one that is another's business than the handler's: it is not there any more.
  Parsed<std::optional<std::string>> take(std::string_view name);
  // The values of one that may occur several times, each a list: what commas part as they stand in
  // the query; %2C is a comma of a value.
  std::vector<std::string> list(std::string_view name) const;
  // Decoded, in the order in which they were sent.
  const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }

  Parsed<std::optional<uint64_t>> number(std::string_view name) const;
  Parsed<bool> flag(std::string_view name) const;  // true or false; false if it is not there
  Parsed<Durability> durability() const;           // fsync or accepted; fsync if it is not there

 private:
  std::string text_;
  std::vector<std::pair<std::string, std::string>> parameters_;
};

Parsed<Durability> parse_durability(std::string_view text);

// `from`: an offset, earliest, latest, -N or an RFC 3339 time.
Parsed<From> parse_from(std::string text);
std::string render_from(const From& from);

// Digits and nothing else.
std::optional<uint64_t> parse_number(std::string_view text);

// %XX to bytes; an error where what follows a % is not two hex digits.
Parsed<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// As one segment of a path: all but RFC 3986's unreserved characters are encoded.
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace strandline::server
