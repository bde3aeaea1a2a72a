// Following over HTTP: history then live, as NDJSON, server-sent events and frames; resumed
// exactly.
#include "schemas/frame.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class Following : public ServerTest {
 protected:
  HttpStream follow(const std::string& query, const std::string& accept, Headers more = {}) {
    more.emplace_back("Accept", accept);
    return HttpStream(server_.address(), "/v1/streams/s/events" + query, more);
  }
  static constexpr char kSse[] = "text/event-stream";

  void expect_line(HttpStream& stream, uint64_t offset) {
    const auto line = stream.line();
    ASSERT_TRUE(line);
    EXPECT_EQ(Json::parse(*line)["offset"].number(), offset);
    EXPECT_EQ(difference("s", Json::parse(*line)), "");
  }
  void expect_event(HttpStream& stream, uint64_t offset) {
    const SseBlock block = next_event(stream);
    EXPECT_EQ(block.id, std::to_string(offset));
    const Json event = Json::parse(block.data);
    EXPECT_EQ(event["offset"].number(), offset);
    EXPECT_EQ(block.event, event["type"].str());
    EXPECT_EQ(difference("s", event), "");
  }
};

TEST_F(Following, NdjsonGoesFromHistoryToLive) {
  append("s", 0, 5);
  HttpStream stream = follow("?follow=true&from=2", "application/x-ndjson");
  EXPECT_EQ(stream.status(), 200u);
  EXPECT_THAT(stream.header("Content-Type"), testing::StartsWith("application/x-ndjson"));
  for (uint64_t offset = 2; offset < 5; ++offset) expect_line(stream, offset);
  append("s", 5, 3);
  for (uint64_t offset = 5; offset < 8; ++offset) expect_line(stream, offset);
}

TEST_F(Following, EventStreamsHaveIdsTypesAndRetry) {
  append("s", 0, 3);
  HttpStream stream = follow("", kSse);
  EXPECT_EQ(stream.status(), 200u);
  EXPECT_THAT(stream.header("Content-Type"), testing::StartsWith("text/event-stream"));
  EXPECT_THAT(stream.header("Cache-Control"), testing::HasSubstr("no-"));
  const auto first = next_block(stream);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->retry.empty());
  append("s", 3, 2);
  for (uint64_t offset = 0; offset < 5; ++offset) expect_event(stream, offset);
}

TEST_F(Following, LastEventIdResumesAfterItAndWinsOverFrom) {
  append("s", 0, 10);
  HttpStream stream = follow("?from=2", kSse, {{"Last-Event-ID", "6"}});
  expect_event(stream, 7);
  expect_event(stream, 8);
  HttpStream at_the_tail = follow("", kSse, {{"Last-Event-ID", "9"}});
  append("s", 10, 1);
  expect_event(at_the_tail, 10);
  EXPECT_EQ(follow("", kSse, {{"Last-Event-ID", "nonsense"}}).status(), 400u);
}

TEST_F(Following, LastEventIdResumesInEveryForm) {
  append("s", 0, 5);
  const Headers last = {{"Last-Event-ID", "2"}};
  HttpStream lines = follow("?follow=true&from=0", "application/x-ndjson", last);
  expect_line(lines, 3);
  expect_line(lines, 4);
  HttpStream frames = follow("?follow=true", schema::kBatchMediaType, last);
  const std::string bytes = frames.bytes(sizeof(schema::FrameHead));
  schema::FrameHead head;
  ASSERT_EQ(bytes.size(), sizeof head);
  std::memcpy(&head, bytes.data(), sizeof head);
  EXPECT_EQ(head.first, 3u);
  EXPECT_EQ(head.count, 2u);
  // Of a page, too.
  const std::string page = "/v1/streams/s/events";
  EXPECT_EQ(client_.get(page, last).json()["events"][0]["offset"].number(), 3u);
  for (const char* accept : {"application/json", "application/x-ndjson", "text/event-stream",
                             "application/vnd.strandline.batch"}) {
    for (const char* bad : {"nonsense", "-1", "18446744073709551615"}) {
      EXPECT_EQ(client_.get(page, {{"Accept", accept}, {"Last-Event-ID", bad}}).status, 400u)
          << accept << " " << bad;
    }
  }
  EXPECT_EQ(client_.get(page + "?direction=backward", last).status, 400u);
}

TEST_F(Following, WaitsForAStreamThatDoesNotExistYet) {
  append("other", 0, 3);
  EXPECT_EQ(follow("?follow=true", "application/x-ndjson").status(), 404u);
  EXPECT_EQ(follow("?wait=true", "application/x-ndjson").status(), 400u) << "a page";
  EXPECT_EQ(follow("?follow=true&wait=maybe", "application/x-ndjson").status(), 400u);
  // Wherever it is to begin: all that comes is newer.
  std::vector<std::unique_ptr<HttpStream>> waiting;
  for (const char* query : {"?follow=true&wait=true", "?follow=true&wait=true&from=latest",
                            "?follow=true&wait=true&from=-1", "?follow=true&wait=true&from=0"}) {
    waiting.push_back(std::make_unique<HttpStream>(server_.address(),
                                                   std::string("/v1/streams/s/events") + query,
                                                   Headers{{"Accept", "application/x-ndjson"}}));
    EXPECT_EQ(waiting.back()->status(), 200u);
  }
  HttpStream blocks = follow("?wait=true", kSse);
  EXPECT_FALSE(next_block(blocks)->retry.empty()) << "at once";
  { HttpStream gone = follow("?follow=true&wait=true", kSse); }
  append("other", 3, 1);  // wakes them for nothing
  append("sibling", 0, 1);
  append("s", 0, 2);
  append("s", 2, 1);
  for (const auto& stream : waiting) {
    for (uint64_t offset = 0; offset < 3; ++offset) expect_line(*stream, offset);
  }
  for (uint64_t offset = 0; offset < 3; ++offset) expect_event(blocks, offset);
}

TEST_F(Following, WaitsForAStreamThatWasDeleted) {
  append("s", 0, 3);
  ASSERT_EQ(client_.send("DELETE", "/v1/streams/s").status, 204u);
  HttpStream stream = follow("?follow=true&wait=true&from=latest", "application/x-ndjson");
  EXPECT_EQ(stream.status(), 200u);
  append("s", 3, 2);
  expect_line(stream, 3);
  expect_line(stream, 4);
}

// An offset that is not there yet is told as of a stream that is there: at once, and in words.
TEST_F(Following, WaitsForNoOffsetThatAStreamDoesNotHaveYet) {
  append("other", 0, 3);
  const auto expect_all = [&](uint64_t first, unsigned status) {
    const std::string before = std::to_string(first - 1);
    for (const char* form : {kSse, "application/x-ndjson", schema::kBatchMediaType}) {
      for (const char* wait : {"&wait=true", ""}) {
        SCOPED_TRACE(std::string(form) + wait + " " + before);
        const unsigned wanted =
            *wait == '\0' && !client_.get("/v1/streams/s").json().has("tail") ? 404 : status;
        const std::string query = std::string("?follow=true") + wait;
        EXPECT_EQ(follow(query + "&from=" + std::to_string(first), form).status(), wanted);
        EXPECT_EQ(follow(query, form, {{"Last-Event-ID", before}}).status(), wanted);
      }
    }
  };
  expect_all(5, 416);
  expect_all(1, 416);
  const Response refused =
      client_.get("/v1/streams/s/events?follow=true&wait=true&from=5", {{"Accept", kSse}});
  expect_problem(refused, 416);
  EXPECT_THAT(refused.json()["detail"].str(), testing::HasSubstr("\"s\""));
  append("s", 0, 3);
  expect_all(4, 416);
  expect_all(3, 200);
  // Its offsets go on where they stopped.
  ASSERT_EQ(client_.send("DELETE", "/v1/streams/s").status, 204u);
  expect_all(4, 416);
  expect_all(3, 200);
}

TEST_F(Following, OfAStreamThatNeverComesEndsWithTheServer) {
  HttpStream stream = follow("?follow=true&wait=true", "application/x-ndjson");
  EXPECT_EQ(stream.status(), 200u);
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_NO_THROW(while (stream.line()){});
}

TEST_F(Following, AGapIsAnEventOfItsOwn) {
  append("s", 0, 10);
  ASSERT_EQ(client_.post("/v1/streams/s/truncate", R"({"before":6})").status, 200u);
  HttpStream stream = follow("?from=2", kSse);
  const SseBlock gap = next_event(stream);
  EXPECT_EQ(gap.event, "strandline.gap");
  const Json data = Json::parse(gap.data);
  const Json range = data.has("data") ? data["data"] : data;
  EXPECT_EQ(range["from"].number(), 2u);
  EXPECT_EQ(range["to"].number(), 6u);
  EXPECT_EQ(range["reason"].str(), "truncated");
  EXPECT_EQ(gap.id, "5");  // so that a client resumes after it, not into it again
  expect_event(stream, 6);

  HttpStream lines = follow("?from=2&follow=true", "application/x-ndjson");
  const Json line = Json::parse(lines.line().value());
  EXPECT_EQ(line["type"].str(), "strandline.gap");
  EXPECT_EQ(line["data"]["to"].number(), 6u);
  expect_line(lines, 6);
}

TEST_F(Following, AFilteredStreamMovesItsPositionWithoutData) {
  for (int i = 0; i < 5; ++i) append_type("s", "dull");
  HttpStream stream = follow("?type=bright", kSse);
  std::string id;
  while (id != "4") {  // a client that reconnects now need not read these five again
    const auto block = next_block(stream);
    ASSERT_TRUE(block);
    EXPECT_FALSE(block->has_data);
    if (block->has_id) id = block->id;
  }
  append_type("s", "dull");
  append_type("s", "bright");
  const SseBlock bright = next_event(stream);
  EXPECT_EQ(bright.id, "6");
  EXPECT_EQ(bright.event, "bright");
}

TEST_F(Following, FramesCarryBatchesPositionsAndGaps) {
  append("s", 0, 3);
  append("s", 3, 3);
  ASSERT_EQ(client_.post("/v1/streams/s/truncate", R"({"before":2})").status, 200u);
  HttpStream stream = follow("?follow=true&from=0", schema::kBatchMediaType);
  EXPECT_EQ(stream.header("Content-Type"), schema::kBatchMediaType);
  uint64_t next = 0;
  bool caught_up = false;
  const auto take = [&] {
    std::string bytes = stream.bytes(sizeof(schema::FrameHead));
    schema::FrameHead head;
    ASSERT_EQ(bytes.size(), sizeof head);
    std::memcpy(&head, bytes.data(), sizeof head);
    EXPECT_EQ(head.bytes % 8, 0u);
    bytes += stream.bytes(head.bytes - sizeof head);
    const auto frame = schema::parse_frame(bytes);
    ASSERT_TRUE(frame);
    if (head.kind == schema::FrameKind::gap) {
      EXPECT_EQ(head.first, 0u);
      EXPECT_EQ(head.sequence, 2u);
      EXPECT_EQ(head.reason, 1u);
      next = head.sequence;
    } else if (head.kind == schema::FrameKind::batch) {
      EXPECT_EQ(head.first, next);
      const auto batch = Batch::verified(std::string(frame->payload));
      ASSERT_TRUE(batch);
      EXPECT_EQ(batch->count(), head.count);
      EXPECT_EQ(batch->root().events()->Get(0)->id()->str(), std::to_string(next));
      next += head.count;
    } else {
      EXPECT_EQ(head.first, next);
      caught_up = true;
    }
  };
  while (next < 6 || !caught_up) take();
  append("s", 6, 2);
  while (next < 8) take();
}

TEST_F(Following, AllFollowsEveryStream) {
  append("a", 0, 2);
  HttpStream lines(server_.address(), "/v1/all/events?follow=true",
                   {{"Accept", "application/x-ndjson"}});
  append("b", 0, 2);
  append("a", 2, 1);
  const std::vector<std::string> streams = {"a", "a", "b", "b", "a"};
  for (uint64_t i = 0; i < 5; ++i) {
    const Json event = Json::parse(lines.line().value());
    EXPECT_EQ(event["sequence"].number(), i);
    EXPECT_EQ(event["stream"].str(), streams[i]);
  }
  HttpStream sse(server_.address(), "/v1/all/events", {{"Accept", kSse}, {"Last-Event-ID", "2"}});
  EXPECT_EQ(next_event(sse).id, "3");  // ids are sequences here
}

TEST_F(Following, ManyFollowersSeeEveryEventOnce) {
  constexpr int kFollowers = 100;
  append("s", 0, 10);
  std::vector<std::unique_ptr<HttpStream>> followers;
  for (int f = 0; f < kFollowers; ++f) {
    followers.push_back(std::make_unique<HttpStream>(
        server_.address(), "/v1/streams/s/events?follow=true&from=" + std::to_string(f % 10),
        Headers{{"Accept", f % 2 == 0 ? kSse : "application/x-ndjson"}}));
  }
  for (int i = 0; i < 10; ++i) append("s", 10 + i * 10, 10);
  for (int f = 0; f < kFollowers; ++f) {
    for (uint64_t offset = f % 10; offset < 110; ++offset) {
      if (f % 2 == 0) {
        expect_event(*followers[f], offset);
      } else {
        expect_line(*followers[f], offset);
      }
      ASSERT_FALSE(HasFailure()) << "follower " << f;
    }
  }
}

TEST_F(Following, AFollowerThatReadsNothingDelaysNobody) {
  append("s", 0, 1);
  HttpStream frozen = follow("?follow=true", "application/x-ndjson");
  HttpStream healthy = follow("?follow=true", "application/x-ndjson");
  expect_line(healthy, 0);
  // Far more than sockets hold: the server must wait for the one and serve the other.
  constexpr uint64_t kEvents = 200;
  const std::string data(50'000, 'x');
  for (uint64_t i = 1; i <= kEvents; ++i) {
    ASSERT_EQ(client_.post("/v1/streams/s/events", R"({"type":"t","data":")" + data + "\"}").status,
              201u);
    EXPECT_EQ(Json::parse(healthy.line().value())["offset"].number(), i);
  }
  for (uint64_t i = 0; i <= kEvents; ++i) {  // and when it reads, it has lost nothing
    EXPECT_EQ(Json::parse(frozen.line().value())["offset"].number(), i);
  }
}

TEST_F(Following, OfAStreamThatIsNotThereIs404) {
  EXPECT_EQ(follow("?follow=true", kSse).status(), 404u);
}

TEST_F(Following, ResumesOverAKillOfTheServer) {
  append("s", 0, 50);
  HttpStream before = follow("", kSse);
  for (uint64_t offset = 0; offset < 20; ++offset) expect_event(before, offset);
  server_.kill();
  ServerProcess again(directory_ / "data");
  HttpStream after(again.address(), "/v1/streams/s/events",
                   {{"Accept", kSse}, {"Last-Event-ID", "19"}});
  for (uint64_t offset = 20; offset < 50; ++offset) expect_event(after, offset);
}

}  // namespace
}  // namespace strandline::tests
