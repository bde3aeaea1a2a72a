// How many followers one address and one principal may have, and how long one lives; and that all
// that is followed as server-sent events can go without names.
#include "tests/support/http/tight_server.h"

namespace strandline::tests {
namespace {

class FollowerCaps : public TightServer {
 protected:
  std::unique_ptr<HttpStream> follow(const Headers& headers = {}) {
    return std::make_unique<HttpStream>(address(), "/v1/streams/s/events?follow=true", headers);
  }
};

TEST_F(FollowerCaps, OneAddressHasNoMore) {
  append("s", 1);
  server::ServerOptions options;
  options.followers_per_address_max = 2;
  start(options);
  auto one = follow(), two = follow();
  ASSERT_TRUE(one->line() && two->line());
  const Response over = client().get("/v1/streams/s/events?follow=true");
  expect_problem(over, 429);
  EXPECT_FALSE(over.header("retry-after").empty());
  EXPECT_EQ(client().get("/v1/streams/s/events").status, 200u) << "a page is no follower";
  two.reset();
  EXPECT_TRUE(eventually([&] { return follow()->status() == 200; }));
}

TEST_F(FollowerCaps, AFollowerThatHasLivedLongEnoughEndsAndGoesOnWhereItWas) {
  append("s", 2);
  server::ServerOptions options;
  options.follower_life_ms = 1;
  start(options);
  HttpStream stream(address(), "/v1/streams/s/events", {{"Accept", "text/event-stream"}});
  SseBlock last;
  while (auto block = next_block(stream)) last = *block;  // a clean end
  EXPECT_EQ(last.event, "strandline.end");
  EXPECT_THAT(last.data, testing::HasSubstr("longest-life"));
}

TEST(PrincipalCap, OneKeyHasNoMoreWhereverItIsUsed) {
  const TemporaryDirectory directory;
  const std::string data = (directory / "data").string();
  const auto make = [&](const std::string& name) {
    const Outcome made =
        strandline({"keys", "create", name, "--grant", "admin", "--data", data, "--json"});
    return Json::parse(made.output)["secret"].str();
  };
  const std::string one = make("one"), other = make("other");
  const ServerProcess server(data, {"--followers-per-principal-max", "1"});
  const auto status = [&](const std::string& secret) {
    return HttpStream(server.address(), "/v1/all/events?follow=true",
                      {{"Authorization", "Bearer " + secret}})
        .status();
  };
  const HttpStream open(server.address(), "/v1/all/events?follow=true",
                        {{"Authorization", "Bearer " + one}});
  ASSERT_EQ(open.status(), 200u);
  EXPECT_EQ(status(one), 429u);
  EXPECT_EQ(status(other), 200u);
}

class Nameless : public ServerTest {};

TEST_F(Nameless, EveryEventStreamGoesWithoutNames) {
  append("s", 0, 3);
  client_.send("PUT", "/v1/consumers/c", R"({"stream":"s"})",
               {{"Content-Type", "application/json"}});
  const Headers sse = {{"Accept", "text/event-stream"}};
  for (const auto& [target, method] : {std::pair("/v1/streams/s/events?names=off", "GET"),
                                       std::pair("/v1/all/events?names=off", "GET"),
                                       std::pair("/v1/consumers/c/events?names=off", "POST")}) {
    SCOPED_TRACE(target);
    HttpStream stream(server_.address(), target, sse, method);
    ASSERT_EQ(stream.status(), 200u);
    for (int i = 0; i < 3; ++i) {
      const SseBlock block = next_event(stream);
      EXPECT_EQ(block.event, "");
      const Json told = Json::parse(block.data);
      // (A member's have the event inside, but for the first, which says that it has joined.)
      EXPECT_FALSE(told["type"].is_null() && told["event"]["type"].is_null()) << block.data;
    }
  }
  client_.post("/v1/streams/s/truncate", R"({"before":2})");
  HttpStream gap(server_.address(), "/v1/streams/s/events?names=off&from=0", sse);
  const SseBlock block = next_event(gap);
  EXPECT_EQ(block.event, "");
  EXPECT_EQ(Json::parse(block.data)["type"].str(), "strandline.gap");
  HttpStream named(server_.address(), "/v1/streams/s/events?names=on&from=2", sse);
  EXPECT_NE(next_event(named).event, "");
  expect_problem(client_.get("/v1/streams/s/events?names=perhaps", sse), 400);
  expect_problem(client_.get("/v1/streams/s/events?names=off"), 400);
}

}  // namespace
}  // namespace strandline::tests
