// Whether a path names a stream as one may be named; the engine has the rule, this adds the hint.
#pragma once

#include <optional>
#include <string_view>

#include "server/connection/service.h"
#include "server/http/response.h"

namespace strandline::server {

// A 422, if it does not.
std::optional<Response> check_stream_name(const Service& service, std::string_view name);
// The same of one that is only read: the log's own `$admin` is, too.
std::optional<Response> check_read_name(const Service& service, std::string_view name);

}  // namespace strandline::server
