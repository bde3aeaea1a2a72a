// A server that is killed while events expire and segments are dropped and rewritten: each opening
// finds all that was acknowledged and is not to go, and nothing that is not sound.
#include "tests/support/http/server_test.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

TEST(RetentionCrash, KilledAtAnyTimeTheLogIsSoundAndKeepsWhatItMust) {
  constexpr uint64_t kKept = 7;
  constexpr uint64_t kEventsAtOnce = 20;
  const uint64_t rounds = number_from("STRANDLINE_ROUNDS", 4);
  TemporaryDirectory directory;
  const std::filesystem::path data = directory / "data";
  const std::vector<std::string> streams = {"short.a", "short.b", "long"};
  uint64_t tail = 0;  // of each, acknowledged
  for (uint64_t round = 0; round < rounds; ++round) {
    ServerProcess server(data, {"--segment-size", "64KiB", "--retention-interval", "1ms"});
    HttpClient client = server.client();
    if (round == 0) {
      const Response set =
          client.send("PATCH", "/v1/policies", R"({"prefix":"short.","events_max":7})",
                      {{"Content-Type", "application/json"}});
      ASSERT_EQ(set.status, 200u) << set.body;
    }
    for (const std::string& stream : streams) {
      if (round == 0) break;
      const Json info = client.get("/v1/streams/" + stream).json();
      EXPECT_EQ(info["tail"].number(), tail) << stream;
      const bool is_short = stream != "long";
      EXPECT_LE(info["start"].number(), is_short ? info["tail"].number() - kKept : 0) << stream;
      const Json page = client
                            .get("/v1/streams/" + stream + "/events?limit=10000&from=" +
                                 std::to_string(info["start"].number()))
                            .json();
      // More may have gone by now, but not what is to stay.
      EXPECT_GE(page["events"].size(), is_short ? kKept : tail) << stream;
    }
    for (int i = 0; i < 60; ++i) {
      for (const std::string& stream : streams) {
        const Response response = client.post("/v1/streams/" + stream + "/events",
                                              json_events(stream, tail, kEventsAtOnce));
        ASSERT_EQ(response.status, 201u) << response.body;
      }
      tail += kEventsAtOnce;
    }
    server.kill();
  }
  const Outcome verified = strandline({"verify", "--data", data.string()});
  EXPECT_EQ(verified.exit, 0) << verified.output << verified.errors;
}

}  // namespace
}  // namespace strandline::tests
