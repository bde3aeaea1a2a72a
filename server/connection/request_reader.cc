#include "server/connection/request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "server/http/chunked_body.h"

namespace strandline::server {
namespace {

// Room for the usual request; thousands of connections may be open that send no more.
constexpr size_t kBufferBytesFirst = 4 << 10;
// Room for several small requests or one of the usual batches, so that one read brings them all.
constexpr size_t kBufferBytesMax = 64 << 10;
// What a follower, whose request is its last, sends is only dropped.
constexpr size_t kWatchBytes = 256;
constexpr size_t kWatchedBytesMax = 64 << 10;
// Of a refused request's body: reading on costs less than another connection, up to here.
constexpr size_t kSkippedBytesMax = 64 << 10;

Response closing(Response response) {
  response.close = true;
  return response;
}

Response refused(Refusal refusal) {
  return closing(problem(refusal.status, refusal.type, std::move(refusal.detail)));
}

}  // namespace

bool has_room(Request& request, Service& service, size_t bytes) {
  return bytes <= kBufferBytesMax || request.share.grow_to(service.bodies, bytes);
}

Response bodies_are_full(const Service& service) {
  return problem(
      {.code = Code::busy,
       .message = fmt::format("the bodies under way are as large as all together may be: "
                              "{} bytes; send this again later",
                              service.options.bodies_bytes_max)},
      Asked::appending);
}

RequestReader::RequestReader(Transport& transport, Service& service, const Authorities& authorities,
                             Deadlines& deadlines, std::function<void()> on_continue)
    : transport_(transport),
      service_(service),
      authorities_(authorities),
      deadlines_(deadlines),
      on_continue_(std::move(on_continue)),
      limits_{.head_bytes_max = service.options.head_bytes_max,
              .request_line_bytes_max = service.options.request_line_bytes_max},
      capacity_(kBufferBytesFirst),
      buffer_(std::make_unique_for_overwrite<char[]>(capacity_)) {}

awaitable<std::expected<Request, ReadEnd>> RequestReader::next() {
  Request request{.authorities = &authorities_};
  ReadEnd end = co_await read_head(request);
  if (end || failure_) co_return std::unexpected(std::move(end));
  deadlines_.expect_nothing();
  co_return request;
}

awaitable<std::expected<void, ReadEnd>> RequestReader::read_body(Request& request) {
  ReadEnd end;
  if (request.head.framing == Framing::chunked) {
    end = co_await read_chunked_body(request);
  } else if (request.head.content_length > 0) {
    end = co_await read_sized_body(request);
  }
  if (end || failure_) co_return std::unexpected(std::move(end));
  deadlines_.expect_nothing();
  co_return std::expected<void, ReadEnd>();
}

bool RequestReader::may_skip_body(const RequestHead& head) const {
  if (head.framing == Framing::none) return true;
  const bool waits = head.expects_continue && !has_input();
  return !waits && head.content_length <= kSkippedBytesMax;
}

awaitable<bool> RequestReader::skip_body(const RequestHead& head) {
  ChunkedBody chunks(kSkippedBytesMax);
  const bool chunked = head.framing == Framing::chunked;
  std::string dropped;
  uint64_t left = head.content_length;
  begin_body();
  expect_body(0);
  for (;;) {
    if (chunked) {
      const auto taken = chunks.take(input(), dropped);
      if (!taken) co_return false;
      begin_ += *taken;
      dropped.clear();
      if (chunks.is_done()) break;
    } else {
      const size_t here = std::min<uint64_t>(left, input().size());
      begin_ += here;
      left -= here;
      if (left == 0) break;
    }
    // Nothing is left in it, and it does not grow.
    begin_ = end_ = 0;
    filled_ = false;
    if (!co_await fill()) co_return false;
  }
  deadlines_.expect_nothing();
  co_return true;
}

void RequestReader::begin_body() { body_begun_ = std::chrono::steady_clock::now(); }

awaitable<ReadEnd> RequestReader::read_head(Request& request) {
  const ServerOptions& options = service_.options;
  HeadScan scan;
  size_t size = 0;
  while (size == 0) {
    if (begin_ < end_) {
      auto found = find_head(input(), scan, limits_);
      if (!found) co_return refused(std::move(found.error()));
      size = found->value_or(0);
      if (size > 0) break;
    }
    if (end_ - begin_ > scan.begin) {
      if (deadlines_.reading != Deadlines::Reading::head) {
        deadlines_.expect(Deadlines::Reading::head, options.head_timeout_ms);
      }
    } else if (deadlines_.reading != Deadlines::Reading::idle) {
      deadlines_.expect(Deadlines::Reading::idle, options.idle_timeout_ms);
    }
    if (!co_await fill()) co_return cut_off();
  }

  const std::string_view bytes = input().substr(scan.begin, size - scan.begin);
  auto kept = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(kept.get(), bytes.data(), bytes.size());
  begin_ += size;
  auto head = parse_head({kept.get(), bytes.size()}, limits_);
  if (!head) co_return refused(std::move(head.error()));
  request.head_bytes = std::move(kept);
  request.head = std::move(*head);
  request.client = service_.proxies.client_of(transport_.peer(), request.head);
  request.actor = Principal().actor(request.client.address);
  if (!request.head.authority.empty() && !authorities_.takes(request.head.authority)) {
    co_return closing(
        problem(421, "misdirected",
                fmt::format("{} is not a name of this server; `--authorities` adds some",
                            request.head.authority)));
  }
  co_return std::nullopt;
}

awaitable<ReadEnd> RequestReader::read_sized_body(Request& request) {
  if (request.head.content_length > service_.options.body_bytes_max) {
    co_return closing(
        problem(413, "too-large",
                fmt::format("the request's body is larger than {} bytes; send the events in "
                            "several requests",
                            service_.options.body_bytes_max)));
  }
  const size_t size = static_cast<size_t>(request.head.content_length);
  if (auto busy = take_share(request, size)) co_return busy;
  std::string& body = request.body;
  // The bytes are about to be overwritten, so they are not cleared first. (The lambda's own
  // argument is no use: libstdc++ 12 rounds it up to the capacity.)
  body.resize_and_overwrite(size, [size](char*, size_t) { return size; });
  size_t got = std::min(size, end_ - begin_);
  std::memcpy(body.data(), buffer_.get() + begin_, got);
  begin_ += got;
  if (got == size) co_return std::nullopt;

  if (request.head.expects_continue && !request.head.http_1_0) on_continue_();
  begin_body();
  while (got < size) {
    // The buffer is empty: what comes after the body lands there.
    begin_ = end_ = 0;
    make_room();
    expect_body(got);
    const std::array<asio::mutable_buffer, 2> targets = {
        asio::mutable_buffer(body.data() + got, size - got),
        asio::mutable_buffer(buffer_.get(), capacity_)};
    const auto [error, count] = co_await transport_.read(targets);
    service_.metrics.bytes_in.fetch_add(count, std::memory_order_relaxed);
    const size_t of_body = std::min(count, size - got);
    got += of_body;
    end_ = count - of_body;
    filled_ = end_ == capacity_;
    if (error) {
      failure_ = error;
      co_return cut_off();
    }
  }
  co_return std::nullopt;
}

awaitable<ReadEnd> RequestReader::read_chunked_body(Request& request) {
  ChunkedBody chunks(service_.options.body_bytes_max);
  if (request.head.expects_continue && begin_ == end_) on_continue_();
  begin_body();
  for (;;) {
    if (begin_ < end_) {
      auto taken = chunks.take(input(), request.body);
      if (!taken) co_return refused(std::move(taken.error()));
      begin_ += *taken;
      if (chunks.is_done()) co_return std::nullopt;
    }
    if (auto busy = take_share(request, request.body.capacity())) co_return busy;
    expect_body(request.body.size());
    if (!co_await fill()) co_return cut_off();
  }
}

std::optional<Response> RequestReader::take_share(Request& request, size_t bytes) {
  if (has_room(request, service_, bytes)) return std::nullopt;
  return closing(bodies_are_full(service_));
}

void RequestReader::expect_body(size_t received) {
  const ServerOptions& options = service_.options;
  deadlines_.reading = Deadlines::Reading::body;
  deadlines_.read = body_begun_ + std::chrono::milliseconds(options.body_timeout_ms) +
                    std::chrono::milliseconds(received * 1000 / options.body_bytes_per_s_min);
}

awaitable<bool> RequestReader::fill() {
  make_room();
  const asio::mutable_buffer target(buffer_.get() + end_, capacity_ - end_);
  const auto [error, count] = co_await transport_.read({target, {}});
  end_ += count;
  filled_ = end_ == capacity_;
  service_.metrics.bytes_in.fetch_add(count, std::memory_order_relaxed);
  failure_ = error;
  co_return !error;
}

// A client that fills the buffer gets a larger one. (A head that is larger than the largest has
// been refused before it fills that.)
void RequestReader::make_room() {
  const size_t capacity_max = std::max(kBufferBytesMax, limits_.head_bytes_max + 1024);
  const size_t size = end_ - begin_;
  if (filled_ && capacity_ < capacity_max) {
    const size_t capacity = std::min(capacity_ * 4, capacity_max);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(larger.get(), buffer_.get() + begin_, size);
    buffer_ = std::move(larger);
    capacity_ = capacity;
  } else if (begin_ < end_ && end_ == capacity_) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, size);
  } else if (begin_ < end_) {
    return;
  }
  filled_ = false;
  begin_ = 0;
  end_ = size;
}

awaitable<void> RequestReader::watch() {
  deadlines_.expect_nothing();
  // Followers are many and stay long: the buffer is given back.
  const bool had_input = has_input();
  capacity_ = kWatchBytes;
  buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
  begin_ = 0;
  end_ = had_input ? 1 : 0;
  for (size_t total = 0; total < kWatchedBytesMax;) {
    const asio::mutable_buffer target(buffer_.get(), capacity_);
    const auto [error, count] = co_await transport_.read({target, {}});
    if (error) co_return;
    total += count;
  }
}

// After a read that failed. The sweep cancels the read of a client that is late; every other
// failure is the client's going.
ReadEnd RequestReader::cut_off() const {
  if (failure_ != asio::error::operation_aborted) return std::nullopt;
  if (deadlines_.reading == Deadlines::Reading::idle) return std::nullopt;
  if (service_.draining) {
    return closing(
        problem({.code = Code::closed, .message = "the server is draining"}, Asked::appending));
  }
  const bool head = deadlines_.reading == Deadlines::Reading::head;
  const ServerOptions& options = service_.options;
  return closing(problem(
      408, "too-slow",
      head ? fmt::format("the request's head did not arrive within {} ms", options.head_timeout_ms)
           : fmt::format("the request's body did not arrive within {} ms and at {} bytes a second",
                         options.body_timeout_ms, options.body_bytes_per_s_min)));
}

}  // namespace strandline::server
