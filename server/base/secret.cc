#include "server/base/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <memory>

#include "engine/base/check.h"

namespace strandline::server {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::string new_secret() {
  std::array<unsigned char, 32> bytes;
  CHECK_EQ(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())), 1);
  constexpr char kHexDigits[] = "0123456789abcdef";
  std::string out = "strd_";
  for (const unsigned char byte : bytes) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return out;
}

std::string digest_of_secret(std::string_view secret) {
  // Looking for the algorithm, and making a context, take OpenSSL 3 several times as long as the
  // hashing: every request with a key is hashed once.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  CHECK_EQ(EVP_DigestInit_ex2(context.get(), algorithm, nullptr), 1);
  CHECK_EQ(EVP_DigestUpdate(context.get(), secret.data(), secret.size()), 1);
  CHECK_EQ(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size),
           1);
  return out;
}

std::string authentication_code(std::string_view key, std::string_view message) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

bool are_same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace strandline::server
