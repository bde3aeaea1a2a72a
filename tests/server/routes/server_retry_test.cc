// Appending again over HTTP: producers' headers and members, Idempotency-Key, and ids once.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class RetryRequest : public ServerTest {
 protected:
  static constexpr char kPath[] = "/v1/streams/s/events";

  Response post(const std::string& body, Headers headers, const std::string& path = kPath) {
    headers.emplace_back("Content-Type", "application/json");
    return client_.send("POST", path, body, headers);
  }
  Response produce(const std::string& id, const std::string& epoch, const std::string& seq,
                   const std::string& body = R"({"type":"t"})") {
    return post(body, {{"Producer-Id", id}, {"Producer-Epoch", epoch}, {"Producer-Seq", seq}});
  }
  Response keyed(const std::string& key, const std::string& body = R"({"type":"t"})",
                 const std::string& path = kPath) {
    return post(body, {{"Idempotency-Key", key}}, path);
  }
  uint64_t tail(const std::string& stream = "s") {
    return client_.get("/v1/streams/" + stream).json()["tail"].number();
  }
  static std::string type_of(const Response& response) { return response.json()["type"].str(); }
};

TEST_F(RetryRequest, OfAProducerIsAnsweredAsItsOriginal) {
  const Response first = produce("p", "1", "0");
  ASSERT_EQ(first.status, 201u) << first.body;
  EXPECT_FALSE(first.json().has("retried"));
  append_type("s", "t");
  const Response again = produce("p", "1", "0");
  ASSERT_EQ(again.status, 201u) << again.body;
  EXPECT_EQ(again.json()["retried"].text(), "true");
  for (const char* member : {"first", "next", "sequence"}) {
    EXPECT_EQ(again.json()[member].number(), first.json()[member].number());
  }
  EXPECT_EQ(again.json()["stored"].str(), first.json()["stored"].str());
  EXPECT_EQ(tail(), 2u);
  // Although its condition fails by now.
  EXPECT_EQ(post(R"({"type":"t"})", {{"Producer-Id", "p"},
                                     {"Producer-Epoch", "1"},
                                     {"Producer-Seq", "0"},
                                     {"If-None-Match", "*"}})
                .status,
            201u);
}

TEST_F(RetryRequest, OfAProducerSaysWhatWasExpected) {
  ASSERT_EQ(produce("p", "1", "0").status, 201u);
  const Response gap = produce("p", "1", "5");
  expect_problem(gap, 409);
  EXPECT_EQ(type_of(gap), "urn:strandline:problem:out-of-order");
  EXPECT_EQ(gap.json()["expected"].number(), 1u);
  ASSERT_EQ(produce("p", "2", "0").status, 201u);
  const Response fenced = produce("p", "1", "1");
  expect_problem(fenced, 403);
  EXPECT_EQ(type_of(fenced), "urn:strandline:problem:fenced");
  EXPECT_EQ(fenced.json()["current"].number(), 2u);
  const Response other = produce("p", "2", "0", R"({"type":"other"})");
  expect_problem(other, 409);
  EXPECT_EQ(type_of(other), "urn:strandline:problem:conflict");
  EXPECT_EQ(tail(), 2u);
}

TEST_F(RetryRequest, OfAProducerHasAllThreeHeadersOrNone) {
  expect_problem(post(R"({"type":"t"})", {{"Producer-Id", "p"}}), 400);
  expect_problem(post(R"({"type":"t"})", {{"Producer-Epoch", "1"}, {"Producer-Seq", "0"}}), 400);
  expect_problem(produce("p", "-1", "0"), 400);
  expect_problem(produce("p", "1", "zero"), 400);
  expect_problem(produce("p", "1", "18446744073709551616"), 400);
  expect_problem(produce("$p", "1", "0"), 422);
  expect_problem(post(R"({"type":"t"})", {{"Producer-Id", "p"},
                                          {"Producer-Id", "q"},
                                          {"Producer-Epoch", "1"},
                                          {"Producer-Seq", "0"}}),
                 400);
  // Where they mean nothing, they are not passed over.
  for (const char* path : {"/v1/append", "/v1/broadcast"}) {
    expect_problem(post(R"({"event":{"type":"t"}})", {{"Producer-Id", "p"}}, path), 400);
  }
  expect_problem(keyed("\"k\"", R"({"event":{"type":"t"}})", "/v1/broadcast"), 400);
}

TEST_F(RetryRequest, OfSeveralStreamsNamesAProducerInEach) {
  const std::string body = R"({"appends": [
    {"stream":"a","events":[{"type":"x"}],"producer":{"id":"p","epoch":0,"seq":0}},
    {"stream":"b","events":[{"type":"y"}],"producer":{"id":"p","epoch":0,"seq":0}}],
    "commit":{"consumer":"c","stream":"a","expected":0,"next":1}})";
  const Response first = post(body, {}, "/v1/append");
  ASSERT_EQ(first.status, 201u) << first.body;
  const Response again = post(body, {}, "/v1/append");
  ASSERT_EQ(again.status, 201u) << again.body;
  for (const size_t i : {0u, 1u}) {
    EXPECT_EQ(again.json()["appends"][i]["retried"].text(), "true");
    EXPECT_EQ(again.json()["appends"][i]["first"].number(), 0u);
  }
  EXPECT_EQ(tail("a"), 1u);
  const std::string mixed = R"({"appends": [
    {"stream":"a","events":[{"type":"x"}],"producer":{"id":"p","epoch":0,"seq":0}},
    {"stream":"b","events":[{"type":"y"}],"producer":{"id":"p","epoch":0,"seq":1}}]})";
  expect_problem(post(mixed, {}, "/v1/append"), 409);
  for (const char* producer :
       {R"({"id":"p"})", R"({"id":"p","epoch":0,"seq":-1})", R"("p")", R"({"id":"p","seq":0})"}) {
    expect_problem(post(std::string(R"({"appends":[{"stream":"a","events":[{"type":"x"}],)") +
                            R"("producer":)" + producer + "}]}",
                        {}, "/v1/append"),
                   422);
  }
}

TEST_F(RetryRequest, WithAnIdempotencyKeyGetsTheStoredAnswer) {
  const Response first = keyed("\"one\"");
  ASSERT_EQ(first.status, 201u) << first.body;
  const Response again = keyed("\"one\"");
  ASSERT_EQ(again.status, 201u) << again.body;
  EXPECT_EQ(again.json()["retried"].text(), "true");
  EXPECT_EQ(again.json()["first"].number(), first.json()["first"].number());
  EXPECT_EQ(again.json()["stored"].str(), first.json()["stored"].str());
  EXPECT_EQ(tail(), 1u);
  const std::string body = R"({"appends":[{"stream":"s","events":[{"type":"t"}]},
                                          {"stream":"b","events":[{"type":"t"}]}]})";
  ASSERT_EQ(keyed("\"two\"", body, "/v1/append").status, 201u);
  const Response many = keyed("\"two\"", body, "/v1/append");
  ASSERT_EQ(many.status, 201u) << many.body;
  EXPECT_EQ(many.json()["appends"][1]["stream"].str(), "b");
  EXPECT_EQ(many.json()["appends"][1]["retried"].text(), "true");
  EXPECT_EQ(tail(), 2u);
}

TEST_F(RetryRequest, WithAnotherPayloadIsRefused) {
  ASSERT_EQ(keyed("\"one\"").status, 201u);
  const auto expect_reused = [&](const Response& response) {
    expect_problem(response, 422);
    EXPECT_EQ(type_of(response), "urn:strandline:problem:reused");
  };
  expect_reused(keyed("\"one\"", R"({"type":"other"})"));
  expect_reused(keyed("\"one\"", R"({"type":"t"})", "/v1/streams/other/events"));
  expect_reused(keyed("\"one\"", R"({"type":"t"})", std::string(kPath) + "?durability=accepted"));
  // In CloudEvents' binary mode the payload is in headers, too.
  const auto binary = [&](const std::string& type) {
    return client_.send("POST", kPath, "x",
                        {{"Content-Type", "text/plain"},
                         {"Idempotency-Key", "\"two\""},
                         {"ce-specversion", "1.0"},
                         {"ce-type", type},
                         {"ce-id", "1"},
                         {"ce-source", "/x"}});
  };
  ASSERT_EQ(binary("a").status, 201u);
  EXPECT_EQ(binary("a").status, 201u);
  expect_reused(binary("b"));
  EXPECT_EQ(tail(), 2u);
}

TEST_F(RetryRequest, WithAMalformedKeyIsRefused) {
  for (const char* key : {"one", "\"one", "\"\"", "\"a\"b\"", "\"a\\b\"", "'one'"}) {
    expect_problem(keyed(key), 400);
  }
  expect_problem(keyed("\"" + std::string(256, 'k') + "\""), 422);
  expect_problem(
      post(R"({"type":"t"})", {{"Idempotency-Key", "\"a\""}, {"Idempotency-Key", "\"a\""}}), 400);
  EXPECT_EQ(keyed(R"("a\"b\\c")").status, 201u);
  EXPECT_EQ(tail(), 1u);
}

TEST_F(RetryRequest, ThatWasRefusedIsNotKept) {
  const Headers headers = {{"Idempotency-Key", "\"k\""}, {"If-Match", "\"1\""}};
  expect_problem(post(R"({"type":"t"})", headers), 412);
  append_type("s", "t");
  const Response now = post(R"({"type":"t"})", headers);
  ASSERT_EQ(now.status, 201u) << now.body;
  EXPECT_FALSE(now.json().has("retried"));
}

TEST_F(RetryRequest, MarksIdsOnce) {
  const std::string path = "/v1/consumers/c/once/order%2F7";
  expect_problem(client_.get(path), 404);
  const Response first = client_.send("PUT", path);
  ASSERT_EQ(first.status, 201u) << first.body;
  EXPECT_EQ(first.json()["first"].text(), "true");
  const Response again = client_.send("PUT", path);
  ASSERT_EQ(again.status, 200u) << again.body;
  EXPECT_EQ(again.json()["first"].text(), "false");
  EXPECT_EQ(client_.get(path).status, 200u);
  EXPECT_EQ(client_
                .send("PUT", "/v1/consumers/c/once/8", R"({"ttl_s":60})",
                      {{"Content-Type", "application/json"}})
                .status,
            201u);
  expect_problem(client_.send("PUT", "/v1/consumers/c/once/9", R"({"ttl_s":0})",
                              {{"Content-Type", "application/json"}}),
                 422);
  expect_problem(client_.send("PUT", "/v1/consumers/c/once/9", R"({"ttl":1})",
                              {{"Content-Type", "application/json"}}),
                 422);
  expect_problem(client_.send("PUT", "/v1/consumers/$c/once/9"), 422);
}

// No URL reaches what has such a name.
TEST_F(RetryRequest, MarksNoIdThatIsADot) {
  for (const std::string id : {".", ".."}) {
    for (const std::string& path : {id, id == "." ? std::string("%2E") : std::string("%2e%2E")}) {
      expect_problem(client_.send("PUT", "/v1/consumers/c/once/" + path), 422);
    }
    expect_problem(post(R"({"once":{"consumer":"c","id":")" + id + "\"}}", {}, "/v1/append"), 422);
  }
  EXPECT_EQ(client_.send("PUT", "/v1/consumers/c/once/...").status, 201u);
}

// One would say nothing, and the other everything.
TEST_F(RetryRequest, MovesAPositionOnce) {
  ASSERT_EQ(post(R"([{"type":"t"},{"type":"t"}])", {}).status, 201u);
  const Response refused = post(R"({"commit":[{"consumer":"c","stream":"s","next":1},)"
                                R"({"consumer":"c","stream":"s","next":2}]})",
                                {}, "/v1/append");
  expect_problem(refused, 422);
  EXPECT_THAT(refused.json()["detail"].str(), testing::HasSubstr("\"c\" in \"s\""));
  // One in the query and one in the body are two.
  expect_problem(post(R"({"commit":{"consumer":"c","stream":"s","next":1}})", {},
                      "/v1/append?commit_consumer=c&commit_stream=s&commit_next=2"),
                 422);
  expect_problem(client_.get("/v1/consumers/c/positions/s"), 404);
}

TEST_F(RetryRequest, MarksIdsOnceBesideAnAppend) {
  const auto step = [&](const std::string& once) {
    return post(R"({"appends":[{"stream":"s","events":[{"type":"t"}]}],"once":)" + once + "}", {},
                "/v1/append");
  };
  ASSERT_EQ(step(R"({"consumer":"c","id":"1"})").status, 201u);
  const Response again = step(R"([{"consumer":"c","id":"2"},{"consumer":"c","id":"1"}])");
  expect_problem(again, 412);
  EXPECT_EQ(type_of(again), "urn:strandline:problem:exists");
  EXPECT_THAT(again.json()["detail"].str(), testing::HasSubstr("\"1\""));
  EXPECT_EQ(client_.get("/v1/consumers/c/once/1").status, 200u);
  expect_problem(client_.get("/v1/consumers/c/once/2"), 404);
  EXPECT_EQ(tail(), 1u);
  expect_problem(step(R"({"consumer":"c"})"), 422);
}

}  // namespace
}  // namespace strandline::tests
