// A blocking connection, TCP or Unix, whose waits have an end: a deadline, or Interrupt being
// raised.
//
// While a write waits for room it takes in what the other side sends, so that two sides that both
// write first cannot lock each other up: that is what makes pipelining safe from one thread.
// *Errors*: timed_out, operation_aborted (interrupted), eof, or the operating system's. *Threads*:
// one.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <string>

#include "engine/api/error.h"

namespace strandline::tools {

class Socket {
 public:
  using ErrorCode = boost::system::error_code;

  static Result<Socket> connect(const std::string& host, const std::string& port,
                                std::chrono::milliseconds patience);
  static Result<Socket> connect_unix(const std::string& path, std::chrono::milliseconds patience);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // How long one read or write may wait.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

  size_t take(char* into, size_t bytes, ErrorCode& error);        // some
  size_t give(const char* from, size_t bytes, ErrorCode& error);  // all, or an error

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  // Which of `events` the socket is ready for.
  short wait(short events, ErrorCode& error) const;

  int descriptor_ = -1;
  std::chrono::milliseconds patience_{30'000};
  std::string taken_;  // while writing, not yet read
};

}  // namespace strandline::tools
