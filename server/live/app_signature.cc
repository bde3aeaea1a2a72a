#include "server/connection/app_signature.h"

#include <algorithm>
#include <map>

#include "server/base/secret.h"
#include "server/connection/service.h"
#include "server/json/json_writer.h"
#include "server/live/live.h"

namespace strandline::server {
namespace {

constexpr uint64_t kSkewS = 600;

}  // namespace

Response pusher_refusal(unsigned status, const std::string& why) {
  std::string body = "{\"error\":";
  render_string(body, why);
  return {.status = status, .body = body + "}\n"};
}

std::optional<Response> refuse_unsigned(const RequestHead& head, const Match& match,
                                        const Query& query, const Service& service) {
  const auto no = [](const std::string& why) { return pusher_refusal(401, why); };
  const LiveApp& app = service.live->app;
  if (!app.exists() || match.names[0] != app.id) {
    return pusher_refusal(404, "no application has the id \"" + match.names[0] + "\"");
  }
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : query.parameters()) {
    if (!sorted.emplace(name, value).second) return no("a parameter occurs twice: " + name);
  }
  const auto take = [&](const char* name) {
    const auto found = sorted.find(name);
    return found == sorted.end() ? std::string() : found->second;
  };
  const std::string signature = take("auth_signature");
  sorted.erase("auth_signature");
  if (take("auth_key") != app.key) return no("auth_key is not this application's");
  if (take("auth_version") != "1.0") return no("auth_version is 1.0");
  const auto stamp = parse_number(take("auth_timestamp"));
  const auto now_s = static_cast<uint64_t>(service.log.now().us / 1'000'000);
  if (!stamp || std::max(*stamp, now_s) - std::min(*stamp, now_s) > kSkewS) {
    return no("auth_timestamp is not within 600 seconds of this server's clock");
  }
  std::string text(head.method);
  text += '\n';
  text += head.target.substr(0, head.target.find('?'));
  text += '\n';
  bool first = true;
  for (const auto& [name, value] : sorted) {
    if (!first) text += '&';
    first = false;
    text += name + "=" + value;
  }
  const std::string wanted = hex_of(authentication_code(app.secret, text));
  if (!are_same_bytes(signature, wanted)) return no("auth_signature is not that of this request");
  return std::nullopt;
}

}  // namespace strandline::server
