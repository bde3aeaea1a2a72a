// Comma-separated values, as RFC 4180 has them: a field with a comma, a quote or a line end stands
// in quotes, a quote in it is doubled, and a record ends with CR LF. *Threads*: pure functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace strandline::tools {

// Appends a field; the comma before it, or the line end, is the caller's.
void append_csv_field(std::string& out, std::string_view field);

// Whether a record that begins so goes on in the next line: a quote is open.
bool csv_goes_on(std::string_view record);
// The fields of a whole record, without its line end. The error: what is wrong with it.
std::expected<std::vector<std::string>, std::string> parse_csv(std::string_view record);

}  // namespace strandline::tools
