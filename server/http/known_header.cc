#include "server/http/known_header.h"

#include "server/http/request_head.h"

namespace strandline::server {

std::optional<Header> find_header(std::string_view name) {
  for (size_t i = 0; i < kHeaders; ++i) {
    // Most are told apart by their lengths.
    if (same_ignoring_case(name, kKnownHeaders[i].name)) return static_cast<Header>(i);
  }
  return std::nullopt;
}

bool is_event_attribute(std::string_view name) {
  return name.size() > 3 && same_ignoring_case(name.substr(0, 3), "ce-");
}

}  // namespace strandline::server
