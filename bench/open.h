// The child process of open-10gb: appends to a log until it is killed.
#pragma once

#include <cstdint>
#include <filesystem>

namespace strandline::bench {

// Fills the log to `bytes` of batches, over 1,000 streams; prints "full"; goes on appending for
// good.
[[noreturn]] void append_until_killed(const std::filesystem::path& directory, uint64_t bytes);

}  // namespace strandline::bench
