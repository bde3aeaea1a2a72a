// Policies, legal holds and retention behind a server: RemoteLog's share of them.
#include <fmt/format.h>

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "server/wire/policy_json.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {

Result<std::string> RemoteLog::told(const char* method, std::string target, std::string body) {
  HttpRequest request{.method = method, .target = std::move(target), .body = std::move(body)};
  if (!request.body.empty()) request.content_type = "application/json";
  auto answer = exchange_.send(request);
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

Result<std::string> RemoteLog::policies() { return told("GET", "/v1/policies", ""); }

Result<std::string> RemoteLog::change_policy(std::string prefix, PolicyChange change) {
  std::string body;
  server::render_change(body, change);
  body.pop_back();
  body += body.ends_with('{') ? "\"prefix\":" : ",\"prefix\":";
  server::render_string(body, prefix);
  return told("PATCH", "/v1/policies", body + "}");
}

Result<std::string> RemoteLog::holds() { return told("GET", "/v1/holds", ""); }

Result<std::string> RemoteLog::hold(NewHold hold) {
  std::string body = "{\"hold\":";
  server::render_string(body, hold.name);
  body += ',';
  server::render_scope(body, hold.scope);
  body += ",\"reason\":";
  server::render_string(body, hold.reason);
  if (hold.until) body += ",\"until\":\"" + render_time(*hold.until) + "\"";
  return told("POST", "/v1/holds", body + "}");
}

Status RemoteLog::release_hold(std::string name) {
  auto done = told("DELETE", "/v1/holds/" + encode(name), "");
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<std::string> RemoteLog::retention() { return told("GET", "/v1/retention", ""); }
Result<std::string> RemoteLog::confirm_clock() {
  return told("POST", "/v1/retention/confirm", "{}");
}

}  // namespace strandline::tools
