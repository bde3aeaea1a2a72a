#include "server/connection/listener.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>

#include "server/http/problem.h"

namespace strandline::server {

Listener::Listener(Service& service, std::vector<std::unique_ptr<Worker>>& workers, Binding binding,
                   const TlsContext* tls)
    : service_(service),
      workers_(workers),
      binding_(std::move(binding)),
      authorities_(service.options.authorities, binding_.on_loopback(), binding_.address(),
                   binding_.speaks_tls()),
      tls_(binding_.speaks_tls() ? tls : nullptr),
      acceptor_(workers.front()->context()),
      pause_(workers.front()->context()) {}

Status Listener::listen() {
  ErrorCode error;
  acceptor_.assign({binding_.family(), 0}, binding_.release(), error);
  if (error) {
    return fail(Code::io, "cannot listen on " + binding_.address() + ": " + error.message());
  }
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
    worker.adopt(std::move(socket), authorities_, tls_);
  }
}

// What fits a fresh socket's buffer is sent without waiting.
void Listener::refuse(StreamSocket socket) {
  if (tls_) return;
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
  socket.shutdown(StreamSocket::shutdown_send, ignored);
}

}  // namespace strandline::server
