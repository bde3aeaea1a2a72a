// The version that /v1/info and `strandline --version` print; the same as CMakeLists.txt's.
#pragma once

namespace strandline::server {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace strandline::server
