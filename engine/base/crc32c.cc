#include "engine/base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace strandline {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected

// One byte at a time.
constexpr std::array<uint32_t, 256> make_byte_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t state = i;
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) ? kPolynomial : 0);
    table[i] = state;
  }
  return table;
}
constexpr auto kByteTable = make_byte_table();

uint32_t extend_portable(uint32_t state, const char* p, size_t n) {
  for (; n > 0; --n, ++p) state = (state >> 8) ^ kByteTable[(state ^ uint8_t(*p)) & 0xFF];
  return state;
}

#if defined(__x86_64__)

constexpr size_t kLane = 512;  // bytes

uint64_t load(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// What kLane zero bytes do to a state: the state's four bytes each look up their share, for the
// checksum is linear. This is how three lanes, computed apart, become one.
struct LaneShift {
  uint32_t table[4][256];

  __attribute__((target("sse4.2"))) LaneShift() {
    for (int k = 0; k < 4; ++k) {
      for (uint32_t byte = 0; byte < 256; ++byte) {
        uint64_t state = byte << (8 * k);
        for (size_t i = 0; i < kLane / 8; ++i) state = _mm_crc32_u64(state, 0);
        table[k][byte] = static_cast<uint32_t>(state);
      }
    }
  }
  uint32_t operator()(uint32_t state) const {
    return table[0][state & 0xFF] ^ table[1][(state >> 8) & 0xFF] ^ table[2][(state >> 16) & 0xFF] ^
           table[3][state >> 24];
  }
};

__attribute__((target("sse4.2"))) uint32_t extend_sse42(uint32_t state, const char* p, size_t n) {
  static const LaneShift shift;
  // The instruction takes 3 cycles and starts every cycle: three lanes keep it busy.
  for (; n >= 3 * kLane; n -= 3 * kLane, p += 3 * kLane) {
    uint64_t a = state, b = 0, c = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      a = _mm_crc32_u64(a, load(p + i));
      b = _mm_crc32_u64(b, load(p + kLane + i));
      c = _mm_crc32_u64(c, load(p + 2 * kLane + i));
    }
    state = shift(shift(uint32_t(a)) ^ uint32_t(b)) ^ uint32_t(c);
  }
  uint64_t wide = state;
  for (; n >= 8; n -= 8, p += 8) wide = _mm_crc32_u64(wide, load(p));
  state = uint32_t(wide);
  for (; n > 0; --n, ++p) state = _mm_crc32_u8(state, uint8_t(*p));
  return state;
}

#endif

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t crc) {
  const uint32_t state = ~crc;
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2");
  if (fast) return ~extend_sse42(state, bytes.data(), bytes.size());
#endif
  return ~extend_portable(state, bytes.data(), bytes.size());
}

}  // namespace strandline
