#include "server/connection/exposure.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "server/base/secret.h"
#include "server/base/secret_file.h"

namespace strandline::server {
namespace {

constexpr char kRootKeyName[] = "root";

}  // namespace

Status check_exposure(const Log& log, const ServerOptions& options, const Binding& binding,
                      bool guarded) {
  if (binding.on_loopback() || options.insecure || guarded || log.api_keys()->any()) return {};
  return std::unexpected(exposed(binding.address()));
}

Error exposed(const std::string& address) {
  return {.code = Code::invalid,
          .message = fmt::format(
              "{} can be reached from other machines, and access control is off: the log has no "
              "key, so that whoever connects could read, append and delete. Make a key first "
              "(`strandline keys create admin --grant admin --data DIR`), or allow it with "
              "--insecure",
              address)};
}

void tell_exposure(bool guarded, const std::vector<std::unique_ptr<Listener>>& listeners) {
  if (guarded) {
    spdlog::info("access control is on: every request needs an API key, or what stands for one");
    for (const auto& listener : listeners) {
      const Binding& binding = listener->binding();
      if (binding.on_loopback() || binding.speaks_tls()) continue;
      spdlog::warn(
          "{} speaks HTTP in clear to other machines: whoever listens on the way reads the "
          "secrets of keys; --tls-cert and --tls-key prevent that",
          binding.address());
    }
    return;
  }
  for (const auto& listener : listeners) {
    const std::string& address = listener->binding().address();
    if (listener->binding().on_loopback()) {
      spdlog::info(
          "access control is off: whoever can connect to {} from this machine can read, append and "
          "delete; `strandline keys create` turns it on",
          address);
    } else {
      spdlog::warn(
          "access control is off, and {} can be reached from other machines: whoever can connect "
          "can read, append and delete",
          address);
    }
  }
}

Status put_root_key(Log& log, const std::string& path) {
  const auto secret = read_secret_file(path);
  if (!secret) return std::unexpected(secret.error());
  std::string digest = digest_of_secret(*secret);
  const ApiKeyPointer there = log.api_keys()->find(kRootKeyName);
  if (there && there->revoked) {
    return fail(Code::invalid, fmt::format("{}: key \"{}\" was revoked, and stays so: start "
                                           "without the file, and create another key",
                                           path, kRootKeyName));
  }
  if (there && there->digest == digest) return {};
  if (there) {
    const auto rotated = log.rotate_key(kRootKeyName, std::move(digest));
    if (!rotated) return std::unexpected(rotated.error());
    spdlog::info("key \"{}\" has the secret in {} from now on", kRootKeyName, path);
    return {};
  }
  const auto created = log.create_key({.name = kRootKeyName,
                                       .digest = std::move(digest),
                                       .grants = {{.action = Action::admin, .prefix = true}}});
  if (!created) return std::unexpected(created.error());
  spdlog::info("created key \"{}\" with the secret in {}", kRootKeyName, path);
  return {};
}

}  // namespace strandline::server
