#include "server/connection/worker.h"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <vector>

#include "server/connection/session.h"

namespace strandline::server {
namespace {

using std::chrono::milliseconds;

// A quarter of the shortest limit, so that none is overrun by much.
milliseconds sweep_interval(const ServerOptions& options) {
  const uint64_t shortest =
      std::min({options.handshake_timeout_ms, options.head_timeout_ms, options.body_timeout_ms,
                options.idle_timeout_ms, options.write_timeout_ms, options.drain_timeout_ms});
  return milliseconds(std::clamp<uint64_t>(shortest / 4, 10, 500));
}

}  // namespace

Worker::Worker(Service& service)
    : service_(service), work_(context_.get_executor()), timer_(context_) {}

// One that was drained has stopped already; one of a server that could not start has not.
Worker::~Worker() {
  context_.stop();
  join();
}

void Worker::start() {
  asio::post(context_, [this] { sweep(); });
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "session");
    context_.run();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::adopt(StreamSocket socket, const Authorities& authorities, const TlsContext* tls) {
  asio::post(context_, [this, &authorities, tls, socket = std::move(socket)]() mutable {
    if (draining_) {
      service_.metrics.connections.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    std::unique_ptr<Transport> transport;
    if (tls) {
      transport = std::make_unique<TlsTransport>(std::move(socket), tls->begin());
    } else {
      transport = std::make_unique<SocketTransport>(std::move(socket));
    }
    adopt(std::make_shared<Session>(*this, service_, authorities, std::move(transport)));
  });
}

void Worker::adopt(std::shared_ptr<Connection> connection) {
  connections_.insert(connection.get());
  connection->start();
}

void Worker::remove(Connection& connection) {
  if (connections_.erase(&connection) == 0) return;
  service_.metrics.connections.fetch_sub(1, std::memory_order_relaxed);
  end_if_drained();
}

void Worker::drain() {
  asio::post(context_, [this] {
    draining_ = true;
    drained_by_ =
        std::chrono::steady_clock::now() + milliseconds(service_.options.drain_timeout_ms);
    for (Connection* connection : connections_) connection->drain();
    end_if_drained();
  });
}

void Worker::end_if_drained() {
  if (draining_ && connections_.empty()) context_.stop();
}

void Worker::sweep() {
  const auto now = std::chrono::steady_clock::now();
  const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  // What a connection does about a wait that is over happens later, in handlers of its own: the set
  // does not change under the loop.
  for (Connection* connection : connections_) {
    if (now > drained_by_) {
      connection->abort();
    } else {
      connection->sweep(now);
    }
  }
  give_back_memory();
  timer_.expires_after(sweep_interval(service_.options));
  timer_.async_wait([this](const ErrorCode& error) {
    if (!error) sweep();
  });
}

// What a crowd of connections took is the system's again once half of them are gone: glibc by
// itself keeps all that lies below the last of them.
void Worker::give_back_memory() {
  constexpr size_t kCrowd = 100;
  connections_most_ = std::max(connections_most_, connections_.size());
  if (connections_most_ < kCrowd || connections_.size() > connections_most_ / 2) return;
  connections_most_ = connections_.size();
  malloc_trim(0);
}

}  // namespace strandline::server
