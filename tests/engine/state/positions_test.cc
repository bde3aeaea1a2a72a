// Committed positions: compare-and-set, alone or inside an append; never back, never past the tail.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Positions : public LogTest {
 protected:
  Result<uint64_t> commit(std::optional<uint64_t> expected, uint64_t next,
                          const std::string& stream = "s") {
    return log().commit(
        {.consumer = "reader", .stream = stream, .expected = expected, .next = next});
  }
  std::optional<uint64_t> position(const std::string& stream = "s") {
    const auto found = log().position("reader", stream);
    if (!found) {
      EXPECT_EQ(found.error().code, Code::not_found);
    }
    return found ? std::optional(*found) : std::nullopt;
  }
};

TEST_F(Positions, AreNotFoundUntilCommitted) {
  append("s", 10);
  EXPECT_EQ(position(), std::nullopt);
  EXPECT_EQ(commit(std::nullopt, 4).value(), 4u);
  EXPECT_EQ(position(), 4u);
  reopen();
  EXPECT_EQ(position(), 4u);
}

TEST_F(Positions, AreComparedAndSet) {
  append("s", 10);
  EXPECT_EQ(code_of(commit(3, 5)), Code::conflict);
  EXPECT_EQ(commit(0, 5).value(), 5u);  // 0 where there is none
  const auto refused = commit(4, 6);
  ASSERT_EQ(code_of(refused), Code::conflict);
  EXPECT_EQ(refused.error().current, 5u);
  EXPECT_EQ(commit(5, 6).value(), 6u);
  EXPECT_EQ(position(), 6u);
}

TEST_F(Positions, NeverGoBack) {
  append("s", 10);
  ASSERT_TRUE(commit(std::nullopt, 7));
  EXPECT_FALSE(commit(std::nullopt, 6));
  EXPECT_FALSE(commit(7, 3));
  EXPECT_EQ(position(), 7u);
  EXPECT_EQ(reopen().position("reader", "s").value(), 7u);
}

TEST_F(Positions, NeverPassTheTail) {
  append("s", 10);
  EXPECT_EQ(code_of(commit(std::nullopt, 11)), Code::out_of_range);
  EXPECT_EQ(position(), std::nullopt);
  EXPECT_EQ(commit(std::nullopt, 10).value(), 10u);
  EXPECT_EQ(code_of(commit(std::nullopt, 1, "nobody")), Code::not_found);
}

TEST_F(Positions, OfOneOfTwoRacersWins) {
  append("s", 1000);
  std::atomic<int> won = 0;
  {
    Log& shared = log();
    std::vector<std::jthread> racers;
    for (int r = 0; r < 4; ++r) {
      racers.emplace_back([&] {
        for (uint64_t at = 0; at < 50; ++at) {
          while (shared.position("reader", "s").value_or(0) < at) {
          }
          if (shared.commit({"reader", "s", at, at + 1})) ++won;
        }
      });
    }
  }
  EXPECT_EQ(won, 50);
  EXPECT_EQ(position(), 50u);
}

TEST_F(Positions, CommitInsideAnAppendOrNotAtAll) {
  append("in", 10);
  AppendMany step{.parts = {{.stream = "out", .batch = batch("out", Offset{0}, 3)}},
                  .commits = {{.consumer = "reader", .stream = "in", .expected = 0, .next = 10}}};
  ASSERT_TRUE(log().append(step));
  EXPECT_EQ(position("in"), 10u);

  // The same step again, as after a crash before the answer: the position says that it is done.
  const auto again = log().append(step);
  EXPECT_EQ(code_of(again), Code::conflict);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_stream("out", 0, 3);
    EXPECT_EQ(position("in"), 10u);
  }

  // And a conflict among the events leaves the position.
  AppendMany other{
      .parts = {{.stream = "out", .batch = batch("out", Offset{0}, 1), .expected = Offset{0}}},
      .commits = {{.consumer = "other", .stream = "in", .next = 5}}};
  EXPECT_EQ(code_of(log().append(other)), Code::conflict);
  EXPECT_EQ(code_of(log().position("other", "in")), Code::not_found);
}

TEST_F(Positions, MoveOnceInAnAppend) {
  append("s", 10);
  append("t", 10);
  const auto commits = [&](std::vector<Commit> commits) {
    return log().append(AppendMany{.commits = std::move(commits)});
  };
  const auto refused = commits({{.consumer = "c", .stream = "s", .next = 1},
                                {.consumer = "c", .stream = "t", .next = 1},
                                {.consumer = "c", .stream = "s", .expected = 1, .next = 2}});
  ASSERT_EQ(code_of(refused), Code::invalid);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("\"c\""));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("\"s\""));
  EXPECT_EQ(code_of(log().position("c", "t")), Code::not_found);
  EXPECT_TRUE(commits({{.consumer = "c", .stream = "s", .next = 1},
                       {.consumer = "c", .stream = "t", .next = 2},
                       {.consumer = "d", .stream = "s", .next = 3}}));
  EXPECT_EQ(log().position("c", "t"), 2u);
  EXPECT_EQ(log().position("d", "s"), 3u);
}

TEST_F(Positions, MayReachTheTailThatTheirOwnAppendLeaves) {
  AppendMany step{.parts = {{.stream = "s", .batch = batch("s", Offset{0}, 3)}},
                  .commits = {{.consumer = "reader", .stream = "s", .next = 3}}};
  ASSERT_TRUE(log().append(step));
  EXPECT_EQ(position(), 3u);
  step.parts = {{.stream = "s", .batch = batch("s", Offset{3}, 1)}};
  step.commits[0].next = 5;
  EXPECT_FALSE(log().append(step));
  EXPECT_EQ(position(), 3u);
  expect_stream("s", 0, 3);
}

TEST_F(Positions, OfAllAreSequences) {
  append("a", 3);
  append("b", 3);
  EXPECT_EQ(commit(std::nullopt, 5, "$all").value(), 5u);
  EXPECT_EQ(code_of(commit(std::nullopt, 7, "$all")), Code::out_of_range);
  reopen();
  EXPECT_EQ(position("$all"), 5u);
}

TEST_F(Positions, AnImportsLedgerCountsWhatNoStreamBounds) {
  // Bound to no stream's tail: a line may hold no event.
  AppendMany step{
      .parts = {{.stream = "s", .batch = batch("s", Offset{0}, 2)}},
      .commits = {{.consumer = "reader", .stream = "$import", .expected = 0, .next = 1000}}};
  ASSERT_TRUE(log().append(step));
  EXPECT_EQ(position("$import"), 1000u);
  EXPECT_FALSE(commit(std::nullopt, 999, "$import"));
  EXPECT_FALSE(commit(std::nullopt, 1, "$other"));
  reopen();
  EXPECT_EQ(position("$import"), 1000u);
}

TEST_F(Positions, KeepWhatTheirReaderSaysBesideThem) {
  append("s", 10);
  const auto metadata = [&] { return log().positions("reader", 10).at(0).metadata; };
  ASSERT_TRUE(log().commit(
      {.consumer = "reader", .stream = "s", .next = 4, .metadata = "{\"at\":\"\u00e9\"}"}));
  EXPECT_EQ(metadata(), "{\"at\":\"\u00e9\"}");
  reopen();
  EXPECT_EQ(metadata(), "{\"at\":\"\u00e9\"}");
  ASSERT_TRUE(log().commit({.consumer = "reader", .stream = "s", .next = 5}));
  EXPECT_EQ(metadata(), "") << "each commit says it anew";
  const auto with = [&](std::string text) {
    return code_of(log().commit(
        {.consumer = "reader", .stream = "s", .next = 6, .metadata = std::move(text)}));
  };
  EXPECT_EQ(with(std::string(kMetadataBytesMax + 1, 'x')), Code::too_large);
  EXPECT_EQ(with("\xff"), Code::invalid);
  EXPECT_EQ(position(), 5u);
  ASSERT_TRUE(log().commit({.consumer = "reader",
                            .stream = "s",
                            .next = 6,
                            .metadata = std::string(kMetadataBytesMax, 'x')}));
  reopen();
  EXPECT_EQ(metadata().size(), kMetadataBytesMax);
}

TEST_F(Positions, AreResetAndRemovedAllOfOneReader) {
  append("s", 10);
  append("t", 4);
  ASSERT_TRUE(commit(std::nullopt, 8));
  ASSERT_TRUE(commit(std::nullopt, 3, "t"));
  ASSERT_TRUE(commit(std::nullopt, 9, "$all"));
  ASSERT_TRUE(commit(std::nullopt, 70, "$import"));
  ASSERT_TRUE(log().commit({.consumer = "reader2", .stream = "s", .next = 1}));
  EXPECT_EQ(code_of(log().reset_positions("reader", From::latest())), Code::invalid)
      << "a ledger has no tail";
  ASSERT_TRUE(log().reset_positions("reader", From::position(2)));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(position(), 2u);
    EXPECT_EQ(position("t"), 2u);
    EXPECT_EQ(position("$all"), 2u);
    EXPECT_EQ(position("$import"), 2u);
  }
  EXPECT_EQ(code_of(log().reset_positions("reader", From::position(5))), Code::out_of_range);
  EXPECT_EQ(position(), 2u) << "all or nothing";
  EXPECT_EQ(commit(2, 3).value(), 3u);
  ASSERT_TRUE(log().delete_consumer("reader"));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(position(), std::nullopt);
    EXPECT_EQ(position("$import"), std::nullopt);
    EXPECT_EQ(log().positions("", 10).size(), 1u);
  }
  EXPECT_EQ(code_of(log().delete_consumer("reader")), Code::not_found);
  EXPECT_EQ(code_of(log().reset_positions("reader", From::earliest())), Code::not_found);
  EXPECT_EQ(commit(0, 4).value(), 4u);
}

TEST_F(Positions, AreListedByConsumer) {
  append("a", 3);
  append("b", 3);
  for (const char* consumer : {"x.1", "x.2", "y"}) {
    ASSERT_TRUE(log().commit({.consumer = consumer, .stream = "a", .next = 1}));
    ASSERT_TRUE(log().commit({.consumer = consumer, .stream = "b", .next = 2}));
  }
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    std::vector<std::string> found;
    for (const auto& p : log().positions("x.", 100)) {
      found.push_back(p.consumer + " " + p.stream + " " + std::to_string(p.next));
      EXPECT_GT(p.committed.us, 0);
    }
    EXPECT_THAT(found, testing::ElementsAre("x.1 a 1", "x.1 b 2", "x.2 a 1", "x.2 b 2"));
    EXPECT_EQ(log().positions("", 100).size(), 6u);
    EXPECT_EQ(log().positions("", 4).size(), 4u);
  }
}

TEST_F(Positions, BadNamesAreRefused) {
  append("s");
  EXPECT_EQ(code_of(log().commit({.consumer = "", .stream = "s", .next = 1})), Code::invalid);
  EXPECT_EQ(code_of(log().commit({.consumer = "$x", .stream = "s", .next = 1})), Code::invalid);
}

TEST_F(Positions, AreBoundedWithinOneAppendToo) {
  options.limits.consumers_max = 3;
  append("s", 5);
  AppendMany many;
  for (int i = 0; i < 4; ++i) {
    many.commits.push_back({.consumer = "c" + std::to_string(i), .stream = "s", .next = 1});
  }
  EXPECT_EQ(code_of(log().append(many)), Code::too_large);
  many.commits.pop_back();
  EXPECT_TRUE(log().append(many));
}

}  // namespace
}  // namespace strandline::tests
