// Base64, under the server's name (engine/api/base64.h).
#pragma once

#include "engine/api/base64.h"

namespace strandline::server {

using strandline::parse_base64;
using strandline::parse_base64url;
using strandline::render_base64;

}  // namespace strandline::server
