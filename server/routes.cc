#include "server/routes.h"

#include <array>

#include "server/problem.h"
#include "server/query.h"

namespace strandline::server {
namespace {

constexpr std::array<Pattern, 36> kPatterns = {{
    {"POST", "/v1/streams/{}/events", Route::append_events},
    {"GET", "/v1/streams/{}/events", Route::read_events},
    {"GET", "/v1/all/events", Route::read_all},
    {"POST", "/v1/append", Route::append_many},
    {"POST", "/v1/broadcast", Route::broadcast},
    {"PUT", "/v1/streams/{}", Route::put_stream},
    {"GET", "/v1/streams/{}", Route::get_stream},
    {"DELETE", "/v1/streams/{}", Route::delete_stream},
    {"GET", "/v1/streams", Route::list_streams},
    {"POST", "/v1/streams/{}/truncate", Route::truncate},
    {"GET", "/v1/consumers/{}/positions/{}", Route::get_position},
    {"PUT", "/v1/consumers/{}/positions/{}", Route::put_position},
    {"PUT", "/v1/consumers/{}", Route::put_consumer},
    {"GET", "/v1/consumers/{}", Route::get_consumer},
    {"PATCH", "/v1/consumers/{}", Route::patch_consumer},
    {"DELETE", "/v1/consumers/{}", Route::delete_consumer},
    {"GET", "/v1/consumers", Route::list_consumers},
    {"POST", "/v1/consumers/{}/join", Route::join_consumer},
    {"POST", "/v1/consumers/{}/leave", Route::leave_consumer},
    {"POST", "/v1/consumers/{}/fetch", Route::fetch_consumer},
    {"POST", "/v1/consumers/{}/ack", Route::ack_consumer},
    {"POST", "/v1/consumers/{}/nack", Route::nack_consumer},
    {"POST", "/v1/consumers/{}/extend", Route::extend_consumer},
    {"POST", "/v1/consumers/{}/settle", Route::settle_consumer},
    {"POST", "/v1/consumers/{}/commit", Route::commit_consumer},
    {"POST", "/v1/consumers/{}/reset", Route::reset_consumer},
    {"POST", "/v1/consumers/{}/skip", Route::skip_consumer},
    {"POST", "/v1/consumers/{}/replay", Route::replay_consumer},
    {"GET", "/v1/consumers/{}/dead-letters", Route::list_dead_letters},
    {"POST", "/v1/consumers/{}/events", Route::read_consumer},
    {"GET", "/v1/consumers/{}/once/{}", Route::get_once},
    {"PUT", "/v1/consumers/{}/once/{}", Route::put_once},
    {"GET", "/healthz", Route::healthz},
    {"GET", "/readyz", Route::readyz},
    {"GET", "/metrics", Route::metrics},
    {"GET", "/v1/info", Route::info},
}};

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const size_t end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return segment;
}

// Fills `raw` with what stands where the pattern has {}.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string_view>& raw) {
  raw.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view segment = take_segment(path);
    if (wanted == "{}") {
      raw.push_back(segment);
    } else if (wanted != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace

const char* name_of(Route route) {
  switch (route) {
    case Route::append_events:
      return "append_events";
    case Route::read_events:
      return "read_events";
    case Route::read_all:
      return "read_all";
    case Route::append_many:
      return "append_many";
    case Route::broadcast:
      return "broadcast";
    case Route::put_stream:
      return "put_stream";
    case Route::get_stream:
      return "get_stream";
    case Route::delete_stream:
      return "delete_stream";
    case Route::list_streams:
      return "list_streams";
    case Route::truncate:
      return "truncate";
    case Route::get_position:
      return "get_position";
    case Route::put_position:
      return "put_position";
    case Route::put_consumer:
      return "put_consumer";
    case Route::get_consumer:
      return "get_consumer";
    case Route::patch_consumer:
      return "patch_consumer";
    case Route::delete_consumer:
      return "delete_consumer";
    case Route::list_consumers:
      return "list_consumers";
    case Route::join_consumer:
      return "join_consumer";
    case Route::leave_consumer:
      return "leave_consumer";
    case Route::fetch_consumer:
      return "fetch_consumer";
    case Route::ack_consumer:
      return "ack_consumer";
    case Route::nack_consumer:
      return "nack_consumer";
    case Route::extend_consumer:
      return "extend_consumer";
    case Route::settle_consumer:
      return "settle_consumer";
    case Route::commit_consumer:
      return "commit_consumer";
    case Route::reset_consumer:
      return "reset_consumer";
    case Route::skip_consumer:
      return "skip_consumer";
    case Route::replay_consumer:
      return "replay_consumer";
    case Route::list_dead_letters:
      return "list_dead_letters";
    case Route::read_consumer:
      return "read_consumer";
    case Route::get_once:
      return "get_once";
    case Route::put_once:
      return "put_once";
    case Route::healthz:
      return "healthz";
    case Route::readyz:
      return "readyz";
    case Route::metrics:
      return "metrics";
    case Route::info:
      return "info";
    case Route::none:
      return "none";
  }
  return "none";
}

bool is_pipelined(Route route) {
  switch (route) {
    case Route::append_events:
    case Route::append_many:
    case Route::broadcast:
    case Route::put_position:
    case Route::put_once:
    case Route::ack_consumer:
    case Route::nack_consumer:
    case Route::extend_consumer:
    case Route::settle_consumer:
    case Route::commit_consumer:
      return true;
    default:
      return false;
  }
}

std::span<const Pattern> route_patterns() { return kPatterns; }

bool is_safe_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

std::expected<Match, Response> match_route(std::string_view method, std::string_view target) {
  const size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  // RFC 9110, section 9.3.7: what the server takes at all.
  if (path == "*") {
    return std::unexpected(Response{.status = 204,
                                    .content_type = {},
                                    .headers = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"});
  }
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::vector<std::string_view> raw;
  std::string allowed;
  for (const Pattern& pattern : kPatterns) {
    if (!fits(pattern.path, path, raw)) continue;
    if (pattern.method != wanted) {
      if (!allowed.empty()) allowed += ", ";
      allowed += pattern.method;
      if (pattern.method == "GET") allowed += ", HEAD";
      continue;
    }
    Match match{.route = pattern.route};
    if (mark != std::string_view::npos) match.query = target.substr(mark + 1);
    for (const std::string_view name : raw) {
      auto decoded = percent_decode(name);
      if (!decoded) return std::unexpected(malformed(decoded.error()));
      match.names.push_back(std::move(*decoded));
    }
    return match;
  }
  if (allowed.empty()) {
    return std::unexpected(problem(404, "no-such-path",
                                   "there is nothing at " + std::string(path.substr(0, 200)) +
                                       "; streams are at /v1/streams/{name}/events, and a / in a "
                                       "name is written %2F"));
  }
  Response response =
      problem(405, "method-not-allowed", "this path takes " + allowed + " and nothing else");
  response.headers = "Allow: " + allowed + "\r\n";
  return std::unexpected(std::move(response));
}

}  // namespace strandline::server
