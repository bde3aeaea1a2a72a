// POST and GET /v1/keys, GET /v1/keys/{key}, POST .../rotate and .../revoke; POST /v1/tickets.
//
// A secret is in one answer, that of its making, and nowhere else. All but tickets waits for the
// log, and so runs in the pool.
#include <spdlog/spdlog.h>

#include "engine/api/rfc3339.h"
#include "server/base/secret.h"
#include "server/connection/ticket.h"
#include "server/http/quota_text.h"
#include "server/json/json_writer.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/key_json.h"

namespace strandline::server {
namespace {

constexpr int64_t kSecondsToUs = 1'000'000;
constexpr uint64_t kLifetimeMaxS = 100ull * 366 * 24 * 3600;
// Of a ticket that does not say: a page's, that asks for another in time.
constexpr uint64_t kTicketDefaultS = 60;
constexpr uint64_t kTicketMaxS = 24 * 3600;
constexpr size_t kTicketGrantsMax = 20;  // so that it fits a URL

Response print_api_key(const Call& call, unsigned status, const ApiKey& key,
                       std::string_view secret = {}) {
  Response response{.status = status};
  render_api_key(response.body, key, call.service.log.now(), secret);
  response.body += '\n';
  return response;
}

// Who did what to which key, for whoever reads the server's own lines; `$admin` has it for good.
void tell_change(const Call& call, std::string_view what, const std::string& key) {
  spdlog::info("key \"{}\" {} by {}", key, what, call.principal.who());
}

// `expires`, a time, or `expires_s`, so many seconds from now.
Parsed<std::optional<Timestamp>> read_expiry(JsonFields& fields, Timestamp now) {
  const auto at = fields.string("expires");
  if (!at) return std::unexpected(at.error());
  const auto in_s = fields.number("expires_s");
  if (!in_s) return std::unexpected(in_s.error());
  if (*at && *in_s) return std::unexpected("it has \"expires\" or \"expires_s\", and not both");
  if (*in_s) {
    if (**in_s == 0 || **in_s > kLifetimeMaxS) {
      return std::unexpected("\"expires_s\" is from 1 to " + std::to_string(kLifetimeMaxS));
    }
    return Timestamp{now.us + static_cast<int64_t>(**in_s) * kSecondsToUs};
  }
  if (!*at) return std::nullopt;
  const auto time = parse_time(**at);
  if (!time) return std::unexpected("\"expires\": " + time.error().message);
  return *time;
}

Response make_api_key(Call& call) {
  auto fields = take_object(call, {"key", "grants", "expires", "expires_s", "quota"});
  if (!fields) return std::move(fields.error());
  const auto name = fields->string("key");
  if (!name) return not_valid(name.error());
  if (!*name) return not_valid("\"key\" is missing: its name");
  auto grants = read_grants(*fields);
  if (!grants) return not_valid(grants.error());
  Log& log = call.service.log;
  const auto expires = read_expiry(*fields, log.now());
  if (!expires) return not_valid(expires.error());
  const auto quota_text = fields->string("quota");
  if (!quota_text) return not_valid(quota_text.error());
  const auto quota = parse_quota(quota_text->value_or(""));
  if (!quota) return not_valid("\"quota\": " + quota.error());
  const std::string secret = new_secret();
  const auto key = log.create_key({.name = std::string(**name),
                                   .digest = digest_of_secret(secret),
                                   .grants = std::move(*grants),
                                   .expires = *expires,
                                   .quota = *quota},
                                  call.actor());
  if (!key) return problem(key.error(), Asked::changing);
  tell_change(call, "created", (*key)->name);
  Response response = print_api_key(call, 201, **key, secret);
  response.headers = location({"/v1/keys/", (*key)->name});
  return response;
}

Response show_api_keys(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const Timestamp now = call.service.log.now();
  Response response;
  response.body = "{\"keys\":[";
  bool first = true;
  for (const auto& [name, key] : call.service.log.api_keys()->by_name()) {
    if (!std::exchange(first, false)) response.body += ',';
    render_api_key(response.body, *key, now);
  }
  response.body += "]}\n";
  return response;
}

Response no_such_key(const std::string& name) {
  return problem({.code = Code::not_found, .message = "no key \"" + name + "\""}, Asked::reading);
}

Response show_api_key(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const auto key = call.service.log.api_keys()->find(call.names[0]);
  return key ? print_api_key(call, 200, *key) : no_such_key(call.names[0]);
}

Response change_secret(Call& call) {
  auto fields = take_object(call, {"grace_s"});
  if (!fields) return std::move(fields.error());
  const auto grace_s = fields->number("grace_s");
  if (!grace_s) return not_valid(grace_s.error());
  const auto grace = std::chrono::seconds(std::min(grace_s->value_or(0), kLifetimeMaxS));
  const std::string secret = new_secret();
  const auto key =
      call.service.log.rotate_key(call.names[0], digest_of_secret(secret), grace, call.actor());
  if (!key) return problem(key.error(), Asked::changing);
  tell_change(call, "rotated", (*key)->name);
  return print_api_key(call, 200, **key, secret);
}

Response end_api_key(Call& call) {
  auto fields = take_object(call, {});
  if (!fields) return std::move(fields.error());
  const auto key = call.service.log.revoke_key(call.names[0], call.actor());
  if (!key) return problem(key.error(), Asked::changing);
  tell_change(call, "revoked", (*key)->name);
  return print_api_key(call, 200, **key);
}

Response make_ticket_for(const Call& call) {
  auto fields = take_object(call, {"grants", "ttl_s"});
  if (!fields) return std::move(fields.error());
  if (!call.principal.key()) {
    return not_valid("the server has no access control, and asks nobody for a ticket");
  }
  if (call.principal.credential() == Credential::ticket) {
    return problem(403, "forbidden", "a ticket makes no tickets: show the key");
  }
  const auto grants = read_grants(*fields);
  if (!grants) return not_valid(grants.error());
  const Log& log = call.service.log;
  if (auto good = check_grants(*grants, log.options().limits.name_bytes_max); !good) {
    return not_valid(good.error());
  }
  if (grants->size() > kTicketGrantsMax) {
    return not_valid("a ticket has at most " + std::to_string(kTicketGrantsMax) + " grants");
  }
  for (const Grant& grant : *grants) {
    if (grant.action == Action::admin) return not_valid("a ticket does not grant admin");
    const Principal& who = call.principal;
    // `*` is what the key's own `*` is.
    const bool granted = grant.name.empty() ? who.may_something(grant.action)
                         : grant.prefix     ? who.may_below(grant.action, grant.name)
                                            : who.may(grant.action, grant.name);
    if (!granted) {
      return problem(403, "forbidden", who.who() + " is not granted " + render_grant(grant));
    }
  }
  const auto ttl_s = fields->number("ttl_s");
  if (!ttl_s) return not_valid(ttl_s.error());
  const uint64_t seconds = ttl_s->value_or(kTicketDefaultS);
  if (seconds == 0 || seconds > kTicketMaxS) {
    return not_valid("\"ttl_s\" is from 1 to " + std::to_string(kTicketMaxS));
  }
  Timestamp until{log.now().us + static_cast<int64_t>(seconds) * kSecondsToUs};
  // No later than what was shown for it.
  if (call.principal.until().us != 0) until.us = std::min(until.us, call.principal.until().us);
  const auto ticket = make_ticket(call.principal, *grants, until, call.service.ticket_secret);
  if (!ticket) return not_valid("the token has more grants than a ticket has room for");
  Response response{.status = 201};
  response.body = "{\"ticket\":\"" + *ticket + "\",\"expires\":\"" + render_time(until) + "\"}\n";
  return response;
}

void on_keys(Call call, Answer answer, Response (*act)(Call&)) {
  Service& service = call.service;
  answer.block(service, [act, call = std::move(call)]() mutable { return act(call); });
}

}  // namespace

void create_api_key(Call call, Answer answer) {
  on_keys(std::move(call), std::move(answer), make_api_key);
}
void list_api_keys(Call call, Answer answer) {
  on_keys(std::move(call), std::move(answer), show_api_keys);
}
void get_api_key(Call call, Answer answer) {
  on_keys(std::move(call), std::move(answer), show_api_key);
}
void rotate_api_key(Call call, Answer answer) {
  on_keys(std::move(call), std::move(answer), change_secret);
}
void revoke_api_key(Call call, Answer answer) {
  on_keys(std::move(call), std::move(answer), end_api_key);
}
void create_ticket(Call call, Answer answer) { answer.now(make_ticket_for(call)); }

}  // namespace strandline::server
