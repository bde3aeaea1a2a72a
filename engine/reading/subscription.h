// History, then live, one interface for both: a cursor and a wake-up.
//
// Nothing is queued for a subscription. It reads until it stands at the tail, says CaughtUp, waits,
// and reads again; waiting is level-triggered, so an event that became durable in between is seen
// at once. A slow subscriber reads history and loses nothing; FellBehind tells it so.
//
//   for (const Delivery& delivery : subscription) ...        // ends when the log closes: see
//   error()
//
// *Threads*: one at a time; on_ready's callback runs on the engine's and must only post. *Memory*:
// a delivery is valid until the next call. *Errors*: closed. The log must outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "engine/api/cursor.h"
#include "engine/api/delivery.h"
#include "engine/api/error.h"

namespace strandline {

class Wakeup;  // tail.h

class Subscription {
 public:
  Subscription(std::unique_ptr<Cursor> cursor, std::shared_ptr<Wakeup> wakeup);
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();  // a pending on_ready callback is not called after this returns

  // Blocks until there is something to deliver.
  Result<Delivery> next();
  // Nothing when the time is over.
  Result<std::optional<Delivery>> next_for(std::chrono::milliseconds timeout);
  // Nothing when it stands at the tail and has said so.
  Result<std::optional<Delivery>> try_next();

  // The same for a thread that must not wait for a disk: reads memory alone. Nothing while
  // needs_disk() is true, which is then for try_next, on another thread.
  Result<std::optional<Delivery>> next_from_memory();
  bool needs_disk() const { return needs_disk_; }

  // Calls back once, as soon as try_next would deliver (at once, on this thread, if it would now)
  // or the log closes. One at a time; a new one replaces the old.
  void on_ready(std::function<void()> callback);

  // The first position not yet delivered: start here to resume. Moves over filtered events too.
  uint64_t position() const { return held_ ? held_at_ : cursor_->position(); }
  bool caught_up() const { return caught_up_; }
  Lag lag() { return cursor_->lag(); }
  // Call before waiting on something slow: pins no files until the next read, and no memory but the
  // last delivery's.
  void rest() {
    if (!held_) cursor_->rest();
  }
  // Calls `begin` before events are delivered, by try_next or next, until it answers true. While it
  // fails, that is what they answer, and nothing is passed over.
  void before_events(std::function<Result<bool>()> begin) { begin_ = std::move(begin); }

  class Iterator {
   public:
    using value_type = Delivery;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Subscription* subscription) : subscription_(subscription) { ++*this; }
    const Delivery& operator*() const { return *delivery_; }
    Iterator& operator++();
    bool operator==(std::default_sentinel_t) const { return !delivery_; }

   private:
    Subscription* subscription_;
    std::optional<Delivery> delivery_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() { return {}; }
  // Why a range-for ended.
  const std::optional<Error>& error() const { return error_; }

 private:
  Result<std::optional<Delivery>> advance();
  Result<std::optional<Delivery>> read_on();

  std::unique_ptr<Cursor> cursor_;
  std::shared_ptr<Wakeup> wakeup_;
  bool caught_up_ = false;
  bool needs_disk_ = false;
  std::function<Result<bool>()> begin_;  // null: not wanted, or not any more
  std::optional<Delivery> held_;         // events that wait for it
  uint64_t held_at_ = 0;                 // where the cursor stood before them
  std::optional<Error> error_;
};

}  // namespace strandline
