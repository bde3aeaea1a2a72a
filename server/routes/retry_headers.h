// The headers by which an append that may be sent again is known: Producer-Id, Producer-Epoch and
// Producer-Seq, and Idempotency-Key (the IETF's draft-ietf-httpapi-idempotency-key-header).
//
// *Errors*: a sentence for a 400. What the log has to say about names and keys, it says itself.
// A route that takes none of them says so (route.h).
#pragma once

#include <optional>

#include "engine/log.h"
#include "server/connection/call.h"
#include "server/http/query.h"

namespace strandline::server {

// All three, or none.
Parsed<std::optional<Producer>> parse_producer(const Call& call);

// A quoted string (RFC 8941, section 3.3.3). Its fingerprint is of all that says what is to be
// appended: route, names, query, type, CloudEvents' headers and body; of what they mean, not of how
// they are spelt. Before the body is taken.
Parsed<std::optional<Idempotency>> parse_idempotency(const Call& call);

}  // namespace strandline::server
