// JSON text, appended to a string.
#pragma once

#include <string>
#include <string_view>

namespace strandline::server {

// Appends a JSON string literal with its quotes (RFC 8259, section 7). `text` is UTF-8.
void render_string(std::string& out, std::string_view text);

}  // namespace strandline::server
