#include "server/jwt/token_key.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "server/base/openssl_error.h"
#include "server/base/secret.h"

namespace strandline::server {
namespace {

constexpr std::array<std::string_view, 4> kAlgorithmNames = {"RS256", "ES256", "EdDSA", "HS256"};
// RFC 7518, sections 3.2 and 3.3. Above the most, verifying takes whoever shows a token's time.
constexpr size_t kSharedSecretBytesMin = 32;
constexpr int kRsaBitsMin = 2'048, kRsaBitsMax = 8'192;
constexpr size_t kCoordinateBytes = 32;

template <auto free>
struct FreeOf {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, FreeOf<free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::unexpected<Error> no_key(std::string why) {
  ERR_clear_error();
  return fail(Code::invalid, std::move(why));
}

// A key of these parameters; null where OpenSSL takes none.
EVP_PKEY* key_of(const char* kind, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || !parameters || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
  return key;
}

// RFC 7518, section 3.4: a signature of ECDSA is both its numbers, of 32 bytes each.
std::string der_of(std::string_view signature) {
  BIGNUM* r = BN_bin2bn(bytes_of(signature), kCoordinateBytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(signature.substr(kCoordinateBytes)), kCoordinateBytes, nullptr);
  const Owned<ECDSA_SIG, ECDSA_SIG_free> both(ECDSA_SIG_new());
  ECDSA_SIG_set0(both.get(), r, s);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &der);
  std::string out;
  if (size > 0) out.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::string_view name_of(TokenAlgorithm algorithm) {
  return kAlgorithmNames[static_cast<size_t>(algorithm)];
}

void KeyFree::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

TokenKey::~TokenKey() { OPENSSL_cleanse(secret_.data(), secret_.size()); }

Result<std::shared_ptr<TokenKey>> TokenKey::make(std::string id, Pointer key) {
  const std::shared_ptr<TokenKey> made(new TokenKey);
  if (EVP_PKEY_is_a(key.get(), "RSA")) {
    made->algorithm_ = TokenAlgorithm::rs256;
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < kRsaBitsMin || bits > kRsaBitsMax) {
      return no_key(
          fmt::format("an RSA key of {} bits: it has {} to {}", bits, kRsaBitsMin, kRsaBitsMax));
    }
  } else if (EVP_PKEY_is_a(key.get(), "EC")) {
    made->algorithm_ = TokenAlgorithm::es256;
    std::array<char, 64> group = {};
    EVP_PKEY_get_utf8_string_param(key.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                   group.size(), nullptr);
    if (std::string_view(group.data()) != "prime256v1") {
      return no_key("a key on another curve than P-256");
    }
  } else if (EVP_PKEY_is_a(key.get(), "ED25519")) {
    made->algorithm_ = TokenAlgorithm::eddsa;
  } else {
    return no_key("a key for none of RS256, ES256 and EdDSA");
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return no_key("a key that is none: " + openssl_reason());
  const std::string public_key(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  made->thumbprint_ = digest_of_secret(public_key + id);
  made->id_ = std::move(id);
  made->key_ = std::move(key);
  return made;
}

Result<std::shared_ptr<TokenKey>> TokenKey::from_pem(const std::string& pem) {
  const Owned<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Pointer key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!key) {
    BIO_reset(bio.get());
    const Owned<X509, X509_free> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate) key.reset(X509_get_pubkey(certificate.get()));
  }
  ERR_clear_error();
  if (!key) return no_key("there is no public key and no certificate in PEM in it");
  return make({}, std::move(key));
}

Result<std::shared_ptr<TokenKey>> TokenKey::from_secret(std::string secret) {
  if (secret.size() < kSharedSecretBytesMin) {
    return no_key(fmt::format("a secret for HS256 has {} bytes at least, not {}",
                              kSharedSecretBytesMin, secret.size()));
  }
  const std::shared_ptr<TokenKey> made(new TokenKey);
  made->algorithm_ = TokenAlgorithm::hs256;
  made->thumbprint_ = authentication_code(secret, "strandline: the thumbprint of a token's key");
  made->secret_ = std::move(secret);
  return made;
}

Result<std::shared_ptr<TokenKey>> TokenKey::rsa(std::string id, const std::string& n,
                                                const std::string& e) {
  // Anything above is no exponent that a key has, and takes long.
  if (n.size() > kRsaBitsMax / 8 || e.empty() || e.size() > 8)
    return no_key("an RSA key that is none");
  const Owned<BIGNUM, BN_free> modulus(BN_bin2bn(bytes_of(n), static_cast<int>(n.size()), nullptr));
  const Owned<BIGNUM, BN_free> exponent(
      BN_bin2bn(bytes_of(e), static_cast<int>(e.size()), nullptr));
  if (BN_is_odd(modulus.get()) != 1 || BN_is_odd(exponent.get()) != 1 ||
      BN_is_one(exponent.get()) == 1) {
    return no_key("an RSA key that is none");
  }
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  Pointer key(key_of("RSA", builder.get()));
  if (!key) return no_key("an RSA key that is none");
  return make(std::move(id), std::move(key));
}

Result<std::shared_ptr<TokenKey>> TokenKey::p256(std::string id, const std::string& x,
                                                 const std::string& y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return no_key("a key on P-256 has two coordinates of 32 bytes");
  }
  const std::string point = "\x04" + x + y;  // SEC 1, section 2.3.3
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  Pointer key(key_of("EC", builder.get()));
  if (!key) return no_key("a point that is not on P-256");
  return make(std::move(id), std::move(key));
}

Result<std::shared_ptr<TokenKey>> TokenKey::ed25519(std::string id, const std::string& x) {
  Pointer key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
  if (!key) return no_key("a key of Ed25519 has 32 bytes");
  return make(std::move(id), std::move(key));
}

bool TokenKey::verifies(std::string_view message, std::string_view signature) const {
  if (algorithm_ == TokenAlgorithm::hs256) {
    return are_same_bytes(authentication_code(secret_, message), signature);
  }
  std::string der;
  if (algorithm_ == TokenAlgorithm::es256) {
    if (signature.size() != 2 * kCoordinateBytes) return false;
    der = der_of(signature);
    signature = der;
  }
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const EVP_MD* hash = algorithm_ == TokenAlgorithm::eddsa ? nullptr : EVP_sha256();
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key_.get()) == 1 &&
                    EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace strandline::server
