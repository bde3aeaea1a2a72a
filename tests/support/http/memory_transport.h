// A connection's bytes in memory: what a client sends, cut into reads as it is told, and what it is
// sent, with what can go wrong in between.
//
// *Threads*: as any transport, its worker's; a Wire may be looked at by any. *Memory*: the pieces
// are borrowed.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/connection/transport.h"

namespace strandline::tests {

// What the client has been sent. Outlives the transport, which belongs to its session.
class Wire {
 public:
  std::string written() const {
    const std::lock_guard lock(mutex_);
    return written_;
  }
  void write(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    written_ += bytes;
  }

 private:
  mutable std::mutex mutex_;  // guards written_
  std::string written_;
};

struct Manners {
  bool stays = false;              // having sent everything it waits, and does not leave
  bool breaks_sending = false;     // its connection breaks, having sent everything
  size_t breaks_after = SIZE_MAX;  // its connection breaks when it has been sent so much
  size_t room = SIZE_MAX;          // bytes that it takes at once
  bool blocks = false;             // every second time it would block
};

class MemoryTransport : public server::Transport {
 public:
  using ErrorCode = server::ErrorCode;
  using Transferred = server::Transferred;
  template <class T>
  using awaitable = server::awaitable<T>;

  // Each piece is one read, or as many as it takes.
  MemoryTransport(boost::asio::any_io_executor executor, std::span<const std::string_view> pieces,
                  Manners manners = {}, std::shared_ptr<Wire> wire = std::make_shared<Wire>())
      : executor_(executor),
        pieces_(pieces),
        manners_(manners),
        wire_(std::move(wire)),
        more_(executor) {}

  boost::asio::any_io_executor executor() override { return executor_; }
  awaitable<ErrorCode> open() override { co_return ErrorCode(); }

  awaitable<Transferred> read(std::array<boost::asio::mutable_buffer, 2> into) override {
    while (at_ < pieces_.size() && pieces_[at_].size() == taken_) {
      ++at_;
      taken_ = 0;
    }
    if (closed_) co_return Transferred{boost::asio::error::operation_aborted, 0};
    if (at_ == pieces_.size()) co_return Transferred{co_await end_of_input(), 0};
    const std::string_view left = pieces_[at_].substr(taken_);
    const size_t count =
        boost::asio::buffer_copy(into, boost::asio::buffer(left.data(), left.size()));
    taken_ += count;
    co_return Transferred{{}, count};
  }

  awaitable<Transferred> write(std::array<boost::asio::const_buffer, 2> bytes) override {
    Transferred sent{};
    for (const auto& buffer : bytes) {
      std::string_view left(static_cast<const char*>(buffer.data()), buffer.size());
      while (!left.empty() && !sent.error) {
        const Transferred some = take(left.substr(0, manners_.room));
        left.remove_prefix(some.bytes);
        sent = {some.error, sent.bytes + some.bytes};
      }
    }
    co_return sent;
  }

  Transferred write_now(std::string_view bytes) override {
    if (manners_.blocks && std::exchange(blocked_, !blocked_)) {
      return {boost::asio::error::would_block, 0};
    }
    return take(bytes.substr(0, manners_.room));
  }

  awaitable<ErrorCode> wait_writable() override {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    co_return closed_ ? ErrorCode(boost::asio::error::operation_aborted) : ErrorCode();
  }

  awaitable<void> finish_writing() override { co_return; }
  std::string_view peer() const override { return "192.0.2.1"; }
  bool is_peer_gone() const override { return broken_; }
  void bound_unsent(int) override {}
  void cancel() override { more_.cancel(); }
  void close() override {
    closed_ = true;
    more_.cancel();
  }

 private:
  awaitable<ErrorCode> end_of_input() {
    if (manners_.breaks_sending) {
      broken_ = true;
      co_return boost::asio::error::connection_reset;
    }
    if (!manners_.stays) co_return boost::asio::error::eof;
    more_.expires_at(server::SteadyTime::max());
    co_await more_.async_wait(server::as_values);
    co_return boost::asio::error::operation_aborted;
  }

  Transferred take(std::string_view bytes) {
    if (closed_) return {boost::asio::error::operation_aborted, 0};
    bytes = bytes.substr(0, manners_.breaks_after - sent_);
    if (bytes.empty()) {
      broken_ = true;
      return {boost::asio::error::connection_reset, 0};
    }
    wire_->write(bytes);
    sent_ += bytes.size();
    return {{}, bytes.size()};
  }

  const boost::asio::any_io_executor executor_;
  const std::span<const std::string_view> pieces_;
  const Manners manners_;
  const std::shared_ptr<Wire> wire_;
  boost::asio::steady_timer more_;  // until what never comes
  size_t at_ = 0;                   // the piece that is read
  size_t taken_ = 0;                // bytes of it
  size_t sent_ = 0;
  bool blocked_ = false;
  bool broken_ = false;
  bool closed_ = false;
};

}  // namespace strandline::tests
