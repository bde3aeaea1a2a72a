// Clocks at random: back and forth by an hour and by ten years, frozen, over reopenings.
//
// STRANDLINE_CLOCK_SEEDS=N runs more; STRANDLINE_SEED=S begins at the seed S (the printed one of a
// failure replays it alone with STRANDLINE_CLOCK_SEEDS=1).
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

constexpr int64_t kStart = 1'700'000'000'000'000;
constexpr int64_t kAnHour = 3'600'000'000;
constexpr int64_t kTenYears = 87'660 * kAnHour;

// The clock of one run, and what the log makes of it.
struct Time {
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(Timestamp{kStart});

  // Of what expires: what the log keeps of it when it is left may be a minute old.
  static constexpr int64_t kLostUs = 60'000'000;
  int64_t lost_us = 0;  // at most, over all reopenings
  int64_t lived_us() const { return clock->elapsed_us(); }
  void opened() { lost_us += kLostUs; }

  void jump(std::mt19937_64& random) {
    static constexpr int64_t kJumps[] = {-kAnHour, kAnHour,   -kTenYears, kTenYears,
                                         1,        1'000'000, 0,          0};
    const int64_t now = clock->now().us + kJumps[random() % std::size(kJumps)];
    clock->set({std::clamp(now, int64_t{1}, kStart + 4 * kTenYears)});
  }
};

// Marks that live for a while, some of them looked at again and again.
class Marks {
 public:
  void ask(Log& log, const Time& time, std::mt19937_64& random) {
    const std::string id = std::to_string(random() % 8);
    const auto ttl_s = static_cast<int64_t>(1 + random() % 7200);
    const int64_t now_us = time.lived_us();
    const bool lives = log.was_processed("c", id).value();
    const auto found = lives_.find(id);
    if (found == lives_.end()) {
      EXPECT_FALSE(lives) << id;
    } else if (found->second.expires_us > now_us) {
      EXPECT_TRUE(lives) << id;
    } else if (found->second.expires_us + time.lost_us - found->second.lost_us <= now_us) {
      EXPECT_FALSE(lives) << id;
    }
    EXPECT_EQ(log.once("c", id, static_cast<uint64_t>(ttl_s)).value(), !lives) << id;
    if (!lives) lives_[id] = {now_us + ttl_s * 1'000'000, time.lost_us};
  }

 private:
  struct Life {
    int64_t expires_us;
    int64_t lost_us;  // as it began
  };
  std::map<std::string, Life> lives_;
};

void change_clocks(uint64_t seed) {
  SCOPED_TRACE("STRANDLINE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const TemporaryDirectory directory("/dev/shm");
  Time time;
  Options options;
  options.batch_cache_bytes = 16 << 10;
  options.block_cache_bytes = 1 << 20;
  options.disk_reserve_bytes = 1 << 20;
  options.segment_age_max_s = 1800;
  options.clock = time.clock;
  auto log = Log::open(directory / "data", options).value();
  std::optional<Subscription> follower(log->subscribe({}).value());
  Marks marks;
  std::map<std::string, uint64_t> tails;
  std::vector<int64_t> stored;  // by sequence
  uint64_t followed = 0;
  for (int step = 0; step < 40; ++step) {
    if (random() % 2 == 0) time.jump(random);
    if (random() % 4 == 0) time.clock->advance_us(static_cast<int64_t>(random() % 1'200'000'000));
    if (random() % 16 == 0) {
      const uint64_t position = follower->position();
      follower.reset();
      log.reset();
      log = Log::open(directory / "data", options).value();
      time.opened();
      follower.emplace(log->subscribe({.from = From::position(position)}).value());
    }
    marks.ask(*log, time, random);
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
