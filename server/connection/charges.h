// What a request's body takes of quotas (quotas.h): known once it is parsed, and charged before it
// is done. A null: it may be done. Else the 429, and nothing is done.
// *Threads*: any.
#pragma once

#include <optional>

#include "server/connection/access.h"
#include "server/connection/call.h"

namespace strandline::server {

std::optional<Response> charge(const Call& call, const Append& request);
std::optional<Response> charge(const Call& call, const AppendMany& request);
std::optional<Response> charge(const Call& call, const Broadcast& request);
std::optional<Response> charge(const Call& call, const NewConsumer& request);

}  // namespace strandline::server
