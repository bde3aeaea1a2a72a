// The bytes to and from one server: over TCP or a Unix socket, in clear or in TLS, as its URL says.
//
// It is a SyncStream as Beast's parsers and serialisers want one. *Errors*: of open() as socket.h
// and tls_client.h have them; later timed_out, operation_aborted (interrupted), eof,
// connection_aborted (TLS; see refusal()), or the operating system's. *Threads*: one.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <optional>

#include "tools/base/url.h"
#include "tools/client/socket.h"
#include "tools/client/tls_client.h"

namespace strandline::tools {

class Channel {
 public:
  using ErrorCode = Socket::ErrorCode;

  static Result<Channel> open(const Url& url, std::chrono::milliseconds patience);

  // How long one read or write may wait.
  void set_patience(std::chrono::milliseconds patience) { socket_.set_patience(patience); }
  // What the other side of TLS refused, in words; or nothing.
  std::string refusal() const { return tls_ ? tls_->refusal() : std::string(); }

  template <class Buffers>
  size_t read_some(const Buffers& buffers, ErrorCode& error) {
    const auto first = *boost::asio::buffer_sequence_begin(buffers);
    char* into = static_cast<char*>(first.data());
    return tls_ ? tls_->take(socket_, into, first.size(), error)
                : socket_.take(into, first.size(), error);
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers, ErrorCode& error) {
    size_t written = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer piece = *it;
      if (piece.size() == 0) continue;
      const char* from = static_cast<const char*>(piece.data());
      written += tls_ ? tls_->give(socket_, from, piece.size(), error)
                      : socket_.give(from, piece.size(), error);
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
  explicit Channel(Socket socket) : socket_(std::move(socket)) {}

  Socket socket_;
  std::optional<TlsClient> tls_;
};

}  // namespace strandline::tools
