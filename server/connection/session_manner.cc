// A session's answers, apart from their bytes: what each is to be like, whose quota it is from, and
// what is written down of it.
#include "server/connection/session.h"

namespace strandline::server {

Session::Manner Session::manner_of(const Request& request, const Route* route) const {
  const RequestHead& head = request.head;
  Manner manner{.route = route,
                .http_1_0 = head.http_1_0,
                .keep_alive = head.keep_alive && !service_.draining,
                .head_only = head.method == "HEAD",
                .cross_origin = service_.origins.headers(head.field(Header::origin)),
                .actor = request.actor};
  if (!manner.route) {
    // It was refused: by which route, nobody kept.
    const auto match = service_.routes.match(head.method, head.target);
    if (match) manner.route = match->route;
  }
  if (!service_.access_log) return manner;
  manner.method = head.method;
  manner.target = head.target;
  manner.request_id = head.field(Header::x_request_id);
  manner.begun = std::chrono::steady_clock::now();
  return manner;
}

// Of a request that could not be read nobody knows more than where it came from.
Session::Manner Session::manner_of_unreadable() const {
  const std::string peer(transport_->peer());
  Manner manner{.keep_alive = false,
                .actor = {.kind = Actor::Kind::address, .name = peer, .from = peer}};
  if (service_.access_log) manner.begun = std::chrono::steady_clock::now();
  return manner;
}

// A connection counts to whoever asked by it last.
std::expected<Admitted, Response> Session::take_lease(Admitted admitted) {
  if (admitted.account == account_) return admitted;
  auto lease = service_.quotas.open(admitted.account, QuotaKind::connections);
  if (!lease) return std::unexpected(std::move(lease.error()));
  connection_lease_ = std::move(*lease);
  account_ = admitted.account;
  return admitted;
}

void Session::tell(const Manner& manner, unsigned status, uint64_t bytes) {
  const std::string_view route = manner.route ? manner.route->name : std::string_view();
  if (Refusals::is_refusal(status)) {
    service_.refusals.tell(service_.log, status, route, manner.actor);
  }
  if (!service_.access_log || manner.begun == SteadyTime()) return;
  service_.access_log->write({.actor = manner.actor,
                              .method = manner.method,
                              .target = manner.target,
                              .route = route,
                              .request_id = manner.request_id,
                              .status = status,
                              .bytes = bytes,
                              .duration = std::chrono::steady_clock::now() - manner.begun});
}

}  // namespace strandline::server
