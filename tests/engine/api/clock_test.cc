// Clocks go back and forth; the log's times do not go back, and its offsets do not care.
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using Clocks = LogTest;
constexpr int64_t kNow = 1'700'000'000'000'000;
constexpr int64_t kHour = 3'600'000'000;

TEST_F(Clocks, StoredNeverDecreasesWhateverTheClockDoes) {
  const auto clock = std::make_shared<ManualClock>(Timestamp{kNow});
  options.clock = clock;
  EXPECT_EQ(append("s").stored, Timestamp{kNow});
  clock->set({kNow - kHour});
  EXPECT_EQ(append("s").stored, Timestamp{kNow});
  EXPECT_EQ(append("t").stored, Timestamp{kNow});
  clock->set({kNow + 1});
  EXPECT_EQ(append("s").stored, Timestamp{kNow + 1});
  clock->set({0});
  reopen();  // nor over a restart
  EXPECT_GE(append("s").stored, Timestamp{kNow + 1});
  int64_t last = 0;
  for (const Seen& seen : read_all(log(), {}).events) {
    EXPECT_GE(seen.stored_us, last);
    last = seen.stored_us;
  }
  expect_stream("s", 0, 4);
}

TEST_F(Clocks, JumpingByYearsNeitherLosesNorRollsWithoutEnd) {
  const auto clock = std::make_shared<ManualClock>(Timestamp{kNow});
  options.clock = clock;
  std::mt19937_64 random(seed("Clocks"));
  static constexpr int64_t kJumps[] = {-kHour, kHour, -87'600 * kHour, 87'600 * kHour, 0, 1};
  for (uint64_t i = 0; i < 60; ++i) {
    clock->set({kNow + kJumps[random() % 6]});
    EXPECT_EQ(append("s").first, Offset{i});
    if (i % 20 == 19) reopen();
  }
  EXPECT_LE(log().segments().size(), 60u);
  expect_stream("s", 0, 60);
  const auto times = read("s");
  EXPECT_TRUE(std::ranges::is_sorted(times.events, {}, &Seen::stored_us));
}

TEST_F(Clocks, ATimeOfOneMomentBeginsAtItsFirstEvent) {
  options.clock = std::make_shared<ManualClock>(Timestamp{kNow});  // frozen
  append_singly("s", 20);
  EXPECT_EQ(read("s", From::time({kNow})).offsets(), range(0, 20));
  EXPECT_EQ(read("s", From::time({kNow + 1})).offsets(), range(0, 0));
}

}  // namespace
}  // namespace strandline::tests
