// A caller that waits for its answer, and how many of them are woken at once.
//
// Waking a thread costs a system call, some microseconds of the one who answers: with a group of 64
// appends, more than writing and fsyncing them took. So a stage that gives many answers opens an
// Awakening: the waiters answered meanwhile are woken when it ends, a few by this thread, and the
// rest by those, before they return to their callers.
//
// *Threads*: a Waiter has one that waits and one that answers. An Awakening is its thread's own,
// and they are not nested.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace strandline {

class Waiter {
 public:
  // Returns when the answer is there.
  void wait();
  // The answer is there: what was written before is seen by the one who waits. The Waiter may be
  // gone afterwards.
  void answered();

 private:
  friend class Awakening;
  void wake();

  std::atomic<uint32_t> awake_ = 0;
  Waiter* next_ = nullptr;  // whom to wake in turn; set before this one is woken
};

class Awakening {
 public:
  Awakening();
  ~Awakening();
  Awakening(const Awakening&) = delete;
  Awakening& operator=(const Awakening&) = delete;

 private:
  friend class Waiter;
  std::vector<Waiter*> answered_;
};

}  // namespace strandline
