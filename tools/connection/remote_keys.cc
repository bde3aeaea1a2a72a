// API keys behind a server: RemoteLog's share of them.
#include <fmt/format.h>

#include "server/http/quota_text.h"
#include "server/json/json_writer.h"
#include "server/wire/key_json.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {
namespace {

std::string key_path(const std::string& name) { return "/v1/keys/" + encode(name); }

Result<std::string> body_of(Result<HttpAnswer> answer) {
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

HttpRequest posted(std::string target, std::string body) {
  return {.method = "POST",
          .target = std::move(target),
          .content_type = "application/json",
          .body = std::move(body)};
}

}  // namespace

Result<std::string> RemoteLog::create_key(std::string name, std::vector<Grant> grants,
                                          std::optional<std::chrono::seconds> lifetime,
                                          Quota quota) {
  std::string body = "{\"key\":";
  server::render_string(body, name);
  body += ",\"grants\":";
  server::render_grants(body, grants);
  if (lifetime) body += fmt::format(",\"expires_s\":{}", lifetime->count());
  if (quota.any()) {
    body += ",\"quota\":";
    server::render_string(body, server::render_quota(quota));
  }
  return body_of(exchange_.send(posted("/v1/keys", body + "}")));
}

Result<std::string> RemoteLog::keys() { return body_of(exchange_.send({.target = "/v1/keys"})); }

Result<std::string> RemoteLog::key(std::string name) {
  return body_of(exchange_.send({.target = key_path(name)}));
}

Result<std::string> RemoteLog::rotate_key(std::string name, std::chrono::seconds grace) {
  return body_of(exchange_.send(
      posted(key_path(name) + "/rotate", fmt::format("{{\"grace_s\":{}}}", grace.count()))));
}

Result<std::string> RemoteLog::revoke_key(std::string name) {
  return body_of(exchange_.send(posted(key_path(name) + "/revoke", "{}")));
}

}  // namespace strandline::tools
