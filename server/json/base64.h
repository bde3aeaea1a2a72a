// Base64 as RFC 4648, section 4, has it: with padding, and nothing else between.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/error.h"

namespace strandline::server {

void render_base64(std::string& out, std::string_view bytes);
Result<std::string> parse_base64(std::string_view text);

}  // namespace strandline::server
