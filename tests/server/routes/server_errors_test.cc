// Bad input: a problem that says what was wrong and what is allowed, and changes nothing.
#include <fstream>

#include "tests/support/http/tight_server.h"

namespace strandline::tests {
namespace {

class BadRequests : public ServerTest {
 protected:
  BadRequests() { append("s", 0, 3); }
  ~BadRequests() override {
    // Whatever the test sent, nothing was applied.
    EXPECT_EQ(server_.client().get("/v1/info").json()["durable_next"].number(), 3u);
  }
  Response post(const std::string& body, const std::string& type = "application/json") {
    return client_.post("/v1/streams/s/events", body, type);
  }
  // Bytes as they are, on a connection of their own.
  Response raw(const std::string& bytes) {
    HttpClient client = server_.client();
    client.write(bytes);
    return client.read_response();
  }
};

TEST_F(BadRequests, MalformedJsonIs400) {
  for (const char* body : {"", "{", "nonsense", R"({"type":"t"}x)", "[{\"type\":\"t\"},]"}) {
    expect_problem(post(body), 400);
  }
}

TEST_F(BadRequests, ABadLineIsNamedAndTheWholeRequestRefused) {
  const Response response =
      post("{\"type\":\"t\"}\n{\"type\":\"t\"}\nbad\n", "application/x-ndjson");
  expect_problem(response, 400);
  EXPECT_THAT(response.json()["detail"].str(), testing::HasSubstr("line 3"));
}

TEST_F(BadRequests, AnUnknownStreamIs404) {
  expect_problem(client_.get("/v1/streams/nobody"), 404);
  expect_problem(client_.get("/v1/streams/nobody/events"), 404);
  expect_problem(client_.send("DELETE", "/v1/streams/nobody"), 404);
  expect_problem(client_.get("/v1/consumers/c/positions/s"), 404);
  expect_problem(client_.get("/nowhere"), 404);
}

TEST_F(BadRequests, TooLargeIs413) {
  const std::string large(2 << 20, 'x');
  expect_problem(post(R"({"type":"t","data":")" + large + "\"}"), 413);
  // And a body that is too large is refused before it is sent.
  expect_problem(raw("POST /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                     "application/json\r\nContent-Length: 1000000000\r\n\r\n"),
                 413);
}

TEST_F(BadRequests, AWrongContentTypeIs415) {
  const Response response = post(R"({"type":"t"})", "text/plain");
  expect_problem(response, 415);
  EXPECT_THAT(response.json()["detail"].str(), testing::HasSubstr("application/json"));
  expect_problem(client_.post("/v1/append", "{}", "text/html"), 415);
}

TEST_F(BadRequests, AnEventWithoutTypeOrWithABadNameIs422) {
  expect_problem(post("{}"), 422);
  expect_problem(post(R"({"id":"1"})"), 422);
  expect_problem(post(R"([{"type":"t"},{"type":""}])"), 422);
  expect_problem(post(R"({"type":"t","specversion":"0.3"})"), 422);
  expect_problem(client_.post("/v1/streams/$all/events", R"({"type":"t"})"), 422);
  expect_problem(client_.post("/v1/streams/a%0Ab/events", R"({"type":"t"})"), 422);
  expect_problem(client_.post("/v1/streams/%FF/events", R"({"type":"t"})"), 422);
  expect_problem(
      client_.post("/v1/streams/" + std::string(256, 'n') + "/events", R"({"type":"t"})"), 422);
  EXPECT_GE(client_.post("/v1/streams/%zz/events", R"({"type":"t"})").status, 400u);
}

// No URL reaches them: clients take dots out of a path, percent-encoded ones too.
TEST_F(BadRequests, TheNamesOfOneAndTwoDotsAreRefusedAtEveryDoor) {
  const Headers json = {{"Content-Type", "application/json"}};
  for (const std::string& dots : {std::string("."), std::string("..")}) {
    for (const std::string& path : {dots, dots == "." ? std::string("%2E") : std::string("%2e.")}) {
      SCOPED_TRACE(path);
      expect_problem(client_.post("/v1/streams/" + path + "/events", R"({"type":"t"})"), 422);
      expect_problem(client_.get("/v1/streams/" + path + "/events"), 422);
      expect_problem(client_.send("PUT", "/v1/streams/" + path, "{}", json), 422);
      expect_problem(client_.send("PUT", "/v1/consumers/" + path, R"({"stream":"s"})", json), 422);
      expect_problem(
          client_.send("PUT", "/v1/consumers/" + path + "/positions/s", R"({"next":1})", json),
          422);
      expect_problem(client_.send("PUT", "/v1/consumers/" + path + "/once/1"), 422);
    }
    const std::string name = "\"" + dots + "\"";
    expect_problem(client_.post("/v1/append", "{\"appends\":[{\"stream\":" + name +
                                                  R"(,"events":[{"type":"t"}]}]})"),
                   422);
    expect_problem(
        client_.post("/v1/append", R"({"type":"t","stream":)" + name + "}", "application/x-ndjson"),
        422);
    expect_problem(
        client_.send("PUT", "/v1/consumers/c",
                     R"({"stream":"s","mode":"shared","dead_letters":)" + name + "}", json),
        422);
    expect_problem(client_.send("POST", "/v1/streams/s/events", R"({"type":"t"})",
                                {{"Content-Type", "application/json"},
                                 {"Producer-Id", dots},
                                 {"Producer-Epoch", "0"},
                                 {"Producer-Seq", "0"}}),
                   422);
    // The command line, and what it imports.
    const std::string url = server_.address().url();
    const std::string file = (directory_ / "events.ndjson").string();
    std::ofstream(file) << R"({"type":"t","stream":)" << name << "}\n";
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"append", dots, "--server", url},
          {"streams", "create", dots, "--server", url},
          {"consumers", "create", dots, "s", "--server", url},
          {"import", file, "--server", url},
          {"import", file, "--stream", dots, "--server", url}}) {
      const Outcome outcome = strandline(arguments, "{\"type\":\"t\"}\n");
      EXPECT_NE(outcome.exit, 0) << arguments[0];
      EXPECT_THAT(outcome.errors, testing::HasSubstr("no URL reaches")) << arguments[0];
    }
  }
}

TEST_F(BadRequests, AFromBeyondTheTailIs416) {
  const Response response = client_.get("/v1/streams/s/events?from=4");
  expect_problem(response, 416);
  EXPECT_EQ(response.json()["start"].number(), 0u);
  EXPECT_EQ(response.json()["tail"].number(), 3u);
  expect_problem(client_.get("/v1/streams/s/events?from=4&follow=true"), 416);
}

TEST_F(BadRequests, ABadFlatBufferIs400) {
  const std::string good(batch("s", Offset{3}, 2).bytes());
  std::string flipped = good;
  flipped[0] ^= 0x7f;
  for (const std::string& bad :
       {std::string("x"), std::string(100, '\0'), good.substr(8), flipped}) {
    expect_problem(post(bad, "application/vnd.strandline.batch"), 400);
  }
}

TEST_F(BadRequests, BadParametersAre400) {
  for (const char* query :
       {"?from=x", "?from=-", "?from=1.5", "?limit=0", "?limit=x", "?limit=-1", "?form=3",
        "?follow=maybe", "?from=1&from=2", "?from=99999999999999999999999"}) {
    expect_problem(client_.get(std::string("/v1/streams/s/events") + query), 400);
  }
}

TEST_F(BadRequests, AWrongMethodIs405WithAllow) {
  const Response response = client_.send("PATCH", "/v1/streams/s");
  expect_problem(response, 405);
  EXPECT_THAT(response.header("allow"), testing::HasSubstr("GET"));
  EXPECT_THAT(response.header("allow"), testing::HasSubstr("DELETE"));
  expect_problem(client_.post("/healthz", ""), 405);
}

TEST_F(BadRequests, AHeadThatIsTooLargeIs431) {
  expect_problem(raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: " +
                     std::string(100'000, 'x') + "\r\n\r\n"),
                 431);
}

TEST_F(BadRequests, WhatIsNoHttpIs400AndClosed) {
  HttpClient client = server_.client();
  client.write("complete nonsense\r\n\r\n");
  expect_problem(client.read_response(), 400);
  EXPECT_TRUE(client.closed());
}

TEST_F(BadRequests, AConnectionSurvivesAProblem) {
  expect_problem(post("{"), 400);
  client_.write(HttpClient::request("GET", "/healthz") + HttpClient::request("GET", "/nowhere") +
                HttpClient::request("GET", "/healthz"));
  EXPECT_EQ(client_.read_response().status, 200u);
  EXPECT_EQ(client_.read_response().status, 404u);
  EXPECT_EQ(client_.read_response().status, 200u);
}

TEST_F(TightServer, AnIdleFollowerIsKeptAliveByComments) {
  start({.idle_timeout_ms = 100, .keepalive_ms = 50});
  append("s");
  HttpStream stream(address(), "/v1/streams/s/events?from=latest",
                    {{"Accept", "text/event-stream"}});
  int comments = 0;
  while (comments < 5) {
    const auto line = stream.line();
    ASSERT_TRUE(line);
    if (line->starts_with(":")) ++comments;
  }
  append("s");
  EXPECT_EQ(next_event(stream).id, "1");
}

TEST_F(TightServer, TooManyConnectionsAre503) {
  start({.connections_max = 3});
  std::vector<HttpClient> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(client());
    EXPECT_EQ(open.back().get("/healthz").status, 200u);
  }
  HttpClient refused = client();
  EXPECT_EQ(refused.read_response().status, 503u);
  open.clear();
  EXPECT_TRUE(eventually([&] {
    try {
      return client().get("/healthz").status == 200;
    } catch (const ConnectionLost&) {
      return false;
    }
  }));
}

TEST_F(TightServer, AFullQueueIs503WithRetryAfter) {
  options.limits.queue_bytes_max = 1000;
  start({});
  HttpClient one = client();
  const Response response = one.post("/v1/streams/s/events", json_events("s", 0, 200));
  // Larger than the queue ever is: refused for good, or until it is empty, which it is.
  EXPECT_TRUE(response.status == 413 || response.status == 503) << response.body;
  if (response.status == 503) {
    expect_problem(response, 503);
    EXPECT_FALSE(response.header("retry-after").empty());
  }
  EXPECT_EQ(log().durable_next(), Sequence{0});
}

}  // namespace
}  // namespace strandline::tests
