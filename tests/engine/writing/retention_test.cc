// Retention: what is older, or more, than its stream keeps is cut for readers, and no more than
// that; what must stay stays; a clock that jumped drops nothing; and the disk gets its bytes back.
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using testing::HasSubstr;
using enum PolicyField;

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;

class Expiry : public LogTest {
 protected:
  Expiry() {
    options.clock = clock_;
    options.retention_interval_ms = 0;
  }
  void keep(const std::string& prefix, PolicyChange change) {
    ASSERT_TRUE(log().change_policy(prefix, std::move(change)));
  }
  void look() {
    const auto done = log().retain_now();
    ASSERT_TRUE(done) << done.error().message;
  }
  std::pair<uint64_t, uint64_t> bounds(const std::string& stream) {
    const StreamInfo info = describe(stream);
    return {info.start.value, info.tail.value};
  }
  // One whose bytes no compressor takes away.
  void append_noise(const std::string& stream, size_t bytes) {
    std::string noise;
    while (noise.size() < bytes) {
      noise_ = noise_ * 6364136223846793005ull + 1442695040888963407ull;
      noise.push_back(static_cast<char>(noise_ >> 56));
    }
    ASSERT_TRUE(log().append(Append{
        .stream = stream,
        .batch = Batch::of({{.type = "t", .form = DataForm::binary, .data = noise}}).value()}));
  }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  uint64_t noise_ = 1;
};

TEST_F(Expiry, NothingGoesWithoutAPolicy) {
  append("s", 10);
  clock_->advance_us(1'000 * kHourUs);
  look();
  expect_stream("s", 0, 10);
}

TEST_F(Expiry, ByNumberOfEventsToTheEvent) {
  append("s", 10);
  append_singly("t", 3);
  keep("", {{events_max, uint64_t{4}}});
  look();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_stream("s", 6, 10);
    expect_stream("t", 0, 3);
    const Transcript old = read("s", From::position(2));
    ASSERT_EQ(old.gaps.size(), 1u);
    EXPECT_EQ(old.gaps[0].gap.from, 2u);
    EXPECT_EQ(old.gaps[0].gap.to, 6u);
    EXPECT_EQ(old.gaps[0].gap.reason, GapReason::expired);
  }
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Expiry, ByBytesAtABatchAndNeverTheNewest) {
  for (int i = 0; i < 10; ++i) append_noise("s", 1'000);
  const uint64_t each = describe("s").bytes / 10;
  keep("s", {{bytes_max, 3 * each + 10}});
  look();
  EXPECT_EQ(bounds("s"), std::pair(uint64_t{7}, uint64_t{10}));
  EXPECT_LE(describe("s").bytes, 3 * each + 10);
  keep("s", {{bytes_max, uint64_t{1}}});
  look();
  EXPECT_EQ(bounds("s"), std::pair(uint64_t{9}, uint64_t{10}));
}

TEST_F(Expiry, ByAgeOfWhatIsStored) {
  append("s", 5);
  clock_->advance_us(kHourUs);
  append("s", 5);
  keep("", {{age_max_s, uint64_t{7'200}}});
  look();
  expect_stream("s", 0, 10);
  clock_->advance_us(kHourUs + 1);
  look();
  expect_stream("s", 5, 10);
  clock_->advance_us(kHourUs);
  look();
  EXPECT_EQ(bounds("s"), std::pair(uint64_t{10}, uint64_t{10}));
  append("s", 1);
  look();
  expect_stream("s", 10, 11);
}

TEST_F(Expiry, WhicheverComesFirstAndEachStreamItsOwn) {
  append("a.s", 10);
  append("b.s", 10);
  append("c.s", 10);
  keep("", {{age_max_s, uint64_t{3'600}}, {events_max, uint64_t{8}}});
  keep("b.", {{age_max_s, kNoLimit}});
  ASSERT_TRUE(log().change_stream("c.s", {.policy = {{events_max, uint64_t{3}}}}));
  look();
  EXPECT_EQ(bounds("a.s").first, 2u);
  EXPECT_EQ(bounds("b.s").first, 2u);
  EXPECT_EQ(bounds("c.s").first, 7u);
  clock_->advance_us(2 * kHourUs);
  look();
  EXPECT_EQ(bounds("a.s").first, 10u);
  EXPECT_EQ(bounds("b.s").first, 2u);
  EXPECT_EQ(log().retention().events_expired, 2u + 2u + 7u + 8u + 3u);
}

TEST_F(Expiry, AFollowerMeetsAGapAndGoesOn) {
  append("s", 10);
  auto one = log().subscribe({.select = Selection::stream("s")});
  auto all = log().subscribe({});
  ASSERT_TRUE(one && all);
  keep("", {{events_max, uint64_t{2}}});
  look();
  append("s", 1);
  for (Subscription* subscription : {&*one, &*all}) {
    const Transcript seen = drain(*subscription);
    EXPECT_EQ(seen.offsets(), range(8, 11));
    ASSERT_EQ(seen.gaps.size(), 1u);
    EXPECT_EQ(seen.gaps[0].gap.reason, GapReason::expired);
    EXPECT_EQ(seen.gaps[0].gap.from, 0u);
    EXPECT_EQ(seen.gaps[0].gap.to, 8u);
  }
}

TEST_F(Expiry, WhatAConsumerRetainsStaysUntilItIsAcked) {
  append("s", 10);
  append("t", 10);
  ASSERT_TRUE(log().create_consumer(
      "c",
      {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s"), .retain = true}));
  ASSERT_TRUE(log().create_consumer("all", {.select = Selection::all(), .retain = true}));
  keep("", {{events_max, uint64_t{1}}});
  const uint64_t epoch = log().join("all").value().epoch;
  ASSERT_TRUE(log().commit({.consumer = "all", .stream = "$all", .next = 15, .epoch = epoch}));
  look();
  EXPECT_EQ(bounds("s").first, 0u) << "c has acked nothing";
  EXPECT_THAT(log().retention().blocked, HasSubstr("retains"));
  const auto fetched = log().fetch(Fetch{.consumer = "c", .events_max = 6});
  ASSERT_TRUE(fetched);
  ASSERT_TRUE(log().settle(Settle{.consumer = "c", .epoch = fetched->epoch, .acks = {{0, 6}}}));
  look();
  EXPECT_EQ(bounds("s").first, 6u);
  ASSERT_TRUE(log().delete_consumer("all"));
  look();
  EXPECT_EQ(bounds("t").first, 9u);
}

TEST_F(Expiry, AConsumerThatRetainsNothingPassesOverWhatWent) {
  append("s", 10);
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  keep("", {{events_max, uint64_t{3}}});
  look();
  const auto fetched = log().fetch(Fetch{.consumer = "c", .events_max = 100});
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->given.size(), 3u);
  EXPECT_EQ(fetched->given.front().position, 7u);
}

// --- The clock.

TEST_F(Expiry, AClockThatJumpsDropsNothingUntilSomebodyConfirms) {
  std::vector<std::string> told;
  options.on_warning = [&](const std::string& text) { told.push_back(text); };
  append("s", 10);
  keep("", {{age_max_s, uint64_t{86'400}}});
  look();
  clock_->set({clock_->now().us + 1'000 * kHourUs});
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    look();
    expect_stream("s", 0, 10);
    const RetentionInfo info = log().retention();
    ASSERT_TRUE(info.paused);
    EXPECT_THAT(info.paused->why, HasSubstr("jumped by 3600000 s"));
    EXPECT_EQ(info.paused->jump_s, 3'600'000);
    EXPECT_THAT(info.blocked, HasSubstr("paused"));
  }
  EXPECT_FALSE(told.empty());
  ASSERT_TRUE(log().confirm_clock());
  EXPECT_EQ(code_of(log().confirm_clock()), Code::conflict);
  look();
  EXPECT_EQ(bounds("s").first, 10u);
  EXPECT_FALSE(log().retention().paused);
}

TEST_F(Expiry, AClockThatIsSetBackPausesToo) {
  append("s", 1);
  keep("", {{age_max_s, uint64_t{86'400}}});
  look();
  clock_->set({clock_->now().us - 2 * kHourUs});
  look();
  ASSERT_TRUE(log().retention().paused);
  EXPECT_EQ(log().retention().paused->jump_s, -7'200);
  ASSERT_TRUE(log().confirm_clock());
  look();
  EXPECT_FALSE(log().retention().paused);
}

TEST_F(Expiry, ALittleAndTimeThatPassesAreNoJump) {
  append("s", 1);
  keep("", {{age_max_s, uint64_t{86'400}}});
  look();
  clock_->set({clock_->now().us + kHourUs - 1'000'000});
  clock_->advance_us(20 * kHourUs);
  look();
  EXPECT_FALSE(log().retention().paused);
  // Many small ones are one that is large.
  clock_->set({clock_->now().us + kHourUs / 2});
  look();
  EXPECT_TRUE(log().retention().paused);
}

TEST_F(Expiry, AnOpeningDoesNotTrustAClockThatIsFarOff) {
  append("s", 1);
  keep("", {{age_max_s, uint64_t{86'400}}});
  close();
  clock_->set({clock_->now().us + 31 * 24 * kHourUs});
  look();
  EXPECT_TRUE(log().retention().paused);
  expect_stream("s", 0, 1);
  ASSERT_TRUE(log().confirm_clock());
  look();
  EXPECT_EQ(bounds("s").first, 1u);
}

// --- The disk.

TEST_F(Expiry, SegmentsInWhichNothingIsLeftAreDropped) {
  append("s", 10);
  ASSERT_TRUE(log().roll());
  append("s", 10);
  ASSERT_TRUE(log().roll());
  append("s", 10);
  keep("", {{events_max, uint64_t{15}}});
  look();
  ASSERT_TRUE(eventually([&] {
    (void)log().reclaim_now();
    return log().segments().size() == 2;
  }));
  EXPECT_EQ(log().retention().segments_dropped, 1u);
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_stream("s", 15, 30);
    const Transcript old = read("s", From::position(0));
    ASSERT_EQ(old.gaps.size(), 1u);
    EXPECT_EQ(old.gaps[0].gap.reason, GapReason::expired);
  }
}

TEST_F(Expiry, ASegmentOfWhichMuchIsDeadIsRewritten) {
  for (int i = 0; i < 40; ++i) {
    append_noise("short", 50'000);
    append_noise("long", 10'000);
  }
  const SegmentId sealed = log().roll().value();
  append("long", 1);
  keep("short", {{events_max, uint64_t{1}}});
  look();
  // Filed, and in table files.
  ASSERT_TRUE(eventually([&] {
    (void)log().reclaim_now();
    return log().retention().segments_rewritten == 1;
  }));
  const RetentionInfo info = log().retention();
  EXPECT_GT(info.reclaimed_bytes, 1'700'000u);
  EXPECT_LT(info.dead_bytes, 100'000u);
  EXPECT_EQ(log().segments().front().id, sealed);
  EXPECT_GT(log().segments().front().removed_bytes, 1'800'000u);
  for (const int reopened : {0, 1}) {
    if (reopened) {
      reopen();
      ASSERT_TRUE(log().reclaim_now());
      EXPECT_EQ(log().retention().segments_rewritten, 0u) << "it is known to be done";
    }
    EXPECT_EQ(read("short").offsets(), range(39, 40));
    EXPECT_EQ(read("long").offsets(), range(0, 41));
    const Transcript all = read_all(log(), {});
    EXPECT_EQ(all.events.size(), 42u);
    for (const SeenGap& gap : all.gaps) EXPECT_EQ(gap.gap.reason, GapReason::expired);
    ASSERT_TRUE(eventually([&] { return log().counters().index_backlog == 0; }));
    const auto found = log().verify();
    EXPECT_TRUE(found.findings.empty())
        << found.findings.front().place << ": " << found.findings.front().what;
    EXPECT_EQ(read_all(log(), {.types = std::vector<std::string>{"t"}}).events.size(), 41u);
  }
}

TEST_F(Expiry, TheLogKeepsToItsLimitOnTheDisk) {
  options.log_bytes_max = 6'000'000;
  options.segment_bytes_max = 1 << 20;
  for (int i = 0; i < 12; ++i) {
    for (int k = 0; k < 20; ++k) append_noise("s", 50'000);
    ASSERT_TRUE(log().roll());
  }
  ASSERT_TRUE(eventually([&] {
    append("t", 1);
    look();
    return log().retention().disk_bytes <= options.log_bytes_max;
  })) << log().retention().disk_bytes;
  EXPECT_LT(log().segments().size(), 8u);
  EXPECT_GE(log().segments().size(), 2u);
  const auto [start, tail] = bounds("s");
  EXPECT_GT(start, 0u);
  EXPECT_EQ(read("s").offsets(), range(start, tail));
}

TEST_F(Expiry, AHoldKeepsTheLogAboveItsLimitAndThatIsSaid) {
  options.log_bytes_max = 100'000;
  for (int k = 0; k < 20; ++k) append_noise("s", 50'000);
  ASSERT_TRUE(log().roll());
  ASSERT_TRUE(log().hold({.name = "h", .scope = {.name = "s"}, .reason = "r"}));
  EXPECT_EQ(code_of(log().retain_now()), Code::held);
  EXPECT_THAT(log().retention().blocked, HasSubstr("log_bytes_max"));
  EXPECT_THAT(log().retention().blocked, HasSubstr("\"h\""));
  EXPECT_EQ(read("s").offsets(), range(0, 20));
}

TEST_F(Expiry, GoesOnByItself) {
  options.retention_interval_ms = 1;
  append("s", 10);
  keep("", {{events_max, uint64_t{4}}});
  EXPECT_TRUE(eventually([&] { return bounds("s").first == 6; }));
}

// --- Truncation before a time.

TEST_F(Expiry, TruncationBeforeATimeAndATryOfIt) {
  append("s", 5);
  clock_->advance_us(kHourUs);
  const Timestamp moment = clock_->now();
  append("s", 5);
  EXPECT_EQ(log().offset_at("s", moment).value(), Offset(5));
  EXPECT_EQ(log().offset_at("s", Timestamp{0}).value(), Offset(0));
  EXPECT_EQ(log().offset_at("s", Timestamp{moment.us + 1}).value(), Offset(10));
  EXPECT_EQ(code_of(log().offset_at("t", moment)), Code::not_found);
  const uint64_t all = describe("s").bytes;
  const auto would = log().truncate("s", Offset(5), true);
  ASSERT_TRUE(would);
  EXPECT_EQ(would->events, 5u);
  EXPECT_EQ(would->start, Offset(5));
  expect_stream("s", 0, 10);
  const auto took = log().truncate("s", Offset(5), false);
  ASSERT_TRUE(took);
  EXPECT_EQ(took->bytes, would->bytes);
  EXPECT_EQ(describe("s").bytes, all - took->bytes);
  expect_stream("s", 5, 10);
}

}  // namespace
}  // namespace strandline::tests
