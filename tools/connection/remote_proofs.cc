// Checkpoints and proofs behind a server: RemoteLog's share of them.
#include "server/json/json_writer.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {
namespace {

std::string audited_path(const std::string& stream, const std::string& rest) {
  return "/v1/streams/" + encode(stream) + rest;
}

Result<std::string> text_in(Result<HttpAnswer> answer) {
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

}  // namespace

Result<std::string> RemoteLog::checkpoint(std::string stream) {
  return text_in(exchange_.send({.target = audited_path(stream, "/checkpoint")}));
}

Result<std::string> RemoteLog::sign_checkpoint(std::string stream) {
  return text_in(exchange_.send({.method = "POST", .target = audited_path(stream, "/checkpoint")}));
}

Result<std::string> RemoteLog::prove_event(std::string stream, uint64_t offset) {
  return text_in(
      exchange_.send({.target = audited_path(stream, "/proof?offset=" + std::to_string(offset))}));
}

Result<std::string> RemoteLog::prove_consistency(std::string stream, uint64_t from) {
  return text_in(exchange_.send(
      {.target = audited_path(stream, "/consistency?from=" + std::to_string(from))}));
}

Result<std::string> RemoteLog::checkpoint_keys(std::string stream) {
  return text_in(
      exchange_.send({.target = stream.empty() ? "/v1/checkpoint-keys"
                                               : audited_path(stream, "/checkpoint-keys")}));
}

Result<std::string> RemoteLog::rotate_checkpoint_key(std::string origin) {
  std::string body = "{";
  if (!origin.empty()) {
    body += "\"origin\":";
    server::render_string(body, origin);
  }
  return text_in(exchange_.send({.method = "POST",
                                 .target = "/v1/checkpoint-keys/rotate",
                                 .content_type = "application/json",
                                 .body = body + "}"}));
}

}  // namespace strandline::tools
