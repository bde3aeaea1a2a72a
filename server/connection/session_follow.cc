// A session that follows: history, then live, for as long as the client takes it.
//
// Nothing is queued: one buffer of output_bytes_max is filled from the subscription, given to the
// socket, and filled again. Where the disk is read there are two: one is sent while the other is
// read. A socket that would block is waited for with the subscription at rest, for as long as it
// takes: a slow reader is never dropped. While its machine is there it answers the kernel's probes
// of its closed window; when it is gone the kernel gives up on it in about 15 minutes (tcp(7),
// tcp_retries2). A subscription with nothing to read is waited for with a keepalive.
//
// What is in memory is read here. What takes the disk is read, and printed, in the pool `history`,
// while this thread serves its other sessions, and sends what was printed before.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "server/connection/session.h"
#include "server/connection/worker.h"

namespace strandline::server {
namespace {

// Of output that a follower may hold on to while there is nothing to read: a little, or as much as
// its live events usually take, if that is not much either.
constexpr size_t kIdleBytesMin = 512;
constexpr size_t kIdleBytesMax = 16 << 10;

// Of a follower that does not read, what the kernel holds beyond its window. Without this the send
// buffer grows to tcp_wmem's 4 MiB, and a thousand frozen followers take the memory of all sockets.
constexpr int kUnsentBytes = 256 << 10;

// One chunk of HTTP's chunked coding around what is appended to a string between open and seal. Its
// length is written last, in eight digits that are kept free for it.
class Chunk {
 public:
  explicit Chunk(bool coded) : coded_(coded) {}

  void open(std::string& out) {
    if (coded_) out.append(kHeadBytes, '0');
    begin_ = out.size();
  }
  bool is_empty(const std::string& out) const { return out.size() == begin_; }
  void seal(std::string& out) const {
    if (!coded_) return;
    if (is_empty(out)) {
      out.erase(begin_ - kHeadBytes);
      return;
    }
    constexpr char kHex[] = "0123456789abcdef";
    char* head = out.data() + begin_ - kHeadBytes;
    const size_t size = out.size() - begin_;
    for (int i = 0; i < 8; ++i) head[i] = kHex[size >> (28 - 4 * i) & 15];
    head[8] = '\r';
    head[9] = '\n';
    out += "\r\n";
  }
  void end(std::string& out) const {
    if (coded_) out += "0\r\n\r\n";
  }

 private:
  static constexpr size_t kHeadBytes = 10;
  const bool coded_;
  size_t begin_ = 0;
};

struct Counted {
  explicit Counted(std::atomic<uint64_t>& count) : count(count) { ++count; }
  ~Counted() { --count; }
  std::atomic<uint64_t>& count;
};

}  // namespace

// What a follow prints in the pool, behind what `out` has. It and its buffer belong to the pool's
// task until it is done, whatever becomes of the session meanwhile.
struct Session::Reading {
  std::shared_ptr<Follow> follow;
  std::string out;
  Follow::Filled filled = Follow::Filled::closed;
  bool done = false;  // the session's thread's
};

bool Session::is_stopping() const { return broken_ || peer_gone_ || ended_ || service_.draining; }

awaitable<void> Session::write_follow(std::unique_ptr<Follow> given, Manner manner) {
  const std::shared_ptr<Follow> follow = std::move(given);
  const Counted counted(service_.metrics.followers);
  transport_->bound_unsent(kUnsentBytes);
  const size_t bytes_max = service_.options.output_bytes_max;
  std::string out;
  size_t usual_bytes = 0;  // of what there was to send before it was last caught up
  Chunk chunk(!manner.http_1_0);
  append_streamed_head(out,
                       {.content_type = follow->media_type(),
                        .chunked = !manner.http_1_0,
                        .head_only = manner.head_only,
                        .headers = follow->headers() + manner.cross_origin},
                       head_context(manner));
  if (manner.head_only) {
    co_await send(out, follow.get(), nullptr);
    co_return;
  }
  chunk.open(out);
  follow->open(out);
  std::shared_ptr<Reading> ahead;
  std::string spare;  // the memory of what was sent last, for what is read next
  for (;;) {
    Follow::Filled filled = Follow::Filled::needs_disk;
    if (!ahead) {
      filled = ended_ ? Follow::Filled::closed : follow->fill(out, bytes_max);
      if (filled == Follow::Filled::needs_disk) {
        // What there is does not wait for it.
        chunk.seal(out);
        if (!out.empty() && !co_await send(out, follow.get(), nullptr)) co_return;
        out.clear();
        chunk.open(out);
        ahead = read_from_disk(follow, std::move(out));
      }
    }
    const bool from_disk = ahead != nullptr;
    if (ahead) {
      if (!co_await wait_for(*ahead)) co_return;
      out = std::move(ahead->out);
      filled = ahead->filled;
      ahead.reset();
      if (ended_) {  // what was read for somebody who may not have it any more
        out.clear();
        chunk.open(out);
      }
    }
    const bool stop = filled == Follow::Filled::closed || is_stopping();
    if (ended_) follow->say_ended(out, *ended_);
    chunk.seal(out);
    if (stop) chunk.end(out);
    if (from_disk && !stop && filled == Follow::Filled::more) {
      std::string next = std::move(spare);
      next.clear();
      chunk.open(next);
      ahead = read_from_disk(follow, std::move(next));
    }
    if (!out.empty() && !co_await send(out, follow.get(), ahead.get())) co_return;
    if (stop) co_return;
    if (ahead) {
      spare = std::move(out);
      continue;
    }
    std::string().swap(spare);
    // A follower that has caught up gives back what its catching up took.
    if (filled == Follow::Filled::nothing_left) {
      const size_t kept = std::clamp(2 * usual_bytes, kIdleBytesMin, kIdleBytesMax);
      usual_bytes = out.size();
      if (out.capacity() > kept) std::string().swap(out);
    }
    out.clear();
    chunk.open(out);
    if (filled == Follow::Filled::nothing_left) {
      if (!co_await wait_for_events(follow.get())) follow->keepalive(out);
    } else {
      // Others on this thread come first: a long history is read in turns.
      co_await asio::post(transport_->executor(), asio::use_awaitable);
    }
  }
}

std::shared_ptr<Session::Reading> Session::read_from_disk(std::shared_ptr<Follow> follow,
                                                          std::string out) {
  auto reading = std::make_shared<Reading>(std::move(follow), std::move(out));
  asio::post(service_.history, [reading, weak = weak_from_this(), &mailbox = worker_.mailbox(),
                                bytes_max = service_.options.output_bytes_max]() mutable {
    reading->filled = reading->follow->fill_from_disk(reading->out, bytes_max);
    // Moved on, so that the last of it goes on the session's thread.
    mailbox.put([reading = std::move(reading), weak = std::move(weak)] {
      reading->done = true;
      if (const auto self = std::static_pointer_cast<Session>(weak.lock())) self->wake_.notify();
    });
  });
  return reading;
}

// False if the client is gone first.
awaitable<bool> Session::wait_for(const Reading& reading) {
  while (!reading.done && !broken_ && !peer_gone_) co_await wake_.wait();
  co_return reading.done;
}

// False if the keepalive is due first.
awaitable<bool> Session::wait_for_events(Follow* follow) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(service_.options.keepalive_ms);
  woken_ = false;
  follow->on_ready([weak = weak_from_this(), &mailbox = worker_.mailbox()] {
    mailbox.put([weak] {
      const auto self = std::static_pointer_cast<Session>(weak.lock());
      if (!self) return;
      self->woken_ = true;
      self->wake_.notify();
    });
  });
  while (!woken_ && !is_stopping()) {
    if (std::chrono::steady_clock::now() >= deadline) co_return false;
    co_await wake_.wait_until(deadline);
  }
  co_return true;
}

// False if the client is gone. `ahead`: what is being read for it meanwhile.
awaitable<bool> Session::send(std::string_view bytes, Follow* follow, const Reading* ahead) {
  while (!bytes.empty()) {
    const auto [error, count] = transport_->write_now(bytes);
    bytes.remove_prefix(count);
    service_.metrics.bytes_out.fetch_add(count, std::memory_order_relaxed);
    sent_ += count;
    if (error == asio::error::would_block) {
      if (ahead && !co_await wait_for(*ahead)) co_return false;
      follow->rest();
      const ErrorCode failure = co_await transport_->wait_writable();
      if (failure || broken_ || peer_gone_) co_return false;
    } else if (error) {
      co_return false;
    }
  }
  co_return true;
}

}  // namespace strandline::server
