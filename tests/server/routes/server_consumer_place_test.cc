// Where a named consumer stands, over HTTP: where it begins, what is said of it, and that whoever
// may not move it any more hears that first.
#include "tests/support/http/server_test.h"

namespace strandline::tests {
namespace {

class ConsumerPlace : public ServerTest {
 protected:
  Json create(const std::string& name, const std::string& settings) {
    const Response response = client_.send("PUT", "/v1/consumers/" + name, settings,
                                           {{"Content-Type", "application/json"}});
    EXPECT_EQ(response.status, 201u) << response.body;
    return response.json();
  }
  Json post(const std::string& name, const std::string& what, const std::string& body = "{}") {
    const Response response = client_.post("/v1/consumers/" + name + "/" + what, body);
    EXPECT_EQ(response.status, 200u) << response.body;
    return response.json();
  }
  Json describe(const std::string& name) { return client_.get("/v1/consumers/" + name).json(); }
  // {"epoch":1, without its end: what is said goes behind.
  static std::string epoch_of(const Json& answer) { return "{\"epoch\":" + answer["epoch"].text(); }
  static std::string value_in(const std::string& metrics, const std::string& series) {
    const size_t at = metrics.find("\n" + series + " ");
    if (at == std::string::npos) return "none";
    const size_t begin = at + series.size() + 2;
    return metrics.substr(begin, metrics.find('\n', begin) - begin);
  }
};

TEST_F(ConsumerPlace, BeginsWhereItIsToldToAndSaysSo) {
  append("s", 0, 6);
  const Response second = client_.post("/v1/streams/s/events", json_events("s", 6, 4));
  ASSERT_EQ(second.status, 201u);
  const std::string moment = second.json()["stored"].str();
  struct Start {
    std::string from, shown;
    uint64_t position;
  };
  const std::vector<Start> starts = {
      {R"("earliest")", "earliest", 0},
      {R"("latest")", "latest", 10},
      {R"("-3")", "-3", 7},
      {"4", "4", 4},
      {"\"" + moment + "\"", moment, 6},
  };
  for (const std::string mode : {"exclusive", "shared"}) {
    for (size_t i = 0; i < starts.size(); ++i) {
      const auto& [from, shown, position] = starts[i];
      SCOPED_TRACE(mode + " " + shown);
      const std::string name = mode + std::to_string(i);
      create(name, R"({"stream":"s","mode":")" + mode + R"(","from":)" + from + "}");
      const Json info = describe(name);
      EXPECT_EQ(info["from"].str(), shown);
      EXPECT_EQ(info["position"].number(), position);
      EXPECT_EQ(info["lag"].number(), 10 - position);
      const Json events = post(name, "fetch")["events"];
      ASSERT_EQ(events.size(), 10 - position);
      if (position == 10) continue;
      EXPECT_EQ(events[0]["position"].number(), position);
    }
  }
}

TEST_F(ConsumerPlace, MetricsSayWhatADescriptionSays) {
  append("s", 0, 20);
  append("t", 0, 5);
  create("behind", R"({"mode":"shared","stream":"s"})");
  create("idle", R"({"mode":"keyed"})");
  create("one", R"({"stream":"s"})");
  create("some", R"({"mode":"shared","stream":"s","max_attempts":1})");
  create("truncated", R"({"mode":"shared","stream":"t"})");
  const Json behind = post("behind", "fetch", R"({"max":8})");
  post("behind", "ack", epoch_of(behind) + R"(,"positions":[[0,3]]})");
  post("behind", "nack", epoch_of(behind) + R"(,"positions":[4,6]})");
  post("behind", "fetch", epoch_of(behind) + R"(,"max":1})");
  const Json one = post("one", "join");
  post("one", "commit", epoch_of(one) + R"(,"next":13})");
  const Json some = post("some", "fetch", R"({"max":7})");
  post("some", "nack", epoch_of(some) + R"(,"positions":[2,5]})");
  post("some", "fetch", epoch_of(some) + R"(,"max":1})");
  ASSERT_TRUE(eventually([&] { return describe("some")["dead_lettered"].number() == 2; }));
  // What is gone is nothing to catch up with.
  ASSERT_EQ(client_.post("/v1/streams/t/truncate", R"({"before":3})").status, 200u);

  const std::string metrics = client_.get("/metrics").body;
  const std::map<std::string, uint64_t> lags = {
      {"behind", 17}, {"idle", 27}, {"one", 7}, {"some", 18}, {"truncated", 2}};
  for (const auto& [name, lag] : lags) {
    SCOPED_TRACE(name);
    const Json info = describe(name);
    EXPECT_EQ(info["lag"].number(), lag);
    const std::pair<const char*, const char*> series[] = {{"lag", "lag_events"},
                                                          {"unacked", "unacked_events"},
                                                          {"in_flight", "in_flight_events"},
                                                          {"redelivered", "redelivered_events"},
                                                          {"dead_lettered", "dead_lettered_events"},
                                                          {"members", "members"}};
    for (const auto& [member, metric] : series) {
      const std::string whole =
          "strandline_consumer_" + std::string(metric) + "{consumer=\"" + name + "\"}";
      EXPECT_EQ(value_in(metrics, whole), info[member].text()) << whole;
    }
  }
}

TEST_F(ConsumerPlace, AFencedReaderHearsThatBeforeAConditionThatDoesNotHold) {
  append("s", 0, 4);
  append("out", 0, 2);
  create("x", R"({"stream":"s"})");
  const Json old = post("x", "join"), current = post("x", "join");
  const auto process = [&](const Json& joined) {
    return client_.post("/v1/append",
                        R"({"appends":[{"stream":"out","events":[{"type":"t"}],"expected":1}],)"
                        R"("commit":{"consumer":"x","stream":"s","next":1,)" +
                            epoch_of(joined).substr(1) + "}}");
  };
  const Response fenced = process(old);
  expect_problem(fenced, 403);
  EXPECT_EQ(fenced.json()["current"].number(), current["epoch"].number());
  expect_problem(process(current), 412);
  EXPECT_EQ(client_.get("/v1/streams/out").json()["tail"].number(), 2u);
  EXPECT_EQ(describe("x")["position"].number(), 0u);
}

TEST_F(ConsumerPlace, ASettlementThatIsTooLargeChangesNothing) {
  append("s", 0, 4);
  create("c", R"({"mode":"shared","stream":"s"})");
  const Json given = post("c", "fetch");
  const Response refused = client_.post(
      "/v1/consumers/c/settle", epoch_of(given) + R"(,"ack":[0],"nack":[{"positions":[1]}],)"
                                                  R"("extend":[[2,65537]]})");
  expect_problem(refused, 413);
  EXPECT_THAT(refused.json()["detail"].str(), testing::HasSubstr("65536 positions"));
  EXPECT_EQ(describe("c")["in_flight"].number(), 4u);
}

}  // namespace
}  // namespace strandline::tests
