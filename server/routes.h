// Which request is which: the paths, their methods, and who answers them.
//
// A path is split at its slashes before it is decoded, so that %2F is part of a name. *Errors*: 404
// for a path that is not here, 405 with Allow for a method that a path does not take, 400 for a bad
// escape. HEAD is taken wherever GET is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/response.h"

namespace strandline::server {

enum class Route : uint8_t {
  append_events,
  read_events,
  read_all,
  append_many,
  broadcast,
  put_stream,
  get_stream,
  delete_stream,
  list_streams,
  truncate,
  get_position,
  put_position,
  put_consumer,
  get_consumer,
  patch_consumer,
  delete_consumer,
  list_consumers,
  join_consumer,
  leave_consumer,
  fetch_consumer,
  ack_consumer,
  nack_consumer,
  extend_consumer,
  settle_consumer,
  commit_consumer,
  reset_consumer,
  skip_consumer,
  replay_consumer,
  list_dead_letters,
  read_consumer,
  get_once,
  put_once,
  healthz,
  readyz,
  metrics,
  info,
  none,  // no such route, or no request at all
};
inline constexpr size_t kRoutes = static_cast<size_t>(Route::none) + 1;

const char* name_of(Route route);

// Whether the next request of a connection may begin before this one is answered: those that go
// through the log's queue, which keeps their order.
bool is_pipelined(Route route);

// A method, a path, and who answers it. In the path {} is a name.
struct Pattern {
  std::string_view method;
  std::string_view path;
  Route route;
};
// All there are.
std::span<const Pattern> route_patterns();

// GET, HEAD and OPTIONS change nothing (RFC 9110, section 9.2.1); every other method may.
bool is_safe_method(std::string_view method);

struct Match {
  Route route = Route::none;
  std::vector<std::string> names = {};  // the path's variable parts, decoded
  std::string_view query = {};          // into the target
};

// `target` is the request's, with its query.
std::expected<Match, Response> match_route(std::string_view method, std::string_view target);

}  // namespace strandline::server
