// CRC-32C (Castagnoli; RFC 3720, appendix B.4): the checksum of every stored value.
//
// Debian packages no C++ library for it, and it is on the path of every read and append, so it is
// here: SSE 4.2's instruction on three lanes at once where there is one, a table elsewhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace strandline {

// Of `bytes`, continuing from `crc`, the checksum of what came before them (0: nothing).
uint32_t crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace strandline
