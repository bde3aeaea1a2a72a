// One request, as its handler gets it: one function a route (route.h).
//
// A handler runs on its session's thread and must not wait: it answers at once, hands the answer to
// the engine, or blocks in the service's pool. *Ownership*: the call is the handler's to take from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/connection/answer.h"
#include "server/connection/service.h"
#include "server/http/problem.h"
#include "server/http/query.h"
#include "server/http/request.h"

namespace strandline::server {

struct Route;

struct Call {
  Service& service;
  Request request;
  const Route& route;
  std::vector<std::string> names;  // of the path
  Query query;

  // A header's value, or empty.
  std::string_view header(Header header) const { return request.head.field(header); }
  std::string_view body() const { return request.body; }
};

using Handler = void (*)(Call call, Answer answer);

}  // namespace strandline::server
