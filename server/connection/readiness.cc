#include "server/connection/readiness.h"

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {

std::optional<NotReady> appends_refused(const Service& service) {
  if (service.draining) {
    return NotReady{"draining", "the server is draining: it finishes what is under way, and ends"};
  }
  auto refused = service.log.appends_refused();
  if (!refused) return std::nullopt;
  return NotReady{name_of(refused->code), std::move(refused->message)};
}

Response readiness(const Service& service) {
  const auto refused = appends_refused(service);
  if (!refused) {
    return {.body =
                "{\"status\":\"ready\",\"appends\":\"accepted\",\"reason\":null,"
                "\"detail\":null}\n"};
  }
  Response response{.status = 503};
  response.body = "{\"status\":\"not ready\",\"appends\":\"refused\",\"reason\":";
  render_string(response.body, refused->reason);
  response.body += ",\"detail\":";
  render_string(response.body, refused->detail);
  response.body += "}\n";
  return response;
}

}  // namespace strandline::server
