// What the bodies that are being received or parsed may hold in memory, of all connections
// together.
//
// A connection alone may send body_bytes_max; twenty thousand of them at once may not. Only bodies
// that do not fit a connection's buffer are counted. *Threads*: any.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace strandline::server {

class BodyBudget {
 public:
  explicit BodyBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // What one body has taken of it, given back when this goes.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (budget_) budget_->used_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

    // Until it holds this much; false, and nothing is taken, where there is not so much left.
    bool grow_to(BodyBudget& budget, size_t bytes) {
      if (bytes <= bytes_) return true;
      const size_t more = bytes - bytes_;
      if (budget.used_.fetch_add(more, std::memory_order_relaxed) + more > budget.bytes_max_) {
        budget.used_.fetch_sub(more, std::memory_order_relaxed);
        return false;
      }
      budget_ = &budget;
      bytes_ = bytes;
      return true;
    }

   private:
    BodyBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_ = 0;
};

}  // namespace strandline::server
