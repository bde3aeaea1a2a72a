#include "tests/support/http/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <stdexcept>

namespace strandline::tests {
namespace {

constexpr long kDay = 24 * 3600;

void write_pem(const std::string& path, mode_t mode, const auto& write) {
  // Beside it and then over it, as programs that renew certificates do.
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "w");
  if (!file) throw std::runtime_error("cannot write " + fresh);
  write(file);
  std::fclose(file);
  ::chmod(fresh.c_str(), mode);
  std::filesystem::rename(fresh, path);
}

}  // namespace

TestAuthority::TestAuthority(std::filesystem::path directory, const std::string& name)
    : directory_(std::move(directory)), name_(name) {
  own_ = make(name, "", 365, true);
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

CertificatePair TestAuthority::issue(const std::string& name, const std::string& hosts, int days) {
  return make(name, hosts, days, false);
}

CertificatePair TestAuthority::issue_for(const std::string& name, long seconds) {
  return make(name, "", 0, false, seconds);
}

CertificatePair TestAuthority::make(const std::string& name, const std::string& hosts, int days,
                                    bool authority, long seconds) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
  X509_gmtime_adj(X509_getm_notBefore(made), (days < 0 ? 2 * days : -1) * kDay);
  X509_gmtime_adj(X509_getm_notAfter(made), days * kDay + seconds);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(authority ? made : certificate_));
  const auto extend = [&](int kind, const std::string& value) {
    if (value.empty()) return;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(NID_subject_alt_name, hosts);
  X509_sign(made, authority ? key : key_, EVP_sha256());

  const CertificatePair pair = {.certificate = (directory_ / (name + ".pem")).string(),
                                .key = (directory_ / (name + ".key")).string()};
  write_pem(pair.key, 0600, [&](std::FILE* file) {
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  write_pem(pair.certificate, 0644, [&](std::FILE* file) { PEM_write_X509(file, made); });
  if (authority) {
    key_ = key;
    certificate_ = made;
  } else {
    EVP_PKEY_free(key);
    X509_free(made);
  }
  return pair;
}

}  // namespace strandline::tests
