// The fixture of the server's tests: a real process on a fresh log, and a client of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http/json.h"
#include "tests/support/log/directory.h"
#include "tests/support/log/payload.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : server_(directory_ / "data"), client_(server_.client()) {}

  // The events [first, first + count) that payload.h says this stream has.
  void append(const std::string& stream, uint64_t first, uint64_t count) {
    const Response response =
        client_.post("/v1/streams/" + stream + "/events", json_events(stream, first, count));
    ASSERT_EQ(response.status, 201u) << response.body;
    ASSERT_EQ(response.json()["first"].number(), first);
  }
  Response append_type(const std::string& stream, const std::string& type) {
    return client_.post("/v1/streams/" + stream + "/events", "{\"type\":\"" + type + "\"}");
  }

  TemporaryDirectory directory_;
  ServerProcess server_;
  HttpClient client_;
};

// A problem as RFC 9457 and this project's own members have it.
inline void expect_problem(const Response& response, unsigned status,
                           const std::string& applied = "not-applied") {
  EXPECT_EQ(response.status, status) << response.body;
  EXPECT_THAT(response.header("content-type"), testing::StartsWith("application/problem+json"));
  const Json problem = response.json();
  EXPECT_EQ(problem["status"].number(), status);
  EXPECT_EQ(problem["applied"].str(), applied);
  EXPECT_FALSE(problem["type"].str().empty());
  EXPECT_FALSE(problem["title"].str().empty());
  EXPECT_FALSE(problem["detail"].str().empty());
}

}  // namespace strandline::tests
