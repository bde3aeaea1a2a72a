#include "server/connection/route.h"

#include "server/http/problem.h"
#include "server/http/query.h"

namespace strandline::server {
namespace {

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const size_t end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return segment;
}

// Fills `raw` with what stands where the pattern has a part in braces.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string_view>& raw) {
  raw.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view segment = take_segment(path);
    if (wanted.starts_with('{')) {
      raw.push_back(segment);
    } else if (wanted != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace

bool is_safe_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

std::expected<Match, Response> RouteTable::match(std::string_view method,
                                                 std::string_view target) const {
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
  for (const Route& route : routes_) {
    if (!fits(route.path, path, raw)) continue;
    if (route.method != wanted) {
      if (!allowed.empty()) allowed += ", ";
      allowed += route.method;
      if (route.method == "GET") allowed += ", HEAD";
      continue;
    }
    Match match{.route = &route};
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
