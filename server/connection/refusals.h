// Refusals as events of `$admin`: who was refused what.
//
// Of each kind (401, 403, 429) kTogether are written at once, and then one a second: whoever is
// refused a thousand times a second must not fill a disk with it. What is left out is counted, in
// `skipped` of the next. The log is asked and not waited for. *Threads*: any.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "engine/log.h"
#include "server/connection/quotas.h"

namespace strandline::server {

class Refusals {
 public:
  static constexpr double kTogether = 10;

  static bool is_refusal(unsigned status) {
    return status == 401 || status == 403 || status == 429;
  }
  // `route`: its name.
  void tell(Log& log, unsigned status, std::string_view route, const Actor& actor);

 private:
  struct Kind {
    TokenBucket bucket;
    uint64_t skipped = 0;
  };
  std::mutex mutex_;  // guards what follows
  std::array<Kind, 3> kinds_;
};

}  // namespace strandline::server
