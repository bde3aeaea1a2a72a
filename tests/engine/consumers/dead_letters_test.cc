// Dead letters, one promise a test: how many are buried at a time and in all, which of them can be
// given out again, and that nobody is given his own.
#include <atomic>

#include "tests/support/log/consumer_test.h"

namespace strandline::tests {
namespace {

class DeadLetters : public ConsumerTest {
 protected:
  static constexpr int64_t kHeldUs = 10'000'000;  // until a burial that failed is tried again

  // Has everything that there is given out to a new member, and refused by it.
  uint64_t refuse_all() {
    const uint64_t member = join();
    Settle settle{.consumer = "c", .epoch = member};
    for (const uint64_t position : positions(fetch(member, 1'000))) {
      settle.nacks.push_back({Span::of(position), 0, {}});
    }
    EXPECT_TRUE(log().settle(settle));
    return member;
  }
  uint64_t bury_all() {
    const uint64_t member = refuse_all();
    EXPECT_TRUE(eventually([&] { return info().unacked == 0; }));
    return member;
  }
  void expect_nothing_to_replay(uint64_t dead) {
    const auto refused = log().replay("c", 10);
    ASSERT_EQ(code_of(refused), Code::conflict);
    EXPECT_THAT(refused.error().message,
                testing::HasSubstr("the " + std::to_string(dead) + " events"));
    EXPECT_THAT(refused.error().message, testing::HasSubstr("\"dead-letters/c\""));
    EXPECT_EQ(info().dead_lettered, dead) << "their copies can still be found";
  }
};

// --- Given out again.

TEST_F(DeadLetters, WhatIsStillThereIsReplayedAndWhatWasTruncatedIsNot) {
  append("s", 4);
  create(Mode::shared, {.attempts_max = 1});
  const uint64_t a = bury_all();
  ASSERT_EQ(info().dead_lettered, 4u);
  ASSERT_TRUE(log().truncate("s", Offset{2}));
  EXPECT_EQ(log().replay("c", 1).value(), 1u);
  const Fetched fetched = fetch(a);
  EXPECT_EQ(positions(fetched), range(2, 3)) << "the oldest that is there";
  EXPECT_EQ(fetched.given.at(0).attempt, 1u);
  EXPECT_TRUE(fetched.gaps.empty());
  EXPECT_EQ(log().replay("c", 10).value(), 1u);
  EXPECT_EQ(positions(fetch(a)), range(3, 4));
  expect_nothing_to_replay(2);
  EXPECT_EQ(info().unacked, 2u);
}

TEST_F(DeadLetters, OfADeletedStreamAreNotReplayed) {
  append("s", 3);
  append("t", 1);
  all_ = true;
  create(Mode::shared, {.attempts_max = 1});
  bury_all();
  ASSERT_TRUE(log().delete_stream("s"));
  EXPECT_EQ(log().replay("c", 10).value(), 1u) << "of the other stream";
  expect_nothing_to_replay(3);
}

TEST_F(DeadLetters, OfADroppedSegmentAreNotReplayed) {
  append("s", 3);
  create(Mode::shared, {.attempts_max = 1});
  bury_all();
  ASSERT_TRUE(log().drop_segment(log().roll().value()));
  expect_nothing_to_replay(3);
  reopen();
  expect_nothing_to_replay(3);
}

// --- Not one's own.

TEST_F(DeadLetters, DoNotComeRoundToWhoReadsEverything) {
  append("s", 2);
  all_ = true;
  create(Mode::shared, {.attempts_max = 1});
  const uint64_t a = bury_all();
  ASSERT_EQ(describe("dead-letters/c").tail, Offset{2});
  EXPECT_TRUE(fetch(a).empty());
  append("s", 1);
  EXPECT_EQ(positions(fetch(a)), range(4, 5)) << "behind the two copies";
  EXPECT_EQ(info().dead_lettered, 2u);
  EXPECT_EQ(info().lag, 1u) << "what it was just given";
  ASSERT_TRUE(log().create_consumer("d", {.mode = Mode::shared}));
  EXPECT_THAT(positions(log().fetch(Fetch{.consumer = "d"}).value()), testing::ElementsAre(0, 1, 4))
      << "nor to anybody who does not ask for them";
}

TEST_F(DeadLetters, DoNotComeRoundToWhoReadsAPrefixThatTheyHave) {
  append("dead", 2);
  create(Mode::shared, {.select = Selection::prefix("dead"), .attempts_max = 1});
  const uint64_t a = bury_all();
  ASSERT_EQ(describe("dead-letters/c").tail, Offset{2});
  append("dead", 1);
  EXPECT_EQ(positions(fetch(a)), range(4, 5));
  EXPECT_EQ(info().dead_lettered, 2u);
}

// --- How many.

TEST_F(DeadLetters, AreBuriedHoweverManyAndInTheirOrder) {
  append("s", 250);
  create(Mode::shared, {.attempts_max = 1});
  bury_all();
  EXPECT_EQ(info().dead_lettered, 250u);
  const auto dead = log().dead_letters("c", 0, 1'000).value();
  for (uint64_t at = 0; at < dead.size(); ++at) EXPECT_EQ(dead[at].at.value, at);
}

TEST_F(DeadLetters, AreBoundedAndWhatHasNoRoomWaits) {
  options.limits.dead_letters_max = 2;
  std::atomic<int> told = 0;
  options.on_warning = [&](const std::string& line) {
    if (line.find("2 of consumer \"c\" stays where it is") != std::string::npos &&
        line.find("has 2 dead letters") != std::string::npos) {
      ++told;
    }
  };
  append("s", 3);
  create(Mode::shared, {.attempts_max = 1});
  const uint64_t a = refuse_all();
  EXPECT_TRUE(eventually([&] { return told == 1; }));
  EXPECT_EQ(info().dead_lettered, 2u);
  EXPECT_EQ(info().unacked, 1u);
  EXPECT_EQ(describe("dead-letters/c").tail, Offset{2}) << "no copy without its account";
  clock_->advance_us(kHeldUs);
  EXPECT_TRUE(eventually([&] { return told == 2; })) << "it is tried again";
  EXPECT_EQ(describe("dead-letters/c").tail, Offset{2});
  // And once there is room, it is buried.
  ASSERT_EQ(log().replay("c", 1).value(), 1u);
  ASSERT_EQ(positions(fetch(a)), range(0, 1));
  ASSERT_TRUE(ack(a, 0, 1));
  clock_->advance_us(kHeldUs);
  EXPECT_TRUE(eventually([&] { return info().dead_lettered == 2 && info().unacked == 0; }));
}

}  // namespace
}  // namespace strandline::tests
