// Long polls: woken by what they wait for, in time, and by nothing lost when nobody waits any more.
#include <set>

#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

// Less than what a poll waits at most, so that one that is not woken fails.
constexpr std::chrono::milliseconds kSoon{30'000};

class LongPolls : public ServerTest {
 protected:
  void create(const std::string& name, const std::string& settings) {
    const Response response = client_.send("PUT", "/v1/consumers/" + name, settings,
                                           {{"Content-Type", "application/json"}});
    ASSERT_EQ(response.status, 201u) << response.body;
  }
  Response post(const std::string& name, const std::string& what, const std::string& body) {
    return client_.post("/v1/consumers/" + name + "/" + what, body);
  }
  // Sends a fetch and does not wait for its answer.
  HttpClient begin_fetch(const std::string& name, const std::string& body) {
    HttpClient waiting = server_.client();
    waiting.write(HttpClient::request("POST", "/v1/consumers/" + name + "/fetch", body,
                                      {{"Content-Type", "application/json"}}));
    return waiting;
  }
  // Until as many members have been heard of.
  void await_members(const std::string& name, uint64_t members) {
    ASSERT_TRUE(eventually([&] {
      return client_.get("/v1/consumers/" + name).json()["members"].number() == members;
    }));
  }
  static uint64_t first_position(const Response& response) {
    return response.json()["events"][0]["position"].number();
  }
};

TEST_F(LongPolls, AreWokenByAnAppend) {
  append("s", 0, 1);
  for (const char* mode : {"exclusive", "shared", "keyed"}) {
    const std::string name = std::string("c-") + mode;
    create(name, std::string(R"({"stream":"s","from":"latest","mode":")") + mode + "\"}");
    // The first one looks at what there is, so that the second finds nothing, and waits.
    EXPECT_EQ(post(name, "fetch", "{}").json()["epoch"].number(), 1u);
    HttpClient waiting = begin_fetch(name, R"({"wait_ms":60000})");
    ASSERT_TRUE(eventually(
        [&] { return client_.get("/v1/consumers/" + name).json()["epoch"].number() == 2; }));
    const uint64_t tail = client_.get("/v1/streams/s").json()["tail"].number();
    append("s", tail, 1);
    const Response woken = waiting.read_response(kSoon);
    EXPECT_EQ(woken.status, 200u);
    EXPECT_EQ(first_position(woken), tail) << mode;
  }
}

TEST_F(LongPolls, ThatNameNoNumberAreGivenTen) {
  append("s", 0, 25);
  create("shared", R"({"stream":"s","mode":"shared"})");
  create("exclusive", R"({"stream":"s"})");
  for (const char* name : {"shared", "exclusive"}) {
    const Json first = post(name, "fetch", "{}").json();
    EXPECT_EQ(first["events"].size(), 10u) << name;
    const std::string epoch = first["epoch"].text();
    EXPECT_EQ(post(name, "fetch", "{\"epoch\":" + epoch + "}").json()["events"].size(), 10u);
    EXPECT_EQ(post(name, "fetch", "{\"epoch\":" + epoch + ",\"max\":1}").json()["events"].size(),
              1u);
  }
}

// However close an append is to the asking before it.
TEST_F(LongPolls, NoAppendFallsBetweenAskingAndWaiting) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  std::string epoch = post("c", "fetch", "{}").json()["epoch"].text();
  HttpClient appender = server_.client();
  const std::string more = json_events("s", 0, 1);
  for (int round = 0; round < 300; ++round) {
    HttpClient& poller = client_;
    poller.write(HttpClient::request("POST", "/v1/consumers/c/fetch",
                                     "{\"epoch\":" + epoch + ",\"wait_ms\":60000}",
                                     {{"Content-Type", "application/json"}}));
    ASSERT_EQ(appender.post("/v1/streams/s/events", more).status, 201u);
    ASSERT_EQ(poller.read_response(kSoon).json()["events"].size(), 1u) << round;
  }
}

TEST_F(LongPolls, AreWokenByANackElsewhere) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","ack_deadline_ms":3600000})");
  const Json a = post("c", "fetch", "{}").json();
  HttpClient waiting = begin_fetch("c", R"({"wait_ms":60000})");
  await_members("c", 2);
  EXPECT_EQ(post("c", "nack", "{\"epoch\":" + a["epoch"].text() + R"(,"positions":[0]})").status,
            200u);
  const Response woken = waiting.read_response(kSoon);
  EXPECT_EQ(first_position(woken), 0u) << woken.body;
  EXPECT_EQ(woken.json()["events"][0]["attempt"].number(), 2u);
}

TEST_F(LongPolls, AreWokenByADeadlineAndByADelay) {
  append("s", 0, 2);
  create("c", R"({"stream":"s","mode":"shared","ack_deadline_ms":400})");
  const Json a = post("c", "fetch", "{}").json();
  ASSERT_EQ(a["events"].size(), 2u);
  HttpClient waiting = begin_fetch("c", R"({"wait_ms":60000,"max":1})");
  const Response overdue = waiting.read_response();
  EXPECT_EQ(first_position(overdue), 0u) << overdue.body;
  EXPECT_EQ(overdue.json()["events"][0]["attempt"].number(), 2u);
  create("d", R"({"stream":"s","mode":"shared"})");
  const Json b = post("d", "fetch", "{}").json();
  const std::string epoch = "{\"epoch\":" + b["epoch"].text();
  EXPECT_EQ(post("d", "nack", epoch + R"(,"positions":[1],"delay_ms":400})").status, 200u);
  const Response delayed = post("d", "fetch", epoch + R"(,"wait_ms":60000})");
  EXPECT_EQ(first_position(delayed), 1u) << delayed.body;
}

TEST_F(LongPolls, AnswerEmptyWhenTheirTimeIsOver) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  const Response empty = post("c", "fetch", R"({"wait_ms":120})");
  EXPECT_EQ(empty.status, 200u);
  EXPECT_EQ(empty.json()["events"].size(), 0u);
  EXPECT_GT(empty.json()["epoch"].number(), 0u);
}

TEST_F(LongPolls, FilteredEventsDoNotEndThem) {
  create("c", R"({"mode":"shared","types":["bright"]})");
  HttpClient waiting = begin_fetch("c", R"({"wait_ms":60000})");
  await_members("c", 1);
  append_type("s", "dull");
  append_type("s", "bright");
  const Response woken = waiting.read_response();
  EXPECT_EQ(first_position(woken), 1u) << woken.body;
}

TEST_F(LongPolls, WhatIsGivenToAClientThatHasGoneGoesToOthers) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  {
    HttpClient gone = begin_fetch("c", R"({"wait_ms":60000})");
    await_members("c", 1);
  }
  // It joined with this request, and nobody else knows its epoch: it leaves.
  await_members("c", 0);
  append("s", 1, 1);
  const Json other = post("c", "fetch", R"({"wait_ms":10000})").json();
  EXPECT_EQ(other["events"][0]["position"].number(), 1u);
  EXPECT_EQ(other["events"][0]["attempt"].number(), 1u);
}

TEST_F(LongPolls, NoThreadWaitsForThem) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  std::vector<HttpClient> waiting;
  for (int i = 0; i < 50; ++i) waiting.push_back(begin_fetch("c", R"({"wait_ms":60000,"max":1})"));
  await_members("c", 50);
  append("s", 1, 50);
  std::set<uint64_t> positions;
  for (HttpClient& one : waiting) positions.insert(first_position(one.read_response()));
  EXPECT_EQ(positions.size(), 50u);
}

TEST_F(LongPolls, EndWhenTheServerDrains) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  HttpClient waiting = begin_fetch("c", R"({"wait_ms":60000})");
  await_members("c", 1);
  EXPECT_EQ(server_.stop(), 0);
  const Response answer = waiting.read_response();
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.json()["events"].size(), 0u);
}

TEST_F(LongPolls, EndWhenTheirConsumerIsDeletedOrReset) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  HttpClient waiting = begin_fetch("c", R"({"wait_ms":60000})");
  await_members("c", 1);
  EXPECT_EQ(post("c", "reset", R"({"from":"latest"})").status, 200u);
  expect_problem(waiting.read_response(), 403);
  HttpClient again = begin_fetch("c", R"({"wait_ms":60000})");
  await_members("c", 1);
  EXPECT_EQ(client_.send("DELETE", "/v1/consumers/c").status, 204u);
  expect_problem(again.read_response(), 404);
}

}  // namespace
}  // namespace strandline::tests
