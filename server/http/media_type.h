// What an Accept header prefers (RFC 9110, section 12.5.1).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/api/media_type.h"

namespace strandline::server {

// Which of the offers an Accept header likes best: the highest q; among equals the one that the
// header names first, and for a wildcard the first offer. No header accepts everything.
std::optional<size_t> negotiate(std::string_view accept, std::span<const std::string_view> offers);

}  // namespace strandline::server
