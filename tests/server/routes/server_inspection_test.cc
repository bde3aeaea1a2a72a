// GET /v1/stats, /v1/inspect and /v1/doctor.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;

class LookingInside : public ServerTest {
 protected:
  LookingInside() {
    append("orders", 0, 20);
    append("orders%2Feu", 0, 2);
    append("users", 0, 1);
  }
};

TEST_F(LookingInside, StatsAreOfTheLogAndOfEachStream) {
  const Json stats = client_.get("/v1/stats").json();
  EXPECT_EQ(stats["log"]["streams"].number(), 3u);
  EXPECT_EQ(stats["log"]["events"].number(), 23u);
  EXPECT_GT(stats["log"]["disk"]["wal_bytes"].number(), 0u);
  EXPECT_GE(stats["log"]["fsync"]["count"].number(), 3u);
  EXPECT_EQ(stats["log"]["rates"][0]["events"].number(), 23u);
  EXPECT_EQ(stats["segments"].size(), 1u);
  ASSERT_EQ(stats["streams"].size(), 3u);
  EXPECT_EQ(stats["streams"][0]["stream"].str(), "orders");
  EXPECT_EQ(stats["streams"][0]["events"].number(), 20u);
  EXPECT_EQ(stats["streams"][0]["rates"][0]["events"].number(), 20u);
  const Json one = client_.get("/v1/stats?stream=users").json();
  ASSERT_EQ(one["streams"].size(), 1u);
  EXPECT_EQ(one["streams"][0]["stream"].str(), "users");
}

TEST_F(LookingInside, StatsGoPageByPage) {
  const Json first = client_.get("/v1/stats?prefix=orders&limit=1").json();
  ASSERT_EQ(first["streams"].size(), 1u);
  EXPECT_EQ(first["next_after"].str(), "orders");
  const Json second = client_.get("/v1/stats?prefix=orders&limit=1&after=orders").json();
  EXPECT_EQ(second["streams"][0]["stream"].str(), "orders/eu");
  EXPECT_TRUE(second["next_after"].is_null());
  EXPECT_EQ(client_.get("/v1/stats?limit=0").json()["streams"].size(), 0u);
  expect_problem(client_.get("/v1/stats?limit=1001"), 400);
  expect_problem(client_.get("/v1/stats?streams=a"), 400);
  expect_problem(client_.get("/v1/stats?stream=none"), 404);
}

TEST_F(LookingInside, ASegmentABatchAndARecordAreTold) {
  const Json segment = client_.get("/v1/inspect?segment=1").json();
  EXPECT_EQ(segment["what"].str(), "a segment");
  EXPECT_THAT(segment["words"].text(), HasSubstr(R"(["events","23"])"));
  const Json batch = client_.get("/v1/inspect?stream=orders&offset=7").json();
  EXPECT_EQ(batch["what"].str(), "a stored batch");
  EXPECT_EQ(batch["value"].str().size(), 2 * batch["value_bytes"].number());
  const Json keys = client_.get("/v1/inspect?family=streams&limit=2").json();
  ASSERT_EQ(keys["keys"].size(), 2u);
  const Json next = client_.get("/v1/inspect?family=streams&from=" + keys["next"].str()).json();
  EXPECT_EQ(next["keys"][0].str(), keys["next"].str());
  const Json record = client_.get("/v1/inspect?family=streams&key=" + keys["keys"][0].str()).json();
  EXPECT_EQ(record["what"].str(), "the identity of a stream");
}

TEST_F(LookingInside, WhatIsNothingToLookAtIsRefused) {
  for (const char* query :
       {"", "?segment=1&stream=orders", "?stream=orders", "?offset=1", "?family=streams&limit=0",
        "?key=00", "?family=streams&key=00&limit=1", "?segment=x"}) {
    SCOPED_TRACE(query);
    expect_problem(client_.get(std::string("/v1/inspect") + query), 400);
  }
  expect_problem(client_.get("/v1/inspect?family=streams&key=zz"), 422);
  expect_problem(client_.get("/v1/inspect?family=nonsense"), 422);
  expect_problem(client_.get("/v1/inspect?segment=77"), 404);
  expect_problem(client_.get("/v1/inspect?stream=orders&offset=99"), 416);
}

TEST_F(LookingInside, TheDoctorNamesEachCheck) {
  const Json told = client_.get("/v1/doctor").json();
  EXPECT_EQ(told["problems"].number(), 0u) << told.text();
  std::string names;
  for (size_t i = 0; i < told["checks"].size(); ++i) {
    const Json check = told["checks"][i];
    names += check["check"].str() + ";";
    EXPECT_FALSE(check["finding"].str().empty());
    EXPECT_EQ(check["advice"].str().empty(), check["verdict"].str() == "fine") << check.text();
  }
  for (const char* name : {"log", "appends", "permissions", "file system", "disk", "fsync rate",
                           "the log's fsyncs", "clock", "open files", "memory", "access"}) {
    EXPECT_THAT(names, HasSubstr(std::string(name) + ";"));
  }
}

}  // namespace
}  // namespace strandline::tests
