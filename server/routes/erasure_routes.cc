// POST and GET /v1/erasures. An erasure reads and compacts what it is about, so it runs where what
// takes long does.
#include <spdlog/spdlog.h>

#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/erasure_json.h"

namespace strandline::server {
namespace {

// How long a request waits for the bytes to be gone. After that it is answered without.
constexpr std::chrono::seconds kPatience(20);

Response erase_events(Call& call) {
  auto fields = take_object(call, {"stream", "streams", "prefix", "offsets", "types", "subjects",
                                   "stored_from", "stored_before", "what", "reason", "dry_run"});
  if (!fields) return std::move(fields.error());
  const auto request = read_erasure(*fields);
  if (!request) return not_valid(request.error());
  const auto erased = call.service.log.erase(*request, call.actor(), kPatience);
  if (!erased) return problem(erased.error(), Asked::changing);
  if (erased->id != 0) {
    spdlog::info("erasure {} of {} events by {}", erased->id, erased->events, call.principal.who());
  }
  Response response;
  render_erased(response.body, *request, *erased);
  response.body += '\n';
  return response;
}

Response show_erasures(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  Response response;
  response.body = render_erasures(call.service.log.erasures()) + '\n';
  return response;
}

}  // namespace

void create_erasure(Call call, Answer answer) {
  Service& service = call.service;
  answer.block_in(service.searching,
                  [call = std::move(call)]() mutable { return erase_events(call); });
}
void list_erasures(Call call, Answer answer) { answer.now(show_erasures(call)); }

}  // namespace strandline::server
