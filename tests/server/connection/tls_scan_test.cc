// What scanners of TLS find: nothing old, and nothing that is not on a list with its reason. Where
// they are not installed, these tests are skipped.
#include <map>

#include "tests/support/http/certificates.h"
#include "tests/support/http/json.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class TlsScan : public ::testing::Test {
 protected:
  static bool is_installed(const std::string& program) {
    return run({"bash", "-c", "command -v " + program}).exit == 0;
  }

  TemporaryDirectory directory_;
  TestAuthority authority_{directory_.path()};
  CertificatePair pair_ = authority_.issue("server");
  ServerProcess server_{directory_ / "data",
                        {"--tls-cert", pair_.certificate, "--tls-key", pair_.key}};
};

TEST_F(TlsScan, SslscanFindsNothingOld) {
  if (!is_installed("sslscan")) {
    GTEST_SKIP() << "this machine does not let sslscan run: it is not installed";
  }
  const std::string found =
      run({"sslscan", "--no-colour", server_.address().host + ":" + server_.address().port}).output;
  for (const char* off :
       {"SSLv2     disabled", "SSLv3     disabled", "TLSv1.0   disabled", "TLSv1.1   disabled",
        "TLSv1.2   enabled", "TLSv1.3   enabled", "Session renegotiation not supported",
        "TLSv1.3 not vulnerable to heartbleed", "TLSv1.2 not vulnerable to heartbleed"}) {
    EXPECT_THAT(found, HasSubstr(off));
  }
  for (const char* old :
       {"CBC", "RC4", "3DES", "NULL", "EXP", "-SHA ", "ADH", "DHE-RSA-AES128-SHA "}) {
    EXPECT_THAT(found, Not(HasSubstr(old)));
  }
}

// In a sanitizer's build it takes minutes, and what is agreed on is the same.
#ifndef STRANDLINE_SANITIZED
TEST_F(TlsScan, TestsslFindsNothingUnexpected) {
  if (!is_installed("testssl")) {
    GTEST_SKIP() << "this machine does not let testssl.sh run: it is not installed";
  }
  const std::map<std::string, std::string> expected = {
      {"engine_problem", "it is about the scanner's own OpenSSL"},
      {"cert_chain_of_trust", "the test's authority is known to nobody"},
      {"cert_trust", "the test's certificate names this machine's address alone"},
      {"cert_revocation", "the test's authority publishes no revocations"},
      {"cert_serialNumberLen", "the test's certificates are numbered from 1"},
      {"cert_expirationStatus", "the test's certificates are for a month"},
      {"cert_notAfter", "the test's certificates are for a month"},
  };
  // A check that got no connection in time, on a busy machine, says nothing: it is made again.
  constexpr std::string_view kNotLooked = "check failed because of connect problem";
  std::string report;
  for (int scan = 0; scan < 3; ++scan) {
    const auto found = directory_ / ("found" + std::to_string(scan) + ".json");
    // Protocols, ciphers, the certificate, and every vulnerability that it knows.
    run({"testssl", "--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--jsonfile",
         found.string(), "--severity", "LOW", "-p", "-s", "-S", "-U",
         server_.address().host + ":" + server_.address().port});
    report = read_file(found);
    if (!report.contains(kNotLooked)) break;
  }
  const Json findings = Json::parse(report);
  for (size_t i = 0; i < findings.size(); ++i) {
    const std::string id = findings[i]["id"].str();
    // With more than one certificate it numbers what it says of each.
    const std::string kind = id.substr(0, id.find(' '));
    EXPECT_TRUE(expected.contains(kind)) << findings[i].text();
  }
  // It did look: of an authority that nobody knows it always complains.
  EXPECT_GE(findings.size(), 1u);
}
#endif

}  // namespace
}  // namespace strandline::tests
