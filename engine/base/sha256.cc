#include "engine/base/sha256.h"

#include <openssl/sha.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // of the old interface: sha256.h

namespace strandline {
namespace {

SHA256_CTX* context(std::array<std::byte, 112>& state) {
  static_assert(sizeof(SHA256_CTX) <= 112 && alignof(SHA256_CTX) <= 8);
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

}  // namespace

Digest digest_from(std::string_view bytes) {
  Digest digest;
  CHECK_EQ(bytes.size(), digest.size());
  std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}

Sha256::Sha256() { SHA256_Init(context(state_)); }

Sha256& Sha256::add(std::string_view bytes) {
  SHA256_Update(context(state_), bytes.data(), bytes.size());
  return *this;
}

Sha256& Sha256::add(uint8_t byte) {
  SHA256_Update(context(state_), &byte, 1);
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  SHA256_Final(digest.data(), context(state_));
  return digest;
}

Digest sha256(std::string_view bytes) { return Sha256().add(bytes).finish(); }

void fill_random(uint8_t* bytes, size_t count) {
  while (count > 0) {
    const ssize_t got = getrandom(bytes, count, 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK_TRUE(got > 0);
    bytes += got;
    count -= static_cast<size_t>(got);
  }
}

}  // namespace strandline
