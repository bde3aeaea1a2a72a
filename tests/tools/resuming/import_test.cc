// Real events in through `import`, out through `export`, identical; followers killed and resumed.
#include <random>

#include "tests/support/log/commits.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

class Import : public CommitsTest {};

TEST_F(Import, GoesInAndComesOutIdentical) {
  const auto file = file_of("events.ndjson", events());
  const Outcome in = strandline({"import", file.string(), "--data", data_});
  ASSERT_EQ(in.exit, 0) << in.errors;
  const Outcome out = strandline({"export", "--all", "--data", data_});
  ASSERT_EQ(out.exit, 0) << out.errors;
  expect_same(out.output, events());
}

TEST_F(Import, GoesRoundThroughAServer) {
  ServerProcess server(data_);
  const auto file = file_of("events.ndjson", events());
  const std::string url = server.address().url();
  const Outcome in = strandline({"import", file.string(), "--server", url});
  ASSERT_EQ(in.exit, 0) << in.errors;
  const Outcome out = strandline({"export", "--all", "--server", url});
  ASSERT_EQ(out.exit, 0) << out.errors;
  expect_same(out.output, events());
  // And beside the running server, from its directory.
  const Outcome beside = strandline({"export", "--all", "--data", data_});
  ASSERT_EQ(beside.exit, 0) << beside.errors;
  expect_same(beside.output, events());
}

TEST_F(Import, OfTheSameFileTwiceRepeatsNothing) {
  const auto file = file_of("events.ndjson", events());
  ASSERT_EQ(strandline({"import", file.string(), "--data", data_}).exit, 0);
  const Outcome again = strandline({"import", file.string(), "--data", data_});
  ASSERT_EQ(again.exit, 0) << again.errors;
  expect_same(strandline({"export", "--all", "--data", data_}).output, events());
  // Grown by three lines: only these come in.
  const std::string more =
      events() +
      R"({"stream":"git.new","type":"t","id":"x","time":"2026-01-02T03:04:05Z"})"
      "\n" +
      R"({"stream":"git.new","type":"u","id":"y","time":"2026-01-02T03:04:05Z"})"
      "\n" +
      R"({"stream":"git.new","type":"v","id":"z","time":"2026-01-02T03:04:05Z"})"
      "\n";
  ASSERT_EQ(strandline({"import", file_of("events.ndjson", more).string(), "--data", data_}).exit,
            0);
  expect_same(strandline({"export", "--all", "--data", data_}).output, more);
}

TEST_F(Import, FollowersFromRandomOffsetsKilledAndResumedSeeEveryEventOnce) {
  const auto file = file_of("events.ndjson", events());
  std::map<std::string, std::vector<std::string>> wanted;  // by stream, the lines
  for (const std::string& line : lines_of(events())) {
    wanted[Json::parse(line)["stream"].str()].push_back(line);
  }
  std::mt19937_64 random(seed("Import"));
  auto server = std::make_unique<ServerProcess>(data_);
  Process import(
      {STRANDLINE_PROGRAM, "import", file.string(), "--server", server->address().url()});
  for (const auto& [stream, lines] : wanted) {
    ASSERT_TRUE(
        eventually([&] { return server->client().get("/v1/streams/" + stream).status == 200; }));
  }
  for (const auto& [stream, lines] : wanted) {
    // Each life of the follower reads some, and is gone; the next one resumes after the last.
    ASSERT_TRUE(eventually([&] {  // it begins at an offset that is there already, or at 0
      return server->client().get("/v1/streams/" + stream).json()["tail"].number() > 0;
    }));
    const uint64_t tail = server->client().get("/v1/streams/" + stream).json()["tail"].number();
    const uint64_t first = random() % tail;
    uint64_t next = first;
    while (next < lines.size()) {
      HttpStream feed(server->address(),
                      "/v1/streams/" + stream + "/events?follow=true&from=" + std::to_string(next),
                      {{"Accept", "application/x-ndjson"}});
      ASSERT_EQ(feed.status(), 200u);
      const uint64_t life = 1 + random() % (lines.size() / 3 + 1);
      for (uint64_t i = 0; i < life && next < lines.size(); ++i) {
        const auto line = feed.line();
        ASSERT_TRUE(line);
        if (line->empty()) continue;
        const Json got = Json::parse(*line);
        ASSERT_EQ(got["offset"].number(), next);
        const Json want = Json::parse(lines[next]);
        ASSERT_EQ(got["id"].str(), want["id"].str());
        ASSERT_EQ(got["subject"].str(), want["subject"].str());
        ASSERT_EQ(got["data"].text(), want["data"].text());
        ++next;
      }
    }
    EXPECT_EQ(next, lines.size());
  }
  EXPECT_EQ(import.wait(), 0) << import.errors();
}

TEST_F(Import, ABadLineIsNamedAndNothingAfterItComesIn) {
  const auto file = file_of("bad.ndjson",
                            "{\"stream\":\"s\",\"type\":\"t\"}\n{\"stream\":\"s\",\"type\":\"t\"}\n"
                            "{\"stream\":\"s\"}\n{\"stream\":\"s\",\"type\":\"t\"}\n");
  const Outcome outcome = strandline({"import", file.string(), "--data", data_});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.errors, testing::HasSubstr("3"));
}

}  // namespace
}  // namespace strandline::tests
