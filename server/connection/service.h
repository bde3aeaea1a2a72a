// What all sessions share: the log, the options, the counts, and the pool for what may block.
//
// *Threads*: any. *Ownership*: the server owns it and outlives every session; the log is borrowed.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/thread_pool.hpp>

#include "engine/log.h"
#include "server/base/secret.h"
#include "server/base/server_options.h"
#include "server/connection/access_log.h"
#include "server/connection/first_uses.h"
#include "server/connection/metrics.h"
#include "server/connection/quotas.h"
#include "server/connection/refusals.h"
#include "server/http/body_budget.h"
#include "server/http/forwarded.h"
#include "server/http/origins.h"
#include "server/jwt/token_authority.h"

namespace strandline::server {

class RouteTable;

struct Service {
  Service(Log& log, ServerOptions options, const RouteTable& routes)
      : log(log), options(std::move(options)), routes(routes) {}

  Log& log;
  const ServerOptions options;
  const Origins origins{options.cors_origins};
  const TrustedProxies proxies{options.trusted_proxies};
  const RouteTable& routes;
  Metrics metrics;
  Quotas quotas{options.quota, options.wrong_secrets_max,
                [this](std::string_view prefix) { return log.stored_under(prefix).bytes; }};
  Refusals refusals;
  FirstUses first_uses;
  AccessLog* access_log = nullptr;  // borrowed; null: none is written
  BodyBudget bodies{options.bodies_bytes_max};
  std::atomic<bool> draining = false;

  // Null: no tokens are taken. Set before the first request, as the next is.
  std::unique_ptr<TokenAuthority> tokens;
  // Whether a client's certificate says who it is.
  bool identifies_clients = false;
  // With which tickets of tokens are signed: they end when the server does.
  const std::string ticket_secret = new_secret();
  // Whether it is asked who asks: the log has had a key, or another way in is set up.
  bool is_guarded() const { return tokens || identifies_clients || log.api_keys()->any(); }

  // For what reads the disk or waits for it, so that a thread full of sessions does not: pages,
  // creations, deletions. Two, because one long page must not make a second wait.
  boost::asio::thread_pool blocking{2};

  // For followers that read history. Apart from the other, for they keep it busy for as long as
  // they are behind, and a page, or a deletion, must not stand in line behind all of them.
  boost::asio::thread_pool history{std::max(1u, options.history_threads)};

  // For what may search through the log for the last events that a filter takes (Log::
  // hold_searches), for minutes where few match. Apart from both, so that nobody but another search
  // stands in line behind it.
  boost::asio::thread_pool searching{2};

  // Completions that the engine still owes. They hold on to an io_context, which must outlive them.
  std::atomic<size_t> owed = 0;
};

}  // namespace strandline::server
