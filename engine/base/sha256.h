// SHA-256 (FIPS 180-4), over bytes that come in pieces; and random bytes of the system's.
//
// OpenSSL's functions of the old interface: the new one looks its algorithm up and allocates for
// each digest, which takes longer than to hash the 82 bytes of a tree's leaf. *Threads*: pure
// values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace strandline {

using Digest = std::array<uint8_t, 32>;

inline std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
// Of 32 bytes.
Digest digest_from(std::string_view bytes);

class Sha256 {
 public:
  Sha256();
  Sha256& add(std::string_view bytes);
  Sha256& add(uint8_t byte);
  Digest finish();  // once

 private:
  alignas(8) std::array<std::byte, 112> state_;
};

Digest sha256(std::string_view bytes);

// From the operating system: they are for salts and keys.
void fill_random(uint8_t* bytes, size_t count);

}  // namespace strandline
