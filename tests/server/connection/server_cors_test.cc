// Pages of the origins that are let in read, and change something only with a token that no browser
// adds by itself; pages of all others do neither. On every route of the table, so that a new one is
// held to it by itself.
#include "server/http/origins.h"
#include "server/routes/route_table.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

constexpr char kPage[] = "https://app.example.org";

class Cors : public ::testing::Test {
 protected:
  Cors() : server_(directory_ / "data", {"--cors-origins", kFlag}), client_(server_.client()) {
    const Response created = client_.send("PUT", "/v1/streams/s", "{}");
    EXPECT_EQ(created.status, 201u) << created.body;
  }

  static std::vector<std::pair<std::string, std::string>> asks(bool safe) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const server::Route& route : server::route_table().routes()) {
      if (server::is_safe_method(route.method) != safe) continue;
      std::string target(route.path);
      while (target.contains('{')) {
        target.replace(target.find('{'), target.find('}') + 1 - target.find('{'), "s");
      }
      all.emplace_back(route.method, target);
    }
    return all;
  }
  static bool is_refused(const Response& response) {
    return response.status == 403 && response.body.contains("cross-site");
  }

  static constexpr char kFlag[] =
      "https://app.example.org,https://*.example.net,http://dev.test:3000";
  TemporaryDirectory directory_;
  ServerProcess server_;
  HttpClient client_;
};

TEST_F(Cors, PagesThatAreLetInMayReadEveryRoute) {
  for (const auto& [method, target] : asks(true)) {
    const Response response = client_.send(method, target, "", {{"Origin", kPage}});
    EXPECT_EQ(response.header("access-control-allow-origin"), kPage) << target;
    EXPECT_EQ(response.header("vary"), "Origin") << target;
    EXPECT_THAT(response.header("access-control-expose-headers"), HasSubstr("Strandline-Next"));
    EXPECT_EQ(response.header("access-control-allow-credentials"), "") << target;
    const Response other = client_.send(method, target, "", {{"Origin", "https://evil.example"}});
    EXPECT_EQ(other.header("access-control-allow-origin"), "") << target;
    EXPECT_EQ(other.header("vary"), "Origin") << target;
    EXPECT_EQ(other.status, response.status) << target;
  }
  EXPECT_EQ(client_.get("/healthz").header("vary"), "Origin") << "a cache may give it to anyone";
  const HttpStream stream(server_.address(), "/v1/streams/s/events?follow=true",
                          {{"Origin", kPage}, {"Accept", "text/event-stream"}});
  EXPECT_EQ(stream.header("Access-Control-Allow-Origin"), kPage);
}

TEST_F(Cors, TheyChangeSomethingByNoRouteWithoutAToken) {
  const std::vector<Headers> without = {
      {{"Origin", kPage}},
      {{"Origin", kPage}, {"Sec-Fetch-Site", "cross-site"}},
      {{"Origin", kPage}, {"Authorization", "Basic dTpw"}},
      {{"Origin", kPage}, {"Authorization", "Bearer"}},
      {{"Origin", kPage}, {"Authorization", "Bearer "}},
      {{"Origin", kPage}, {"Cookie", "session=1"}},
      {{"Origin", "https://evil.example"}, {"Authorization", "Bearer token"}},
      {{"Sec-Fetch-Site", "cross-site"}, {"Authorization", "Bearer token"}},
      {{"Origin", "null"}, {"Authorization", "Bearer token"}}};
  for (const auto& [method, target] : asks(false)) {
    for (const Headers& headers : without) {
      SCOPED_TRACE(method + " " + target + ", " + headers.back().first + ": " +
                   headers.back().second);
      const Response response = client_.send(method, target, "{}", headers);
      expect_problem(response, 403);
      EXPECT_TRUE(is_refused(response)) << response.body;
      // A page that is let in is shown why.
      const bool page = headers[0].second == kPage;
      EXPECT_EQ(response.header("access-control-allow-origin"), page ? kPage : "");
    }
    EXPECT_TRUE(is_refused(client_.send(method, target + "?ticket=", "{}", {{"Origin", kPage}})));
  }
}

TEST_F(Cors, WithATokenTheyMayWhereTokensMeanSomething) {
  // Access control is off: whatever a page brings, nobody looks at it.
  for (const auto& [method, target] : asks(false)) {
    EXPECT_TRUE(is_refused(
        client_.send(method, target, "{}", {{"Origin", kPage}, {"Authorization", "Bearer token"}})))
        << method << target;
  }
  const Response made = client_.send("POST", "/v1/keys", R"({"key":"admin","grants":"admin"})",
                                     {{"Content-Type", "application/json"}});
  ASSERT_EQ(made.status, 201u) << made.body;
  const std::string secret = made.json()["secret"].str();
  const Response added = client_.send("PUT", "/v1/streams/of-a-page", "{}",
                                      {{"Origin", kPage},
                                       {"Authorization", "Bearer " + secret},
                                       {"Content-Type", "application/json"}});
  EXPECT_EQ(added.status, 201u) << added.body;
  EXPECT_EQ(added.header("access-control-allow-origin"), kPage);
  for (const auto& [method, target] : asks(false)) {
    // (Of a member's stream there is no end.)
    if (target.ends_with("/s/events") && target.contains("consumers")) continue;
    const Headers bearer = {{"Origin", kPage},
                            {"Sec-Fetch-Site", "cross-site"},
                            {"Authorization", "Bearer another"},
                            {"Content-Type", "application/json"}};
    EXPECT_FALSE(is_refused(client_.send(method, target, "{}", bearer))) << method << target;
    EXPECT_FALSE(is_refused(client_.send(method, target + "?ticket=t", "{}", {{"Origin", kPage}})))
        << method << target;
  }
}

TEST_F(Cors, PreflightsAreAnsweredBeforeAnyRoute) {
  const auto ask = [&](const std::string& origin, const std::string& target) {
    return client_.send("OPTIONS", target, "",
                        {{"Origin", origin},
                         {"Access-Control-Request-Method", "POST"},
                         {"Access-Control-Request-Headers", "authorization,content-type,ce-id"}});
  };
  for (const char* target : {"/v1/streams/s/events", "/v1/append", "/nowhere", "/v1/info"}) {
    const Response allowed = ask(kPage, target);
    EXPECT_EQ(allowed.status, 204u) << target;
    EXPECT_EQ(allowed.header("access-control-allow-origin"), kPage);
    EXPECT_THAT(allowed.header("access-control-allow-methods"), HasSubstr("POST"));
    EXPECT_EQ(allowed.header("access-control-allow-headers"), "authorization,content-type,ce-id");
    EXPECT_EQ(allowed.header("access-control-max-age"), "600");
    const Response other = ask("https://evil.example", target);
    EXPECT_NE(other.status, 204u) << target;
    EXPECT_EQ(other.header("access-control-allow-origin"), "") << target;
  }
  // An OPTIONS that asks nothing is any other request.
  EXPECT_EQ(client_.send("OPTIONS", "/v1/append", "", {{"Origin", kPage}}).status, 405u);
}

TEST(CorsOrigins, AreNoneUnlessTheyAreConfigured) {
  const TemporaryDirectory directory;
  const ServerProcess server(directory / "data");
  const Response response = server.client().get("/healthz", {{"Origin", kPage}});
  EXPECT_EQ(response.header("vary"), "");
  EXPECT_EQ(response.header("access-control-allow-origin"), "");
}

TEST(CorsOrigins, AreTakenByTheLetter) {
  const server::Origins origins(
      {"https://app.example.org", "https://*.example.net", "http://dev.test:3000"});
  for (const char* good :
       {"https://app.example.org", "https://APP.example.org", "https://app.example.org:443",
        "https://a.example.net", "https://a.b.example.net", "http://dev.test:3000"}) {
    EXPECT_TRUE(origins.allows(good)) << good;
  }
  for (const char* bad :
       {"", "null", "http://app.example.org", "https://app.example.org:8443",
        "https://app.example.org.evil.example", "https://evil.example/app.example.org",
        "https://evil.example#app.example.org", "https://app.example.org@evil.example",
        "https://xapp.example.org", "https://example.net", "https://.example.net",
        "https://evilexample.net", "https://a.example.net.evil.example", "https://*.example.net",
        "https://a.example.net:444", "http://dev.test", "app.example.org", "file://",
        "https://a.example.net https://evil.example"}) {
    EXPECT_FALSE(origins.allows(bad)) << bad;
  }
  EXPECT_TRUE(server::Origins({"*"}).allows("https://any.example"));
  for (const char* good : {"*", "https://a", "http://*.b.c:80", "https://[::1]:7070"}) {
    EXPECT_FALSE(server::Origins::fault_in(good)) << good;
  }
  for (const char* bad : {"a.example.org", "https://", "https://a/", "https://a/b", "https://*",
                          "https://a.*.b", "ftp://a", "https://*a.b", "null", "https://a:b"}) {
    EXPECT_TRUE(server::Origins::fault_in(bad)) << bad;
  }
}

}  // namespace
}  // namespace strandline::tests
