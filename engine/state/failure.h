// The latch that seals a log: the first failed write, or the loss of its directory, and why. It
// never opens again; the log is reopened instead. *Threads*: any.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "engine/api/error.h"

namespace strandline {

class Failure {
 public:
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  void set(const std::string& why) {
    std::lock_guard lock(mutex_);
    if (why_.empty()) why_ = why.empty() ? "unknown" : why;
    failed_.store(true, std::memory_order_release);
  }
  std::optional<std::string> why() const {
    if (!failed()) return std::nullopt;
    std::lock_guard lock(mutex_);
    return why_;
  }
  // Only a seeded bug (mutation.h) ever opens the latch again.
  void forget() { failed_.store(false, std::memory_order_release); }
  // What an append gets that came after it.
  Error sealed() const {
    return {.code = Code::sealed,
            .message =
                "the log is sealed: reads go on, appends are refused until it is reopened. Why: " +
                why().value_or("")};
  }
  // What an append gets that was under way.
  Error outcome_unknown() const {
    return {.code = Code::outcome_unknown,
            .message =
                "the log failed while this was under way: after it is reopened it is there "
                "once, or not at all: " +
                why().value_or("")};
  }

 private:
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;  // guards why_
  std::string why_;
};

}  // namespace strandline
