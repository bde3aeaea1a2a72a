#include "engine/base/ed25519.h"

#include <openssl/evp.h>

#include <memory>

#include "engine/base/check.h"

namespace strandline::ed25519 {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Key private_key(const Seed& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()),
          EVP_PKEY_free);
  CHECK_TRUE(key != nullptr);
  return key;
}

Context new_context() {
  Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  CHECK_TRUE(context != nullptr);
  return context;
}

}  // namespace

PublicKey public_key_of(const Seed& seed) {
  const Key key = private_key(seed);
  PublicKey bytes;
  size_t size = bytes.size();
  CHECK_EQ(EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size), 1);
  return bytes;
}

std::string sign(const Seed& seed, std::string_view message) {
  const Key key = private_key(seed);
  const Context context = new_context();
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  CHECK_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
  CHECK_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          raw(message), message.size()),
           1);
  return signature;
}

bool verify(const PublicKey& key, std::string_view message, std::string_view signature) {
  const Key public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()),
      EVP_PKEY_free);
  if (!public_key) return false;
  const Context context = new_context();
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                          message.size()) == 1;
}

}  // namespace strandline::ed25519
