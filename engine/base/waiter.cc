#include "engine/base/waiter.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace strandline {
namespace {

thread_local std::vector<Waiter*>* answered_together = nullptr;

// In a row, of which each wakes the next. Short ones: a thread that gets no processor when it is
// woken delays only those behind it.
constexpr size_t kRow = 8;

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "a futex is 32 bits");

}  // namespace

void Waiter::wait() {
  while (awake_.load(std::memory_order_acquire) == 0) {
    syscall(SYS_futex, &awake_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }
  if (next_) next_->wake();
}

void Waiter::answered() {
  if (answered_together) {
    answered_together->push_back(this);
  } else {
    wake();
  }
}

void Waiter::wake() {
  awake_.store(1, std::memory_order_release);
  // By its address alone, should the one who waits have seen it already and be gone.
  syscall(SYS_futex, &awake_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

Awakening::Awakening() { answered_together = &answered_; }

Awakening::~Awakening() {
  answered_together = nullptr;
  for (size_t i = 0; i < answered_.size(); ++i) {
    if (i % kRow + 1 < kRow && i + 1 < answered_.size()) answered_[i]->next_ = answered_[i + 1];
  }
  for (size_t i = 0; i < answered_.size(); i += kRow) answered_[i]->wake();
}

}  // namespace strandline
