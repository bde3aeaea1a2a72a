// Waiting for what must come, for as long as it may take on the slowest machine, and no longer.
#pragma once

#include <poll.h>

#include <chrono>

namespace strandline::tests {

using namespace std::chrono_literals;

// Long enough for a loaded machine with sanitizers; a test that needs it has failed.
inline constexpr std::chrono::milliseconds kDeadline = 60s;

// Asks again and again until `holds()` is true; false when the deadline has passed.
template <class Predicate>
bool eventually(Predicate holds, std::chrono::milliseconds deadline = kDeadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    poll(nullptr, 0, 2);  // leaves the processor to whoever makes it true
  }
  return true;
}

}  // namespace strandline::tests
