// How deep a JSON text nests, without parsing it: what comes from anybody is bounded first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace strandline::server {

// Of what a token or a key set holds. None that is known needs half of it.
inline constexpr size_t kJsonDepthMax = 16;

inline size_t json_depth(std::string_view text) {
  size_t depth = 0, deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace strandline::server
