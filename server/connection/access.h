// Access control: who asks, and whether it may. Admission asks for every request what its head
// names; checked.h, of the same functions, for every request what its body names. Nobody else
// refuses anybody.
//
// *Refusals*: 401 where nobody that is known asks, with how to say it; 403 where it is not granted,
// whether what is asked for is there or not. A consumer of which a principal may not read
// everything is not there for it (404). So a refusal says nothing but what the request said.
// *Threads*: any. *Cost*: a SHA-256 of the secret, and a look into a table that is published.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/log.h"
#include "server/connection/principal.h"
#include "server/connection/route.h"
#include "server/http/query.h"
#include "server/http/request.h"
#include "server/http/response.h"

namespace strandline::server {

struct Service;

// `ticket`: of the query.
std::expected<Principal, Response> identify(const Request& request,
                                            const std::optional<std::string>& ticket,
                                            const Service& service);

// What the head of a request names: its path and its query.
std::optional<Response> refuse(const Principal& principal, const Match& match, const Query& query,
                               const Log& log);
// What the body of a request names, of each kind that there is.
struct NewConsumer {
  std::string name;
  ConsumerSettings settings;
};
std::optional<Response> refuse(const Principal& principal, const AppendMany& request,
                               const Log& log);
std::optional<Response> refuse(const Principal& principal, const Broadcast& request,
                               const Log& log);
std::optional<Response> refuse(const Principal& principal, const NewConsumer& request,
                               const Log& log);

// Whether it may consume, and read, all that a consumer selects.
bool may_use(const Principal& principal, const ConsumerSettings& settings);

// 401. `why` ends the sentence "...: ".
Response unauthorised(std::string why);
// What a lasting answer ends with, for a reason of Principal::ended.
Response unauthorised_since(std::string_view reason);

}  // namespace strandline::server
