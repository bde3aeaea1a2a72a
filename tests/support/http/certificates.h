// A certificate authority of a test's own, and what it has signed, as files in PEM.
#pragma once

#include <openssl/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace strandline::tests {

struct CertificatePair {
  std::string certificate;
  std::string key;  // of mode 600
};

class TestAuthority {
 public:
  // Its files are made in the directory, and named after it.
  explicit TestAuthority(std::filesystem::path directory, const std::string& name = "ca");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // What a client is to trust.
  const std::string& file() const { return own_.certificate; }
  // NAME.pem and NAME.key, whose subject is the name; good from yesterday on for this many days.
  CertificatePair issue(const std::string& name,
                        const std::string& hosts = "IP:127.0.0.1,DNS:localhost", int days = 30);
  // Good for some seconds more.
  CertificatePair issue_for(const std::string& name, long seconds);

 private:
  CertificatePair make(const std::string& name, const std::string& hosts, int days, bool authority,
                       long seconds = 0);

  const std::filesystem::path directory_;
  const std::string name_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  long serial_ = 0;
  CertificatePair own_;
};

}  // namespace strandline::tests
