// What the streams family has besides streams: policies, legal holds, and the pause of retention.
// Each value is fields (tagged.h); FORMAT.md has their tags.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/hold.h"
#include "engine/api/policy.h"
#include "engine/api/retention.h"
#include "engine/format/keys.h"

namespace strandline {

std::string policy_key(const NameScope& scope);
bool decode_policy_key(std::string_view key, NameScope& scope);
std::string encode(const Policy& policy);
bool decode(std::string_view bytes, Policy& policy);

std::string hold_key(std::string_view name);
bool decode_hold_key(std::string_view key, std::string_view& name);
// Without its name, which the key has.
std::string encode(const Hold& hold);
bool decode(std::string_view bytes, Hold& hold);

inline std::string pause_key() { return std::string(1, static_cast<char>(KeyKind::pause)); }
std::string encode(const RetentionPause& pause);
bool decode(std::string_view bytes, RetentionPause& pause);

}  // namespace strandline
