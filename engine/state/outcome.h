// What the writer answers an operation with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "engine/api/consumer.h"
#include "engine/api/error.h"
#include "engine/api/log_info.h"

namespace strandline {

// An event that was given out in vain.
struct Spent {
  uint64_t position;
  uint32_t attempts;
  std::string cause;
  uint64_t stood_at = 0;  // of an exclusive consumer: its position then
};

using ConsumerOutcome = std::variant<std::monostate, ConsumerInfo, Joined, Assignment, Settled,
                                     std::vector<DeadLetter>, std::vector<Spent>, uint64_t>;

struct Outcome {
  std::vector<Appended> appended = {};
  uint64_t number = 0;   // a committed position, a new start, a sealed segment
  bool retried = false;  // nothing was written: it is what was answered before
  ConsumerOutcome consumer = {};
};

// Called once, on the engine's threads; it must only post.
using Answering = std::function<void(Result<Outcome>)>;

}  // namespace strandline
