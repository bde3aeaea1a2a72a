// Conditions on a stream's next offset: none, absent, exactly n. A conflict says what is.
#include <future>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Conditions : public LogTest {
 protected:
  Result<Appended> append_if(const std::string& stream, Expected expected, uint64_t as = 0) {
    return log().append(
        Append{.stream = stream, .batch = batch(stream, Offset{as}, 1), .expected = expected});
  }
};

TEST_F(Conditions, NextHoldsOnlyAtThatOffset) {
  EXPECT_TRUE(append_if("s", Offset{0}));
  EXPECT_TRUE(append_if("s", Offset{1}, 1));
  for (const uint64_t wrong : {0, 1, 3, 1000}) {
    const auto refused = append_if("s", Offset{wrong});
    ASSERT_EQ(code_of(refused), Code::conflict);
    EXPECT_EQ(refused.error().current, 2u);
  }
  expect_stream("s", 0, 2);
}

TEST_F(Conditions, AbsentHoldsOnlyForANewStream) {
  EXPECT_TRUE(append_if("s", Expected::absent()));
  const auto refused = append_if("s", Expected::absent());
  ASSERT_EQ(code_of(refused), Code::conflict);
  EXPECT_EQ(refused.error().current, 1u);
  expect_stream("s", 0, 1);
}

TEST_F(Conditions, AStreamThatWasCreatedEmptyIsNotAbsent) {
  ASSERT_TRUE(log().create_stream("s"));
  EXPECT_EQ(code_of(append_if("s", Expected::absent())), Code::conflict);
  EXPECT_TRUE(append_if("s", Offset{0}));
}

TEST_F(Conditions, ARefusedAppendLeavesNoStreamBehind) {
  EXPECT_EQ(code_of(append_if("s", Offset{5})), Code::conflict);
  EXPECT_EQ(code_of(log().describe("s")), Code::not_found);
  EXPECT_EQ(log().durable_next(), Sequence{0});
}

TEST_F(Conditions, OneOfManyRacersWinsEachOffset) {
  constexpr int kRacers = 8;
  constexpr uint64_t kOffsets = 50;
  std::atomic<uint64_t> won = 0;
  {
    Log& shared = log();
    std::vector<std::jthread> racers;
    for (int r = 0; r < kRacers; ++r) {
      racers.emplace_back([&] {
        for (uint64_t next = 0; next < kOffsets;) {
          const auto result = shared.append(Append{
              .stream = "s", .batch = batch("s", Offset{next}, 1), .expected = Offset{next}});
          if (result) {
            ++won;
            ++next;
          } else if (result.error().code == Code::conflict) {
            next = result.error().current.value();
          } else {
            return;
          }
        }
      });
    }
  }
  EXPECT_EQ(won, kOffsets);
  expect_stream("s", 0, kOffsets);
}

TEST_F(Conditions, ConditionsSeeWhatIsAheadInTheSameGroup) {
  // Both are queued before either is durable: the second must be judged after the first.
  std::promise<Code> first, second;
  log().append(Append{.stream = "s", .batch = batch("s", Offset{0}, 2)},
               [&](auto result) { first.set_value(result ? Code::busy : result.error().code); });
  log().append(Append{.stream = "s", .batch = batch("s", Offset{2}, 1), .expected = Offset{2}},
               [&](auto result) { second.set_value(result ? Code::busy : result.error().code); });
  EXPECT_EQ(first.get_future().get(), Code::busy);
  EXPECT_EQ(second.get_future().get(), Code::busy);
  expect_stream("s", 0, 3);
}

}  // namespace
}  // namespace strandline::tests
