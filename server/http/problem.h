// How a request fails: application/problem+json (RFC 9457), with the same members everywhere.
//
//   {"type":"urn:strandline:problem:conflict", "title":"Conflict", "status":412,
//    "detail":"what was wrong, where, and what is allowed", "applied":"not-applied",
//    "next":7, "current":7, "start":0, "tail":7}
//
// `type` ends in the name of the engine's code (error.h), or in a name of its own where HTTP and
// not the log refuses: malformed, cross-site, no-such-path, method-not-allowed, not-acceptable,
// unsupported-type, unsupported-coding, bad-flatbuffer, misdirected, too-slow, target-too-long,
// head-too-large, no-such-method, transfer-coding, http-version. `title` is that name in words.
// `applied` is "outcome-unknown" only where the log failed while the request was under way. Numbers
// are there where they help: after a conflict `current` (and `next`, its other name, of an append),
// of a producer's gap `expected`, of an out-of-range position `start` and `tail`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/api/error.h"
#include "server/http/response.h"

namespace strandline::server {

// What was asked decides the status of some codes: a condition that an append names in a header
// fails with 412, a position's or a creation's with 409.
enum class Asked { reading, appending, changing };

// A problem of the log's.
Response problem(const Error& error, Asked asked);
// A problem of the request's, with a type of its own.
Response problem(unsigned status, std::string_view type, std::string detail);

// 400, `malformed`: what is not even a request of the kind it should be.
inline Response malformed(std::string detail) {
  return problem(400, "malformed", std::move(detail));
}

}  // namespace strandline::server
