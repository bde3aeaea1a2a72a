// Headers, in requests and answers: which may come twice, what an answer's head always says, and
// that a request is known again however it is spelt.
#include <set>

#include "server/http/known_header.h"
#include "server/routes/route_table.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class HeaderLines : public ServerTest {
 protected:
  static constexpr char kPath[] = "/v1/streams/s/events";

  Response post(const Headers& headers, const std::string& body = R"({"type":"t"})") {
    return client_.send("POST", kPath, body, headers);
  }
  uint64_t appended() { return client_.get("/v1/info").json()["durable_next"].number(); }
  Response raw(const std::string& bytes) {
    HttpClient client = server_.client();
    client.write(bytes);
    return client.read_response();
  }
  static void expect_named(const Response& response, const std::string& name) {
    expect_problem(response, 400);
    EXPECT_THAT(response.json()["detail"].str(), testing::HasSubstr(name));
  }
};

TEST_F(HeaderLines, OfOneValueMayNotComeTwice) {
  std::string other;
  for (const server::KnownHeader& known : server::kKnownHeaders) {
    if (known.is_list) continue;
    const std::string name(known.name);
    // Those that frame the request are refused as such (server_hardening).
    if (name == "Host" || name == "Content-Length" || name == "Transfer-Encoding") continue;
    SCOPED_TRACE(name);
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    for (const auto& [first, second] : {std::pair{"0", "0"}, {"0", "1"}, {"", "0"}}) {
      expect_named(post({{name, first}, {lower, second}}), name);
      expect_named(client_.get("/healthz", {{name, first}, {"X-Between", "x"}, {name, second}}),
                   name);
    }
  }
  EXPECT_EQ(appended(), 0u);
}

TEST_F(HeaderLines, OfABinaryEventMayNotComeTwice) {
  const Headers event = {{"Content-Type", "text/plain"},
                         {"ce-specversion", "1.0"},
                         {"ce-type", "t"},
                         {"ce-id", "1"},
                         {"ce-source", "/s"},
                         {"ce-subject", "x"},
                         {"ce-tenant", "a"}};
  for (const auto& [name, value] : event) {
    Headers twice = event;
    twice.emplace_back(name, value);
    expect_named(post(twice, "x"), name);
    twice.back() = {name == "Content-Type" ? "content-type" : "CE" + name.substr(2), "another"};
    expect_named(post(twice, "x"), name == "Content-Type" ? name : "CE" + name.substr(2));
  }
  EXPECT_EQ(appended(), 0u);
  EXPECT_EQ(post(event, "x").status, 201u);
}

TEST_F(HeaderLines, ThatNobodyReadsMayComeAsOftenAsTheyLike) {
  EXPECT_EQ(post({{"Content-Type", "application/json"},
                  {"Via", "a"},
                  {"Via", "b"},
                  {"X-Forwarded-For", "1.2.3.4"},
                  {"X-Forwarded-For", "1.2.3.5"},
                  {"Cookie", "a=b"},
                  {"cookie", "c=d"},
                  {"Accept-Encoding", "gzip"},
                  {"Accept-Encoding", "br"}})
                .status,
            201u);
}

TEST_F(HeaderLines, OfAListAreJoined) {
  append("s", 0, 2);
  const Response lines = client_.get(
      kPath,
      {{"Accept", "text/html"}, {"X-Between", "x"}, {"Accept", "application/x-ndjson, */*;q=0"}});
  ASSERT_EQ(lines.status, 200u) << lines.body;
  EXPECT_EQ(lines.header("content-type"), "application/x-ndjson");
  const auto match = [&](const Headers& headers) {
    Headers all = headers;
    all.emplace_back("Content-Type", "application/json");
    return post(all);
  };
  // One next offset cannot be two; and none of the lines is passed over.
  expect_problem(match({{"If-Match", "\"2\""}, {"If-Match", "\"99\""}}), 400);
  expect_problem(match({{"If-Match", "\"99\""}, {"If-Match", "\"2\""}}), 400);
  expect_problem(match({{"If-Match", "\"2\", \"99\""}}), 400);
  expect_problem(match({{"If-Match", "\"2\""}, {"If-Match", "nonsense"}}), 400);
  expect_problem(match({{"If-Match", "W/\"2\""}}), 400);
  expect_problem(match({{"If-None-Match", "*"}, {"If-None-Match", "\"7\""}}), 400);
  expect_problem(match({{"If-None-Match", "*"}, {"If-None-Match", "*"}}), 412);
  EXPECT_EQ(appended(), 2u);
  EXPECT_EQ(match({{"If-Match", "\"2\""}, {"If-Match", "\"2\""}}).status, 201u);
  EXPECT_EQ(match({{"If-Match", "\"3\",\t\"3\""}}).status, 201u);
}

TEST_F(HeaderLines, OfAnIdempotentRequestMayBeSpeltDifferently) {
  const auto ask = [&](const std::string& target, const Headers& headers, const std::string& body) {
    return client_.send("POST", target, body, headers);
  };
  const std::string key = "\"k\"";
  const Response first = ask("/v1/streams/a%20b/events?durability=fsync",
                             {{"Content-Type", "Text/Plain; Charset=\"UTF-8\"; a=b"},
                              {"Idempotency-Key", key},
                              {"ce-specversion", "1.0"},
                              {"ce-type", "t"},
                              {"ce-id", "1"},
                              {"ce-source", "/s"},
                              {"ce-subject", "a b"}},
                             "x");
  ASSERT_EQ(first.status, 201u) << first.body;
  const Response again = ask("/v1/streams/%61%20%62/events?dur%61bility=fsync&",
                             {{"CE-Subject", "\"a%20b\""},
                              {"ce-Source", "%2Fs"},
                              {"CE-ID", "1"},
                              {"X-Request-Id", "7"},
                              {"User-Agent", "another"},
                              {"Content-Encoding", "identity"},
                              {"ce-type", "t"},
                              {"idempotency-key", key},
                              {"ce-specversion", "1.0"},
                              {"content-type", "text/plain;a=\"b\" ;charset=utf-8"}},
                             "x");
  ASSERT_EQ(again.status, 201u) << again.body;
  EXPECT_TRUE(again.json().has("retried")) << again.body;
  const Headers json = {{"Content-Type", "application/json"}, {"Idempotency-Key", "\"j\""}};
  ASSERT_EQ(
      ask("/v1/append", json, R"({"appends":[{"stream":"s","events":[{"type":"t"}]}]})").status,
      201u);
  // In a JSON body, attributes in headers mean nothing.
  const Response spelt = ask(
      "/v1/append",
      {{"content-type", "Application/JSON"}, {"ce-subject", "other"}, {"Idempotency-Key", "\"j\""}},
      R"({"appends":[{"stream":"s","events":[{"type":"t"}]}]})");
  EXPECT_TRUE(spelt.json()["appends"][0].has("retried")) << spelt.body;
  EXPECT_EQ(appended(), 2u);
  // And what means something else is another request.
  for (const auto& [name, value] : Headers{{"ce-subject", "a  b"}, {"ce-other", "x"}}) {
    Headers other = {{"Content-Type", "text/plain;charset=utf-8;a=b"},
                     {"Idempotency-Key", key},
                     {"ce-specversion", "1.0"},
                     {"ce-type", "t"},
                     {"ce-id", "1"},
                     {"ce-source", "/s"}};
    other.emplace_back(name, value);
    expect_problem(ask("/v1/streams/a%20b/events?durability=fsync", other, "x"), 422);
  }
  EXPECT_EQ(appended(), 2u);
}

TEST_F(HeaderLines, OfEveryAnswerSayThatItIsNotToBeStored) {
  append("s", 0, 1);
  std::set<unsigned> seen;
  const auto expect_not_stored = [&](const Response& response) {
    seen.insert(response.status);
    EXPECT_EQ(response.header("cache-control"), "no-store") << response.status;
  };
  for (const server::Route& route : server::route_table().routes()) {
    if (!server::is_safe_method(route.method)) continue;
    std::string target(route.path);
    for (size_t at; (at = target.find('{')) != std::string::npos;) {
      target.replace(at, target.find('}', at) + 1 - at, "s");
    }
    expect_not_stored(client_.get(target));
  }
  expect_not_stored(client_.get("/nowhere"));
  expect_not_stored(client_.send("PATCH", "/healthz"));
  expect_not_stored(
      client_.send("PUT", "/v1/streams/new", "{}", {{"Content-Type", "application/json"}}));
  expect_not_stored(client_.send("DELETE", "/v1/streams/new"));
  expect_not_stored(client_.get(kPath, {{"Accept", "image/png"}}));
  expect_not_stored(client_.post(kPath, "{"));
  expect_not_stored(raw("nonsense\r\n\r\n"));
  expect_not_stored(raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  expect_not_stored(raw("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
  for (const unsigned status : {200u, 201u, 204u, 400u, 404u, 405u, 406u, 421u}) {
    EXPECT_TRUE(seen.contains(status)) << status;
  }
}

TEST_F(HeaderLines, OfWhatWasCreatedSayWhereItIs) {
  const Headers json = {{"Content-Type", "application/json"}};
  const auto at = [](const Response& response) {
    EXPECT_EQ(response.status, 201u) << response.body;
    return response.header("location");
  };
  EXPECT_EQ(at(client_.send("PUT", "/v1/streams/a%2Fb", "{}", json)), "/v1/streams/a%2Fb");
  EXPECT_EQ(client_.get("/v1/streams/a%2Fb").status, 200u);
  EXPECT_EQ(client_.send("PUT", "/v1/streams/a%2Fb", "{}", json).header("location"), "");
  EXPECT_EQ(at(client_.send("PUT", "/v1/consumers/c%20d", R"({"stream":"a/b"})", json)),
            "/v1/consumers/c%20d");
  EXPECT_EQ(at(client_.send("PUT", "/v1/consumers/c/once/%C3%A9")), "/v1/consumers/c/once/%C3%A9");
  ASSERT_EQ(client_.post("/v1/streams/a%2Fb/events", R"({"type":"one"})").status, 201u);
  const std::string where = at(client_.post("/v1/streams/a%2Fb/events", R"({"type":"two"})"));
  EXPECT_EQ(where, "/v1/streams/a%2Fb/events?from=1");
  EXPECT_EQ(client_.get(where).json()["events"][0]["type"].str(), "two");
}

TEST_F(HeaderLines, ATypeHasOneTitleThatNamesIt) {
  std::map<std::string, std::string> titles;
  for (const Response& response :
       {client_.get("/nowhere"), client_.get("/v1/streams/none"), client_.get("/v1/consumers/none"),
        client_.send("PATCH", "/healthz"), client_.post(kPath, "{"), client_.post(kPath, "{}"),
        client_.post(kPath, "x", "text/html"), post({{"Origin", "null"}}),
        post({{"If-Match", "\"7\""}, {"Content-Type", "application/json"}}),
        raw("GET / HTTP/2.0\r\n\r\n")}) {
    const std::string type = response.json()["type"].str(), title = response.json()["title"].str();
    EXPECT_EQ(titles.emplace(type, title).first->second, title);
  }
  std::set<std::string> different;
  for (const auto& [type, title] : titles) different.insert(title);
  EXPECT_EQ(different.size(), titles.size());
  EXPECT_EQ(titles["urn:strandline:problem:not-found"], "Not found");
  EXPECT_EQ(titles["urn:strandline:problem:cross-site"], "Cross site");
  EXPECT_EQ(titles["urn:strandline:problem:no-such-path"], "No such path");
}

TEST_F(HeaderLines, OfALaterMinorVersionAreTaken) {
  for (const char* version : {"1.2", "1.9"}) {
    HttpClient client = server_.client();
    for (int i = 0; i < 2; ++i) {  // and the connection goes on
      client.write(std::string("GET /healthz HTTP/") + version + "\r\nHost: localhost\r\n\r\n");
      EXPECT_EQ(client.read_response().status, 200u) << version;
    }
    client.write(std::string("GET /healthz HTTP/") + version + "\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 400u) << "a Host is wanted as in 1.1";
  }
}

TEST_F(HeaderLines, OfAFollowersAnswerDoNotSayThatItCloses) {
  append("s", 0, 1);
  for (const char* accept :
       {"application/x-ndjson", "text/event-stream", "application/vnd.strandline.batch"}) {
    HttpStream stream(server_.address(), std::string(kPath) + "?follow=true", {{"Accept", accept}});
    EXPECT_EQ(stream.status(), 200u);
    EXPECT_EQ(stream.header("Connection"), "") << accept;
    EXPECT_EQ(stream.header("Cache-Control"), "no-store") << accept;
    EXPECT_EQ(stream.header("Transfer-Encoding"), "chunked") << accept;
  }
}

}  // namespace
}  // namespace strandline::tests
