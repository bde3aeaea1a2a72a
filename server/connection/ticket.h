// Tickets: what a browser shows in place of a key, in the query of a URL, because EventSource and
// WebSocket send no headers.
//
// A ticket names its key, the grants that it has at most, and when it ends, and is signed with the
// key's secret's digest, which the server alone knows. So nothing is kept of it; it ends with its
// time, and at once where its key is revoked, rotated or expired. It may what both its grants and
// its key's allow. Of a token's there is no digest: what the token said stands in the ticket, which
// is signed with a secret of this server's run, and ends with that, too, with the token, and with
// the key that signed the token. *Form*: "strt_" and hexadecimal digits, which no log line or URL
// changes. *Errors*: a sentence, the same for all that is not good.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/connection/principal.h"
#include "server/jwt/token_authority.h"

namespace strandline::server {

// By what tickets are known.
struct TicketKeys {
  const ApiKeys& keys;
  const TokenAuthority* tokens = nullptr;  // null: no tokens are taken
  std::string_view secret = {};            // that signs the tickets of tokens
};

// Of a principal that is known, and no ticket itself; `until` is no later than the principal's.
// Nothing: what the token says takes more than a ticket may have.
std::optional<std::string> make_ticket(const Principal& principal, const std::vector<Grant>& grants,
                                       Timestamp until, std::string_view secret);
std::expected<Principal, std::string> read_ticket(std::string_view ticket, const TicketKeys& known,
                                                  Timestamp now);

}  // namespace strandline::server
