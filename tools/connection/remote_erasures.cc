// Erasures behind a server: RemoteLog's share of them.
#include "server/wire/erasure_json.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {

Result<std::string> RemoteLog::erase(EraseRequest request, const std::vector<std::string>& types,
                                     const std::vector<std::string>& subjects) {
  auto answer = exchange_.send({.method = "POST",
                                .target = "/v1/erasures",
                                .content_type = "application/json",
                                .body = server::render_request(request, types, subjects)});
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

Result<std::string> RemoteLog::erasures() {
  auto answer = exchange_.send({.target = "/v1/erasures"});
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

}  // namespace strandline::tools
