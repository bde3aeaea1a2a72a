// Policies in a server's answers.
#pragma once

#include <rapidjson/document.h>

#include "engine/api/policy.h"

namespace strandline::tools {

// The member `name` of an object; what it does not have, or what this build does not know, is not
// said.
Policy policy_of(const rapidjson::Value& object, const char* name);
EffectivePolicy effective_of(const rapidjson::Value& object, const char* name);

}  // namespace strandline::tools
