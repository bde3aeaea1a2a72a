// The child processes of open-10gb and open-streams.
#pragma once

#include <cstdint>
#include <filesystem>

namespace strandline::bench {

// Fills the log to `bytes` of batches, over 1,000 streams; prints "full"; goes on appending for
// good.
[[noreturn]] void append_until_killed(const std::filesystem::path& directory, uint64_t bytes);

// Opens the log; prints the seconds that took, and the bytes by which this process grew: resident,
// on the heap, and at the most.
int open_and_report(const std::filesystem::path& directory);

}  // namespace strandline::bench
