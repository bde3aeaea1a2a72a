#include "tools/connection/local_keys.h"

#include <utility>

#include "server/base/secret.h"
#include "server/wire/key_json.h"

namespace strandline::tools {
namespace {

Result<std::string> told_key(const Log& log, const Result<ApiKeyPointer>& key,
                             std::string_view secret = {}) {
  if (!key) return std::unexpected(key.error());
  std::string out;
  server::render_api_key(out, **key, log.now(), secret);
  return out;
}

}  // namespace

Result<std::string> create_local_key(Log& log, std::string name, std::vector<Grant> grants,
                                     std::optional<std::chrono::seconds> lifetime, Quota quota) {
  const std::string secret = server::new_secret();
  NewApiKey key{.name = std::move(name),
                .digest = server::digest_of_secret(secret),
                .grants = std::move(grants),
                .quota = std::move(quota)};
  if (lifetime) key.expires = Timestamp{log.now().us + *lifetime / std::chrono::microseconds(1)};
  return told_key(log, log.create_key(std::move(key)), secret);
}

std::string local_keys(const Log& log) {
  std::string out = "{\"keys\":[";
  bool first = true;
  for (const auto& [name, key] : log.api_keys()->by_name()) {
    if (!std::exchange(first, false)) out += ',';
    server::render_api_key(out, *key, log.now());
  }
  return out + "]}";
}

Result<std::string> local_key(const Log& log, const std::string& name) {
  const ApiKeyPointer key = log.api_keys()->find(name);
  if (!key) return fail(Code::not_found, "no key \"" + name + "\"");
  return told_key(log, key);
}

Result<std::string> rotate_local_key(Log& log, std::string name, std::chrono::seconds grace) {
  const std::string secret = server::new_secret();
  return told_key(log, log.rotate_key(std::move(name), server::digest_of_secret(secret), grace),
                  secret);
}

Result<std::string> revoke_local_key(Log& log, std::string name) {
  return told_key(log, log.revoke_key(std::move(name)));
}

}  // namespace strandline::tools
