// A client's certificate as a way in: it is the key of its name, as long as both are good.
#include "tests/support/http/certificates.h"
#include "tests/support/http/guarded_server.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class Certified : public ::testing::Test {
 protected:
  std::vector<std::string> flags(const std::string& use) {
    const CertificatePair own = authority_.issue("server");
    return {"--tls-cert",      own.certificate,   "--tls-key",        own.key,
            "--tls-client-ca", authority_.file(), "--tls-client-use", use};
  }
  void make_key(const std::string& name, const std::string& grant) {
    const Outcome made = strandline({"keys", "create", name, "--grant", grant, "--data", data(),
                                     "--secret-file", (directory_ / name).string()});
    EXPECT_EQ(made.exit, 0) << made.errors;
  }
  std::string data() const { return (directory_ / "data").string(); }
  static Address with(Address address, const CertificatePair& pair) {
    address.certificate = pair.certificate;
    address.key = pair.key;
    return address;
  }
  std::string secret(const std::string& name) const {
    std::string text = read_file(directory_ / name);
    text.pop_back();
    return text;
  }
  static std::string last_line(HttpStream& stream) {
    std::string last;
    while (const auto line = stream.line()) {
      if (!line->empty()) last = *line;
    }
    return last;
  }
  static constexpr char kFollow[] = "/v1/all/events?follow=true";

  TemporaryDirectory directory_;
  TestAuthority authority_{directory_.path()};
};

TEST_F(Certified, ClientsAreTheKeyOfTheirName) {
  make_key("admin", "admin");
  make_key("shop", "read:orders/*");
  const ServerProcess server(data(), flags("identify"));
  HttpClient shop(with(server.address(), authority_.issue("shop")));
  EXPECT_EQ(shop.get("/v1/streams").status, 200u);
  const Response other = shop.get("/v1/streams/x");
  expect_problem(other, 403);
  EXPECT_THAT(other.body, HasSubstr(R"(the key \"shop\", by its certificate,)"));
  // What is shown on purpose is what counts.
  EXPECT_EQ(shop.get("/v1/info", bearer(secret("admin"))).status, 200u);
  expect_problem(shop.get("/v1/streams", bearer("strd_" + std::string(64, '0'))), 401);
  // Nobody else has one that names a key.
  expect_problem(HttpClient(with(server.address(), authority_.issue("Shop"))).get("/v1/streams"),
                 401);
  expect_problem(server.client().get("/v1/streams"), 401);
  EXPECT_EQ(server.client().get("/v1/info", bearer(secret("admin"))).status, 200u);
  // Of another authority there is no connection, or none that says anything.
  TestAuthority stranger(directory_.path(), "stranger");
  EXPECT_THROW(HttpClient(with(server.address(), stranger.issue("admin"))).get("/v1/info"),
               ConnectionLost);
}

TEST_F(Certified, AccessIsOnWithoutAnyKey) {
  const ServerProcess server(data(), flags("identify"));
  expect_problem(server.client().get("/v1/streams"), 401);
  expect_problem(HttpClient(with(server.address(), authority_.issue("shop"))).get("/v1/streams"),
                 401);
}

TEST_F(Certified, WhereEachClientNeedsOneItMayOrMayNotSayWhoItIs) {
  make_key("shop", "read:orders/*");
  {
    const ServerProcess server(data(), flags("both"));
    EXPECT_THROW(server.client().get("/v1/streams"), ConnectionLost);
    EXPECT_EQ(
        HttpClient(with(server.address(), authority_.issue("shop"))).get("/v1/streams").status,
        200u);
  }
  const ServerProcess server(data(), flags("require"));
  HttpClient shop(with(server.address(), authority_.issue("shop")));
  expect_problem(shop.get("/v1/streams"), 401);
  EXPECT_EQ(shop.get("/v1/streams", bearer(secret("shop"))).status, 200u);
}

TEST_F(Certified, WhatFollowsEndsWithTheCertificateAndWithTheKey) {
  make_key("admin", "admin");
  make_key("shop", "read:*");
  const ServerProcess server(data(), flags("identify"));
  const Headers lines = {{"Accept", "application/x-ndjson"}};
  HttpStream expiring(with(server.address(), authority_.issue_for("shop", 3)), kFollow, lines);
  ASSERT_EQ(expiring.status(), 200u);
  EXPECT_THAT(last_line(expiring), HasSubstr("certificate-expired"));
  // The secret may be another: the certificate is what it was.
  HttpStream lasting(with(server.address(), authority_.issue("shop")), kFollow, lines);
  ASSERT_EQ(lasting.status(), 200u);
  Headers admin = bearer(secret("admin"));
  admin.emplace_back("Content-Type", "application/json");
  ASSERT_EQ(server.client().send("POST", "/v1/keys/shop/rotate", "{}", admin).status, 200u);
  HttpClient shop(with(server.address(), authority_.issue("shop")));
  EXPECT_EQ(shop.get("/v1/streams").status, 200u);
  ASSERT_EQ(server.client().send("POST", "/v1/keys/shop/revoke", "{}", admin).status, 200u);
  EXPECT_THAT(last_line(lasting), HasSubstr("key-revoked"));
  expect_problem(shop.get("/v1/streams"), 401);
}

TEST_F(Certified, AConnectionEndsWithTheCertificateWhateverElseItShows) {
  make_key("admin", "admin");
  const ServerProcess server(data(), flags("require"));
  const CertificatePair brief = authority_.issue_for("any", 3);
  HttpClient idle(with(server.address(), brief));
  EXPECT_EQ(idle.get("/healthz").status, 200u);
  Headers headers = bearer(secret("admin"));
  headers.emplace_back("Accept", "application/x-ndjson");
  HttpStream following(with(server.address(), brief), kFollow, headers);
  ASSERT_EQ(following.status(), 200u);
  EXPECT_THAT(last_line(following), HasSubstr("certificate-expired"));
  EXPECT_TRUE(idle.closed());
}

TEST_F(Certified, TicketsEndNoLaterThanTheCertificate) {
  make_key("shop", "read:*");
  const ServerProcess server(data(), flags("identify"));
  HttpClient shop(with(server.address(), authority_.issue_for("shop", 5)));
  const Response made = shop.send("POST", "/v1/tickets", R"({"grants":"read:*","ttl_s":3600})",
                                  {{"Content-Type", "application/json"}});
  ASSERT_EQ(made.status, 201u) << made.body;
  const std::string target = "/v1/streams?ticket=" + made.json()["ticket"].str();
  EXPECT_TRUE(eventually([&] { return server.client().get(target).status == 401u; }));
}

TEST_F(Certified, APageOfAnotherSiteChangesNothingByTheCertificateOfItsReader) {
  make_key("shop", "append,read:*");
  auto all = flags("identify");
  all.insert(all.end(), {"--cors-origins", "https://app.example"});
  const ServerProcess server(data(), all);
  HttpClient shop(with(server.address(), authority_.issue("shop")));
  const std::string event = R"({"type":"t"})";
  const Headers page = {{"Content-Type", "application/json"},
                        {"Origin", "https://app.example"},
                        {"Sec-Fetch-Site", "cross-site"}};
  expect_problem(shop.send("POST", "/v1/streams/s/events", event, page), 403);
  Headers with_token = page;
  with_token.emplace_back("Authorization", "Bearer " + secret("shop"));
  EXPECT_EQ(shop.send("POST", "/v1/streams/s/events", event, with_token).status, 201u);
}

TEST_F(Certified, ItsUseNeedsAnAuthority) {
  const CertificatePair own = authority_.issue("server");
  const Outcome outcome = strandline({"serve", "--data", data(), "--tls-cert", own.certificate,
                                      "--tls-key", own.key, "--tls-client-use", "identify"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("--tls-client-ca"));
}

}  // namespace
}  // namespace strandline::tests
