#include "tools/info.h"

namespace strandline::tools {

std::string render_info(const Log&) { return "{}"; }

}  // namespace strandline::tools
