// Policies, legal holds and retention of a log in a directory, told as a server tells them.
#pragma once

#include <string>

#include "engine/log.h"

namespace strandline::tools {

std::string local_policies(const Log& log);
Result<std::string> change_local_policy(Log& log, std::string prefix, PolicyChange change);
std::string local_holds(const Log& log);
Result<std::string> lay_local_hold(Log& log, NewHold hold);
std::string local_retention(const Log& log);

}  // namespace strandline::tools
