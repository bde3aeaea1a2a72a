// What a log has to say of itself, as a JSON object: members of the server's /v1/info, without
// those that only a running server has.
#pragma once

#include <string>

#include "engine/log.h"

namespace strandline::tools {

std::string render_info(const Log& log);

}  // namespace strandline::tools
