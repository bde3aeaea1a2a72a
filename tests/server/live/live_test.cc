// Subscriptions over a WebSocket: history, then live, each resumed exactly.
#include "tests/support/http/server_test.h"
#include "tests/support/http/websocket_client.h"

namespace strandline::tests {
namespace {

class Live : public ServerTest {
 protected:
  WebSocketClient connect() {
    WebSocketClient client(server_.address());
    EXPECT_EQ(client.answer().status, 101u) << client.answer().body;
    EXPECT_FALSE(client.message("connected")["connection"].str().empty());
    return client;
  }
  static std::string subscribe(const std::string& channel, const std::string& more = "") {
    return R"({"op":"subscribe","channel":")" + channel + "\"" + more + "}";
  }
  static std::string publish(const std::string& channel, const std::string& type,
                             const std::string& more = "") {
    return R"({"op":"publish","channel":")" + channel + R"(","event":{"type":")" + type + "\"}" +
           more + "}";
  }
};

TEST_F(Live, HistoryComesFirstThenCaughtUpThenWhatIsNew) {
  append("orders", 0, 5);
  WebSocketClient client = connect();
  client.send(subscribe("orders", R"(,"from":2)"));
  const Json subscribed = client.message();
  EXPECT_EQ(subscribed["op"].str(), "subscribed");
  EXPECT_EQ(subscribed["channel"].str(), "orders");
  EXPECT_EQ(subscribed["position"].number(), 2u);
  EXPECT_EQ(subscribed["start"].number(), 0u);
  EXPECT_EQ(subscribed["tail"].number(), 5u);
  for (uint64_t n = 2; n < 5; ++n) {
    const Json event = client.message();
    EXPECT_EQ(event["op"].str(), "event");
    EXPECT_EQ(event["channel"].str(), "orders");
    EXPECT_EQ(event["position"].number(), n);
    EXPECT_EQ(difference("orders", event["event"]), "");
  }
  const Json caught_up = client.message();
  EXPECT_EQ(caught_up["op"].str(), "caught_up");
  EXPECT_EQ(caught_up["position"].number(), 5u);
  append("orders", 5, 3);
  for (uint64_t n = 5; n < 8; ++n) EXPECT_EQ(client.message("event")["position"].number(), n);
}

TEST_F(Live, EachOfManySubscriptionsIsResumedWhereItWas) {
  for (const char* stream : {"a", "b", "c"}) append(stream, 0, 20);
  std::map<std::string, uint64_t> seen = {{"a", 0}, {"b", 0}, {"c", 0}};
  uint64_t events = 0;
  while (events < 60) {
    WebSocketClient client = connect();
    for (const auto& [channel, next] : seen) {
      client.send(subscribe(channel, ",\"from\":" + std::to_string(next)));
    }
    // It goes in the middle of it, and comes back with what it has seen.
    for (int i = 0; i < 7 && events < 60; ++i) {
      const Json event = client.message("event");
      uint64_t& next = seen.at(event["channel"].str());
      ASSERT_EQ(event["position"].number(), next++);
      ++events;
    }
  }
  EXPECT_THAT(seen, testing::Each(testing::Pair(testing::_, 20u)));
}

TEST_F(Live, NothingIsLostAndNothingComesTwiceOverAKill) {
  uint64_t next = 0, appended = 0;
  for (int round = 0; round < 3; ++round) {
    append("s", appended, 30);
    appended += 30;
    {
      WebSocketClient client = connect();
      client.send(subscribe("s", ",\"from\":" + std::to_string(next)));
      for (int i = 0; i < 20; ++i) ASSERT_EQ(client.message("event")["position"].number(), next++);
      server_.kill();
    }
    server_ = ServerProcess(directory_ / "data");
    client_ = server_.client();
  }
  WebSocketClient client = connect();
  client.send(subscribe("s", ",\"from\":" + std::to_string(next)));
  while (next < appended) ASSERT_EQ(client.message("event")["position"].number(), next++);
  EXPECT_EQ(client.message()["op"].str(), "caught_up");
}

TEST_F(Live, AChannelMayBeABeginningOrEverything) {
  append("shop-a", 0, 2);
  append("other", 0, 1);
  append("shop-b", 0, 2);
  WebSocketClient client = connect();
  client.send(subscribe("shop-*", R"(,"from":"earliest")"));
  std::vector<std::string> streams;
  for (int i = 0; i < 4; ++i) {
    const Json event = client.message("event");
    EXPECT_EQ(event["channel"].str(), "shop-*");
    EXPECT_EQ(event["position"].number(), event["event"]["sequence"].number());
    streams.push_back(event["event"]["stream"].str());
  }
  EXPECT_THAT(streams, testing::ElementsAre("shop-a", "shop-a", "shop-b", "shop-b"));
  client.send(subscribe("$all", R"(,"from":2)"));
  EXPECT_EQ(client.message("subscribed")["tail"].number(), 5u);
  EXPECT_EQ(client.message("event")["event"]["stream"].str(), "other");
}

TEST_F(Live, AStreamThatIsNotThereYetIsWaitedFor) {
  WebSocketClient client = connect();
  client.send(subscribe("later"));
  EXPECT_EQ(client.message("subscribed")["position"].number(), 0u);
  append("later", 0, 2);
  EXPECT_EQ(client.message("event")["position"].number(), 0u);
  EXPECT_EQ(client.message("event")["position"].number(), 1u);
}

TEST_F(Live, OnlyTheTypesThatAreAskedForCome) {
  append_type("s", "order.placed");
  append_type("s", "invoice");
  append_type("s", "order.paid");
  WebSocketClient client = connect();
  client.send(subscribe("s", R"(,"from":"earliest","type":"order.*")"));
  EXPECT_EQ(client.message("event")["position"].number(), 0u);
  EXPECT_EQ(client.message("event")["position"].number(), 2u);
}

TEST_F(Live, AGapIsTold) {
  append("s", 0, 10);
  ASSERT_EQ(client_.post("/v1/streams/s/truncate", R"({"before":6})").status, 200u);
  WebSocketClient client = connect();
  client.send(subscribe("s", R"(,"from":3)"));
  const Json gap = client.message("gap");
  EXPECT_EQ(gap["gap"]["from"].number(), 3u);
  EXPECT_EQ(gap["gap"]["to"].number(), 6u);
  EXPECT_EQ(gap["gap"]["reason"].str(), "truncated");
  EXPECT_EQ(client.message("event")["position"].number(), 6u);
}

TEST_F(Live, UnsubscribingStops) {
  append("s", 0, 1);
  WebSocketClient client = connect();
  client.send(subscribe("s"));
  client.message("caught_up");
  client.send(R"({"op":"unsubscribe","channel":"s"})");
  EXPECT_EQ(client.message()["op"].str(), "unsubscribed");
  append("s", 1, 3);
  client.send(R"({"op":"ping"})");
  EXPECT_EQ(client.message()["op"].str(), "pong");
  client.send(R"({"op":"unsubscribe","channel":"s"})");
  EXPECT_EQ(client.message()["code"].str(), "not-found");
}

TEST_F(Live, APublishIsAcknowledgedWithItsOffset) {
  WebSocketClient client = connect();
  client.send(publish("s", "one", R"(,"id":"first")"));
  const Json ack = client.message("ack");
  EXPECT_EQ(ack["channel"].str(), "s");
  EXPECT_EQ(ack["id"].str(), "first");
  EXPECT_EQ(ack["offset"].number(), 0u);
  // Again, as after a connection that broke: once is enough.
  client.send(publish("s", "one", R"(,"id":"first")"));
  EXPECT_EQ(client.message("ack")["offset"].number(), 0u);
  client.send(publish("s", "another", R"(,"id":"first")"));
  EXPECT_EQ(client.message("error")["code"].str(), "reused");
  client.send(publish("s", "two"));
  EXPECT_EQ(client.message("ack")["offset"].number(), 1u);
  EXPECT_EQ(client_.get("/v1/streams/s").json()["tail"].number(), 2u);
}

TEST_F(Live, ABadFrameIsAnsweredAndLeavesTheRestAlone) {
  append("s", 0, 1);
  WebSocketClient client = connect();
  client.send(subscribe("s"));
  client.message("caught_up");
  for (const auto& [frame, code] : std::vector<std::pair<std::string, std::string>>{
           {"{", "malformed"},
           {"[]", "malformed"},
           {R"({"op":"dance"})", "invalid"},
           {R"({"op":"subscribe"})", "invalid"},
           {R"({"op":"subscribe","channel":"s"})", "exists"},
           {R"({"op":"subscribe","channel":"$x"})", "invalid"},
           {R"({"op":"subscribe","channel":"t","from":"yesterday"})", "invalid"},
           {R"({"op":"subscribe","channel":"s2","form":1})", "malformed"},
           {R"({"op":"publish","channel":"s"})", "invalid"},
           {R"({"op":"publish","channel":"s","event":{}})", "invalid"},
           {R"({"op":"subscribe","channel":"t","from":7})", "out-of-range"},
           {R"({"op":"subscribe","channel":"private-x"})", "forbidden"}}) {
    client.send(frame);
    const Json error = client.message();
    EXPECT_EQ(error["op"].str(), "error") << frame;
    EXPECT_EQ(error["code"].str(), code) << frame << error.text();
    EXPECT_FALSE(error["message"].str().empty());
  }
  append("s", 1, 1);
  EXPECT_EQ(client.message()["position"].number(), 1u);
}

TEST_F(Live, AClientThatDoesNotReadLosesNothingAndHoldsUpNobody) {
  const std::string large(64 << 10, 'x');
  WebSocketClient slow = connect(), quick = connect();
  slow.send(subscribe("s"));
  quick.send(subscribe("s"));
  slow.message("subscribed");
  quick.message("subscribed");
  constexpr uint64_t kEvents = 400;  // 25 MB: more than any socket holds
  for (uint64_t n = 0; n < kEvents; ++n) {
    ASSERT_EQ(
        client_.post("/v1/streams/s/events", R"({"type":"t","data":")" + large + "\"}").status,
        201u);
    EXPECT_EQ(quick.message("event")["position"].number(), n);
  }
  for (uint64_t n = 0; n < kEvents; ++n) {
    ASSERT_EQ(slow.message("event")["position"].number(), n);
  }
}

TEST_F(Live, AnEventOfAnEphemeralChannelIsLiveOnly) {
  ServerProcess server(directory_ / "other", {"--live-channels", "cursors-*=ephemeral"});
  WebSocketClient one(server.address()), two(server.address());
  for (WebSocketClient* client : {&one, &two}) {
    client->send(subscribe("cursors-1"));
    EXPECT_FALSE(client->message("subscribed").has("position"));
  }
  one.send(publish("cursors-1", "moved", R"(,"id":"x")"));
  EXPECT_FALSE(one.message("ack").has("offset"));
  const Json event = two.message("event");
  EXPECT_EQ(event["channel"].str(), "cursors-1");
  EXPECT_EQ(event["event"]["type"].str(), "moved");
  EXPECT_FALSE(event.has("position"));
  EXPECT_EQ(server.client().get("/v1/streams/cursors-1").status, 404u);
}

TEST_F(Live, DrainingAsksClientsToComeBack) {
  WebSocketClient client = connect();
  client.send(subscribe("s"));
  client.message("subscribed");
  server_.process().signal(SIGTERM);
  EXPECT_EQ(client.closed(), 1012u);
  client.write(WebSocketClient::frame(WebSocketClient::close, "\x03\xf4"));
  EXPECT_EQ(server_.process().wait(), 0);
}

TEST_F(Live, WhatTakesTheDiskHoldsUpNoOther) {
  // History that no cache has: more than its bytes, and a restart.
  for (uint64_t n = 0; n < 20; ++n) append("old", n * 500, 500);
  server_.stop();
  server_ = ServerProcess(directory_ / "data");
  client_ = server_.client();
  WebSocketClient client = connect();
  client.send(subscribe("old", R"(,"from":"earliest")"));
  client.send(subscribe("new"));
  append("new", 0, 1);
  uint64_t old = 0;
  bool heard_new = false;
  while (old < 10'000 || !heard_new) {
    const Json event = client.message("event");
    if (event["channel"].str() == "new") {
      heard_new = true;
    } else {
      ASSERT_EQ(event["position"].number(), old++);
    }
  }
}

}  // namespace
}  // namespace strandline::tests
