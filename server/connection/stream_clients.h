// How many clients each stream of the SSE service has now.
//
// *Threads*: any. *Lifetime*: it outlives what enter() gives, which counts until it is gone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace strandline::server {

class StreamClients {
 public:
  std::shared_ptr<void> enter(std::string stream) {
    {
      const std::lock_guard lock(mutex_);
      ++counts_[stream];
    }
    // Gone with the last that holds it.
    return {nullptr, [this, stream = std::move(stream)](void*) {
              const std::lock_guard lock(mutex_);
              const auto found = counts_.find(stream);
              if (--found->second == 0) counts_.erase(found);
            }};
  }
  std::map<std::string, uint64_t> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;  // guards counts_
  std::map<std::string, uint64_t> counts_;
};

}  // namespace strandline::server
