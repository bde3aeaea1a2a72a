// Base64 as RFC 4648, section 4, has it: with padding, and nothing else between. And, as section 5
// has it, for URLs and tokens: without padding, and in another alphabet.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/error.h"

namespace strandline::server {

void render_base64(std::string& out, std::string_view bytes);
Result<std::string> parse_base64(std::string_view text);
Result<std::string> parse_base64url(std::string_view text);

}  // namespace strandline::server
