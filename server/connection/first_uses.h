// The first use of each key, which the log marks in the key and writes down (Log::first_use).
//
// A key that is marked costs a look at it. *Threads*: any. *Memory*: an entry for each key that was
// used and whose mark is not durable yet, or could not be written.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>

#include "engine/log.h"

namespace strandline::server {

class FirstUses {
 public:
  void tell(Log& log, const ApiKey& key, const Actor& actor) {
    if (key.used || !log.options().record_administration) return;
    {
      const std::lock_guard lock(mutex_);
      if (!told_.insert(key.digest).second) return;
    }
    log.first_use(key.name, actor);
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> told_;  // by their secrets' digests
};

}  // namespace strandline::server
