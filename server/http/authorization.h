// The secret that an Authorization header shows (RFC 9110, section 11.6.2).
//
// "Bearer SECRET" (RFC 6750), or "Basic" and base64 of a name, a colon and the secret (RFC 7617),
// for tools that know nothing else; the name does not matter. Schemes are the same in either case.
// *Errors*: a sentence for a 401, which quotes nothing of the header.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace strandline::server {

struct ShownSecret {
  std::string secret;
  bool basic = false;
};
std::expected<ShownSecret, std::string> parse_authorization(std::string_view value);

}  // namespace strandline::server
