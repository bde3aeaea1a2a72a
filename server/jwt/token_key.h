// A key by which tokens are verified, and the one algorithm that it is for: a token says by which
// it was signed, and where that is not the key's it is not verified at all. So a public key is
// never taken for a secret, and `none` is nobody's algorithm.
//
// RS256 (RSA of 2,048 to 8,192 bits), ES256 (P-256), EdDSA (Ed25519) and HS256 (a secret of 32
// bytes at least), of RFC 7518 and 8037. OpenSSL does the cryptography. *Threads*: any; a key never
// changes, but for being removed. *Errors*: a sentence, which quotes no key.
#pragma once

#include <openssl/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/api/error.h"

namespace strandline::server {

enum class TokenAlgorithm : uint8_t { rs256, es256, eddsa, hs256 };
std::string_view name_of(TokenAlgorithm algorithm);

struct KeyFree {
  void operator()(EVP_PKEY* key) const;
};

class TokenKey {
 public:
  // A public key, or a certificate's, in PEM.
  static Result<std::shared_ptr<TokenKey>> from_pem(const std::string& pem);
  static Result<std::shared_ptr<TokenKey>> from_secret(std::string secret);
  // Of a JWK (RFC 7517); the numbers are decoded. `id` is its kid, if it has one.
  static Result<std::shared_ptr<TokenKey>> rsa(std::string id, const std::string& n,
                                               const std::string& e);
  static Result<std::shared_ptr<TokenKey>> p256(std::string id, const std::string& x,
                                                const std::string& y);
  static Result<std::shared_ptr<TokenKey>> ed25519(std::string id, const std::string& x);
  ~TokenKey();

  // Empty: it has none, and fits a token of any.
  const std::string& id() const { return id_; }
  TokenAlgorithm algorithm() const { return algorithm_; }
  // 32 bytes by which it is known again. They say nothing of a secret that is not guessed already.
  const std::string& thumbprint() const { return thumbprint_; }
  bool verifies(std::string_view message, std::string_view signature) const;

  // Whether it was taken out of the set: what was let in by it ends.
  bool removed() const { return removed_.load(std::memory_order_relaxed); }
  void remove() const { removed_.store(true, std::memory_order_relaxed); }

 private:
  using Pointer = std::unique_ptr<EVP_PKEY, KeyFree>;
  TokenKey() = default;
  static Result<std::shared_ptr<TokenKey>> make(std::string id, Pointer key);

  std::string id_;
  TokenAlgorithm algorithm_ = TokenAlgorithm::rs256;
  Pointer key_;
  std::string secret_;
  std::string thumbprint_;
  mutable std::atomic<bool> removed_ = false;
};
using TokenKeyPointer = std::shared_ptr<const TokenKey>;

}  // namespace strandline::server
