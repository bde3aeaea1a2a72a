// /v1/generators, and that generators go on over a restart as they were.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class GeneratorRoutes : public ServerTest {
 protected:
  Response put(const std::string& name, const std::string& body) {
    return client_.send("PUT", "/v1/generators/" + name, body,
                        {{"Content-Type", "application/json"}});
  }
  Response turn(const std::string& name, const std::string& verb) {
    return client_.send("POST", "/v1/generators/" + name + "/" + verb);
  }
  uint64_t tail(const std::string& stream) {
    return client_.get("/v1/streams/" + stream).json()["tail"].number();
  }
  Json last(const std::string& stream) {
    return client_.get("/v1/streams/" + stream + "/events?from=-1").json()["events"][0];
  }
  void expect_growth(HttpClient client, const std::string& stream) {
    const auto now = [&] { return client.get("/v1/streams/" + stream).json()["tail"].number(); };
    const uint64_t before = now();
    EXPECT_TRUE(eventually([&] { return now() > before; }));
  }
};

TEST_F(GeneratorRoutes, EachKindMakesItsOwnEvents) {
  for (const auto& [kind, type] :
       {std::pair("default", "heartbeat"), std::pair("system", "system_metrics"),
        std::pair("user-activity", "user_"), std::pair("notifications", "notification")}) {
    const std::string name = std::string("of-") + kind;
    const Response made = put(name, "{\"kind\":\"" + std::string(kind) + "\",\"rate\":\"100/s\"}");
    ASSERT_EQ(made.status, 201u) << made.body;
    EXPECT_EQ(made.json()["state"].str(), "running");
    ASSERT_TRUE(eventually([&] { return tail(name) > 3; }));
    EXPECT_THAT(last(name)["type"].str(), testing::StartsWith(type));
    EXPECT_FALSE(last(name)["data"]["message"].str().empty());
  }
  EXPECT_EQ(client_.get("/v1/generators").json()["generators"].size(), 4u);
}

TEST_F(GeneratorRoutes, WhatAGeneratorWroteCanBeToldFromRealEvents) {
  ASSERT_EQ(put("g", R"({"stream":"s","rate":"100/s"})").status, 201u);
  ASSERT_TRUE(eventually([&] { return client_.get("/v1/streams/s").status == 200; }));
  ASSERT_EQ(turn("g", "stop").status, 200u);
  ASSERT_EQ(append_type("s", "real").status, 201u);
  const Json events = client_.get("/v1/streams/s/events").json()["events"];
  for (size_t i = 0; i < events.size(); ++i) {
    const bool real = events[i]["type"].str() == "real";
    EXPECT_EQ(events[i]["generator"].is_null(), real);
    if (!real) {
      EXPECT_EQ(events[i]["generator"].str(), "g");
      EXPECT_EQ(events[i]["source"].str(), "/v1/generators/g");
    }
  }
}

TEST_F(GeneratorRoutes, ATemplateIsFilledIn) {
  const Response made = put("t", R"({"kind":"template","rate":"200/s","template":
      {"type":"order","message":"Order {{n}}","data":{"n":"{{n}}","id":"{{uuid}}",
       "at":"{{time}}","value":"{{random}}"}}})");
  ASSERT_EQ(made.status, 201u) << made.body;
  ASSERT_TRUE(eventually([&] { return tail("t") > 3; }));
  const Json event = last("t");
  EXPECT_EQ(event["type"].str(), "order");
  const uint64_t n = event["data"]["data"]["n"].number();
  EXPECT_EQ(event["data"]["message"].str(), "Order " + std::to_string(n));
  EXPECT_LT(event["data"]["data"]["value"].number(), 100u);
  EXPECT_EQ(event["data"]["data"]["id"].str().size(), 36u);
}

TEST_F(GeneratorRoutes, ThoseThatRunPauseOrStandDoSoAfterAKill) {
  ASSERT_EQ(put("running", R"({"rate":"50/s"})").status, 201u);
  ASSERT_EQ(put("paused", R"({"rate":"50/s"})").status, 201u);
  ASSERT_EQ(put("stopped", R"({"rate":"50/s"})").status, 201u);
  ASSERT_EQ(put("gone", R"({"rate":"50/s"})").status, 201u);
  ASSERT_EQ(turn("paused", "pause").status, 200u);
  ASSERT_EQ(turn("stopped", "stop").status, 200u);
  ASSERT_EQ(client_.send("DELETE", "/v1/generators/gone").status, 204u);
  ASSERT_EQ(put("running", R"({"rate":"60/s"})").status, 200u);
  server_.kill();
  ServerProcess again(directory_ / "data");
  HttpClient client = again.client();
  const Json all = client.get("/v1/generators").json()["generators"];
  ASSERT_EQ(all.size(), 3u) << all.text();
  EXPECT_EQ(all[0]["generator"].str(), "paused");
  EXPECT_EQ(all[0]["state"].str(), "paused");
  EXPECT_EQ(all[1]["state"].str(), "running");
  EXPECT_EQ(all[1]["rate"].str(), "60/s");
  EXPECT_EQ(all[2]["state"].str(), "stopped");
  expect_growth(again.client(), "running");
}

TEST_F(GeneratorRoutes, APausedOneWritesNothing) {
  ASSERT_EQ(put("g", R"({"rate":"500/s"})").status, 201u);
  ASSERT_TRUE(eventually([&] { return tail("g") > 10; }));
  ASSERT_EQ(turn("g", "pause").status, 200u);
  // What was under way may still come; another generator shows that time has passed.
  ASSERT_EQ(put("other", R"({"rate":"100/s"})").status, 201u);
  ASSERT_TRUE(eventually([&] { return tail("other") > 20; }));
  const uint64_t at_rest = tail("g");
  const uint64_t other = tail("other");
  ASSERT_TRUE(eventually([&] { return tail("other") > other + 50; }));
  EXPECT_EQ(tail("g"), at_rest);
  ASSERT_EQ(turn("g", "resume").status, 200u);
  expect_growth(server_.client(), "g");
}

TEST_F(GeneratorRoutes, WhatIsNoGeneratorIsRefusedAndMakesNone) {
  for (const char* body :
       {R"({"kind":"nonsense"})", R"({"rate":"1"})", R"({"rate":"0/s"})", R"({"rate":"1001/s"})",
        R"({"rate":"1/d"})", R"({"state":"walking"})", R"({"kind":"template"})",
        R"({"kind":"template","template":{"message":"m"}})", R"({"template":{"type":"t"}})",
        R"({"stream":"$admin"})", R"({"stream":"strandline.generators"})", R"({"speed":1})"}) {
    expect_problem(put("g", body), 422);
  }
  expect_problem(put("$g", "{}"), 422);
  expect_problem(client_.get("/v1/generators/g"), 404);
  expect_problem(turn("g", "start"), 404);
  expect_problem(client_.send("DELETE", "/v1/generators/g"), 404);
  EXPECT_EQ(client_.get("/v1/generators").json()["generators"].size(), 0u);
  EXPECT_EQ(client_.get("/v1/info").json()["durable_next"].number(), 0u);
}

TEST(Demo, StartsTheFourAndServesPages) {
  const TemporaryDirectory directory;
  {
    ServerProcess server(directory / "data", {"--demo"});
    HttpClient client = server.client();
    ASSERT_TRUE(
        eventually([&] { return client.get("/v1/generators").json()["generators"].size() == 4; }));
    for (const char* page : {"dashboard", "document"}) {
      const Response response = client.get(std::string("/demo/") + page);
      EXPECT_EQ(response.status, 200u);
      EXPECT_THAT(response.header("content-type"), testing::StartsWith("text/html"));
      EXPECT_THAT(response.body, HasSubstr("EventSource"));
    }
    EXPECT_EQ(client.get("/demo/nothing").status, 404u);
    // One that was stopped stays so.
    client.send("POST", "/v1/generators/system/stop");
    server.stop();
  }
  ServerProcess again(directory / "data", {"--demo"});
  EXPECT_EQ(again.client().get("/v1/generators/system").json()["state"].str(), "stopped");
}

}  // namespace
}  // namespace strandline::tests
