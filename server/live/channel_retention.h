// How long durable channels are kept, unless somebody says otherwise: seven days.
//
// Written as policies of prefixes (engine/api/policy.h), which the log keeps and `$admin` tells of:
// of `private-` and `presence-`, where there is an application, and of each beginning that a rule
// calls durable. A prefix that has a policy of its age, or streams already, stays as it is: nothing
// begins to go that was there before. *Threads*: one, before the first request; it waits for the
// log. *Errors*: what the log refuses is logged, and the server goes on.
#pragma once

#include "engine/log.h"
#include "server/live/channel_rules.h"
#include "server/live/live.h"

namespace strandline::server {

inline constexpr uint64_t kChannelAgeS = 7 * 24 * 3600;

void keep_channels_for_a_week(Log& log, const ChannelRules& rules, const LiveApp& app);

}  // namespace strandline::server
