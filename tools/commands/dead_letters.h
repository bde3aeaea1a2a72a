// What a consumer's group has given up on, as its dead-letter stream keeps it.
#pragma once

#include <string>

#include "tools/connection/log_handle.h"

namespace strandline::tools {

// The exit code.
int print_dead_letters(LogHandle& log, const std::string& consumer, uint64_t limit, bool json);

}  // namespace strandline::tools
