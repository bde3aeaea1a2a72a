// Policies, legal holds, truncation before a time, and retention, over HTTP.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class PolicyRoutes : public ServerTest {
 protected:
  Response patch(const std::string& target, const std::string& body) {
    return client_.send("PATCH", target, body, {{"Content-Type", "application/json"}});
  }
};

TEST_F(PolicyRoutes, AStreamIsPatchedAndSaysWhatHolds) {
  append("git.a", 0, 3);
  EXPECT_EQ(patch("/v1/policies", R"({"prefix":"git.","age_max_s":60})").status, 200u);
  const Response changed =
      patch("/v1/streams/git.a", R"({"bytes_max":"none","description":"of git","audit":true})");
  ASSERT_EQ(changed.status, 200u) << changed.body;
  EXPECT_THAT(changed.body, HasSubstr(R"("policy":{"bytes_max":"none","audit":true})"));
  EXPECT_THAT(changed.body, HasSubstr(R"("age_max_s":{"value":60,"from":{"prefix":"git."}})"));
  EXPECT_THAT(changed.body, HasSubstr(R"("description":"of git")"));
  const Response back = patch("/v1/streams/git.a", R"({"audit":null,"bytes_max":null})");
  EXPECT_THAT(back.body, testing::Not(HasSubstr("\"policy\"")));
  EXPECT_THAT(back.body, HasSubstr("of git"));
  EXPECT_EQ(client_.get("/v1/policies").body,
            "{\"policies\":[{\"prefix\":\"git.\",\"policy\":{\"age_max_s\":60}}]}\n");
}

TEST_F(PolicyRoutes, ACreationWithAPolicyCanBeSentAgain) {
  const std::string body = R"({"description":"d","events_max":5})";
  const Headers json = {{"Content-Type", "application/json"}};
  EXPECT_EQ(client_.send("PUT", "/v1/streams/s", body, json).status, 201u);
  EXPECT_EQ(client_.send("PUT", "/v1/streams/s", body, json).status, 200u);
  expect_problem(client_.send("PUT", "/v1/streams/s", R"({"description":"d"})", json), 409);
}

TEST_F(PolicyRoutes, BadInputIsRefused) {
  append("s", 0, 1);
  for (const char* body :
       {R"({"age_max_s":0})", R"({"age_max_s":-1})", R"({"age_max_s":"soon"})", R"({"audit":1})",
        R"({"age":5})", R"({"description":5})", R"([1])", R"({"bytes_max":true})"}) {
    expect_problem(patch("/v1/streams/s", body), 422);
    expect_problem(patch("/v1/policies", body), 422);
  }
  expect_problem(patch("/v1/streams/s", "{"), 400);
  expect_problem(patch("/v1/policies", R"({"age_max_s":5})"), 422);
  expect_problem(patch("/v1/policies", R"({"prefix":"$a","age_max_s":5})"), 422);
  expect_problem(patch("/v1/streams/none", R"({"age_max_s":5})"), 404);
  EXPECT_EQ(client_.get("/v1/policies").body, "{\"policies\":[]}\n");
}

TEST_F(PolicyRoutes, AHoldIsLaidListedAndReleased) {
  append("s", 0, 5);
  const Response laid = client_.post(
      "/v1/holds", R"({"hold":"case-12","stream":"s","reason":"litigation","until":null})");
  ASSERT_EQ(laid.status, 201u) << laid.body;
  EXPECT_EQ(laid.header("location"), "/v1/holds/case-12");
  const Response refused = client_.post("/v1/streams/s/truncate", R"({"before":2})");
  expect_problem(refused, 409);
  EXPECT_THAT(refused.body, HasSubstr("urn:strandline:problem:held"));
  EXPECT_THAT(refused.body, HasSubstr("case-12"));
  expect_problem(client_.send("DELETE", "/v1/streams/s"), 409);
  EXPECT_THAT(client_.get("/v1/streams/s").body, HasSubstr(R"("held_by":"case-12")"));
  EXPECT_EQ(client_.get("/v1/holds").json()["holds"].size(), 1u);
  expect_problem(client_.post("/v1/holds", R"({"hold":"case-12","stream":"s","reason":"r"})"), 409);
  for (const char* body :
       {R"({"hold":"h","reason":"r"})", R"({"hold":"h","stream":"s","prefix":"s","reason":"r"})",
        R"({"hold":"h","stream":"s"})", R"({"stream":"s","reason":"r"})",
        R"({"hold":"h","stream":"s","reason":"r","until":"soon"})",
        R"({"hold":"h","stream":"s","reason":"r","until":"2001-01-01T00:00:00Z"})"}) {
    expect_problem(client_.post("/v1/holds", body), 422);
  }
  EXPECT_EQ(client_.send("DELETE", "/v1/holds/case-12").status, 204u);
  expect_problem(client_.send("DELETE", "/v1/holds/case-12"), 404);
  EXPECT_EQ(client_.post("/v1/streams/s/truncate", R"({"before":2})").status, 200u);
}

TEST_F(PolicyRoutes, TruncationBeforeATimeAndATryOfIt) {
  append("s", 0, 5);
  const Response would = client_.post("/v1/streams/s/truncate",
                                      R"({"before_time":"2999-01-01T00:00:00Z","dry_run":true})");
  ASSERT_EQ(would.status, 200u) << would.body;
  EXPECT_THAT(would.body, HasSubstr(R"({"start":5,"events":5,"bytes":)"));
  EXPECT_THAT(would.body, HasSubstr(R"("dry_run":true)"));
  EXPECT_EQ(client_.get("/v1/streams/s").json()["start"].number(), 0u);
  EXPECT_EQ(client_.post("/v1/streams/s/truncate", R"({"before_time":"2001-01-01T00:00:00Z"})")
                .json()["start"]
                .number(),
            0u);
  expect_problem(client_.post("/v1/streams/s/truncate", R"({"before_time":"soon"})"), 422);
  expect_problem(client_.post("/v1/streams/s/truncate",
                              R"({"before":1,"before_time":"2001-01-01T00:00:00Z"})"),
                 422);
  expect_problem(client_.post("/v1/streams/s/truncate", "{}"), 422);
}

TEST_F(PolicyRoutes, WhatIsDueGoesAndIsCounted) {
  append("s", 0, 50);
  ASSERT_EQ(patch("/v1/streams/s", R"({"events_max":5})").status, 200u);
  EXPECT_TRUE(
      eventually([&] { return client_.get("/v1/streams/s").json()["start"].number() == 45u; }));
  EXPECT_TRUE(eventually(
      [&] { return client_.get("/v1/retention").json()["events_expired"].number() == 45u; }));
  expect_problem(client_.post("/v1/retention/confirm", "{}"), 409);
  const Response page = client_.get("/v1/streams/s/events?from=0");
  EXPECT_THAT(page.body, HasSubstr("\"expired\""));
  EXPECT_THAT(client_.get("/metrics").body, HasSubstr("strandline_retention_lag_seconds 0"));
  EXPECT_THAT(client_.get("/v1/info").body, HasSubstr("\"retention\":{\"paused\":null"));
}

}  // namespace
}  // namespace strandline::tests
