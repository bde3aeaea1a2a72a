#include "server/server.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "engine/disk/access.h"
#include "server/connection/exposure.h"
#include "server/connection/listener.h"
#include "server/connection/service.h"
#include "server/connection/tls_watch.h"
#include "server/connection/worker.h"
#include "server/routes/route_table.h"

namespace strandline::server {

struct Server::Parts {
  Parts(Log& log, ServerOptions options) : service(log, std::move(options), route_table()) {}

  Service service;
  std::unique_ptr<AccessLog> access_log;
  std::unique_ptr<TlsContext> tls;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::shared_ptr<TlsWatch> watch;  // where there is TLS
  std::mutex joining;               // guards the joining of the workers' threads
};

Result<std::unique_ptr<Server>> Server::start(Log& log, ServerOptions options,
                                              std::vector<Binding> bindings,
                                              std::unique_ptr<TlsContext> tls,
                                              std::unique_ptr<TokenAuthority> tokens) {
  for (const std::string& name : options.authorities) {
    if (!parse_authority(name)) {
      return fail(Code::invalid, "an authority is HOST or HOST:PORT, not \"" + name + "\"");
    }
  }
  const bool guarded = tokens || (tls && tls->identifies_clients());
  for (const Binding& binding : bindings) {
    if (auto ok = check_exposure(log, options, binding, guarded); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  for (const std::string& origin : options.cors_origins) {
    if (const auto fault = Origins::fault_in(origin)) return fail(Code::invalid, *fault);
  }
  for (const std::string& proxy : options.trusted_proxies) {
    if (const auto fault = TrustedProxies::fault_in(proxy)) return fail(Code::invalid, *fault);
  }
  // Asio says by exceptions what the system refuses: file descriptors, threads.
  try {
    return assemble(log, std::move(options), std::move(bindings), std::move(tls),
                    std::move(tokens));
  } catch (const std::runtime_error& error) {
    const std::string what = std::string("the server cannot start: ") + error.what();
    const auto withheld = withheld_in(what);
    if (!withheld) return fail(Code::io, what);
    return std::unexpected(inaccessible(what, *withheld));
  }
}

Result<std::unique_ptr<Server>> Server::assemble(Log& log, ServerOptions options,
                                                 std::vector<Binding> bindings,
                                                 std::unique_ptr<TlsContext> tls,
                                                 std::unique_ptr<TokenAuthority> tokens) {
  auto parts = std::make_unique<Parts>(log, std::move(options));
  Service& service = parts->service;
  service.tokens = std::move(tokens);
  service.identifies_clients = tls && tls->identifies_clients();
  parts->tls = std::move(tls);
  if (!service.options.access_log.empty()) {
    auto access_log = AccessLog::open(service.options.access_log);
    if (!access_log) return std::unexpected(std::move(access_log.error()));
    parts->access_log = std::move(*access_log);
    service.access_log = parts->access_log.get();
  }
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const unsigned threads = service.options.threads > 0 ? service.options.threads : cores;
  for (unsigned i = 0; i < threads; ++i) {
    parts->workers.push_back(std::make_unique<Worker>(service));
  }
  for (Binding& binding : bindings) {
    parts->listeners.push_back(
        std::make_unique<Listener>(service, parts->workers, std::move(binding), parts->tls.get()));
    if (auto ok = parts->listeners.back()->listen(); !ok) return std::unexpected(ok.error());
  }
  for (const auto& listener : parts->listeners) {
    listener->start();
    spdlog::debug("{} threads serve {}", threads, listener->binding().url());
  }
  if (parts->tls) {
    parts->watch =
        std::make_shared<TlsWatch>(service, parts->workers.front()->context(), *parts->tls);
    parts->watch->start();
  }
  tell_exposure(service.is_guarded(), parts->listeners);
  for (const auto& worker : parts->workers) worker->start();
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() {
  drain();
  run();
  // What the pool and the engine still owe posts to the workers' contexts, which must be there.
  parts_->service.history.join();
  parts_->service.searching.join();
  parts_->service.blocking.join();
  parts_->service.log.hold_searches(false);
  while (parts_->service.owed.load(std::memory_order_acquire) > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string Server::address() const { return parts_->listeners.front()->binding().address(); }

void Server::reopen_access_log() {
  if (parts_->access_log) parts_->access_log->reopen();
}

void Server::run() {
  const std::lock_guard lock(parts_->joining);
  for (const auto& worker : parts_->workers) worker->join();
}

void Server::drain() {
  if (parts_->service.draining.exchange(true)) return;
  spdlog::info("draining: no new appends");
  parts_->service.log.hold_searches(true);
  // The listeners first, so that no connection comes after the workers were told.
  asio::post(parts_->workers.front()->context(), [parts = parts_.get()] {
    for (const auto& listener : parts->listeners) listener->close();
    if (parts->watch) parts->watch->close();
    for (const auto& worker : parts->workers) worker->drain();
  });
}

}  // namespace strandline::server
