// A value that one thread replaces as a whole while others read it: who has read it keeps it.
//
// *Threads*: any. (std::atomic<std::shared_ptr> of libstdc++ 12 ends its load without a release, so
// that a store may race with it.)
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace strandline {

template <class T>
class Published {
 public:
  Published() = default;
  explicit Published(std::shared_ptr<T> value) : value_(std::move(value)) {}

  std::shared_ptr<T> load() const {
    std::lock_guard lock(mutex_);
    return value_;
  }
  // The value before ends behind the lock, if nobody else has it.
  void store(std::shared_ptr<T> value) {
    std::lock_guard lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;  // guards value_
  std::shared_ptr<T> value_;
};

}  // namespace strandline
