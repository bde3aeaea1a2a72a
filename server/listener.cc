#include "server/listener.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "server/problem.h"

namespace strandline::server {
namespace {

using asio::ip::tcp;

struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> split(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return fail(Code::io, "the address to listen on is HOST:PORT, not \"" + address + "\"");
  }
  HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  return parts;
}

std::string printed(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

}  // namespace

Listener::Listener(Service& service, std::vector<std::unique_ptr<Worker>>& workers)
    : service_(service),
      workers_(workers),
      acceptor_(workers.front()->context()),
      pause_(workers.front()->context()) {}

Status Listener::listen(const std::string& address) {
  auto parts = split(address);
  if (!parts) return std::unexpected(parts.error());
  const auto failed = [&](const char* what, const ErrorCode& error) {
    return fail(Code::io, std::string(what) + " " + address + ": " + error.message());
  };
  ErrorCode error;
  tcp::resolver resolver(workers_.front()->context());
  const auto found = resolver.resolve(parts->host, parts->port, tcp::resolver::passive, error);
  if (error || found.empty()) return failed("cannot find", error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), error);
  if (error) return failed("cannot open a socket for", error);
  acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
  acceptor_.bind(endpoint, error);
  if (error) return failed("cannot bind to", error);
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed("cannot listen on", error);
  const tcp::endpoint bound = acceptor_.local_endpoint(error);
  address_ = printed(bound);
  on_loopback_ = bound.address().is_loopback();
  return {};
}

void Listener::start() {
  asio::co_spawn(acceptor_.get_executor(), accept(), LogFailure{"the listener"});
}

void Listener::close() {
  ErrorCode ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

awaitable<void> Listener::accept() {
  size_t turn = 0;
  while (acceptor_.is_open()) {
    Worker& worker = *workers_[turn++ % workers_.size()];
    auto [error, socket] = co_await acceptor_.async_accept(worker.context(), as_values);
    if (!acceptor_.is_open()) co_return;
    if (error) {
      // Too many open files, mostly: others have to close before this can go on.
      spdlog::warn("cannot accept a connection: {}", error.message());
      pause_.expires_after(std::chrono::milliseconds(100));
      co_await pause_.async_wait(as_values);
      continue;
    }
    service_.metrics.connections_accepted.fetch_add(1, std::memory_order_relaxed);
    const uint64_t open = service_.metrics.connections.fetch_add(1, std::memory_order_relaxed);
    if (open >= service_.options.connections_max) {
      service_.metrics.connections.fetch_sub(1, std::memory_order_relaxed);
      service_.metrics.connections_refused.fetch_add(1, std::memory_order_relaxed);
      refuse(std::move(socket));
      continue;
    }
    worker.adopt(std::move(socket));
  }
}

// What fits a fresh socket's buffer is sent without waiting.
void Listener::refuse(tcp::socket socket) {
  Response response = problem(503, "busy",
                              "as many connections are open as are allowed: " +
                                  std::to_string(service_.options.connections_max));
  response.headers = "Retry-After: 1\r\n";
  response.close = true;
  std::string text;
  append_head(text, response, {.keep_alive = false, .date = http_date(std::time(nullptr))});
  text += response.body;
  ErrorCode ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace strandline::server
