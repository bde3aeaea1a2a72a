// Columns of text for people, as wide as they need to be.
#pragma once

#include <string>
#include <vector>

namespace strandline::tools {

using Row = std::vector<std::string>;

// The first row is the heading. Columns that hold only numbers below it are set to the right.
std::string render_table(const std::vector<Row>& rows);

}  // namespace strandline::tools
