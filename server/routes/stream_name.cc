#include "server/routes/stream_name.h"

#include "server/http/problem.h"

namespace strandline::server {

std::optional<Response> check_stream_name(const Service& service, std::string_view name) {
  if (name == kAllName) {
    return problem({.code = Code::invalid,
                    .message = "$all is not a stream of its own: read everything at "
                               "/v1/all/events; names that begin with $ are reserved"},
                   Asked::reading);
  }
  if (auto ok = check_name(name, service.log.options().limits); !ok) {
    return problem(ok.error(), Asked::reading);
  }
  return std::nullopt;
}

std::optional<Response> check_read_name(const Service& service, std::string_view name) {
  if (name == kAdminStream) return std::nullopt;
  return check_stream_name(service, name);
}

}  // namespace strandline::server
