// Where to begin reading, as people write it and as the API takes it.
#pragma once

#include <string>

#include "engine/error.h"
#include "engine/reading.h"

namespace strandline::tools {

// The API's own grammar: an offset (of several streams: a sequence), `earliest`, `latest`, `-N` for
// the last N, or an RFC 3339 time. `invalid` lists these.
Result<From> parse_from(const std::string& text);
std::string render_from(const From& from);

}  // namespace strandline::tools
