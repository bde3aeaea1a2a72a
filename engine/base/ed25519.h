// Ed25519 signatures (RFC 8032), by OpenSSL. *Threads*: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strandline::ed25519 {

using Seed = std::array<uint8_t, 32>;  // the private key
using PublicKey = std::array<uint8_t, 32>;
inline constexpr size_t kSignatureBytes = 64;

PublicKey public_key_of(const Seed& seed);
std::string sign(const Seed& seed, std::string_view message);
bool verify(const PublicKey& key, std::string_view message, std::string_view signature);

}  // namespace strandline::ed25519
