// GET and PATCH /v1/policies; POST and GET /v1/holds, DELETE /v1/holds/{hold}; GET /v1/retention,
// POST /v1/retention/confirm. All of it waits for the log, and so runs in the pool.
#include "engine/api/rfc3339.h"
#include "server/json/json_writer.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/policy_json.h"
#include "server/wire/retention_json.h"

namespace strandline::server {
namespace {

void render_scoped(std::string& out, const std::string& prefix, const Policy& policy) {
  out += "{\"prefix\":";
  render_string(out, prefix);
  out += ",\"policy\":";
  render_policy(out, policy);
  out += '}';
}

Response show_policies(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  Response response;
  response.body = "{\"policies\":[";
  for (const ScopedPolicy& one : call.service.log.policies()) {
    if (!response.body.ends_with('[')) response.body += ',';
    render_scoped(response.body, one.scope.name, one.policy);
  }
  response.body += "]}\n";
  return response;
}

Response change_policies(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const auto text = take_json_text(call);
  if (!text) return std::move(text.error());
  auto request = read_policy(*text, {"prefix"});
  if (!request) return not_valid(request.error());
  const auto prefix = request->texts.find("prefix");
  if (prefix == request->texts.end()) {
    return not_valid("\"prefix\" is missing: what names begin with; \"\" is every stream");
  }
  const auto policy = call.service.log.change_policy(prefix->second, request->change, call.actor());
  if (!policy) return problem(policy.error(), Asked::changing);
  Response response;
  render_scoped(response.body, prefix->second, *policy);
  response.body += '\n';
  return response;
}

Parsed<NewHold> read_hold(JsonFields& fields) {
  NewHold hold;
  const auto name = fields.string("hold");
  if (!name) return std::unexpected(name.error());
  if (!*name) return std::unexpected("\"hold\" is missing: its name");
  hold.name = **name;
  const auto stream = fields.string("stream");
  if (!stream) return std::unexpected(stream.error());
  const auto prefix = fields.string("prefix");
  if (!prefix) return std::unexpected(prefix.error());
  if (stream->has_value() == prefix->has_value()) {
    return std::unexpected("a hold is on a \"stream\" or on a \"prefix\"; \"\" is every stream");
  }
  hold.scope = {.prefix = prefix->has_value(), .name = std::string(*prefix ? **prefix : **stream)};
  const auto reason = fields.string("reason");
  if (!reason) return std::unexpected(reason.error());
  hold.reason = reason->value_or("");
  const auto until = fields.string("until");
  if (!until) return std::unexpected(until.error());
  if (*until) {
    const auto time = parse_time(**until);
    if (!time) return std::unexpected("\"until\": " + time.error().message);
    hold.until = *time;
  }
  return hold;
}

Response make_hold(Call& call) {
  auto fields = take_object(call, {"hold", "stream", "prefix", "reason", "until"});
  if (!fields) return std::move(fields.error());
  auto wanted = read_hold(*fields);
  if (!wanted) return not_valid(wanted.error());
  Log& log = call.service.log;
  const auto hold = log.hold(std::move(*wanted), call.actor());
  if (!hold) return problem(hold.error(), Asked::changing);
  Response response{.status = 201};
  response.headers = location({"/v1/holds/", hold->name});
  render_hold(response.body, *hold, log.now());
  response.body += '\n';
  return response;
}

Response show_holds(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const Log& log = call.service.log;
  Response response;
  response.body = "{\"holds\":[";
  for (const Hold& hold : log.holds()) {
    if (!response.body.ends_with('[')) response.body += ',';
    render_hold(response.body, hold, log.now());
  }
  response.body += "]}\n";
  return response;
}

Response end_hold(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const auto released = call.service.log.release_hold(call.names[0], call.actor());
  if (!released) return problem(released.error(), Asked::changing);
  return Response{.status = 204, .content_type = {}};
}

Response show_retention(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  Response response;
  render_retention(response.body, call.service.log.retention());
  response.body += '\n';
  return response;
}

Response confirm(Call& call) {
  auto fields = take_object(call, {});
  if (!fields) return std::move(fields.error());
  const auto confirmed = call.service.log.confirm_clock(call.actor());
  if (!confirmed) return problem(confirmed.error(), Asked::changing);
  Response response;
  render_retention(response.body, call.service.log.retention());
  response.body += '\n';
  return response;
}

void waiting(Call call, Answer answer, Response (*run)(Call&)) {
  Service& service = call.service;
  answer.block(service, [run, call = std::move(call)]() mutable { return run(call); });
}

}  // namespace

void list_policies(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), show_policies);
}
void patch_policies(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), change_policies);
}
void create_hold(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), make_hold);
}
void list_holds(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), show_holds);
}
void release_hold(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), end_hold);
}
void get_retention(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), show_retention);
}
void confirm_clock(Call call, Answer answer) {
  waiting(std::move(call), std::move(answer), confirm);
}

}  // namespace strandline::server
