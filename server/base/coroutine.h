// How coroutines are written here: errors come as values, every spawn has a completion that logs,
// and waits for another handler end by a Signal.
//
// *Threads*: all of it belongs to one io_context, which one thread runs; nothing here is locked.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <exception>

namespace strandline::server {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;
using asio::awaitable;

// co_await x(..., as_values) answers a tuple that begins with the error.
inline constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

// The completion of every co_spawn: an exception that reaches it is a bug, and is logged as one.
struct LogFailure {
  const char* who;
  void operator()(std::exception_ptr failure) const;
};

// A wait that another handler of the same thread ends.
class Signal {
 public:
  explicit Signal(asio::any_io_executor executor) : timer_(executor) {}

  // Ends the wait under way. A later wait does not know of it: look at the condition first, and
  // again afterwards.
  void notify() { timer_.cancel(); }
  awaitable<void> wait() { return wait_until(SteadyTime::max()); }
  awaitable<void> wait_until(SteadyTime deadline) {
    timer_.expires_at(deadline);
    co_await timer_.async_wait(as_values);
  }

 private:
  asio::steady_timer timer_;
};

}  // namespace strandline::server
