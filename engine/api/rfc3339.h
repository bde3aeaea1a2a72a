// Times as RFC 3339 writes them, to the microsecond.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/error.h"
#include "engine/api/types.h"

namespace strandline {

// In UTC: "2026-01-02T03:04:05.678901Z".
std::string render_time(Timestamp time);
// Any offset, any fraction; what is finer than a microsecond is cut off. A leap second stands only
// at the end of a month in UTC. `invalid` says what it takes.
Result<Timestamp> parse_time(std::string_view text);

}  // namespace strandline
