#include "engine/api/administration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "engine/api/event_rules.h"

namespace strandline {

const char* name_of(Actor::Kind kind) {
  switch (kind) {
    case Actor::Kind::program:
      return "program";
    case Actor::Kind::key:
      return "key";
    case Actor::Kind::token:
      return "token";
    case Actor::Kind::account:
      return "account";
    case Actor::Kind::address:
      return "address";
  }
  std::abort();
}

std::string json_literal(std::string_view text) {
  std::string readable(text);
  if (!is_utf8(readable)) {
    std::ranges::replace_if(
        readable, [](char c) { return (c & 0x80) != 0; }, '?');
  }
  std::string out = "\"";
  for (const char c : readable) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out += '"';
}

}  // namespace strandline
