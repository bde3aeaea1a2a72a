// Routes whose body names the streams: it is read, then checked, and only what was allowed can be
// done. A handler of its own would have to remember that; this one cannot forget.
//
// `take` reads a request out of a call: std::expected<Request, Response> (Call&). Every stream of
// the request is held against who asks: refuse() of access.h, which has a case for each kind of
// request, or it does not compile. So has charge() of charges.h, for its quotas. `perform` (Call,
// Authorised<Request>, Answer) gets what nothing else makes. The table takes no other handler for a
// route with StreamsIn::body.
#pragma once

#include <utility>

#include "server/connection/access.h"
#include "server/connection/call.h"
#include "server/connection/charges.h"

namespace strandline::server {

template <class Request>
class Authorised {
 public:
  Request take() && { return std::move(request_); }

 private:
  template <class Take, class Perform>
  friend BodyChecked checked(Call call, Answer answer, Take take, Perform perform);
  explicit Authorised(Request request) : request_(std::move(request)) {}

  Request request_;
};

template <class Take, class Perform>
BodyChecked checked(Call call, Answer answer, Take take, Perform perform) {
  auto taken = take(call);
  if (!taken) {
    answer.now(std::move(taken.error()));
    return {};
  }
  if (auto refused = refuse(call.principal, *taken, call.service.log)) {
    answer.now(std::move(*refused));
    return {};
  }
  if (auto over = charge(call, *taken)) {
    answer.now(std::move(*over));
    return {};
  }
  using Request = typename decltype(taken)::value_type;
  perform(std::move(call), Authorised<Request>(std::move(*taken)), std::move(answer));
  return {};
}

}  // namespace strandline::server
