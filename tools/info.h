// What a log has to say of itself, as a JSON object: the same members as the server's /v1/info.
#pragma once

#include <string>

#include "engine/log.h"

namespace strandline::tools {

std::string render_info(const Log& log);

}  // namespace strandline::tools
