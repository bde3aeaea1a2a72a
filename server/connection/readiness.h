// Whether the server takes appends, for whoever sends it requests: a load balancer, a person, a
// scrape.
//
// A server that only reads (its log is an observer's, or sealed) is not ready: whoever wants it for
// reading asks /healthz. *Threads*: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/connection/service.h"
#include "server/http/response.h"

namespace strandline::server {

struct NotReady {
  std::string_view reason;  // one of kRefusalReasons
  std::string detail;       // a sentence
};
// Each is the code of an append's problem; "draining" is the server's own.
inline constexpr std::string_view kRefusalReasons[] = {"closed", "disk-full", "draining",
                                                       "read-only", "sealed"};

// Why appends are refused, if they are.
std::optional<NotReady> appends_refused(const Service& service);

// {"status":"ready"|"not ready","appends":"accepted"|"refused","reason":...,"detail":...}: the last
// two null where appends are accepted. 503 where they are not.
Response readiness(const Service& service);

}  // namespace strandline::server
