// Reading over HTTP: pages in three forms, streams, positions, and how the server is.
#include "schemas/frame.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class Pages : public ServerTest {
 protected:
  std::vector<uint64_t> offsets(const std::string& query) {
    const Response response = client_.get("/v1/streams/s/events" + query);
    EXPECT_EQ(response.status, 200u) << response.body;
    const Json page = response.json();
    std::vector<uint64_t> found;
    for (size_t i = 0; i < page["events"].size(); ++i) {
      EXPECT_EQ(difference("s", page["events"][i]), "");
      found.push_back(page["events"][i]["offset"].number());
    }
    return found;
  }
  static std::vector<uint64_t> from_to(uint64_t from, uint64_t to) {
    std::vector<uint64_t> numbers;
    for (; from < to; ++from) numbers.push_back(from);
    return numbers;
  }
};

TEST_F(Pages, BeginWhereTheyAreAsked) {
  append("s", 0, 20);
  EXPECT_EQ(offsets(""), from_to(0, 20));
  EXPECT_EQ(offsets("?from=earliest"), from_to(0, 20));
  EXPECT_EQ(offsets("?from=7"), from_to(7, 20));
  EXPECT_EQ(offsets("?from=20"), from_to(20, 20));
  EXPECT_EQ(offsets("?from=latest"), from_to(20, 20));
  EXPECT_EQ(offsets("?from=-3"), from_to(17, 20));
  EXPECT_EQ(offsets("?from=2000-01-01T00:00:00Z"), from_to(0, 20));
  EXPECT_EQ(offsets("?from=2999-01-01T00:00:00%2B01:00"), from_to(20, 20));
  EXPECT_EQ(offsets("?from=5&limit=4"), from_to(5, 9));
}

TEST_F(Pages, SayWhereTheNextBegins) {
  append("s", 0, 20);
  const Json page = client_.get("/v1/streams/s/events?from=5&limit=4").json();
  EXPECT_EQ(page["next"].number(), 9u);
  EXPECT_EQ(page["start"].number(), 0u);
  EXPECT_EQ(page["tail"].number(), 20u);
  EXPECT_FALSE(page.has("gaps"));
  std::vector<uint64_t> all;
  for (uint64_t next = 0; next < 20;) {
    const std::string query = "?limit=3&from=" + std::to_string(next);
    for (const uint64_t offset : offsets(query)) all.push_back(offset);
    next = client_.get("/v1/streams/s/events" + query).json()["next"].number();
  }
  EXPECT_EQ(all, from_to(0, 20));
}

TEST_F(Pages, BeginWithTheGapWhereThereIsOne) {
  append("s", 0, 20);
  const Response truncated = client_.post("/v1/streams/s/truncate", R"({"before":12})");
  ASSERT_EQ(truncated.status, 200u) << truncated.body;
  EXPECT_EQ(truncated.json()["start"].number(), 12u);
  const Json page = client_.get("/v1/streams/s/events?from=3").json();
  ASSERT_EQ(page["gaps"].size(), 1u);
  EXPECT_EQ(page["gaps"][0]["from"].number(), 3u);
  EXPECT_EQ(page["gaps"][0]["to"].number(), 12u);
  EXPECT_EQ(page["gaps"][0]["reason"].str(), "truncated");
  EXPECT_EQ(page["start"].number(), 12u);
  EXPECT_EQ(offsets("?from=3"), from_to(12, 20));
}

TEST_F(Pages, AreFilteredByType) {
  for (const char* type : {"order.placed", "user.seen", "order.paid", "order.placed"}) {
    ASSERT_EQ(append_type("s", type).status, 201u);
  }
  const auto matching = [&](const std::string& query) {
    std::vector<uint64_t> found;
    const Json page = client_.get("/v1/streams/s/events?" + query).json();
    for (size_t i = 0; i < page["events"].size(); ++i) {
      found.push_back(page["events"][i]["offset"].number());
    }
    EXPECT_EQ(page["next"].number(), 4u);
    return found;
  };
  EXPECT_EQ(matching("type=order.placed"), (std::vector<uint64_t>{0, 3}));
  EXPECT_EQ(matching("type=order.*"), (std::vector<uint64_t>{0, 2, 3}));
  EXPECT_EQ(matching("type=order.paid&type=user.seen"), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(matching("type=none"), (std::vector<uint64_t>{}));
}

TEST_F(Pages, AreNdjsonOrFramesByAccept) {
  append("s", 0, 5);
  append("s", 5, 5);
  const Response lines =
      client_.get("/v1/streams/s/events?from=2", {{"Accept", "application/x-ndjson"}});
  EXPECT_THAT(lines.header("content-type"), testing::StartsWith("application/x-ndjson"));
  std::istringstream in(lines.body);
  uint64_t next = 2;
  for (std::string line; std::getline(in, line); ++next) {
    EXPECT_EQ(Json::parse(line)["offset"].number(), next);
    EXPECT_EQ(difference("s", Json::parse(line)), "");
  }
  EXPECT_EQ(next, 10u);

  const Response frames =
      client_.get("/v1/streams/s/events?from=2", {{"Accept", schema::kBatchMediaType}});
  EXPECT_EQ(frames.header("content-type"), schema::kBatchMediaType);
  next = 2;
  std::string_view rest = frames.body;
  while (!rest.empty()) {
    const auto frame = schema::parse_frame(rest);
    ASSERT_TRUE(frame);
    rest.remove_prefix(frame->head.bytes);
    if (frame->head.kind != schema::FrameKind::batch) continue;
    EXPECT_EQ(frame->name, "s");
    EXPECT_EQ(frame->head.first, next);
    EXPECT_EQ(frame->head.sequence, next);
    const auto batch = Batch::verified(std::string(frame->payload));
    ASSERT_TRUE(batch) << batch.error().message;
    ASSERT_EQ(batch->count(), frame->head.count);
    for (const auto* raw : *batch->root().events()) {
      EXPECT_EQ(difference_at_offset("s", Event(raw, Offset{next}, Sequence{next}, {})), "");
      ++next;
    }
  }
  EXPECT_EQ(next, 10u);
}

TEST_F(Pages, OfAllAreBySequence) {
  append("a", 0, 2);
  append("b", 0, 3);
  append("a", 2, 1);
  const Json page = client_.get("/v1/all/events?from=1&limit=4").json();
  ASSERT_EQ(page["events"].size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(page["events"][i]["sequence"].number(), i + 1);
  EXPECT_EQ(page["events"][1]["stream"].str(), "b");
  EXPECT_EQ(page["next"].number(), 5u);
  EXPECT_EQ(page["tail"].number(), 6u);
  expect_problem(client_.get("/v1/all/events?from=7"), 416);
}

TEST_F(Pages, BeyondTheTailSayWhatThereIs) {
  append("s", 0, 4);
  const Response response = client_.get("/v1/streams/s/events?from=5");
  expect_problem(response, 416);
  EXPECT_EQ(response.json()["start"].number(), 0u);
  EXPECT_EQ(response.json()["tail"].number(), 4u);
}

TEST_F(Pages, HeadIsGetWithoutTheBody) {
  append("s", 0, 4);
  HttpStream head(server_.address(), "/v1/streams/s", {}, "HEAD");
  EXPECT_EQ(head.status(), 200u);
  EXPECT_EQ(head.header("Content-Length"),
            std::to_string(client_.get("/v1/streams/s").body.size()));
}

using StreamRequests = ServerTest;

TEST_F(StreamRequests, PutGetListDelete) {
  EXPECT_EQ(client_
                .send("PUT", "/v1/streams/s", R"({"description":"what for"})",
                      {{"Content-Type", "application/json"}})
                .status,
            201u);
  const Json described = client_.get("/v1/streams/s").json();
  EXPECT_EQ(described["stream"].str(), "s");
  EXPECT_EQ(described["start"].number(), 0u);
  EXPECT_EQ(described["tail"].number(), 0u);
  EXPECT_EQ(described["events"].number(), 0u);
  EXPECT_EQ(described["description"].str(), "what for");
  EXPECT_TRUE(described.has("created"));
  expect_problem(client_.send("PUT", "/v1/streams/s", R"({"description":"other"})",
                              {{"Content-Type", "application/json"}}),
                 409);
  for (const char* name : {"a.1", "a.2", "a.3"}) append_type(name, "t");
  const Json first = client_.get("/v1/streams?prefix=a.&limit=2").json()["streams"];
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1]["stream"].str(), "a.2");
  const Json second = client_.get("/v1/streams?prefix=a.&after=a.2").json()["streams"];
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0]["stream"].str(), "a.3");
  EXPECT_EQ(client_.send("DELETE", "/v1/streams/a.1").status, 204u);
  expect_problem(client_.get("/v1/streams/a.1"), 404);
  expect_problem(client_.send("DELETE", "/v1/streams/a.1"), 404);
  EXPECT_EQ(append_type("a.1", "t").json()["first"].number(), 1u);
}

TEST_F(StreamRequests, TruncateStaysWithinTheStream) {
  append("s", 0, 5);
  expect_problem(client_.post("/v1/streams/s/truncate", R"({"before":6})"), 416);
  expect_problem(client_.post("/v1/streams/none/truncate", R"({"before":0})"), 404);
  expect_problem(client_.post("/v1/streams/s/truncate", R"({})"), 422);
  EXPECT_EQ(client_.post("/v1/streams/s/truncate", R"({"before":5})").json()["start"].number(), 5u);
}

using PositionRequests = ServerTest;

TEST_F(PositionRequests, AreComparedAndSet) {
  append("s", 0, 10);
  const std::string path = "/v1/consumers/c/positions/s";
  const auto put = [&](const std::string& body) {
    return client_.send("PUT", path, body, {{"Content-Type", "application/json"}});
  };
  expect_problem(client_.get(path), 404);
  EXPECT_EQ(put(R"({"next":4})").json()["next"].number(), 4u);
  const Response conflict = put(R"({"next":6,"expected":3})");
  expect_problem(conflict, 409);
  EXPECT_EQ(conflict.json()["current"].number(), 4u);
  EXPECT_EQ(put(R"({"next":6,"expected":4})").status, 200u);
  EXPECT_EQ(client_.get(path).json()["next"].number(), 6u);
  expect_problem(put(R"({"next":11})"), 416);
  EXPECT_GE(put(R"({"next":5})").status, 400u);
  expect_problem(put("{}"), 422);
  expect_problem(put("{"), 400);
  EXPECT_EQ(client_.get(path).json()["next"].number(), 6u);
  EXPECT_EQ(client_.get("/v1/consumers?prefix=c").json()["positions"].size(), 1u);
}

using StatusRequests = ServerTest;

TEST_F(StatusRequests, SayHowTheServerIs) {
  append("s", 0, 3);
  EXPECT_EQ(client_.get("/healthz").status, 200u);
  EXPECT_EQ(client_.get("/readyz").status, 200u);
  const Json info = client_.get("/v1/info").json();
  EXPECT_EQ(info["format"].number(), kFormatVersion);
  EXPECT_FALSE(info["version"].str().empty());
  EXPECT_EQ(info["durable_next"].number(), 3u);
  EXPECT_TRUE(info["recovery"].has("wal_bytes_replayed"));
  const Response metrics = client_.get("/metrics");
  EXPECT_EQ(metrics.status, 200u);
  EXPECT_THAT(metrics.header("content-type"), testing::StartsWith("text/plain"));
  EXPECT_THAT(metrics.body, testing::HasSubstr("# TYPE "));
  EXPECT_THAT(metrics.body, testing::ContainsRegex("strandline[a-z_]*events[a-z_]* 3"));
}

// Prometheus' base units: seconds and bytes, last in a name but for _total.
TEST_F(StatusRequests, MetricsAreInBaseUnits) {
  append("s", 0, 3);
  ASSERT_EQ(client_
                .send("PUT", "/v1/consumers/c", R"({"stream":"s","mode":"shared"})",
                      {{"Content-Type", "application/json"}})
                .status,
            201u);
  const std::string text = client_.get("/metrics").body;
  EXPECT_THAT(text, testing::HasSubstr("\nstrandline_sync_seconds_total 0."));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    std::istringstream words(line.substr(7));
    std::string name, type;
    words >> name >> type;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
    for (const char* unit : {"micros", "millis", "nanos", "_us", "_ms", "_ns", "_kb", "_mb", "kilo",
                             "minutes", "hours"}) {
      EXPECT_EQ(name.find(unit), std::string::npos) << name;
    }
    for (const char* unit : {"seconds", "bytes"}) {
      if (const size_t at = name.find(unit); at != std::string::npos) {
        const std::string rest = name.substr(at + std::string(unit).size());
        EXPECT_TRUE(rest.empty() || rest == "_total") << name;
      }
    }
  }
}

TEST_F(StatusRequests, RecoveryIsReportedAfterAKill) {
  append("s", 0, 100);
  server_.kill();
  ServerProcess again(directory_ / "data");
  const Json info = again.client().get("/v1/info").json();
  EXPECT_GT(info["recovery"]["wal_bytes_replayed"].number(), 1000u);
  EXPECT_EQ(info["recovery"]["durable_next"].number(), 100u);
}

}  // namespace
}  // namespace strandline::tests
