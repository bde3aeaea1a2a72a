// What a live connection sends: what is owed first, then its subscriptions in turn.
#include <boost/asio/post.hpp>

#include "server/connection/worker.h"
#include "server/live/live_connection.h"

namespace strandline::server {
namespace {

// Of one subscription before the next has its turn.
constexpr size_t kTurnBytes = 32 << 10;
constexpr size_t kIdleOutBytes = 2 << 10;

}  // namespace

awaitable<void> LiveConnection::write_frames() {
  std::string out;
  while (!broken_) {
    out.clear();
    gather(out);
    if (out.empty()) {
      if (reading_over_) break;
      if (out.capacity() > kIdleOutBytes) std::string().swap(out);
      co_await wake_.wait();
      continue;
    }
    if (!co_await send_all(out)) break;
    turn_.notify();
    // Others on this thread come first: a long history is read in turns.
    if (!ready_.empty()) co_await asio::post(socket_.transport().executor(), asio::use_awaitable);
  }
  if (!broken_ && reading_over_) {
    // A socket that is closed with input unread is reset, and the last frame might be lost.
    close_by_ = std::chrono::steady_clock::now() + kLiveLinger;
    co_await socket_.transport().finish_writing();
    std::array<char, 512> dropped;
    while (!broken_) {
      const auto [error, count] = co_await socket_.transport().read({asio::buffer(dropped), {}});
      if (error) break;
    }
  }
  abort();
  while (!reading_over_) co_await wake_.wait();
}

void LiveConnection::gather(std::string& out) {
  if (!socket_.output().empty()) {
    out.swap(socket_.output());
    socket_.sent();
  }
  if (socket_.is_closing() || !open_) return;
  if (lost_ > 0 && queue_.empty()) {
    append_text_frame(
        queue_, protocol_->error({"lost", std::to_string(std::exchange(lost_, 0)) +
                                              " messages that are not kept anywhere were left out: "
                                              "this connection was not read fast enough"},
                                 {}));
  }
  if (out.empty()) {
    out.swap(queue_);
  } else {
    out += queue_;
  }
  queue_.clear();
  const size_t bytes_max = service_.options.output_bytes_max;
  while (!ready_.empty() && out.size() < bytes_max && !closing_) {
    const SubscriptionPointer next = std::move(ready_.front());
    ready_.pop_front();
    if (!next->removed) fill_from(next, out);
  }
}

void LiveConnection::fill_from(const SubscriptionPointer& one, std::string& out) {
  const size_t bytes_max = std::min(service_.options.output_bytes_max, out.size() + kTurnBytes);
  if (!one->arrived.empty()) {
    out += one->arrived;
    std::string().swap(one->arrived);
  } else if (one->filled != Follow::Filled::nothing_left) {
    one->filled = one->follow->fill(out, bytes_max);
  }
  switch (one->filled) {
    case Follow::Filled::more:
      ready_.push_back(one);
      break;
    case Follow::Filled::nothing_left:
      one->filled = Follow::Filled::more;
      wait_for_events(one);
      break;
    case Follow::Filled::needs_disk:
      read_from_disk(one);
      break;
    case Follow::Filled::closed:
      break;  // the log closes, and the server with it
  }
}

void LiveConnection::wait_for_events(const SubscriptionPointer& one) {
  one->follow->on_ready(
      [weak = weak_from_this(), waiting = std::weak_ptr(one), &mailbox = worker_.mailbox()] {
        mailbox.put([weak, waiting] {
          const auto self = weak.lock();
          const auto subscription = waiting.lock();
          if (!self || !subscription || subscription->removed) return;
          self->ready_.push_back(subscription);
          self->wake_.notify();
        });
      });
}

void LiveConnection::read_from_disk(const SubscriptionPointer& one) {
  one->filled = Follow::Filled::more;
  asio::post(service_.history, [follow = one->follow, reading = std::weak_ptr(one),
                                weak = weak_from_this(), &mailbox = worker_.mailbox()]() mutable {
    std::string text;
    const Follow::Filled filled = follow->fill_from_disk(text, kTurnBytes);
    // The follow moves on, so that the last of it goes on the connection's thread.
    mailbox.put([text = std::move(text), filled, follow = std::move(follow),
                 reading = std::move(reading), weak = std::move(weak)]() mutable {
      const auto self = weak.lock();
      const auto subscription = reading.lock();
      if (!self || !subscription || subscription->removed) return;
      subscription->arrived = std::move(text);
      subscription->filled = filled;
      self->ready_.push_back(subscription);
      self->wake_.notify();
    });
  });
}

awaitable<bool> LiveConnection::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto [error, count] = socket_.transport().write_now(bytes);
    bytes.remove_prefix(count);
    service_.metrics.bytes_out.fetch_add(count, std::memory_order_relaxed);
    if (error == asio::error::would_block) {
      for (const SubscriptionPointer& one : ready_) {
        if (one->follow && one->arrived.empty()) one->follow->rest();
      }
      const ErrorCode failure = co_await socket_.transport().wait_writable();
      if (failure || broken_) co_return false;
    } else if (error) {
      co_return false;
    }
  }
  co_return true;
}

}  // namespace strandline::server
