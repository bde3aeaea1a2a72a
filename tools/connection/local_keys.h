// API keys of a log in a directory, told as a server tells them (server/wire/key_json.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::tools {

Result<std::string> create_local_key(Log& log, std::string name, std::vector<Grant> grants,
                                     std::optional<std::chrono::seconds> lifetime, Quota quota);
std::string local_keys(const Log& log);
Result<std::string> local_key(const Log& log, const std::string& name);
Result<std::string> rotate_local_key(Log& log, std::string name, std::chrono::seconds grace);
Result<std::string> revoke_local_key(Log& log, std::string name);

}  // namespace strandline::tools
