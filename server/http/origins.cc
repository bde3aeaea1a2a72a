#include "server/http/origins.h"

#include <algorithm>

#include "server/http/authority.h"
#include "server/http/request_head.h"

namespace strandline::server {
namespace {

constexpr std::string_view kEvery = "*";
// Of the fields that a page may be told: what the browser does not show by itself.
constexpr std::string_view kExposed =
    "Access-Control-Expose-Headers: Accept-Encoding, Allow, Date, Location, Retry-After, "
    "Strandline-Epoch, Strandline-Next, Strandline-Start, Strandline-Tail, WWW-Authenticate\r\n";
// A browser asks again after ten minutes.
constexpr std::string_view kPreflight =
    "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
    "Access-Control-Max-Age: 600\r\n";
constexpr size_t kRequestedBytesMax = 1 << 10;

struct OriginParts {
  std::string_view scheme;
  std::string_view host;  // of a pattern with a star: from the dot behind it on
  std::string_view port;
  bool below = false;  // every name that ends in `host`
};

std::optional<OriginParts> parts_of(std::string_view text) {
  const size_t end = text.find("://");
  if (end == std::string_view::npos) return std::nullopt;
  OriginParts parts{.scheme = text.substr(0, end)};
  const bool https = same_ignoring_case(parts.scheme, "https");
  if (!https && !same_ignoring_case(parts.scheme, "http")) return std::nullopt;
  std::string_view rest = text.substr(end + 3);
  parts.below = rest.starts_with("*.");
  if (parts.below) rest.remove_prefix(2);
  const auto authority = parse_authority(rest);
  if (!authority) return std::nullopt;
  parts.host = parts.below
                   ? std::string_view(authority->host.data() - 1, authority->host.size() + 1)
                   : authority->host;
  parts.port = authority->port.empty() ? (https ? "443" : "80") : authority->port;
  return parts;
}

bool is_let_in_by(std::string_view pattern, const OriginParts& origin) {
  const auto allowed = parts_of(pattern);
  if (!allowed || !same_ignoring_case(allowed->scheme, origin.scheme) ||
      allowed->port != origin.port) {
    return false;
  }
  if (!allowed->below) return same_ignoring_case(allowed->host, origin.host);
  return origin.host.size() > allowed->host.size() &&
         same_ignoring_case(origin.host.substr(origin.host.size() - allowed->host.size()),
                            allowed->host);
}

}  // namespace

std::optional<std::string> Origins::fault_in(std::string_view pattern) {
  if (pattern == kEvery || parts_of(pattern)) return std::nullopt;
  return "\"" + std::string(pattern.substr(0, 100)) +
         "\" is no origin, such as https://app.example.org or https://*.example.org (with its "
         "port, "
         "if it has one, and without a path); * is every origin";
}

bool Origins::allows(std::string_view origin) const {
  if (origin.empty()) return false;
  if (std::ranges::find(patterns_, kEvery) != patterns_.end()) return true;
  const auto parts = parts_of(origin);
  return parts && !parts->below && std::ranges::any_of(patterns_, [&](const std::string& pattern) {
           return is_let_in_by(pattern, *parts);
         });
}

std::string Origins::headers(std::string_view origin) const {
  if (patterns_.empty()) return {};
  // An answer to one origin is not to be shown to another by a cache.
  std::string lines = "Vary: Origin\r\n";
  if (!allows(origin)) return lines;
  lines.append("Access-Control-Allow-Origin: ").append(origin).append("\r\n");
  return lines.append(kExposed);
}

Response preflight_answer(std::string_view requested_fields) {
  std::string lines(kPreflight);
  const bool names = std::ranges::all_of(requested_fields, [](char c) {
    return c == ',' || c == ' ' || is_token(std::string_view(&c, 1));
  });
  // What means nothing here does no harm. The star would not include Authorization.
  if (!requested_fields.empty() && names && requested_fields.size() <= kRequestedBytesMax) {
    lines.append("Access-Control-Allow-Headers: ").append(requested_fields).append("\r\n");
  }
  return {.status = 204, .content_type = {}, .headers = std::move(lines)};
}

}  // namespace strandline::server
