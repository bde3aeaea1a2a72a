// Clocks at random: back and forth by an hour and by ten years, frozen, over reopenings.
//
// STRANDLINE_CLOCK_SEEDS=N runs more; STRANDLINE_SEED=S begins at the seed S (the printed one of a
// failure replays it alone with STRANDLINE_CLOCK_SEEDS=1).
#include <random>

#include "tests/support/log_test.h"

namespace strandline::tests {
namespace {

constexpr int64_t kStart = 1'700'000'000'000'000;
constexpr int64_t kAnHour = 3'600'000'000;
constexpr int64_t kTenYears = 87'660 * kAnHour;

// The clock of one run, and what the log makes of it.
struct Time {
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(Timestamp{kStart});

  void jump(std::mt19937_64& random) {
    static constexpr int64_t kJumps[] = {-kAnHour, kAnHour,   -kTenYears, kTenYears,
                                         1,        1'000'000, 0,          0};
    const int64_t now = clock->now().us + kJumps[random() % std::size(kJumps)];
    clock->set({std::clamp(now, int64_t{1}, kStart + 4 * kTenYears)});
  }
};

void change_clocks(uint64_t seed) {
  SCOPED_TRACE("STRANDLINE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const TemporaryDirectory directory("/dev/shm");
  Time time;
  Options options;
  options.window_bytes = 16 << 10;
  options.block_cache_bytes = 1 << 20;
  options.disk_reserve_bytes = 1 << 20;
  options.segment_age_max_s = 1800;
  options.clock = time.clock;
  auto log = Log::open(directory / "data", options).value();
  std::optional<Subscription> follower(log->subscribe({}).value());
  std::map<std::string, uint64_t> tails;
  std::vector<int64_t> stored;  // by sequence
  uint64_t followed = 0;
  for (int step = 0; step < 40; ++step) {
    if (random() % 2 == 0) time.jump(random);
    if (random() % 16 == 0) {
      const uint64_t position = follower->position();
      follower.reset();
      log.reset();
      log = Log::open(directory / "data", options).value();
      follower.emplace(log->subscribe({.from = From::position(position)}).value());
    }
    const std::string stream = "s" + std::to_string(random() % 3);
    const auto count = static_cast<uint32_t>(1 + random() % 4);
    const auto before = log->segments();
    const int64_t now = time.clock->now().us;
    const auto appended =
        log->append(Append{.stream = stream, .batch = batch(stream, Offset{tails[stream]}, count)});
    ASSERT_TRUE(appended) << appended.error().message;
    EXPECT_EQ(appended->first.value, tails[stream]);
    EXPECT_EQ(appended->sequence.value, stored.size());
    const int64_t last = stored.empty() ? 0 : stored.back();
    EXPECT_EQ(appended->stored.us, std::max(now, last));
    tails[stream] += count;
    stored.insert(stored.end(), count, appended->stored.us);
    // A segment ends when the log's own time says so, and not before.
    const auto after = log->segments();
    if (!before.empty()) {
      const int64_t age = appended->stored.us - before.back().created.us;
      const bool due = age >= int64_t{1'800'000'000};
      EXPECT_EQ(after.size(), before.size() + (due ? 1 : 0)) << "age in us: " << age;
      EXPECT_GE(after.back().created, before.back().created);
    }
    for (const Transcript seen = await_events(*follower, count); const Seen& event : seen.events) {
      EXPECT_EQ(event.sequence, followed);
      EXPECT_EQ(event.stored_us, stored[followed]);
      EXPECT_EQ(event.difference, "");
      ++followed;
    }
  }
  for (const int reopened : {0, 1}) {
    if (reopened) {
      follower.reset();
      log = nullptr;
      time.jump(random);
      log = Log::open(directory / "data", options).value();
    }
    const Transcript all = read_all(*log, {});
    EXPECT_EQ(all.sequences(), range(0, stored.size()));
    for (const Seen& event : all.events) EXPECT_EQ(event.stored_us, stored[event.sequence]);
    const int64_t moment = stored[random() % stored.size()];
    const auto first = std::ranges::lower_bound(stored, moment) - stored.begin();
    EXPECT_EQ(read_all(*log, {.from = From::time({moment})}).sequences(),
              range(static_cast<uint64_t>(first), stored.size()));
    EXPECT_TRUE(log->verify().findings.empty());
  }
}

TEST(ClocksAtRandom, MoveNoOffsetAndNoTimeBackAndExpireNothingEarly) {
  const uint64_t first = seed("ClocksAtRandom");
  const uint64_t seeds = number_from("STRANDLINE_CLOCK_SEEDS", 50);
  for (uint64_t i = 0; i < seeds && !testing::Test::HasFailure(); ++i) change_clocks(first + i);
}

}  // namespace
}  // namespace strandline::tests
