#include "tests/support/http/tokens.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <ctime>
#include <vector>

#include "server/json/base64.h"

namespace strandline::tests {

std::string base64url(std::string_view bytes) {
  std::string out;
  server::render_base64(out, bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

std::string compact(const std::string& head, const std::string& claims,
                    std::string_view signature) {
  return base64url(head) + "." + base64url(claims) + "." + base64url(signature);
}

TokenSigner::TokenSigner(std::string algorithm, std::string id)
    : algorithm_(std::move(algorithm)), id_(std::move(id)) {
  if (algorithm_ == "RS256") key_ = EVP_RSA_gen(2048);
  if (algorithm_ == "ES256") key_ = EVP_EC_gen("P-256");
  if (algorithm_ == "EdDSA") key_ = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (algorithm_ == "HS256") secret_ = "a-secret-of-more-than-32-characters-" + id_;
}

TokenSigner::~TokenSigner() { EVP_PKEY_free(key_); }

std::string TokenSigner::signature(std::string_view message) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::string out(1024, '\0');
  auto* into = reinterpret_cast<unsigned char*>(out.data());
  if (!key_) {
    unsigned size = 0;
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes, message.size(),
         into, &size);
    out.resize(size);
    return out;
  }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  size_t size = out.size();
  EVP_DigestSignInit(context, nullptr, algorithm_ == "EdDSA" ? nullptr : EVP_sha256(), nullptr,
                     key_);
  EVP_DigestSign(context, into, &size, bytes, message.size());
  EVP_MD_CTX_free(context);
  out.resize(size);
  if (algorithm_ != "ES256") return out;
  const unsigned char* der = into;
  ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(both), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(both), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
  ECDSA_SIG_free(both);
  return raw;
}

std::string TokenSigner::sign(const std::string& claims, const std::string& head) const {
  const std::string named = id_.empty() ? "" : ",\"kid\":\"" + id_ + "\"";
  const std::string message =
      base64url(head.empty() ? "{\"alg\":\"" + algorithm_ + "\",\"typ\":\"JWT\"" + named + "}"
                             : head) +
      "." + base64url(claims);
  return message + "." + base64url(signature(message));
}

std::string TokenSigner::number(const char* name) const {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(key_, name, &value);
  std::string bytes(static_cast<size_t>(BN_num_bytes(value)), '\0');
  // A coordinate has 32 bytes, whatever it begins with.
  if (algorithm_ == "ES256") bytes.resize(32);
  BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(value);
  return base64url(bytes);
}

std::string TokenSigner::jwk() const {
  const std::string id = id_.empty() ? "" : ",\"kid\":\"" + id_ + "\"";
  if (algorithm_ == "RS256") {
    return "{\"kty\":\"RSA\",\"use\":\"sig\",\"n\":\"" + number(OSSL_PKEY_PARAM_RSA_N) +
           "\",\"e\":\"" + number(OSSL_PKEY_PARAM_RSA_E) + "\"" + id + "}";
  }
  if (algorithm_ == "ES256") {
    return "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" + number(OSSL_PKEY_PARAM_EC_PUB_X) +
           "\",\"y\":\"" + number(OSSL_PKEY_PARAM_EC_PUB_Y) + "\"" + id + "}";
  }
  if (algorithm_ == "HS256")
    return "{\"kty\":\"oct\",\"k\":\"" + base64url(secret_) + "\"" + id + "}";
  std::string raw(32, '\0');
  size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(key_, reinterpret_cast<unsigned char*>(raw.data()), &size);
  return "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" + base64url(raw) + "\"" + id + "}";
}

std::string TokenSigner::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key_);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

std::string jwks(std::initializer_list<std::string> jwks) {
  std::string out;
  for (const std::string& one : jwks) out += (out.empty() ? "" : ",") + one;
  return "{\"keys\":[" + out + "]}";
}

int64_t now_s() { return std::time(nullptr); }

std::string good_claims(const std::string& grants, const std::string& more, int64_t expires_in_s) {
  return "{\"iss\":\"https://id.example\",\"aud\":\"strandline\",\"sub\":\"alice\",\"exp\":" +
         std::to_string(now_s() + expires_in_s) + ",\"grants\":" + grants + more + "}";
}

}  // namespace strandline::tests
