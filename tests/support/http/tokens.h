// JSON Web Tokens as an identity provider of a test's own signs them, and the keys that go with
// them.
#pragma once

#include <openssl/types.h>

#include <string>

namespace strandline::tests {

std::string base64url(std::string_view bytes);
// Of two JSON texts and a signature's bytes.
std::string compact(const std::string& head, const std::string& claims, std::string_view signature);

class TokenSigner {
 public:
  // "RS256", "ES256", "EdDSA", or "HS256", whose secret it makes.
  explicit TokenSigner(std::string algorithm, std::string id = "");
  ~TokenSigner();
  TokenSigner(const TokenSigner&) = delete;
  TokenSigner& operator=(const TokenSigner&) = delete;

  // A token of these claims. `head`: instead of what its algorithm and its id make.
  std::string sign(const std::string& claims, const std::string& head = {}) const;
  std::string signature(std::string_view message) const;
  std::string jwk() const;  // an object
  std::string pem() const;  // the public key
  const std::string& secret() const { return secret_; }

 private:
  std::string number(const char* name) const;

  const std::string algorithm_;
  const std::string id_;
  EVP_PKEY* key_ = nullptr;
  std::string secret_;
};

// A set of several.
std::string jwks(std::initializer_list<std::string> jwks);

// Claims that are good now: of "https://id.example" for "strandline"; `more` comes behind them.
// `grants`: a JSON value.
std::string good_claims(const std::string& grants = "\"admin\"", const std::string& more = {},
                        int64_t expires_in_s = 300);
int64_t now_s();

}  // namespace strandline::tests
