// Numbers as RocksDB lays them out in its tables: seven bits a byte, the lowest first, and the top
// bit set in all but the last. Source: https://protobuf.dev/programming-guides/encoding/#varints
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace strandline {

// Takes one off the front; nothing if it does not end.
inline std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t number = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

}  // namespace strandline
