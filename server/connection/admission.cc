#include "server/connection/admission.h"

#include "server/connection/access.h"
#include "server/connection/request_reader.h"
#include "server/http/gunzip.h"
#include "server/http/problem.h"
#include "server/http/query.h"

namespace strandline::server {
namespace {

bool says_other_site(const RequestHead& head) {
  const std::string_view site = head.field(Header::sec_fetch_site);
  return same_ignoring_case(site, "cross-site") || same_ignoring_case(site, "same-site");
}

// A browser adds neither to a request by itself: the page that sends it has it from somebody.
bool brings_token(const RequestHead& head) {
  const std::string_view authorization = head.field(Header::authorization);
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization.size() > kBearer.size() &&
      same_ignoring_case(authorization.substr(0, kBearer.size()), kBearer)) {
    return true;
  }
  const size_t mark = head.target.find('?');
  if (mark == std::string_view::npos) return false;
  const auto query = Query::parse(head.target.substr(mark + 1));
  if (!query) return false;
  const auto ticket = query->one("ticket");
  return ticket && *ticket && !(*ticket)->empty();
}

// A browser sends a page's request to any address, with what the page wants in it, and asks first
// only where the request is not one that a form could send. Browsers say where it comes from: in
// Sec-Fetch-Site (W3C, Fetch Metadata), older ones in Origin alone. Programs send neither.
std::optional<Response> refuse_other_sites(const Request& request, const Service& service) {
  const RequestHead& head = request.head;
  if (is_safe_method(head.method)) return std::nullopt;
  const std::string_view origin = head.field(Header::origin);
  // Behind a proxy, the page knows this server by what the proxy is called.
  const Client& client = request.client;
  const std::string_view host = client.authority.empty() ? head.authority : client.authority;
  const bool own =
      !head.has(Header::origin) || request.authorities->is_own_origin(origin, host, client.scheme);
  if (own && !says_other_site(head)) return std::nullopt;
  std::string advice = "`--authorities` adds the names by which this server is known";
  if (service.origins.allows(origin)) {
    // Where access control is off, nobody would look at it.
    const bool looked_at = service.is_guarded();
    if (looked_at && brings_token(head)) return std::nullopt;
    advice = looked_at ? "a page of this origin brings Authorization: Bearer, or a ticket"
                       : "access control is off (`strandline keys create` turns it on), so that a "
                         "page of this origin may only read";
  }
  return problem(403, "cross-site",
                 "a page of another " +
                     (!own ? "origin asks for this (Origin: " + std::string(origin.substr(0, 200))
                           : "site asks for this (Sec-Fetch-Site: " +
                                 std::string(head.field(Header::sec_fetch_site))) +
                     "), and it may change something: it is not done; " + advice);
}

// Before a route is looked for: what is asked is whether a page may ask.
std::optional<Response> answer_preflight(const RequestHead& head, const Service& service) {
  if (head.method != "OPTIONS" || !head.has(Header::access_control_request_method) ||
      !service.origins.allows(head.field(Header::origin))) {
    return std::nullopt;
  }
  return preflight_answer(head.field(Header::access_control_request_headers));
}

std::optional<Response> refuse_repeated(const RequestHead& head, const Route* route) {
  std::string_view name = head.repeated;
  if (name.empty() && route && route->takes_binary_mode()) name = head.repeated_attribute;
  if (name.empty()) return std::nullopt;
  return malformed("the header " + std::string(name.substr(0, 100)) +
                   " is there twice, and has one value");
}

bool takes(const Route& route, Header header) {
  switch (route.takes) {
    case Takes::neither:
      return false;
    case Takes::idempotency_key:
      return header == Header::idempotency_key;
    case Takes::all:
      return true;
  }
  return false;
}

// Nobody who asks for a condition, or for being known again, is to believe that it was looked at.
// What changes nothing may be asked with any of them: a cache adds If-None-Match to a GET.
std::optional<Response> refuse_meaningless(const RequestHead& head, const Route& route) {
  if (is_safe_method(route.method)) return std::nullopt;
  for (const Header header : {Header::if_match, Header::if_none_match, Header::idempotency_key,
                              Header::producer_id, Header::producer_epoch, Header::producer_seq}) {
    if (!head.has(header) || takes(route, header)) continue;
    return malformed(
        std::string(known(header).name) + " means nothing here: it is for appends to " +
        (header == Header::idempotency_key ? "one stream, and for /v1/append" : "one stream"));
  }
  return std::nullopt;
}

// Whether the body is in gzip.
std::expected<bool, Response> find_coding(const RequestHead& head) {
  const std::string_view coding = head.field(Header::content_encoding);
  if (coding.empty() || same_ignoring_case(coding, "identity")) return false;
  // RFC 9110, section 8.4.1.3: x-gzip is the same.
  if (same_ignoring_case(coding, "gzip") || same_ignoring_case(coding, "x-gzip")) return true;
  Response refused = problem(415, "unsupported-coding",
                             "the Content-Encoding \"" + std::string(coding.substr(0, 100)) +
                                 "\" is not taken here; gzip is, or none");
  refused.headers = "Accept-Encoding: gzip\r\n";  // RFC 9110, section 15.5.16
  return std::unexpected(std::move(refused));
}

// 413 past bytes_max.
std::expected<void, Refusal> unpack_up_to(Request& request, Service& service, size_t bytes_max) {
  const size_t packed_bytes = request.body.size();
  auto body = gunzip(request.body, bytes_max, [&](size_t bytes) {
    return has_room(request, service, packed_bytes + bytes);
  });
  if (!body) return std::unexpected(std::move(body.error()));
  request.body = std::move(*body);
  return {};
}

Response refused_body(const Refusal& refusal, const Service& service) {
  if (refusal.status == 503) return bodies_are_full(service);
  return problem(refusal.status, refusal.type, refusal.detail);
}

bool is_append_route(const Route& route) {
  return route.needs.an_action() && route.needs.action() == Action::append;
}

bool creates_stream(const Match& match, const Log& log) {
  const Route& route = *match.route;
  const bool may = route.takes_binary_mode() || route.method == "PUT";
  return may && route.streams == StreamsIn::path && match.names.size() == 1 &&
         !log.available(match.names[0]);
}

// What it takes of its quota, whatever becomes of it.
std::optional<Response> charge_request(const Admitted& admitted, Service& service) {
  if (!admitted.account) return std::nullopt;
  const auto charge = [&](QuotaKind kind, uint64_t amount) {
    auto over = admitted.account->charge(kind, amount);
    if (over) service.quotas.count(kind);
    return over;
  };
  const Route& route = *admitted.match.route;
  if (auto over = charge(QuotaKind::requests, 1)) return over;
  // How large its body is, is known behind it (take_body): here, whether any may come.
  return is_append_route(route) ? charge(QuotaKind::bytes, 0) : std::nullopt;
}

// Behind its grants, so that nobody learns here which streams there are, or how large they are.
std::optional<Response> charge_stream(const Admitted& admitted, Service& service) {
  if (!admitted.account) return std::nullopt;
  const Route& route = *admitted.match.route;
  // What it adds to what is stored, where the head names the stream (charges.h).
  if (is_append_route(route) && route.streams == StreamsIn::path) {
    const std::string& stream = admitted.match.names[0];
    const auto none_of = [&](std::string_view prefix) {
      return stream.starts_with(prefix) ? std::optional<uint64_t>(0) : std::nullopt;
    };
    if (auto over = service.quotas.charge_stored(admitted.account, none_of)) return over;
  }
  if (!creates_stream(admitted.match, service.log)) return std::nullopt;
  auto over = admitted.account->charge(QuotaKind::streams, 1);
  if (over) service.quotas.count(QuotaKind::streams);
  return over;
}

// Who asks, and whether it may ask for that.
std::optional<Response> let_in(Admitted& admitted, Request& request, Service& service) {
  const RequestHead& head = request.head;
  auto query = Query::parse(admitted.match.query);
  if (!query) return malformed(query.error());
  const auto ticket = query->take("ticket");
  if (!ticket) return malformed(ticket.error());
  admitted.query = std::move(*query);
  if (!admitted.match.route->needs.anything()) return std::nullopt;
  auto principal = identify(request, *ticket, service);
  const std::string& address = request.client.address;
  if (!principal) {
    const bool shown = *ticket || head.has(Header::authorization);
    if (shown && principal.error().status == 401) {
      if (auto too_many = service.quotas.wrong_secret(address)) return std::move(*too_many);
    }
    return std::move(principal.error());
  }
  admitted.principal = std::move(*principal);
  request.actor = admitted.principal.actor(address);
  const ApiKeyPointer& key = admitted.principal.key();
  // A secret from before it was rotated, which is good for a while, is none of its first use.
  if (key && !admitted.principal.signer() && admitted.principal.digest() == key->digest) {
    service.first_uses.tell(service.log, *key, request.actor);
  }
  admitted.account = service.quotas.account_of(admitted.principal, address);
  if (auto over = charge_request(admitted, service)) return over;
  if (auto refused = refuse(admitted.principal, admitted.match, admitted.query, service.log)) {
    return refused;
  }
  return charge_stream(admitted, service);
}

}  // namespace

std::expected<Admitted, Response> admit(Request& request, Service& service) {
  const RequestHead& head = request.head;
  auto match = service.routes.match(head.method, head.target);
  if (auto refused = refuse_repeated(head, match ? match->route : nullptr)) {
    return std::unexpected(std::move(*refused));
  }
  if (auto preflight = answer_preflight(head, service)) {
    return std::unexpected(std::move(*preflight));
  }
  if (auto refused = refuse_other_sites(request, service)) {
    return std::unexpected(std::move(*refused));
  }
  if (!match) return std::unexpected(std::move(match.error()));
  if (auto refused = refuse_meaningless(head, *match->route)) {
    return std::unexpected(std::move(*refused));
  }
  Admitted admitted{.match = std::move(*match)};
  if (auto refused = let_in(admitted, request, service))
    return std::unexpected(std::move(*refused));
  const auto gzip = find_coding(head);
  if (!gzip) return std::unexpected(gzip.error());
  admitted.packed = *gzip && head.framing != Framing::none;
  return admitted;
}

void owe_bytes(const AccountPointer& account, const Route& route, size_t bytes) {
  if (account && is_append_route(route)) account->owe(QuotaKind::bytes, bytes);
}

std::optional<Response> take_body(Admitted& admitted, Request& request, Service& service) {
  // A large body takes its time, and as much of it as whoever sends it likes.
  if (admitted.match.route->needs.anything()) {
    const auto why = admitted.principal.ended(*service.log.api_keys(), service.log.now());
    if (why) return unauthorised_since(*why);
  }
  if (!admitted.packed) {
    owe_bytes(admitted.account, *admitted.match.route, request.body.size());
    return std::nullopt;
  }
  const size_t bytes_max = service.options.body_bytes_max;
  const auto done = unpack_up_to(request, service, std::min(bytes_max, kLargeBodyBytes));
  admitted.packed = !done && done.error().status == 413 && bytes_max > kLargeBodyBytes;
  if (done) owe_bytes(admitted.account, *admitted.match.route, request.body.size());
  if (done || admitted.packed) return std::nullopt;
  return refused_body(done.error(), service);
}

std::optional<Response> unpack_body(Request& request, Service& service) {
  const auto done = unpack_up_to(request, service, service.options.body_bytes_max);
  if (!done) return refused_body(done.error(), service);
  return std::nullopt;
}

}  // namespace strandline::server
