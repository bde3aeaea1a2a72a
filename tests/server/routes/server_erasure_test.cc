// Erasure over HTTP: what is asked, what is answered, and what readers are told in each form.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class Erasures : public ServerTest {
 protected:
  Erasures() { append("s", 0, 4); }
  Response erase(const std::string& body) { return client_.post("/v1/erasures", body); }
  std::string read(const std::string& form) {
    return client_.send("GET", "/v1/streams/s/events", "", {{"Accept", form}}).body;
  }
};

TEST_F(Erasures, AreToldInEveryForm) {
  const Response events = erase(R"({"stream":"s","offsets":[1],"what":"events","reason":"why"})");
  ASSERT_EQ(events.status, 200u) << events.body;
  EXPECT_EQ(events.json()["events"].number(), 1u);
  EXPECT_FALSE(events.json()["gone"].is_null());
  const Response data = erase(R"({"stream":"s","offsets":[[2,3]],"what":"data"})");
  ASSERT_EQ(data.status, 200u) << data.body;
  const std::string page = read("application/json");
  EXPECT_THAT(page, HasSubstr(R"("gaps":[{"from":1,"to":2,"reason":"erased")"));
  EXPECT_THAT(page, HasSubstr(R"("erased":true)"));
  EXPECT_THAT(read("application/x-ndjson"), HasSubstr(R"("reason":"erased")"));
  EXPECT_THAT(read("application/x-ndjson"), HasSubstr(R"("erased":true)"));
  EXPECT_THAT(read("application/vnd.strandline.batch"), HasSubstr("erased"));
  EXPECT_EQ(client_.get("/v1/erasures").body, "{\"erasures\":[]}\n");
}

TEST_F(Erasures, ADryRunAndASecondOneChangeNothing) {
  const std::string all = R"({"prefix":"s","what":"events","dry_run":)";
  const std::string before = read("application/json");
  const Response dry = erase(all + "true}");
  ASSERT_EQ(dry.status, 200u) << dry.body;
  EXPECT_EQ(dry.json()["events"].number(), 4u);
  EXPECT_TRUE(dry.json()["erasure"].is_null());
  EXPECT_EQ(read("application/json"), before);
  EXPECT_EQ(erase(all + "false}").json()["events"].number(), 4u);
  EXPECT_EQ(erase(all + "false}").json()["events"].number(), 0u);
}

TEST_F(Erasures, WhatIsNoRequestIsRefused) {
  const std::string before = read("application/json");
  for (const char* body :
       {"{}", R"({"stream":"s"})", R"({"what":"events"})", R"({"stream":"s","what":"all"})",
        R"({"stream":"s","prefix":"s","what":"events"})", R"({"prefix":"","what":"events"})",
        R"({"stream":"$admin","what":"events"})",
        R"({"stream":"s","offsets":[[3,3]],"what":"events"})",
        R"({"stream":"s","offsets":[],"what":"events"})",
        R"({"stream":"s","types":[],"what":"events"})",
        R"({"stream":"s","subjects":[],"what":"events"})",
        R"({"stream":"s","subjects":["c",""],"what":"events"})",
        R"({"streams":["s"],"offsets":[1],"what":"events"})",
        R"({"stream":"s","stored_from":"yesterday","what":"events"})",
        R"({"stream":"s","what":"events","force":true})"}) {
    SCOPED_TRACE(body);
    expect_problem(erase(body), 422);
  }
  expect_problem(erase(R"({"stream":"none","what":"events"})"), 404);
  EXPECT_EQ(read("application/json"), before);
}

}  // namespace
}  // namespace strandline::tests
