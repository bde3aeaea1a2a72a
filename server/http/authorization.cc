#include "server/http/authorization.h"

#include <optional>

#include "server/http/request_head.h"
#include "server/json/base64.h"

namespace strandline::server {
namespace {

// What stands behind the scheme and its spaces.
std::optional<std::string_view> credentials_of(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
      !same_ignoring_case(value.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

}  // namespace

std::expected<ShownSecret, std::string> parse_authorization(std::string_view value) {
  if (const auto token = credentials_of(value, "Bearer")) {
    return ShownSecret{.secret = std::string(*token)};
  }
  const auto encoded = credentials_of(value, "Basic");
  if (!encoded) {
    return std::unexpected(
        "Authorization is \"Bearer SECRET\", or \"Basic\" with the secret for a password");
  }
  const auto decoded = parse_base64(*encoded);
  const size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) {
    return std::unexpected("Basic is base64 of a name, a colon and the secret (RFC 7617)");
  }
  return ShownSecret{.secret = decoded->substr(colon + 1), .basic = true};
}

}  // namespace strandline::server
