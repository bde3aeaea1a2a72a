#include "engine/reading/subscription.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "engine/state/tail.h"

namespace strandline {
namespace {

// What a blocking call waits on.
struct Signal {
  std::mutex mutex;  // guards set
  std::condition_variable wake;
  bool set = false;
};

}  // namespace

Subscription::Subscription(std::unique_ptr<Cursor> cursor, std::shared_ptr<Wakeup> wakeup)
    : cursor_(std::move(cursor)), wakeup_(std::move(wakeup)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (wakeup_) wakeup_->disarm();
  cursor_ = std::move(other.cursor_);
  wakeup_ = std::move(other.wakeup_);
  caught_up_ = other.caught_up_;
  needs_disk_ = other.needs_disk_;
  begin_ = std::move(other.begin_);
  held_ = std::exchange(other.held_, std::nullopt);
  held_at_ = other.held_at_;
  error_ = std::move(other.error_);
  return *this;
}
Subscription::~Subscription() {
  if (wakeup_) wakeup_->disarm();
}

Result<std::optional<Delivery>> Subscription::try_next() { return advance(); }

Result<std::optional<Delivery>> Subscription::next_from_memory() {
  cursor_->stay_in_memory(true);
  auto delivery = advance();
  cursor_->stay_in_memory(false);
  return delivery;
}

Result<std::optional<Delivery>> Subscription::advance() {
  if (!begin_) return read_on();
  if (!held_) {
    const uint64_t position = cursor_->position();
    auto delivery = read_on();
    const bool waits = delivery && *delivery && std::holds_alternative<Events>(**delivery);
    if (!waits) return delivery;
    held_at_ = position;
    held_ = std::move(*delivery);
  }
  needs_disk_ = cursor_->stays_in_memory();
  if (needs_disk_) return std::nullopt;
  const auto begun = begin_();
  if (!begun) return std::unexpected(begun.error());
  if (*begun) begin_ = nullptr;
  return std::exchange(held_, std::nullopt);
}

Result<std::optional<Delivery>> Subscription::read_on() {
  needs_disk_ = false;
  if (wakeup_->closed()) return fail(Code::closed, "the log is closing");
  if (caught_up_ && cursor_->ready() && !cursor_->near_tail()) {
    needs_disk_ = cursor_->stays_in_memory();  // to say how far behind
    if (needs_disk_) return std::nullopt;
    caught_up_ = false;
    return FellBehind{cursor_->lag()};
  }
  auto delivery = cursor_->next();
  if (!delivery || *delivery) return delivery;
  needs_disk_ = cursor_->needs_disk();
  if (needs_disk_) return std::nullopt;
  cursor_->release();
  if (caught_up_) return std::nullopt;
  caught_up_ = true;
  return CaughtUp{};
}

void Subscription::on_ready(std::function<void()> callback) {
  wakeup_->arm(std::move(callback));
  if (!caught_up_ || held_ || cursor_->ready() || wakeup_->closed()) wakeup_->fire();
}

Result<std::optional<Delivery>> Subscription::next_for(std::chrono::milliseconds timeout) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
  const auto deadline = std::chrono::steady_clock::now() + std::min(timeout, kLongest);
  while (true) {
    auto delivery = try_next();
    if (!delivery || *delivery) return delivery;
    auto signal = std::make_shared<Signal>();
    on_ready([signal] {
      std::lock_guard lock(signal->mutex);
      signal->set = true;
      signal->wake.notify_one();
    });
    std::unique_lock lock(signal->mutex);
    if (!signal->wake.wait_until(lock, deadline, [&] { return signal->set; })) {
      return std::nullopt;
    }
  }
}

Result<Delivery> Subscription::next() {
  while (true) {
    auto delivery = next_for(std::chrono::hours(24));
    if (!delivery) return std::unexpected(std::move(delivery.error()));
    if (*delivery) return std::move(**delivery);
  }
}

Subscription::Iterator& Subscription::Iterator::operator++() {
  delivery_.reset();
  auto next = subscription_->next();
  if (next) {
    delivery_.emplace(std::move(*next));
  } else {
    subscription_->error_ = std::move(next.error());
  }
  return *this;
}

}  // namespace strandline
