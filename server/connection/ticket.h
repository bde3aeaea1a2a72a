// Tickets: what a browser shows in place of a key, in the query of a URL, because EventSource and
// WebSocket send no headers.
//
// A ticket names its key, the grants that it has at most, and when it ends, and is signed with the
// key's secret's digest, which the server alone knows. So nothing is kept of it; it ends with its
// time, and at once where its key is revoked, rotated or expired. It may what both its grants and
// its key's allow. *Form*: "strt_" and hexadecimal digits, which no log line or URL changes.
// *Errors*: a sentence, the same for all that is not good.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "server/connection/principal.h"

namespace strandline::server {

// Of a principal that is a key.
std::string make_ticket(const Principal& principal, const std::vector<Grant>& grants,
                        Timestamp until);
std::expected<Principal, std::string> read_ticket(std::string_view ticket, const ApiKeys& keys,
                                                  Timestamp now);

}  // namespace strandline::server
