// What a page of another site has a browser send changes nothing: on every route of the table, so
// that a new one is held to it by itself.
#include "server/routes/route_table.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class CrossSite : public ServerTest {
 protected:
  CrossSite() {
    append("s", 0, 3);
    create("shared", R"({"stream":"s","mode":"shared"})");
    create("exclusive", R"({"stream":"s"})");
  }

  void create(const std::string& name, const std::string& settings) {
    const Response response = client_.send("PUT", "/v1/consumers/" + name, settings,
                                           {{"Content-Type", "application/json"}});
    ASSERT_EQ(response.status, 201u) << response.body;
  }

  // One that would change something, where this knows how; a new route is asked with an object.
  struct Ask {
    std::string method, target, body;
  };
  static std::vector<Ask> asks() {
    std::vector<Ask> all;
    for (const server::Route& route : server::route_table().routes()) {
      if (server::is_safe_method(route.method)) continue;
      std::string target(route.path);
      for (const auto& [part, name] : {std::pair("{stream}", "s"), std::pair("{id}", "s"),
                                       std::pair("{consumer}", "exclusive")}) {
        if (const size_t at = target.find(part); at != std::string::npos) {
          target.replace(at, std::string_view(part).size(), name);
        }
      }
      all.push_back({std::string(route.method), target, body_of(route.name)});
    }
    return all;
  }
  static std::string body_of(std::string_view route) {
    static const std::map<std::string_view, std::string> bodies = {
        {"append_events", R"({"type":"t"})"},
        {"append_many", R"({"appends":[{"stream":"s","events":[{"type":"t"}]}]})"},
        {"broadcast", R"({"prefix":"s","event":{"type":"t"}})"},
        {"truncate", R"({"before":1})"},
        {"put_position", R"({"next":1})"},
        {"reset_consumer", R"({"from":1})"},
        {"read_consumer", ""}};
    const auto known = bodies.find(route);
    return known == bodies.end() ? "{}" : known->second;
  }

  // All that there is to see of the log.
  std::string state() {
    std::string all;
    for (const char* path : {"/v1/streams?limit=1000", "/v1/consumers", "/v1/consumers/exclusive",
                             "/v1/consumers/shared", "/v1/all/events"}) {
      all += client_.get(path).body;
    }
    return all + std::to_string(client_.get("/v1/consumers/exclusive/once/s").status);
  }
  std::string own_address() const { return server_.address().host + ":" + server_.address().port; }
  static void expect_refused(const Response& response) {
    expect_problem(response, 403);
    EXPECT_EQ(response.json()["type"].str(), "urn:strandline:problem:cross-site");
  }
  static bool is_refused(const Response& response) {
    return response.status == 403 && response.body.find("cross-site") != std::string::npos;
  }
};

TEST_F(CrossSite, PagesChangeNothingByAnyRoute) {
  const std::string before = state();
  const std::string port = server_.address().port;
  const std::vector<Headers> hostile = {
      {{"Sec-Fetch-Site", "cross-site"}},
      {{"Sec-Fetch-Site", "same-site"}},
      {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://" + own_address()}},
      {{"Origin", "http://evil.example"}},
      {{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-origin"}},
      {{"Origin", "null"}},
      {{"Origin", ""}},
      {{"Origin", "http://127.0.0.1:1"}},
      {{"Origin", "http://127.0.0.1." + port}},
      {{"Origin", "http://127.0.0.1:" + port + "@evil.example"}},
      {{"Origin", "http://127.0.0.1:" + port + " http://evil.example"}},
      {{"Origin", "file://"}},
      {{"Origin", "https://" + own_address()}},
      {{"origin", "http://localhost.evil.example:" + port}},
  };
  for (const Ask& ask : asks()) {
    for (const Headers& headers : hostile) {
      for (const char* type : {"application/json", "text/plain", ""}) {
        SCOPED_TRACE(ask.method + " " + ask.target + ", " + headers[0].first + ": " +
                     headers[0].second);
        Headers all = headers;
        if (*type != '\0') all.emplace_back("Content-Type", type);
        expect_refused(client_.send(ask.method, ask.target, ask.body, all));
      }
    }
  }
  EXPECT_EQ(state(), before);
}

TEST_F(CrossSite, NorByAMethodThatNoRouteTakes) {
  for (const char* method : {"PATCH", "PUT", "DELETE", "POST", "TRACE"}) {
    for (const char* path : {"/v1/streams/s/events", "/metrics", "/nowhere"}) {
      expect_refused(client_.send(method, path, "", {{"Origin", "http://evil.example"}}));
    }
  }
}

TEST_F(CrossSite, ReadingJoinsNobody) {
  const std::string before = client_.get("/v1/consumers/exclusive").body;
  for (const char* method : {"GET", "HEAD"}) {
    const HttpStream stream(server_.address(), "/v1/consumers/exclusive/events", {}, method);
    EXPECT_EQ(stream.status(), 405u) << method;
    EXPECT_EQ(stream.header("Allow"), "POST") << method;
  }
  EXPECT_EQ(client_.get("/v1/consumers/exclusive").body, before);
}

TEST_F(CrossSite, ProgramsAndTheServersOwnPagesAreServed) {
  const std::string port = server_.address().port;
  const std::vector<Headers> friendly = {
      {},
      {{"Sec-Fetch-Site", "same-origin"}},
      {{"Sec-Fetch-Site", "none"}},
      {{"Sec-Fetch-Site", "a word of the future"}},
      {{"Origin", "http://" + own_address()}, {"Sec-Fetch-Site", "same-origin"}},
      {{"Origin", "http://localhost:" + port}},
      {{"Origin", "http://127.0.0.1"}},  // the Host that this client sends
      {{"Origin", "HTTP://LOCALHOST:" + port}},
  };
  for (const Headers& headers : friendly) {
    for (const Ask& ask : asks()) {
      // (Of a member's stream there is no end; it has the same guard as the rest.)
      if (ask.target.ends_with("/exclusive/events") || ask.method == "DELETE") continue;
      Headers all = headers;
      all.emplace_back("Content-Type", "application/json");
      EXPECT_FALSE(is_refused(client_.send(ask.method, ask.target, ask.body, all)))
          << ask.method << " " << ask.target
          << (headers.empty() ? "" : ", " + headers[0].first + ": " + headers[0].second);
    }
  }
  // What changes nothing is answered to everybody; a browser shows it to nobody.
  EXPECT_EQ(client_.get("/v1/streams/s", {{"Origin", "http://evil.example"}}).status, 200u);
  EXPECT_EQ(client_.get("/healthz", {{"Sec-Fetch-Site", "cross-site"}}).status, 200u);
}

TEST(CrossSiteNames, AreTheServersOwnWhereTheyAreConfigured) {
  const TemporaryDirectory directory;
  ServerProcess server(directory / "data",
                       {"--authorities", "log.example.org,db.example.org:7070"});
  const auto post = [&](const std::string& origin) {
    return server.client()
        .send("POST", "/v1/streams/s/events", R"({"type":"t"})",
              {{"Content-Type", "application/json"}, {"Origin", origin}})
        .status;
  };
  for (const char* own : {"http://log.example.org", "https://LOG.example.org",
                          "http://log.example.org:1234", "http://db.example.org:7070"}) {
    EXPECT_EQ(post(own), 201u) << own;
  }
  for (const char* other : {"http://example.org", "http://db.example.org", "https://db.example.org",
                            "http://log.example.org.evil.example", "ftp://log.example.org",
                            "log.example.org", "null"}) {
    EXPECT_EQ(post(other), 403u) << other;
  }
}

}  // namespace
}  // namespace strandline::tests
