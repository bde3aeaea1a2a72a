// The last N are N of what the reader asked for: of its streams, and of its types. At every door:
// the engine, HTTP, and the command line on both.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/support/log/log_test.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {
namespace {

// Of 30,000 events every tenth is a "rare", and all of them are in turn of streams a, b and c.
constexpr uint64_t kEventsInAll = 30'000;

std::string type_of(uint64_t i) { return i % 10 == 0 ? "rare" : "common"; }

void fill_last(Log& log) {
  const std::array<std::string, 3> streams = {"a", "b", "c"};
  for (uint64_t at = 0; at < kEventsInAll; at += 300) {
    AppendMany many;
    std::array<BatchBuilder, 3> batches;
    for (uint64_t i = at; i < at + 300; ++i) {
      ASSERT_TRUE(batches[i % 3].add({.type = type_of(i)}));
    }
    for (size_t s = 0; s < 3; ++s) {
      many.parts.push_back({.stream = streams[s], .batch = batches[s].finish().value()});
    }
    ASSERT_TRUE(log.append(std::move(many)));
  }
}

class LastOfEngine : public LogTest {
 protected:
  size_t count(Selection select, std::vector<std::string> types, uint64_t last) {
    return read_all(
               log(),
               {.select = std::move(select), .from = From::last(last), .types = std::move(types)})
        .events.size();
  }
};

TEST_F(LastOfEngine, CountsWhatMatches) {
  fill_last(log());
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    for (const uint64_t last : {0u, 1u, 7u, 500u, 999u}) {
      EXPECT_EQ(count(Selection::stream("b"), {"rare"}, last), last);
      EXPECT_EQ(count(Selection::stream("b"), {}, last), last);
      EXPECT_EQ(count(Selection::all(), {"rare"}, last), last);
      EXPECT_EQ(count(Selection::all(), {}, last), last);
      EXPECT_EQ(count(Selection::prefix("b"), {}, last), last);
      EXPECT_EQ(count(Selection::list({"a", "c"}), {"rare"}, last), last);
    }
    // There are no more.
    EXPECT_EQ(count(Selection::stream("b"), {"rare"}, 5'000), 1'000u);
    EXPECT_EQ(count(Selection::all(), {"rare"}, 5'000), 3'000u);
    EXPECT_EQ(count(Selection::prefix("b"), {"rare", "common"}, 50'000), 10'000u);
    EXPECT_EQ(count(Selection::stream("b"), {"none"}, 5), 0u);
  }
}

TEST_F(LastOfEngine, AreTheNewest) {
  fill_last(log());
  const Transcript last = read_all(log(), {.select = Selection::stream("a"),
                                           .from = From::last(3),
                                           .types = std::vector<std::string>{"rare"}});
  std::vector<uint64_t> all;
  for (uint64_t i = 0; i < kEventsInAll; i += 30) all.push_back(i / 3);
  EXPECT_EQ(last.offsets(), std::vector<uint64_t>(all.end() - 3, all.end()));
}

class LastOfCommands : public ::testing::Test {
 protected:
  LastOfCommands() {
    auto log = Log::open(data_, Options()).value();
    fill_last(*log);
    log->close();
  }
  static long lines(const Outcome& outcome) { return std::ranges::count(outcome.output, '\n'); }

  TemporaryDirectory directory_;
  const std::string data_ = (directory_ / "data").string();
};

TEST_F(LastOfCommands, CountsWhatMatchesHereAndOnAServer) {
  ServerProcess server(data_);
  const std::vector<std::vector<std::string>> places = {{"--server", server.address().url()},
                                                        {"--data", data_}};
  const std::vector<std::vector<std::string>> what = {
      {"b", "--type", "rare"},        {"--all", "--type", "rare"},          {"--prefix", "b"},
      {"a", "c", "--type", "common"}, {"--prefix", "c", "--type", "rare*"}, {"b"}};
  for (const auto& one : what) {
    for (const auto& place : places) {
      std::vector<std::string> read = {"read", "--last", "700"};
      read.insert(read.end(), one.begin(), one.end());
      read.insert(read.end(), place.begin(), place.end());
      const Outcome outcome = strandline(read);
      EXPECT_EQ(outcome.exit, 0) << outcome.errors;
      EXPECT_EQ(lines(outcome), 700) << testing::PrintToString(read);
    }
    // And a follower does not wait for what there is.
    std::vector<std::string> tail = {"tail", "-n", "3", "--limit", "3"};
    tail.insert(tail.end(), one.begin(), one.end());
    tail.insert(tail.end(), {"--server", server.address().url()});
    EXPECT_EQ(lines(strandline(tail)), 3) << testing::PrintToString(tail);
  }
  const Outcome backward =
      strandline({"read", "b", "--type", "rare", "--last", "700", "--backward", "--data", data_});
  EXPECT_EQ(lines(backward), 700) << backward.errors;
}

TEST_F(LastOfCommands, CountsWhatMatchesOverHttp) {
  ServerProcess server(data_);
  for (const std::string path : {"/v1/streams/b/events?type=rare&", "/v1/all/events?type=rare&",
                                 "/v1/all/events?prefix=c&", "/v1/all/events?stream=a&stream=b&"}) {
    const Json page = server.client().get(path + "from=-70&limit=1000").json();
    EXPECT_EQ(page["events"].size(), 70u) << path;
    HttpStream follow(server.address(), path + "from=-2&follow=true",
                      {{"Accept", "application/x-ndjson"}});
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(follow.line()) << path;
  }
}

}  // namespace
}  // namespace strandline::tests
