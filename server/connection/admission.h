// Whether a request is served at all, and by which route: what is asked of each before its handler.
//
// Every route passes through here and nowhere else, so that a new one is guarded without a word.
// All that the head says is looked at before the body is read (admit), and what the body must be
// before its handler has it (take_body). It refuses, in this order:
//   400  a header that comes twice and is no list
//   403  a request from another site's page that may change state (`cross-site`). A page of an
//        origin that is let in (origins.h) may, if access control is on and it brings a token.
//   404, 405  what no route takes
//   400  a condition, a producer or an idempotency key where it means nothing (Takes)
//   400  a query that does not parse
//   401  where access control is on, whoever shows no key or ticket that is good
//   429  what is over its quota, or the wrong secrets of its address (quotas.h)
//   403, 404  what it is not granted (access.h)
//   415  a body in a coding that is not known here
// and then, with the body:
//   401  where who asks may not any longer: its key ended while the body came
//   400, 413, 503  a body that does not unpack
// A CORS preflight, the question that a browser asks first, is answered behind the first of these.
// *Threads*: the session's; unpack_body also the pool's.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>

#include "server/connection/principal.h"
#include "server/connection/route.h"
#include "server/connection/service.h"
#include "server/http/query.h"
#include "server/http/request.h"

namespace strandline::server {

// A body above this is read by the pool, and nothing is read behind it meanwhile: parsing it takes
// so long (10 ms a megabyte, as JSON) that the thread's other sessions would notice.
inline constexpr size_t kLargeBodyBytes = 1 << 20;

struct Admitted {
  Match match;
  Query query;  // without the ticket
  Principal principal;
  AccountPointer account = nullptr;  // of its quota; null: it has none
  // The body is in gzip; behind take_body, only one that unpacks to more than kLargeBodyBytes: see
  // unpack_body.
  bool packed = false;
};
// Looks at the head alone. The request's `actor` is who asks, from here on.
std::expected<Admitted, Response> admit(Request& request, Service& service);
// Of a request whose body has come: a response where it is refused after all.
std::optional<Response> take_body(Admitted& admitted, Request& request, Service& service);

// What a body takes of its quota, as large as it is unpacked.
void owe_bytes(const AccountPointer& account, const Route& route, size_t bytes);

// In place, up to body_bytes_max; a response where that fails. What it takes of the memory for
// bodies stays with the request.
std::optional<Response> unpack_body(Request& request, Service& service);

}  // namespace strandline::server
