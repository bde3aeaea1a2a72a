// A server with every way in, and somebody who is let in by one of them: with a key as Bearer or as
// Basic, a ticket, a token, or a client's certificate.
#pragma once

#include <map>
#include <memory>

#include "server/json/base64.h"
#include "tests/support/http/certificates.h"
#include "tests/support/http/guarded_server.h"
#include "tests/support/http/tokens.h"

namespace strandline::tests {

enum class Way { bearer, basic, ticket, token, certificate };

inline std::string name_of_way(const testing::TestParamInfo<Way>& info) {
  constexpr const char* kNames[] = {"Bearer", "Basic", "Ticket", "Token", "Certificate"};
  return kNames[static_cast<size_t>(info.param)];
}
inline auto every_way() {
  return testing::Values(Way::bearer, Way::basic, Way::ticket, Way::token, Way::certificate);
}

// Its administrator has a token, so that the log has no key at first.
class WaysInTest : public GuardedServerTest {
 protected:
  WaysInTest()
      : GuardedServerTest([](const TemporaryDirectory& directory) {
          write_file(directory / "tokens.pem", signer().pem());
          authority() = std::make_unique<TestAuthority>(directory.path());
          const CertificatePair own = authority()->issue("server");
          return std::vector<std::string>{"--tls-cert",       own.certificate,
                                          "--tls-key",        own.key,
                                          "--tls-client-ca",  authority()->file(),
                                          "--tls-client-use", "identify",
                                          "--jwt-issuer",     "https://id.example",
                                          "--jwt-audience",   "strandline",
                                          "--jwt-keys",       (directory / "tokens.pem").string()};
        }) {
    admin_ = token("admin");
  }
  static const TokenSigner& signer() {
    static const TokenSigner one("ES256");
    return one;
  }
  static std::unique_ptr<TestAuthority>& authority() {
    static std::unique_ptr<TestAuthority> one;
    return one;
  }
  static std::string token(const std::string& grants, int64_t expires_in_s = 3'600) {
    return signer().sign(good_claims("\"" + grants + "\"", "", expires_in_s));
  }

  // How somebody asks.
  struct Entrant {
    Address address;
    Headers headers = {};
    std::string ticket = {};

    std::string target(const std::string& plain) const {
      if (ticket.empty()) return plain;
      return plain + (plain.contains('?') ? "&" : "?") + "ticket=" + ticket;
    }
  };
  // Somebody with these grants.
  Entrant enter(Way way, const std::string& name, const std::string& grants) {
    Entrant entrant{.address = server_.address()};
    if (way == Way::token) {
      entrant.headers = bearer(token(grants));
      return entrant;
    }
    const std::string secret = make_key(name, grants);
    // A ticket grants no admin.
    if (way == Way::ticket && grants != "admin") {
      const Response made =
          ask("POST", "/v1/tickets", secret, "{\"grants\":\"" + grants + "\",\"ttl_s\":3600}");
      EXPECT_EQ(made.status, 201u) << made.body;
      entrant.ticket = made.json()["ticket"].str();
    } else if (way == Way::certificate) {
      const CertificatePair pair = authority()->issue(name);
      entrant.address.certificate = pair.certificate;
      entrant.address.key = pair.key;
    } else if (way == Way::basic) {
      std::string shown = "Basic ";
      server::render_base64(shown, "any:" + secret);
      entrant.headers = {{"Authorization", shown}};
    } else {
      entrant.headers = bearer(secret);
    }
    return entrant;
  }
  Response ask_as(const Entrant& entrant, const std::string& method, const std::string& target,
                  const std::string& body = {}, const std::string& type = "application/json",
                  Headers headers = {}) {
    headers.insert(headers.end(), entrant.headers.begin(), entrant.headers.end());
    if (!body.empty()) headers.emplace_back("Content-Type", type);
    HttpClient& client =
        entrant.address.certificate.empty()
            ? client_
            : certified_.try_emplace(entrant.address.certificate, entrant.address).first->second;
    return client.send(method, entrant.target(target), body, headers);
  }

 private:
  std::map<std::string, HttpClient> certified_;  // by their certificate's file
};

}  // namespace strandline::tests
