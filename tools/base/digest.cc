#include "tools/base/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

namespace strandline::tools {

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

Digest::Digest(const Digest& other) : context_(EVP_MD_CTX_new()) {
  EVP_MD_CTX_copy_ex(context_.get(), other.context_.get());
}

Digest& Digest::operator=(Digest other) noexcept {
  context_.swap(other.context_);
  return *this;
}

void Digest::update(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Digest::hex() const {
  Digest copy = *this;  // which is finished, so that this one can go on
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned size = 0;
  EVP_DigestFinal_ex(copy.context_.get(), bytes.data(), &size);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

std::string digest_of(std::string_view bytes) {
  Digest digest;
  digest.update(bytes);
  return digest.hex();
}

}  // namespace strandline::tools
