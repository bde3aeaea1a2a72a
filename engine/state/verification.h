// Reads everything in a log and checks it: each part of the state what it keeps
// (StatePart::verify), and every block of every table besides.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "engine/api/log_info.h"
#include "engine/state/log_state.h"

namespace strandline {

// What the parts have found so far. *Threads*: one.
class Verification {
 public:
  Verification(const LogState& log, const std::function<void(uint64_t)>& progress)
      : log(log), progress_(progress) {}

  // Damage, or what does not fit, and where.
  void find(std::string place, std::string what) {
    result.findings.push_back({std::move(place), std::move(what)});
  }
  void told(uint64_t events) const {
    if (progress_) progress_(events);
  }

  const LogState& log;
  Verified result;

 private:
  const std::function<void(uint64_t)>& progress_;
};

Verified verify(const LogState& log, const std::function<void(uint64_t)>& progress);

}  // namespace strandline
