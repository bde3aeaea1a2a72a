// Appending over HTTP: every form a body may have, the conditions, and several streams at once.
#include "engine/api/batch.h"
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

using AppendRequest = ServerTest;

TEST_F(AppendRequest, AnswersWithItsPlace) {
  const Response response = append_type("orders", "order.placed");
  EXPECT_EQ(response.status, 201u);
  const Json appended = response.json();
  EXPECT_EQ(appended["stream"].str(), "orders");
  EXPECT_EQ(appended["first"].number(), 0u);
  EXPECT_EQ(appended["next"].number(), 1u);
  EXPECT_EQ(appended["sequence"].number(), 0u);
  EXPECT_EQ(appended["durability"].str(), "fsync");
  EXPECT_THAT(appended["stored"].str(), testing::MatchesRegex("[0-9-]+T[0-9:.]+Z"));
}

TEST_F(AppendRequest, TakesEveryFormOfABody) {
  const std::string path = "/v1/streams/s/events";
  uint64_t next = 0;
  const auto expect_appended = [&](const Response& response, uint64_t count) {
    ASSERT_EQ(response.status, 201u) << response.body;
    EXPECT_EQ(response.json()["first"].number(), next);
    next += count;
    EXPECT_EQ(response.json()["next"].number(), next);
  };
  expect_appended(client_.post(path, R"({"type":"one"})"), 1);
  expect_appended(client_.post(path, R"([{"type":"two"},{"type":"three"}])"), 2);
  expect_appended(
      client_.post(path, "{\"type\":\"four\"}\n{\"type\":\"five\"}\n", "application/x-ndjson"), 2);
  expect_appended(client_.post(path, R"({"specversion":"1.0","type":"six","id":"6","source":"/x"})",
                               "application/cloudevents+json"),
                  1);
  expect_appended(
      client_.post(path, R"([{"specversion":"1.0","type":"seven","id":"7","source":"/x"}])",
                   "application/cloudevents-batch+json; charset=utf-8"),
      1);
  expect_appended(client_.send("POST", path, "\x01\x02 any bytes",
                               {{"Content-Type", "application/octet-stream"},
                                {"ce-specversion", "1.0"},
                                {"ce-type", "eight"},
                                {"ce-id", "8"},
                                {"ce-source", "/x"},
                                {"ce-traceid", "abc"}}),
                  1);
  const Batch batch = Batch::of({{.type = "nine", .id = "9"}, {.type = "ten"}}).value();
  expect_appended(
      client_.post(path, std::string(batch.bytes()), "application/vnd.strandline.batch"), 2);
  // What `curl -d` sends, which says form but means JSON.
  expect_appended(client_.post(path, R"({"type":"eleven"})", "application/x-www-form-urlencoded"),
                  1);

  const Json events = client_.get(path + "?from=0").json()["events"];
  ASSERT_EQ(events.size(), 11u);
  const char* types[] = {"one",   "two",   "three", "four", "five",  "six",
                         "seven", "eight", "nine",  "ten",  "eleven"};
  for (size_t i = 0; i < 11; ++i) EXPECT_EQ(events[i]["type"].str(), types[i]);
  EXPECT_EQ(events[0]["id"].str(), "0");  // filled in
  EXPECT_EQ(events[0]["source"].str(), "/v1/streams/s");
  EXPECT_TRUE(events[0].has("time"));
  EXPECT_EQ(events[5]["id"].str(), "6");  // kept
  EXPECT_EQ(events[7]["traceid"].str(), "abc");
  EXPECT_EQ(events[7]["data_base64"].str(), "AQIgYW55IGJ5dGVz");
  EXPECT_EQ(events[8]["id"].str(), "9");
}

TEST_F(AppendRequest, ConditionsAreHeaders) {
  const std::string path = "/v1/streams/s/events", body = R"({"type":"t"})";
  const auto with = [&](const std::string& name, const std::string& value) {
    return client_.send("POST", path, body, {{"Content-Type", "application/json"}, {name, value}});
  };
  EXPECT_EQ(with("If-None-Match", "*").status, 201u);
  const Response exists = with("If-None-Match", "*");
  expect_problem(exists, 412);
  EXPECT_EQ(exists.json()["next"].number(), 1u);
  EXPECT_EQ(with("If-Match", "\"1\"").status, 201u);
  const Response conflict = with("If-Match", "\"1\"");
  expect_problem(conflict, 412);
  EXPECT_EQ(conflict.json()["next"].number(), 2u);
  expect_problem(with("If-Match", "nonsense"), 400);
  expect_problem(with("If-Match", "*, \"2\""), 400);
  EXPECT_EQ(client_.get("/v1/streams/s").json()["tail"].number(), 2u);
}

TEST_F(AppendRequest, AnEmptyConditionIsNone) {
  for (const char* name : {"If-Match", "If-None-Match"}) {
    expect_problem(client_.send("POST", "/v1/streams/s/events", R"({"type":"t"})",
                                {{"Content-Type", "application/json"}, {name, ""}}),
                   400);
  }
  EXPECT_EQ(client_.get("/v1/streams/s").status, 404u);
}

TEST_F(AppendRequest, AStarAsksThatTheStreamIsThere) {
  const auto ask = [&] {
    return client_.send("POST", "/v1/streams/s/events", R"({"type":"t"})",
                        {{"Content-Type", "application/json"}, {"If-Match", "*"}});
  };
  expect_problem(ask(), 412);
  EXPECT_EQ(client_.get("/v1/streams/s").status, 404u);
  ASSERT_EQ(append_type("s", "t").status, 201u);
  EXPECT_EQ(ask().status, 201u);
  ASSERT_EQ(client_.send("DELETE", "/v1/streams/s").status, 204u);
  expect_problem(ask(), 412);
}

TEST_F(AppendRequest, AcceptedIsAskedFor) {
  const Response response =
      client_.post("/v1/streams/s/events?durability=accepted", R"({"type":"t"})");
  ASSERT_EQ(response.status, 201u) << response.body;
  EXPECT_EQ(response.json()["durability"].str(), "accepted");
  expect_problem(client_.post("/v1/streams/s/events?durability=maybe", R"({"type":"t"})"), 400);
}

TEST_F(AppendRequest, PipelinedAreAnsweredInOrder) {
  std::string requests;
  constexpr uint64_t kRequests = 200;
  for (uint64_t i = 0; i < kRequests; ++i) {
    requests +=
        HttpClient::request("POST", "/v1/streams/s/events", json_event("s", std::to_string(i)),
                            {{"Content-Type", "application/json"}});
    if (i % 10 == 9) requests += HttpClient::request("GET", "/v1/streams/s");
  }
  client_.write(requests);
  for (uint64_t i = 0; i < kRequests; ++i) {
    const Response response = client_.read_response();
    ASSERT_EQ(response.status, 201u) << response.body;
    EXPECT_EQ(response.json()["first"].number(), i);
    if (i % 10 == 9) {
      // Asked after these were sent, and answered after they were answered.
      EXPECT_GE(client_.read_response().json()["tail"].number(), i + 1);
    }
  }
}

TEST_F(AppendRequest, NamesArePercentEncodedInPaths) {
  append("plain", 0, 1);
  for (const auto& [path, name] : std::map<std::string, std::string>{
           {"a%2Fb", "a/b"}, {"gr%C3%B6%C3%9Fe", "größe"}, {"a%20b", "a b"}, {"100%25", "100%"}}) {
    const Response response = append_type(path, "t");
    ASSERT_EQ(response.status, 201u) << response.body;
    EXPECT_EQ(response.json()["stream"].str(), name);
    EXPECT_EQ(client_.get("/v1/streams/" + path).json()["stream"].str(), name);
  }
}

TEST_F(AppendRequest, SeveralStreamsAtomically) {
  const Response response = client_.post("/v1/append", R"({
    "appends": [{"stream":"a","events":[{"type":"x"},{"type":"y"}],"expected":0},
                {"stream":"b","events":[{"type":"z"}]},
                {"stream":"a","events":[{"type":"w"}],"expected":2}],
    "commit": {"consumer":"c","stream":"a","expected":0,"next":1}})");
  ASSERT_EQ(response.status, 201u) << response.body;
  const Json appends = response.json()["appends"];
  ASSERT_EQ(appends.size(), 3u);
  EXPECT_EQ(appends[0]["first"].number(), 0u);
  EXPECT_EQ(appends[1]["sequence"].number(), 2u);
  EXPECT_EQ(appends[2]["first"].number(), 2u);
  EXPECT_EQ(client_.get("/v1/consumers/c/positions/a").json()["next"].number(), 1u);

  // Again: the position has moved, and so nothing of it is applied.
  const Response again = client_.post("/v1/append", R"({
    "appends": [{"stream":"b","events":[{"type":"z"}]}],
    "commit": {"consumer":"c","stream":"a","expected":0,"next":1}})");
  expect_problem(again, 412);
  const Response conflict = client_.post("/v1/append", R"({
    "appends": [{"stream":"b","events":[{"type":"z"}]},
                {"stream":"a","events":[{"type":"w"}],"expected":2}]})");
  expect_problem(conflict, 412);
  EXPECT_EQ(conflict.json()["next"].number(), 3u);
  EXPECT_EQ(client_.get("/v1/streams/b").json()["tail"].number(), 1u);
  expect_problem(client_.post("/v1/append", R"({"appends":[]})"), 422);
  expect_problem(client_.post("/v1/append", "{"), 400);
}

TEST_F(AppendRequest, BroadcastReachesThePrefixOrAll) {
  append("room.1", 0, 1);
  append("room.2", 0, 2);
  append("lobby", 0, 1);
  Response response =
      client_.post("/v1/broadcast", R"({"prefix":"room.","event":{"type":"closing"}})");
  ASSERT_EQ(response.status, 201u) << response.body;
  EXPECT_EQ(response.json()["appends"].size(), 2u);
  response = client_.post("/v1/broadcast", R"({"event":{"type":"closed"}})");
  EXPECT_EQ(response.json()["appends"].size(), 3u);
  EXPECT_EQ(client_.get("/v1/streams/room.2").json()["tail"].number(), 4u);
  EXPECT_EQ(client_.get("/v1/streams/lobby").json()["tail"].number(), 2u);
  expect_problem(client_.post("/v1/broadcast", R"({"prefix":"room."})"), 422);
}

TEST_F(AppendRequest, ManyConnectionsAtOnceGetEveryOffsetOnce) {
  constexpr int kConnections = 16;
  constexpr int kEach = 25;
  std::vector<std::vector<uint64_t>> firsts(kConnections);
  {
    std::vector<std::jthread> threads;
    for (int c = 0; c < kConnections; ++c) {
      threads.emplace_back([&, c] {
        HttpClient client = server_.client();
        for (int i = 0; i < kEach; ++i) {
          const Response response = client.post("/v1/streams/s/events", R"({"type":"t"})");
          if (response.status == 201) firsts[c].push_back(response.json()["first"].number());
        }
      });
    }
  }
  std::vector<uint64_t> all;
  for (const auto& some : firsts) {
    EXPECT_TRUE(std::ranges::is_sorted(some));
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), static_cast<size_t>(kConnections * kEach));
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i);
}

}  // namespace
}  // namespace strandline::tests
