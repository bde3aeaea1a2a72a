#include "server/live/channel_retention.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/api/policy.h"

namespace strandline::server {
namespace {

bool says_age(const ScopedPolicy& policy, const std::string& prefix) {
  return policy.scope == NameScope{.prefix = true, .name = prefix} &&
         policy.policy.contains(PolicyField::age_max_s);
}

}  // namespace

void keep_channels_for_a_week(Log& log, const ChannelRules& rules, const LiveApp& app) {
  std::vector<std::string> prefixes = rules.durable_beginnings();
  if (app.exists()) prefixes.insert(prefixes.end(), {"private-", "presence-"});
  const std::vector<ScopedPolicy> policies = log.policies();
  for (const std::string& prefix : prefixes) {
    const bool is_said = std::ranges::any_of(
        policies, [&](const ScopedPolicy& policy) { return says_age(policy, prefix); });
    if (is_said || !log.list(prefix, "", 1).empty()) continue;
    const auto changed = log.change_policy(prefix, {{PolicyField::age_max_s, kChannelAgeS}});
    if (changed) {
      spdlog::info("channels that begin with \"{}\" are kept for 7 days", prefix);
    } else {
      spdlog::warn("channels that begin with \"{}\" are kept for ever: {}", prefix,
                   changed.error().message);
    }
  }
}

}  // namespace strandline::server
