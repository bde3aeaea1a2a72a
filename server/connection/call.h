// One request, as its handler gets it: one function a route (route.h).
//
// A handler runs on its session's thread and must not wait: it answers at once, hands the answer to
// the engine, or blocks in the service's pool. *Ownership*: the call is the handler's to take from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/connection/answer.h"
#include "server/connection/principal.h"
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
  AccountPointer account;  // of its quota; null: it has none
  Principal principal;     // who asks: admission has checked what the head of the request names

  // A header's value, or empty.
  std::string_view header(Header header) const { return request.head.field(header); }
  std::string_view body() const { return request.body; }
  // Who does it, for the log's own record (engine/api/administration.h).
  const Actor& actor() const { return request.actor; }
};

using Handler = void (*)(Call call, Answer answer);

// That every stream which a body names was checked: only checked() (checked.h) makes one.
class BodyChecked {
 private:
  BodyChecked() = default;
  template <class Take, class Perform>
  friend BodyChecked checked(Call call, Answer answer, Take take, Perform perform);
};
// Of a route whose body names the streams.
using BodyHandler = BodyChecked (*)(Call call, Answer answer);

// A handler of either kind, as the table of routes has it.
class Handling {
 public:
  constexpr Handling(Handler handler) : handler_(handler) {}
  constexpr Handling(BodyHandler handler) : body_handler_(handler) {}
  constexpr bool checks_body() const { return body_handler_ != nullptr; }
  void operator()(Call call, Answer answer) const {
    if (handler_) return handler_(std::move(call), std::move(answer));
    body_handler_(std::move(call), std::move(answer));
  }

 private:
  Handler handler_ = nullptr;
  BodyHandler body_handler_ = nullptr;
};

}  // namespace strandline::server
