// Requests over several streams need the grant on each, whatever names them; and what is read of
// several streams is what may be read.
#include "tests/support/http/ways_in.h"

namespace strandline::tests {
namespace {

class AccessBodies : public WaysInTest, public testing::WithParamInterface<Way> {
 protected:
  AccessBodies() {
    for (const char* stream : {"mine/a", "mine/b", "theirs", "private-x", "zz"})
      add(stream, "word");
    EXPECT_EQ(
        ask("PUT", "/v1/consumers/their-group", admin_, R"({"stream":"theirs","mode":"shared"})")
            .status,
        201u);
    EXPECT_EQ(ask("PUT", "/v1/consumers/my-group", admin_, R"({"prefix":"mine/","mode":"shared"})")
                  .status,
              201u);
    shop_ = enter("shop", "append,read,consume:mine/*");
  }
  Entrant enter(const std::string& name, const std::string& grants) {
    return WaysInTest::enter(GetParam(), name, grants);
  }

  void expect_forbidden(const std::string& body, const std::string& target = "/v1/append",
                        const std::string& type = "application/json",
                        const std::string& method = "POST", unsigned status = 403) {
    SCOPED_TRACE(method + " " + target + " " + body);
    const std::string before = state();
    expect_problem(ask_as(shop_, method, target, body, type), status);
    EXPECT_EQ(state(), before);
  }
  void expect_allowed(const std::string& body, const std::string& target = "/v1/append",
                      const std::string& type = "application/json",
                      const std::string& method = "POST") {
    SCOPED_TRACE(method + " " + target + " " + body);
    const Response answer = ask_as(shop_, method, target, body, type);
    EXPECT_LT(answer.status, 300u) << answer.body;
  }
  // Names of streams, in the order in which they come.
  std::vector<std::string> streams_in(const std::string& target, const Entrant& who) {
    std::vector<std::string> names;
    std::istringstream lines(
        ask_as(who, "GET", target, "", "", {{"Accept", "application/x-ndjson"}}).body);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) names.push_back(Json::parse(line)["stream"].str());
    }
    return names;
  }

  Entrant shop_;
};

INSTANTIATE_TEST_SUITE_P(Access, AccessBodies, every_way(), name_of_way);

TEST_P(AccessBodies, AnAppendToSeveralStreamsNeedsTheGrantOnEach) {
  const std::string one = R"({"stream":"mine/a","events":[{"type":"t"}]})";
  const std::string foreign = R"({"stream":"theirs","events":[{"type":"t"}]})";
  expect_allowed("{\"appends\":[" + one + "]}");
  expect_forbidden("{\"appends\":[" + one + "," + foreign + "]}");
  expect_forbidden("{\"appends\":[" + foreign + "," + one + "]}");
  expect_forbidden(R"({"appends":[{"stream":"not-there","events":[{"type":"t"}]}]})");
  expect_allowed("{\"stream\":\"mine/a\",\"type\":\"t\"}\n{\"stream\":\"mine/b\",\"type\":\"t\"}\n",
                 "/v1/append", "application/x-ndjson");
  expect_forbidden(
      "{\"stream\":\"mine/a\",\"type\":\"t\"}\n{\"stream\":\"theirs\",\"type\":\"t\"}\n",
      "/v1/append", "application/x-ndjson");
  expect_forbidden("{\"stream\":\"mine/a\",\"type\":\"t\"}\n",
                   "/v1/append?commit_consumer=c&commit_stream=theirs&commit_next=1",
                   "application/x-ndjson");
}

TEST_P(AccessBodies, SoDoesWhatStandsBesideIt) {
  const std::string one = R"("appends":[{"stream":"mine/a","events":[{"type":"t"}]}])";
  expect_allowed("{" + one + R"(,"commit":{"consumer":"c","stream":"mine/a","next":1}})");
  expect_forbidden("{" + one + R"(,"commit":{"consumer":"c","stream":"theirs","next":1}})");
  expect_forbidden("{" + one + R"(,"commit":[{"consumer":"c","stream":"mine/a","next":2},)" +
                   R"({"consumer":"c","stream":"$all","next":1}]})");
  expect_forbidden("{" + one + R"(,"commit":{"consumer":"c","stream":"$import","next":1}})");
  expect_forbidden("{" + one + R"(,"settle":{"consumer":"their-group","epoch":1,"ack":[0]}})",
                   "/v1/append", "application/json", "POST", 404);
  expect_allowed("{" + one + R"(,"once":{"consumer":"mine/x","id":"1"}})");
  expect_forbidden("{" + one + R"(,"once":{"consumer":"their-group","id":"1"}})");
}

TEST_P(AccessBodies, CommitsAloneNeedNoGrantToAppend) {
  shop_ = enter("consumer", "consume,read:mine/*");
  expect_allowed(R"({"commit":{"consumer":"c","stream":"mine/a","next":1}})");
  expect_allowed(R"({"once":{"consumer":"mine/x","id":"1"}})");
  expect_forbidden(R"({"commit":{"consumer":"c","stream":"theirs","next":1}})");
  expect_forbidden(R"({"appends":[{"stream":"mine/a","events":[{"type":"t"}]}]})");
  shop_ = enter("reader", "read:mine/*");
  expect_forbidden(R"({"commit":{"consumer":"c","stream":"mine/a","next":1}})");
}

TEST_P(AccessBodies, ABroadcastNeedsTheGrantOnAllThatBeginsSo) {
  expect_allowed(R"({"prefix":"mine/","event":{"type":"t"}})", "/v1/broadcast");
  expect_allowed(R"({"prefix":"mine/none","event":{"type":"t"}})", "/v1/broadcast");
  for (const char* body : {R"({"event":{"type":"t"}})", R"({"prefix":"","event":{"type":"t"}})",
                           R"({"prefix":"mine","event":{"type":"t"}})",
                           R"({"prefix":"theirs","event":{"type":"t"}})"}) {
    expect_forbidden(body, "/v1/broadcast");
  }
}

TEST_P(AccessBodies, AConsumerNeedsBothGrantsOnAllThatItSelects) {
  const auto put = [](const std::string& name) { return "/v1/consumers/" + name; };
  const std::string type = "application/json";
  expect_allowed(R"({"stream":"mine/a"})", put("c1"), type, "PUT");
  expect_allowed(R"({"streams":["mine/a","mine/b"]})", put("c2"), type, "PUT");
  expect_allowed(R"({"prefix":"mine/a"})", put("c3"), type, "PUT");
  for (const char* body :
       {R"({})", R"({"stream":"$all"})", R"({"prefix":""})", R"({"prefix":"mine"})",
        R"({"stream":"theirs"})", R"({"streams":["mine/a","theirs"]})",
        R"({"stream":"mine/a","dead_letters":"theirs"})"}) {
    expect_forbidden(body, put("c9"), type, "PUT");
  }
  expect_forbidden(R"({"stream":"mine/a"})", put("their-group"), type, "PUT");
  shop_ = enter("consumes", "consume:mine/*");
  expect_forbidden(R"({"stream":"mine/a"})", put("c9"), type, "PUT");
  expect_forbidden("{}", "/v1/consumers/my-group/fetch", type, "POST", 404);
  shop_ = enter("reads", "read:mine/*");
  expect_forbidden(R"({"stream":"mine/a"})", put("c9"), type, "PUT");
  expect_forbidden("{}", "/v1/consumers/my-group/fetch");
}

TEST_P(AccessBodies, ListsShowWhatMayBeReadAndNothingOfTheRest) {
  const Json streams = ask_as(shop_, "GET", "/v1/streams").json();
  ASSERT_EQ(streams["streams"].size(), 2u);
  EXPECT_EQ(streams["streams"][0]["stream"].str(), "mine/a");
  EXPECT_FALSE(streams.has("next_after"));
  // Nor does where the next page begins.
  const Json first = ask_as(shop_, "GET", "/v1/streams?limit=1").json();
  EXPECT_EQ(first["next_after"].str(), "mine/a");
  const Json last = ask_as(shop_, "GET", "/v1/streams?limit=1&after=mine%2Fa").json();
  EXPECT_EQ(last["streams"][0]["stream"].str(), "mine/b");
  EXPECT_FALSE(last.has("next_after"));
  const Json consumers = ask_as(shop_, "GET", "/v1/consumers").json();
  ASSERT_EQ(consumers["consumers"].size(), 1u);
  EXPECT_EQ(consumers["consumers"][0]["consumer"].str(), "my-group");
  const Entrant everything = enter("everything", "read:*");
  EXPECT_EQ(ask_as(everything, "GET", "/v1/streams").json()["streams"].size(), 4u)
      << "no private channel";
}

TEST_P(AccessBodies, ReadingSeveralStreamsShowsThoseThatMayBeRead) {
  const std::vector<std::string> mine = {"mine/a", "mine/b"};
  EXPECT_EQ(streams_in("/v1/all/events", shop_), mine);
  EXPECT_EQ(streams_in("/v1/all/events?prefix=mi", shop_), mine);
  EXPECT_TRUE(streams_in("/v1/all/events?prefix=th", shop_).empty());
  EXPECT_EQ(streams_in("/v1/all/events?stream=mine%2Fa&stream=mine%2Fb", shop_), mine);
  expect_problem(ask_as(shop_, "GET", "/v1/all/events?stream=mine%2Fa&stream=theirs"), 403);
  for (const char* accept : {"application/json", "application/vnd.strandline.batch"}) {
    const Response page = ask_as(shop_, "GET", "/v1/all/events", "", "", {{"Accept", accept}});
    EXPECT_EQ(page.status, 200u);
    EXPECT_THAT(page.body, testing::HasSubstr("mine/a"));
    EXPECT_THAT(page.body, testing::Not(testing::HasSubstr("theirs")));
    EXPECT_THAT(page.body, testing::Not(testing::HasSubstr("private-x")));
    EXPECT_EQ(page.header("strandline-next"), "5") << "it goes on behind what is hidden";
  }
  EXPECT_EQ(streams_in("/v1/all/events", enter("everything", "read:*")),
            (std::vector<std::string>{"mine/a", "mine/b", "theirs", "zz"}));
  EXPECT_EQ(streams_in("/v1/all/events", enter("really", "read:$all")).size(), 5u);
}

TEST_P(AccessBodies, FollowingSeveralStreamsShowsThoseThatMayBeRead) {
  Headers headers = shop_.headers;
  headers.emplace_back("Accept", "application/x-ndjson");
  HttpStream stream(shop_.address, shop_.target("/v1/all/events?follow=true&positions=true"),
                    headers);
  ASSERT_EQ(stream.status(), 200u);
  EXPECT_THAT(stream.line().value(), testing::HasSubstr("mine/a"));
  EXPECT_THAT(stream.line().value(), testing::HasSubstr("mine/b"));
  add("theirs", "hidden");
  add("private-x", "hidden");
  add("mine/a", "shown");
  std::string told;
  while (!told.contains("shown")) told += stream.line().value() + "\n";
  EXPECT_THAT(told, testing::Not(testing::HasSubstr("hidden")));
  EXPECT_THAT(told, testing::Not(testing::HasSubstr("theirs")));
}

}  // namespace
}  // namespace strandline::tests
