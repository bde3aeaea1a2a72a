// Streams: created, listed, described, truncated, deleted; their offsets are never used again.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Streams : public LogTest {
 protected:
  std::vector<std::string> names(const std::string& prefix, const std::string& after,
                                 size_t limit) {
    std::vector<std::string> found;
    for (const StreamInfo& info : log().list(prefix, after, limit)) found.push_back(info.name);
    return found;
  }
};

TEST_F(Streams, AreCreatedOnceWithTheirSettings) {
  const auto created = log().create_stream("s", {.description = "what it is for"});
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->tail, Offset{0});
  EXPECT_EQ(code_of(log().create_stream("s")), Code::exists);
  append("t");
  EXPECT_EQ(code_of(log().create_stream("t")), Code::exists);
  EXPECT_EQ(reopen().describe("s")->settings.description, "what it is for");
  EXPECT_FALSE(log().create_stream("u", {.description = std::string(1025, 'd')}));
}

TEST_F(Streams, AreDescribedExactly) {
  const auto clock = std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  options.clock = clock;
  ASSERT_TRUE(log().create_stream("s"));
  EXPECT_EQ(describe("s").created, Timestamp{1'700'000'000'000'000});
  EXPECT_FALSE(describe("s").last_stored);
  EXPECT_EQ(describe("s").bytes, 0u);
  clock->advance_us(5);
  append("s", 10);
  clock->advance_us(5);
  append("s", 5);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const StreamInfo info = describe("s");
    EXPECT_EQ(info.name, "s");
    EXPECT_EQ(info.start, Offset{0});
    EXPECT_EQ(info.tail, Offset{15});
    EXPECT_EQ(info.events, 15u);
    EXPECT_GE(info.bytes, batch("s", Offset{0}, 10).bytes().size());
    EXPECT_EQ(info.created, Timestamp{1'700'000'000'000'000});
    EXPECT_EQ(info.last_stored, Timestamp{1'700'000'000'000'010});
  }
  EXPECT_EQ(code_of(log().describe("nobody")), Code::not_found);
}

TEST_F(Streams, AreListedByPrefixInPages) {
  for (const char* name : {"b", "a.2", "a.10", "a.1", "c", "a"}) append(name);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_THAT(names("", "", 100), testing::ElementsAre("a", "a.1", "a.10", "a.2", "b", "c"));
    EXPECT_THAT(names("a.", "", 100), testing::ElementsAre("a.1", "a.10", "a.2"));
    EXPECT_THAT(names("a.", "", 2), testing::ElementsAre("a.1", "a.10"));
    EXPECT_THAT(names("a.", "a.10", 2), testing::ElementsAre("a.2"));
    EXPECT_THAT(names("", "a.3", 1), testing::ElementsAre("b"));
    EXPECT_THAT(names("z", "", 10), testing::IsEmpty());
    EXPECT_THAT(names("", "c", 10), testing::IsEmpty());
  }
}

TEST_F(Streams, TellWhatIsStoredInThoseThatBeginAlike) {
  for (const char* name : {"a", "b", "b.1", "b.2", "c"}) append(name, 10);
  const uint64_t b1 = describe("b.1").bytes, b2 = describe("b.2").bytes;
  ASSERT_TRUE(log().create_stream("b.3"));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(log().stored_under("b").streams, 4u);
    EXPECT_EQ(log().stored_under("b").bytes, describe("b").bytes + b1 + b2);
    EXPECT_EQ(log().stored_under("b.1").bytes, b1);
    EXPECT_EQ(log().stored_under("x").streams, 0u);
  }
  ASSERT_TRUE(log().truncate("b.1", Offset{10}));
  EXPECT_EQ(log().stored_under("b.").bytes, b2);
  ASSERT_TRUE(log().delete_stream("b.2"));
  EXPECT_EQ(log().stored_under("b.").bytes, 0u);
  EXPECT_EQ(log().stored_under("b.").streams, 2u);
}

TEST_F(Streams, TellWhatIsStoredInHoweverManyThereAre) {
  constexpr size_t kStreams = 10'000;  // more than are looked at at once
  for (size_t done = 0; done < kStreams;) {
    AppendMany request{.durability = Durability::accepted};
    for (size_t i = 0; i < 1'000; ++i, ++done) {
      const std::string name = "s" + std::to_string(done);
      request.parts.push_back({.stream = name, .batch = batch(name, Offset{0}, 1)});
    }
    ASSERT_TRUE(log().append(std::move(request)));
  }
  append("t");
  uint64_t listed = 0;
  for (const StreamInfo& info : log().list("s", "", kStreams + 1)) listed += info.bytes;
  EXPECT_EQ(log().stored_under("s").streams, kStreams);
  EXPECT_EQ(log().stored_under("s").bytes, listed);
}

TEST_F(Streams, OffsetsGoOnAfterADeletedNameReturns) {
  append("s", 5);
  append("other");
  ASSERT_TRUE(log().delete_stream("s"));
  EXPECT_EQ(code_of(log().describe("s")), Code::not_found);
  EXPECT_EQ(code_of(log().read({.select = Selection::stream("s")})), Code::not_found);
  EXPECT_EQ(code_of(log().delete_stream("s")), Code::not_found);
  EXPECT_THAT(names("", "", 10), testing::ElementsAre("other"));
  reopen();
  EXPECT_EQ(code_of(log().describe("s")), Code::not_found);
  const auto back = log().append(
      Append{.stream = "s", .batch = batch("s", Offset{5}, 2), .expected = Expected::absent()});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->first, Offset{5});
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(describe("s").start, Offset{5});
    EXPECT_EQ(describe("s").tail, Offset{7});
    EXPECT_EQ(describe("s").events, 2u);
    expect_stream("s", 5, 7);
    const Transcript old = read("s", From::position(2));
    ASSERT_EQ(old.gaps.size(), 1u);
    EXPECT_EQ(old.gaps[0].gap.from, 2u);
    EXPECT_EQ(old.gaps[0].gap.to, 5u);
    EXPECT_EQ(old.gaps[0].gap.reason, GapReason::deleted);
    EXPECT_EQ(old.offsets(), range(5, 7));
  }
}

TEST_F(Streams, AStreamDeletedEmptyReturnsToo) {
  ASSERT_TRUE(log().create_stream("s"));
  ASSERT_TRUE(log().delete_stream("s"));
  ASSERT_TRUE(log().create_stream("s", {.description = "again"}));
  EXPECT_EQ(append("s", 2).first, Offset{0});
  EXPECT_EQ(reopen().describe("s")->settings.description, "again");
}

TEST_F(Streams, ADeletedStreamsEventsAreAGapInTheWholeOrder) {
  append("s", 3);
  append("t", 2);
  ASSERT_TRUE(log().delete_stream("s"));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const Transcript all = read_all(log(), {});
    EXPECT_EQ(all.sequences(), range(3, 5));
    ASSERT_GE(all.gaps.size(), 1u);
    EXPECT_EQ(all.gaps[0].gap.from, 0u);
    EXPECT_EQ(all.gaps.back().gap.to, 3u);
    EXPECT_EQ(all.gaps[0].before, 0u);
    EXPECT_EQ(all.gaps[0].gap.reason, GapReason::deleted);
  }
}

TEST_F(Streams, TruncationLeavesATypedGap) {
  append("s", 4);
  append("s", 4);
  append("s", 4);
  EXPECT_EQ(log().truncate("s", Offset{6}).value(), Offset{6});  // inside a batch
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(describe("s").start, Offset{6});
    EXPECT_EQ(describe("s").events, 6u);
    EXPECT_EQ(log().available("s")->start, 6u);
    expect_stream("s", 6, 12);
    EXPECT_TRUE(read("s").gaps.empty());  // earliest asks for no more than there is
    const Transcript old = read("s", From::position(1));
    ASSERT_EQ(old.gaps.size(), 1u);
    EXPECT_EQ(old.gaps[0].before, 0u);
    EXPECT_EQ(old.gaps[0].gap.stream, "s");
    EXPECT_EQ(old.gaps[0].gap.from, 1u);
    EXPECT_EQ(old.gaps[0].gap.to, 6u);
    EXPECT_EQ(old.gaps[0].gap.reason, GapReason::truncated);
    expect_events(old, "s", 6, 12);
  }
}

TEST_F(Streams, TruncationGoesForwardOnlyAndNeverPastTheTail) {
  append("s", 10);
  EXPECT_EQ(log().truncate("s", Offset{4}).value(), Offset{4});
  EXPECT_EQ(log().truncate("s", Offset{2}).value(), Offset{4});
  EXPECT_EQ(code_of(log().truncate("s", Offset{11})), Code::out_of_range);
  EXPECT_EQ(code_of(log().truncate("nobody", Offset{0})), Code::not_found);
  EXPECT_EQ(log().truncate("s", Offset{10}).value(), Offset{10});
  EXPECT_EQ(describe("s").events, 0u);
  EXPECT_EQ(read("s").offsets(), range(0, 0));
  reopen();
  EXPECT_EQ(append("s").first, Offset{10});
  expect_stream("s", 10, 11);
}

TEST_F(Streams, TheLogsOwnIsNeitherDeletedNorTruncated) {
  append("s", 3);
  EXPECT_EQ(code_of(log().truncate("$all", Offset{2})), Code::invalid);
  const auto removed = log().delete_stream("$all");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::invalid);
  reopen();
  EXPECT_EQ(log().available("$all")->start, 0u);
  EXPECT_EQ(log().available("$all")->tail, 3u);
}

}  // namespace
}  // namespace strandline::tests
