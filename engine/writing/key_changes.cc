#include "engine/writing/key_changes.h"

#include <fmt/format.h>

namespace strandline {
namespace {

Error unknown_key(const std::string& name) {
  return {.code = Code::not_found, .message = fmt::format("no key \"{}\"", name)};
}

}  // namespace

Result<Outcome> create_key(LogState& log, CommitGroup& group, const CreateKey& request) {
  const NewApiKey& wanted = request.key;
  const ApiKeys& keys = log.access.assigned();
  const ApiKeyPointer there = keys.find(wanted.name);
  if (there && !there->revoked && !there->expired(log.clock->now())) {
    return fail(Code::exists, fmt::format("key \"{}\" exists: rotate or revoke it, or take another "
                                          "name",
                                          wanted.name));
  }
  if (keys.find_secret(wanted.digest)) {
    return fail(Code::exists, "another key has this secret: each has one of its own");
  }
  if (!there && keys.by_name().size() >= log.options.limits.api_keys_max) {
    return fail(Code::limit, fmt::format("a log has at most {} keys, with those that are revoked",
                                         log.options.limits.api_keys_max));
  }
  log.access.put(group, std::make_shared<const ApiKey>(ApiKey{.name = wanted.name,
                                                              .digest = wanted.digest,
                                                              .grants = Grants(wanted.grants),
                                                              .created = group.stored,
                                                              .expires = wanted.expires,
                                                              .quota = wanted.quota}));
  return Outcome{};
}

Result<Outcome> rotate_key(LogState& log, CommitGroup& group, const RotateKey& request) {
  const ApiKeys& keys = log.access.assigned();
  const ApiKeyPointer there = keys.find(request.name);
  if (!there) return std::unexpected(unknown_key(request.name));
  if (there->revoked) {
    return fail(Code::invalid, fmt::format("key \"{}\" is revoked: create it anew", request.name));
  }
  if (keys.find_secret(request.digest)) {
    return fail(Code::exists, "another key has this secret, or this one had it: take a new one");
  }
  auto rotated = std::make_shared<ApiKey>(*there);
  rotated->digest = request.digest;
  rotated->rotated = group.stored;
  rotated->used.reset();
  rotated->old_digest.clear();
  rotated->old_until = {};
  if (request.grace.count() > 0) {
    rotated->old_digest = there->digest;
    rotated->old_until = {group.stored.us + request.grace / std::chrono::microseconds(1)};
  }
  log.access.put(group, std::move(rotated));
  return Outcome{};
}

Result<Outcome> revoke_key(LogState& log, CommitGroup& group, const RevokeKey& request) {
  const ApiKeyPointer there = log.access.assigned().find(request.name);
  if (!there) return std::unexpected(unknown_key(request.name));
  if (there->revoked) return Outcome{};
  auto revoked = std::make_shared<ApiKey>(*there);
  revoked->revoked = group.stored;
  log.access.put(group, std::move(revoked));
  return Outcome{};
}

Result<Outcome> first_use(LogState& log, CommitGroup& group, const FirstUse& request) {
  const ApiKeyPointer there = log.access.assigned().find(request.name);
  if (!there) return std::unexpected(unknown_key(request.name));
  if (there->used) return Outcome{.retried = true};
  auto used = std::make_shared<ApiKey>(*there);
  used->used = group.stored;
  log.access.put(group, std::move(used));
  return Outcome{};
}

}  // namespace strandline
