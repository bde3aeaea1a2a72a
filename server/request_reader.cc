#include "server/request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

namespace strandline::server {
namespace {

namespace http = boost::beast::http;

// Room for several small requests or one of the usual batches, so that one read brings them all.
constexpr size_t kBufferBytes = 64 << 10;

}  // namespace

RequestReader::RequestReader(boost::asio::ip::tcp::socket& socket, Service& service,
                             Deadlines& deadlines, std::function<void()> on_continue)
    : socket_(socket),
      service_(service),
      deadlines_(deadlines),
      on_continue_(std::move(on_continue)),
      capacity_(std::max(kBufferBytes, service.options.head_bytes_max + 1024)),
      buffer_(std::make_unique_for_overwrite<char[]>(capacity_)) {}

awaitable<std::expected<Request, ReadEnd>> RequestReader::next() {
  ReadEnd end = co_await read_head();
  if (end || failure_) co_return std::unexpected(std::move(end));

  const ServerOptions& options = service_.options;
  deadlines_.expect(Deadlines::Reading::body, options.body_timeout_ms);
  end = check_head();
  if (end) co_return std::unexpected(std::move(end));
  if (parser_->chunked()) {
    end = co_await read_chunked_body();
  } else if (const auto length = parser_->content_length(); length && *length > 0) {
    end = co_await read_sized_body(*length);
  }
  if (end || failure_) co_return std::unexpected(std::move(end));
  deadlines_.expect_nothing();
  co_return parser_->release();
}

awaitable<ReadEnd> RequestReader::read_head() {
  const ServerOptions& options = service_.options;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(options.head_bytes_max));
  parser_->body_limit(options.body_bytes_max);
  deadlines_.expect(Deadlines::Reading::idle, options.idle_timeout_ms);
  while (!parser_->is_header_done()) {
    if (deadlines_.reading == Deadlines::Reading::idle) {
      // RFC 9112, section 2.2: empty lines before a request are skipped.
      while (begin_ < end_ && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) ++begin_;
      if (begin_ < end_) deadlines_.expect(Deadlines::Reading::head, options.head_timeout_ms);
    }
    if (begin_ < end_) {
      ErrorCode error;
      begin_ += parser_->put(asio::const_buffer(buffer_.get() + begin_, end_ - begin_), error);
      if (!error) continue;
      if (error != http::error::need_more) co_return refused(error);
    }
    if (!co_await fill()) co_return cut_off();
  }
  co_return std::nullopt;
}

// What can be said before the body is read.
std::optional<Response> RequestReader::check_head() const {
  const auto& head = parser_->get();
  if (const auto coding = head.find(http::field::transfer_encoding);
      coding != head.end() && !boost::beast::iequals(coding->value(), "chunked")) {
    Response response = problem(501, "transfer-coding", "the only transfer coding is chunked");
    response.close = true;
    return response;
  }
  return std::nullopt;
}

awaitable<ReadEnd> RequestReader::read_sized_body(uint64_t bytes) {
  const size_t size = static_cast<size_t>(bytes);
  std::string& body = parser_->get().body();
  // The bytes are about to be overwritten, so they are not cleared first. (The lambda's own
  // argument is no use: libstdc++ 12 rounds it up to the capacity.)
  body.resize_and_overwrite(size, [size](char*, size_t) { return size; });
  size_t got = std::min(size, end_ - begin_);
  std::memcpy(body.data(), buffer_.get() + begin_, got);
  begin_ += got;
  if (wants_continue(got == size)) on_continue_();
  while (got < size) {
    // The buffer is empty: what comes after the body lands there.
    begin_ = end_ = 0;
    const std::array<asio::mutable_buffer, 2> targets = {
        asio::mutable_buffer(body.data() + got, size - got),
        asio::mutable_buffer(buffer_.get(), capacity_)};
    const auto [error, count] = co_await socket_.async_read_some(targets, as_values);
    service_.metrics.bytes_in.fetch_add(count, std::memory_order_relaxed);
    const size_t of_body = std::min(count, size - got);
    got += of_body;
    end_ = count - of_body;
    if (error) {
      failure_ = error;
      co_return cut_off();
    }
  }
  co_return std::nullopt;
}

awaitable<ReadEnd> RequestReader::read_chunked_body() {
  parser_->eager(true);
  if (wants_continue(false)) on_continue_();
  while (!parser_->is_done()) {
    if (begin_ < end_) {
      ErrorCode error;
      const size_t used =
          parser_->put(asio::const_buffer(buffer_.get() + begin_, end_ - begin_), error);
      begin_ += used;
      if (error && error != http::error::need_more) co_return refused(error);
      if (!error && used > 0) continue;
      if (end_ - begin_ == capacity_) co_return refused(http::error::header_limit);
    }
    if (parser_->is_done()) break;
    if (!co_await fill()) co_return cut_off();
  }
  co_return std::nullopt;
}

awaitable<bool> RequestReader::fill() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == capacity_) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const asio::mutable_buffer target(buffer_.get() + end_, capacity_ - end_);
  const auto [error, count] = co_await socket_.async_read_some(target, as_values);
  end_ += count;
  service_.metrics.bytes_in.fetch_add(count, std::memory_order_relaxed);
  failure_ = error;
  co_return !error;
}

awaitable<void> RequestReader::watch() {
  deadlines_.expect_nothing();
  for (size_t total = 0; total < capacity_;) {
    const asio::mutable_buffer target(buffer_.get(), capacity_);
    const auto [error, count] = co_await socket_.async_read_some(target, as_values);
    if (error) co_return;
    total += count;
  }
}

bool RequestReader::wants_continue(bool body_is_there) const {
  const auto& head = parser_->get();
  const auto expect = head.find(http::field::expect);
  return !body_is_there && head.version() >= 11 && expect != head.end() &&
         boost::beast::iequals(expect->value(), "100-continue");
}

// After a read that failed. The sweep cancels the read of a client that is late; every other
// failure is the client's going.
ReadEnd RequestReader::cut_off() const {
  if (failure_ != asio::error::operation_aborted) return std::nullopt;
  if (deadlines_.reading == Deadlines::Reading::idle) return std::nullopt;
  if (service_.draining) {
    Response response =
        problem({.code = Code::closed, .message = "the server is draining"}, Asked::appending);
    response.close = true;
    return response;
  }
  const bool head = deadlines_.reading == Deadlines::Reading::head;
  const ServerOptions& options = service_.options;
  Response response =
      problem(408, "too-slow",
              fmt::format("the request's {} did not arrive within {} ms", head ? "head" : "body",
                          head ? options.head_timeout_ms : options.body_timeout_ms));
  response.close = true;
  return response;
}

Response RequestReader::refused(const ErrorCode& error) const {
  const ServerOptions& options = service_.options;
  Response response;
  if (error == http::error::header_limit) {
    response = problem(
        431, "head-too-large",
        "the request's head is larger than " + std::to_string(options.head_bytes_max) + " bytes");
  } else if (error == http::error::body_limit) {
    response =
        problem(413, "too-large",
                "the request's body is larger than " + std::to_string(options.body_bytes_max) +
                    " bytes; send the events in several requests");
  } else if (error == http::error::bad_version) {
    response = problem(505, "http-version", "this server speaks HTTP/1.1");
  } else {
    response = malformed("the request is not well-formed HTTP/1.1: " + error.message());
  }
  response.close = true;
  return response;
}

}  // namespace strandline::server
