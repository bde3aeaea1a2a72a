// The requests of one connection, one after the other, as Beast's parser understands them.
//
// A body of known length is read straight into the string that becomes the batch; what the same
// read brings of the next request goes into the buffer. *Limits*: head and body, in bytes, and the
// time that each may take (Deadlines; the session's sweep ends a read that is late). *Memory*: one
// buffer a connection, of which an idle one touches a page. *Errors*: a request that cannot be
// taken ends the reading, for where the next one would begin is not known: 400, 408, 413, 431, 501,
// 505.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/parser.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <optional>

#include "server/call.h"
#include "server/coroutine.h"

namespace strandline::server {

// What a connection is waiting for its client to do, and until when.
struct Deadlines {
  enum class Reading { nothing, idle, head, body };
  Reading reading = Reading::nothing;
  SteadyTime read = SteadyTime::max();
  SteadyTime write = SteadyTime::max();

  void expect(Reading what, uint64_t within_ms) {
    reading = what;
    read = std::chrono::steady_clock::now() + std::chrono::milliseconds(within_ms);
  }
  void expect_nothing() {
    reading = Reading::nothing;
    read = SteadyTime::max();
  }
};

// Nothing: the client is gone. A response: what its last request is answered with.
using ReadEnd = std::optional<Response>;

class RequestReader {
 public:
  // `on_continue` is called when a client waits for "100 Continue" before it sends a body.
  RequestReader(boost::asio::ip::tcp::socket& socket, Service& service, Deadlines& deadlines,
                std::function<void()> on_continue);

  awaitable<std::expected<Request, ReadEnd>> next();
  // Whether bytes of a further request are there already.
  bool has_input() const { return begin_ < end_; }
  // Reads and drops what the client sends, until it closes, fails, or has sent a buffer full.
  awaitable<void> watch();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  awaitable<ReadEnd> read_head();
  awaitable<ReadEnd> read_chunked_body();
  awaitable<ReadEnd> read_sized_body(uint64_t bytes);
  // Reads into the buffer; true if something came.
  awaitable<bool> fill();
  std::optional<Response> check_head() const;
  bool wants_continue(bool body_is_there) const;
  ReadEnd cut_off() const;
  Response refused(const ErrorCode& error) const;

  boost::asio::ip::tcp::socket& socket_;
  Service& service_;
  Deadlines& deadlines_;
  const std::function<void()> on_continue_;
  const size_t capacity_;
  const std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0;  // [begin_, end_) has been read and not yet parsed
  size_t end_ = 0;
  std::optional<Parser> parser_;
  ErrorCode failure_;
};

}  // namespace strandline::server
