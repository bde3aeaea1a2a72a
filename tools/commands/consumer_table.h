// Named consumers, and committed positions, as `strandline consumers` prints them: a table, or a
// JSON object a line.
#pragma once

#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::tools {

void print(const std::vector<ConsumerInfo>& consumers, bool json);
void print(const std::vector<ConsumerPosition>& positions, bool json);
// One, at length.
std::string describe(const ConsumerInfo& info);

}  // namespace strandline::tools
