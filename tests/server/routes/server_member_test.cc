// POST /v1/consumers/{c}/events: a member that is streamed to. It joins, is given what it has room
// for, and leaves when its connection ends.
#include "schemas/frame.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

// Less than the time after which an idle stream looks again.
constexpr std::chrono::milliseconds kWithin{10'000};
constexpr char kLines[] = "application/x-ndjson";

class StreamedMembers : public ServerTest {
 protected:
  void create(const std::string& name, const std::string& settings) {
    const Response response = client_.send("PUT", "/v1/consumers/" + name, settings,
                                           {{"Content-Type", "application/json"}});
    ASSERT_EQ(response.status, 201u) << response.body;
  }
  std::unique_ptr<HttpStream> open(const std::string& name, const std::string& query = "",
                                   const std::string& accept = kLines) {
    return std::make_unique<HttpStream>(server_.address(),
                                        "/v1/consumers/" + name + "/events" + query,
                                        Headers{{"Accept", accept}}, "POST");
  }
  // The next line that is one.
  static Json next(HttpStream& stream) {
    while (true) {
      const auto line = stream.line();
      if (!line) throw std::runtime_error("the stream has ended");
      if (!line->empty()) return Json::parse(*line);
    }
  }
  static uint64_t joined(HttpStream& stream) {
    const Json line = next(stream);
    EXPECT_EQ(line["type"].str(), "strandline.joined");
    EXPECT_EQ(stream.header("Strandline-Epoch"), line["epoch"].text());
    return line["epoch"].number();
  }
  Response ack(const std::string& name, uint64_t epoch, const std::string& positions) {
    return client_.post(
        "/v1/consumers/" + name + "/ack",
        "{\"epoch\":" + std::to_string(epoch) + ",\"positions\":[" + positions + "]}");
  }
  Json describe(const std::string& name) { return client_.get("/v1/consumers/" + name).json(); }
};

TEST_F(StreamedMembers, AGroupsMemberHasAtMostItsWindow) {
  append("s", 0, 10);
  create("c", R"({"stream":"s","mode":"shared"})");
  const auto stream = open("c", "?window=3");
  const uint64_t epoch = joined(*stream);
  for (uint64_t i = 0; i < 3; ++i) {
    const Json line = next(*stream);
    EXPECT_EQ(line["position"].number(), i);
    EXPECT_EQ(line["attempt"].number(), 1u);
    EXPECT_EQ(difference("s", line["event"]), "");
  }
  EXPECT_EQ(describe("c")["in_flight"].number(), 3u);
  EXPECT_EQ(ack("c", epoch, "1").json()["acked"].number(), 1u);
  EXPECT_EQ(next(*stream)["position"].number(), 3u);
  EXPECT_EQ(describe("c")["in_flight"].number(), 3u);
  ack("c", epoch, "0,2,3");
  for (uint64_t i = 4; i < 7; ++i) EXPECT_EQ(next(*stream)["position"].number(), i);
  // Live ones too.
  ack("c", epoch, "[4,7]");
  for (uint64_t i = 7; i < 10; ++i) EXPECT_EQ(next(*stream)["position"].number(), i);
  ack("c", epoch, "[7,10]");
  append("s", 10, 1);
  EXPECT_EQ(next(*stream)["position"].number(), 10u);
}

TEST_F(StreamedMembers, WhatAMemberHasGoesToAnotherWhenItsConnectionEnds) {
  append("s", 0, 4);
  create("c", R"({"stream":"s","mode":"shared","ack_deadline_ms":3600000})");
  auto gone = open("c", "?window=2");
  joined(*gone);
  EXPECT_EQ(next(*gone)["position"].number(), 0u);
  const auto other = open("c", "?window=10");
  joined(*other);
  EXPECT_EQ(next(*other)["position"].number(), 2u);
  EXPECT_EQ(next(*other)["position"].number(), 3u);
  gone.reset();
  for (uint64_t i = 0; i < 2; ++i) {
    const Json line = next(*other);
    EXPECT_EQ(line["position"].number(), i);
    EXPECT_EQ(line["attempt"].number(), 2u);
  }
  EXPECT_TRUE(eventually([&] { return describe("c")["members"].number() == 1; }));
}

TEST_F(StreamedMembers, NoAppendFallsBetweenAskingAndWaiting) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","from":"latest"})");
  const auto stream = open("c", "?window=10000");
  joined(*stream);
  for (uint64_t i = 1; i < 300; ++i) {
    append("s", i, 1);
    const auto line = stream->line(kWithin);
    ASSERT_TRUE(line && !line->empty()) << i;
    ASSERT_EQ(Json::parse(*line)["position"].number(), i);
  }
}

TEST_F(StreamedMembers, ADeadlineWakesThem) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","mode":"shared","ack_deadline_ms":300})");
  const auto stream = open("c");
  joined(*stream);
  EXPECT_EQ(next(*stream)["attempt"].number(), 1u);
  const auto again = stream->line(kWithin);
  ASSERT_TRUE(again && !again->empty());
  EXPECT_EQ(Json::parse(*again)["attempt"].number(), 2u);
}

TEST_F(StreamedMembers, AnExclusiveStreamGoesOnFromTheCommittedPosition) {
  append("s", 0, 5);
  create("c", R"({"stream":"s"})");
  {
    const auto stream = open("c");
    const uint64_t epoch = joined(*stream);
    for (uint64_t i = 0; i < 5; ++i) {
      const Json line = next(*stream);
      EXPECT_EQ(line["position"].number(), i);
      EXPECT_EQ(difference("s", line["event"]), "");
    }
    append("s", 5, 1);
    EXPECT_EQ(next(*stream)["position"].number(), 5u);
    const Response committed = client_.post("/v1/consumers/c/commit",
                                            "{\"epoch\":" + std::to_string(epoch) + ",\"next\":3}");
    EXPECT_EQ(committed.status, 200u) << committed.body;
  }
  const auto stream = open("c");
  joined(*stream);
  EXPECT_EQ(next(*stream)["position"].number(), 3u);
}

TEST_F(StreamedMembers, AnExclusiveStreamsAttemptAtWhatComesWhileItWaitsIsCounted) {
  append("s", 0, 1);
  create("c", R"({"stream":"s","from":"latest","max_attempts":2})");
  for (int attempt = 1; attempt <= 2; ++attempt) {
    const auto stream = open("c");
    joined(*stream);
    if (attempt == 1) append("s", 1, 1);  // it waits by now
    EXPECT_EQ(next(*stream)["position"].number(), 1u);
  }
  // Nobody has committed: whoever joins now finds that both attempts are over.
  const auto third = open("c");
  joined(*third);
  EXPECT_TRUE(eventually([&] { return describe("c")["dead_lettered"].number() == 1; }));
  append("s", 2, 1);
  EXPECT_EQ(next(*third)["position"].number(), 2u);
}

TEST_F(StreamedMembers, AFencedStreamSaysSoAndEnds) {
  append("s", 0, 2);
  create("c", R"({"stream":"s"})");
  const auto first = open("c");
  const uint64_t epoch = joined(*first);
  next(*first), next(*first);
  const auto second = open("c");
  joined(*second);
  const auto said = first->line(kWithin);
  ASSERT_TRUE(said && !said->empty());
  const Json line = Json::parse(*said);
  EXPECT_EQ(line["type"].str(), "strandline.fenced");
  EXPECT_EQ(line["epoch"].number(), epoch);
  EXPECT_FALSE(first->line());
  // By server-sent events; and by a reset, and by a deletion, of a group's member.
  create("g", R"({"stream":"s","mode":"shared","from":"latest"})");
  for (const char* act : {"reset", "delete"}) {
    const auto events = open("g", "", "text/event-stream");
    EXPECT_EQ(next_event(*events).event, "strandline.joined");
    if (act == std::string("reset")) {
      EXPECT_EQ(client_.post("/v1/consumers/g/reset", R"({"from":"latest"})").status, 200u);
    } else {
      EXPECT_EQ(client_.send("DELETE", "/v1/consumers/g").status, 204u);
    }
    EXPECT_EQ(next_event(*events).event, "strandline.fenced") << act;
    EXPECT_FALSE(next_block(*events)) << act;
  }
}

TEST_F(StreamedMembers, ServerSentEventsAndFrames) {
  append("s", 0, 2);
  create("c", R"({"stream":"s","mode":"keyed"})");
  auto events = open("c", "", "text/event-stream");
  EXPECT_EQ(next_event(*events).event, "strandline.joined");
  const SseBlock block = next_event(*events);
  EXPECT_EQ(block.id, "0");
  const Json data = Json::parse(block.data);
  EXPECT_EQ(data["position"].number(), 0u);
  EXPECT_EQ(block.event, data["event"]["type"].str());
  events.reset();
  const auto frames = open("c", "", schema::kBatchMediaType);
  EXPECT_EQ(frames->header("Content-Type"), schema::kBatchMediaType);
  EXPECT_FALSE(frames->header("Strandline-Epoch").empty());
  const std::string bytes = frames->bytes(sizeof(schema::FrameHead));
  schema::FrameHead head;
  ASSERT_EQ(bytes.size(), sizeof head);
  std::memcpy(&head, bytes.data(), sizeof head);
  EXPECT_EQ(head.kind, schema::FrameKind::batch);
  EXPECT_EQ(head.reason, 2u);  // the second attempt
}

TEST_F(StreamedMembers, WhatIsWronglyAskedJoinsNobody) {
  append("s", 0, 1);
  create("c", R"({"stream":"s"})");
  EXPECT_EQ(open("c", "?window=0")->status(), 400u);
  EXPECT_EQ(open("c", "?from=3")->status(), 400u);
  EXPECT_EQ(open("c", "", "application/json")->status(), 406u);
  EXPECT_EQ(open("none")->status(), 404u);
  EXPECT_EQ(client_.get("/v1/consumers/c/events").status, 405u);
  EXPECT_EQ(client_.post("/v1/consumers/c/events", "{}").status, 400u);
  EXPECT_EQ(describe("c")["epoch"].number(), 0u);
}

TEST_F(StreamedMembers, EndCleanlyWhenTheServerDrains) {
  append("s", 0, 1);
  create("g", R"({"stream":"s","mode":"shared"})");
  create("x", R"({"stream":"s"})");
  const auto group = open("g"), exclusive = open("x");
  for (HttpStream* stream : {group.get(), exclusive.get()}) joined(*stream), next(*stream);
  EXPECT_EQ(server_.stop(), 0);
  for (HttpStream* stream : {group.get(), exclusive.get()}) {
    EXPECT_NO_THROW(while (stream->line()){});
  }
}

}  // namespace
}  // namespace strandline::tests
