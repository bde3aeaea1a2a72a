// A blocking TCP connection whose waits have an end: a deadline, or Interrupt being raised.
//
// It is a SyncStream as Beast's parsers and serialisers want one. While a write waits for room it
// takes in what the other side sends, so that two sides that both write first cannot lock each
// other up: that is what makes pipelining safe from one thread. *Errors*: timed_out,
// operation_aborted (interrupted), eof, or the operating system's. *Threads*: one.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <string>

#include "engine/api/error.h"

namespace strandline::tools {

class Socket {
 public:
  using ErrorCode = boost::system::error_code;

  static Result<Socket> connect(const std::string& host, const std::string& port,
                                std::chrono::milliseconds patience);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // How long one read or write may wait.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

  template <class Buffers>
  size_t read_some(const Buffers& buffers, ErrorCode& error) {
    const auto first = *boost::asio::buffer_sequence_begin(buffers);
    return take(static_cast<char*>(first.data()), first.size(), error);
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers, ErrorCode& error) {
    size_t written = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer piece = *it;
      if (piece.size() == 0) continue;
      written += give(static_cast<const char*>(piece.data()), piece.size(), error);
      if (error) break;
    }
    return written;
  }
  // The throwing forms that the concept asks for.
  template <class Buffers>
  size_t read_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t bytes = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return bytes;
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t bytes = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return bytes;
  }

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  size_t take(char* into, size_t bytes, ErrorCode& error);        // some
  size_t give(const char* from, size_t bytes, ErrorCode& error);  // all, or an error
  // Which of `events` the socket is ready for.
  short wait(short events, ErrorCode& error) const;

  int descriptor_ = -1;
  std::chrono::milliseconds patience_{30'000};
  std::string taken_;  // while writing, not yet read
};

}  // namespace strandline::tools
