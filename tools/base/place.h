// Where to begin reading, as people write it and as the API takes it.
#pragma once

#include <string>

#include "engine/api/error.h"
#include "engine/api/reading.h"

namespace strandline::tools {

// What --help says of it.
inline constexpr char kFromWhat[] =
    "an offset (of several streams: a sequence), earliest, latest, -N for the last N, a time "
    "(RFC 3339; 2026-01-02 and 2026-01-02T03:04 are UTC), or -2h for two hours ago";

// The API's own grammar (server/http/query.h). `invalid` lists what there is.
Result<From> parse_from(const std::string& text);
std::string render_from(const From& from);

}  // namespace strandline::tools
