#include "server/routes/route_table.h"

#include <algorithm>
#include <type_traits>

#include "server/connection/metrics.h"
#include "server/routes/handlers.h"

namespace strandline::server {
namespace {

constexpr Needs kNothing = Needs::nothing();

constexpr Route kRoutes[] = {
    {"POST", "/v1/streams/{stream}/events", "append_events", append_events, Order::pipelined,
     Action::append, StreamsIn::path, Takes::all},
    {"GET", "/v1/streams/{stream}/events", "read_events", read_events, Order::alone, Action::read,
     StreamsIn::path, Takes::neither},
    {"GET", "/v1/all/events", "read_all", read_all, Order::alone, Action::read, StreamsIn::query,
     Takes::neither},
    {"POST", "/v1/append", "append_many", append_many, Order::pipelined,
     Needs::either(Action::append, Action::consume), StreamsIn::body, Takes::idempotency_key},
    {"POST", "/v1/broadcast", "broadcast", broadcast, Order::pipelined, Action::append,
     StreamsIn::body, Takes::neither},
    {"PUT", "/v1/streams/{stream}", "put_stream", put_stream, Order::alone, Action::manage,
     StreamsIn::path, Takes::neither},
    {"GET", "/v1/streams/{stream}", "get_stream", get_stream, Order::alone, Action::read,
     StreamsIn::path, Takes::neither},
    {"DELETE", "/v1/streams/{stream}", "delete_stream", delete_stream, Order::alone, Action::manage,
     StreamsIn::path, Takes::neither},
    {"GET", "/v1/streams", "list_streams", list_streams, Order::alone, Action::read,
     StreamsIn::query, Takes::neither},
    {"POST", "/v1/streams/{stream}/truncate", "truncate", truncate_stream, Order::alone,
     Action::manage, StreamsIn::path, Takes::neither},
    {"GET", "/v1/consumers/{consumer}/positions/{stream}", "get_position", get_position,
     Order::alone, Action::consume, StreamsIn::path, Takes::neither},
    {"PUT", "/v1/consumers/{consumer}/positions/{stream}", "put_position", put_position,
     Order::pipelined, Action::consume, StreamsIn::path, Takes::neither},
    {"PUT", "/v1/consumers/{consumer}", "put_consumer", put_consumer, Order::alone, Action::consume,
     StreamsIn::body, Takes::neither},
    {"GET", "/v1/consumers/{consumer}", "get_consumer", get_consumer, Order::alone, Action::consume,
     StreamsIn::consumer, Takes::neither},
    {"PATCH", "/v1/consumers/{consumer}", "patch_consumer", patch_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"DELETE", "/v1/consumers/{consumer}", "delete_consumer", delete_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"GET", "/v1/consumers", "list_consumers", list_consumers, Order::alone, Action::consume,
     StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/join", "join_consumer", join_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/leave", "leave_consumer", leave_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/fetch", "fetch_consumer", fetch_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/ack", "ack_consumer", ack_consumer, Order::pipelined,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/nack", "nack_consumer", nack_consumer, Order::pipelined,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/extend", "extend_consumer", extend_consumer,
     Order::pipelined, Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/settle", "settle_consumer", settle_consumer,
     Order::pipelined, Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/commit", "commit_consumer", commit_consumer,
     Order::pipelined, Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/reset", "reset_consumer", reset_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/skip", "skip_consumer", skip_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/replay", "replay_consumer", replay_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"GET", "/v1/consumers/{consumer}/dead-letters", "list_dead_letters", list_dead_letters,
     Order::alone, Action::consume, StreamsIn::consumer, Takes::neither},
    {"POST", "/v1/consumers/{consumer}/events", "read_consumer", read_consumer, Order::alone,
     Action::consume, StreamsIn::consumer, Takes::neither},
    {"GET", "/v1/consumers/{consumer}/once/{id}", "get_once", get_once, Order::alone,
     Action::consume, StreamsIn::marks, Takes::neither},
    {"PUT", "/v1/consumers/{consumer}/once/{id}", "put_once", put_once, Order::pipelined,
     Action::consume, StreamsIn::marks, Takes::neither},
    {"POST", "/v1/keys", "create_api_key", create_api_key, Order::alone, Action::admin,
     StreamsIn::nowhere, Takes::neither},
    {"GET", "/v1/keys", "list_api_keys", list_api_keys, Order::alone, Action::admin,
     StreamsIn::nowhere, Takes::neither},
    {"GET", "/v1/keys/{key}", "get_api_key", get_api_key, Order::alone, Action::admin,
     StreamsIn::nowhere, Takes::neither},
    {"POST", "/v1/keys/{key}/rotate", "rotate_api_key", rotate_api_key, Order::alone, Action::admin,
     StreamsIn::nowhere, Takes::neither},
    {"POST", "/v1/keys/{key}/revoke", "revoke_api_key", revoke_api_key, Order::alone, Action::admin,
     StreamsIn::nowhere, Takes::neither},
    {"POST", "/v1/tickets", "create_ticket", create_ticket, Order::alone, Needs::any_key(),
     StreamsIn::nowhere, Takes::neither},
    {"GET", "/healthz", "healthz", get_healthz, Order::alone, kNothing, StreamsIn::nowhere,
     Takes::neither},
    {"GET", "/readyz", "readyz", get_readyz, Order::alone, kNothing, StreamsIn::nowhere,
     Takes::neither},
    {"GET", "/metrics", "metrics", get_metrics, Order::alone, Action::admin, StreamsIn::nowhere,
     Takes::neither},
    {"GET", "/v1/info", "info", get_info, Order::alone, Action::admin, StreamsIn::nowhere,
     Takes::neither},
};

// One entry for a method and a path, and one name for an entry.
consteval bool all_differ() {
  for (const Route& a : kRoutes) {
    for (const Route& b : kRoutes) {
      if (&a == &b) continue;
      if (a.name == b.name || (a.method == b.method && a.path == b.path)) return false;
    }
  }
  return true;
}
static_assert(all_differ());
// What a body names is checked by the handlers that are made for that, and by no others.
static_assert(std::ranges::all_of(kRoutes, [](const Route& route) {
  return (route.streams == StreamsIn::body) == route.handling.checks_body();
}));
static_assert(std::size(kRoutes) < Metrics::kRoutesMax);
// A route that does not say what it needs, or where its streams are named, does not compile.
static_assert(!std::is_default_constructible_v<Needs>);
static_assert(!std::is_constructible_v<Route, const char*, const char*, const char*, Handler, Order,
                                       StreamsIn, Takes>);
static_assert(!std::is_constructible_v<Route, const char*, const char*, const char*, Handler, Order,
                                       Needs, Takes>);
static_assert(!std::is_constructible_v<Route, const char*, const char*, const char*, Handler, Order,
                                       Needs, StreamsIn>);

}  // namespace

const RouteTable& route_table() {
  static constexpr RouteTable table{kRoutes};
  return table;
}

}  // namespace strandline::server
