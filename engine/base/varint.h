// Numbers of as many bytes as they need: seven bits a byte, the lowest first, and the top
// bit set in all but the last. Source: https://protobuf.dev/programming-guides/encoding/#varints
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

inline void put_varint(std::string& out, uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

}  // namespace strandline
