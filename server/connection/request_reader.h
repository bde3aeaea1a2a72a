// The requests of one connection, one after the other.
//
// What a request is, request_head.h and chunked_body.h say; here are the reading and the waiting.
// The head comes first, so that nothing is kept, and no 100 Continue sent, for whoever is refused
// by it. A body of known length is read straight into the string that becomes the batch; what the
// same read brings of the next request goes into the buffer. *Limits*: head and body, in bytes, and
// the time that each may take (Deadlines; the session's sweep ends a read that is late); a body may
// take longer the more of it has come. *Memory*: one buffer a connection, small until the client
// fills it. *Errors*: a request that cannot be taken ends the reading, for where the next one would
// begin is not known: 400, 408, 413, 414, 421, 431, 501, 503, 505.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>

#include "server/base/coroutine.h"
#include "server/connection/call.h"
#include "server/connection/transport.h"

namespace strandline::server {

// What a connection is waiting for its client to do, and until when.
struct Deadlines {
  enum class Reading { nothing, handshake, idle, head, body };
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

// Whether a request may hold a body of this size beside all other bodies (body_budget.h), of which
// it then has a share; and the 503 where it may not.
bool has_room(Request& request, Service& service, size_t bytes);
Response bodies_are_full(const Service& service);

// Nothing: the client is gone. A response: what its last request is answered with.
using ReadEnd = std::optional<Response>;

class RequestReader {
 public:
  // `authorities`: those of the address that the connection came by. `on_continue` is called when a
  // client waits for "100 Continue" before it sends a body.
  RequestReader(Transport& transport, Service& service, const Authorities& authorities,
                Deadlines& deadlines, std::function<void()> on_continue);

  // The head of the next request. Its body, where it has one, is read or skipped before the next.
  awaitable<std::expected<Request, ReadEnd>> next();
  // Into the request.
  awaitable<std::expected<void, ReadEnd>> read_body(Request& request);
  // Whether the body of a refused request is short enough to be skipped: where it is not, the next
  // request is never come to. One that waits for 100 Continue may never be sent (RFC 9110, section
  // 10.1.1).
  bool may_skip_body(const RequestHead& head) const;
  // Reads it and keeps nothing of it; false where it did not end well.
  awaitable<bool> skip_body(const RequestHead& head);
  // Whether bytes of a further request are there already.
  bool has_input() const { return begin_ < end_; }
  // Reads and drops what the client sends, until it closes, fails, or has sent more than anybody
  // means to.
  awaitable<void> watch();

 private:
  // The head and the empty line before it, if any, in bytes; parsed into the request.
  awaitable<ReadEnd> read_head(Request& request);
  awaitable<ReadEnd> read_chunked_body(Request& request);
  awaitable<ReadEnd> read_sized_body(Request& request);
  // Reads into the buffer; true if something came.
  awaitable<bool> fill();
  void make_room();
  void begin_body();
  // The body's deadline, now that this much of it has come.
  void expect_body(size_t received);
  std::optional<Response> take_share(Request& request, size_t bytes);
  ReadEnd cut_off() const;

  std::string_view input() const { return {buffer_.get() + begin_, end_ - begin_}; }

  Transport& transport_;
  Service& service_;
  const Authorities& authorities_;
  Deadlines& deadlines_;
  const std::function<void()> on_continue_;
  const HeadLimits limits_;
  size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  bool filled_ = false;  // by the last read, to its end
  size_t begin_ = 0;     // [begin_, end_) has been read and not yet parsed
  size_t end_ = 0;
  SteadyTime body_begun_;
  ErrorCode failure_;
};

}  // namespace strandline::server
