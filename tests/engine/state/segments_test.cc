// Segments: rolled by size and by age, sealed, dropped whole; what is dropped is said.
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/log_test.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {
namespace {

class Segments : public LogTest {
 protected:
  // Three segments: s [0,10) t [0,5) | s [10,20) | s [20,25) u [0,5).
  void three_segments() {
    append("s", 10);
    append("t", 5);
    first_ = log().roll().value();
    append("s", 10);
    second_ = log().roll().value();
    append("s", 5);
    append("u", 5);
  }
  std::string newest_wal() const {
    std::vector<std::string> names;
    for (const auto& file : files_below(data(), ".log")) names.push_back(file.filename());
    return std::ranges::max(names);
  }
  SegmentId first_, second_;
};

TEST_F(Segments, AreADirectoryOfTheWholeOrder) {
  three_segments();
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    const auto segments = log().segments();
    ASSERT_EQ(segments.size(), 3u);
    EXPECT_EQ(segments[0].id, first_);
    EXPECT_EQ(segments[1].id, second_);
    EXPECT_TRUE(segments[0].sealed);
    EXPECT_TRUE(segments[1].sealed);
    EXPECT_FALSE(segments[2].sealed);
    const std::vector<uint64_t> edges = {0, 15, 25, 35};
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(segments[i].first, Sequence{edges[i]});
      EXPECT_EQ(segments[i].next, Sequence{edges[i + 1]});
      EXPECT_GT(segments[i].bytes, 0u);
    }
    expect_stream("s", 0, 25);
    expect_stream("t", 0, 5);
    expect_stream("u", 0, 5);
    EXPECT_EQ(read_all(log(), {}).sequences(), range(0, 35));
  }
}

TEST_F(Segments, RollBySize) {
  options.segment_bytes_max = 64 << 10;
  for (int i = 0; i < 40; ++i) append("s", 20);
  const auto segments = log().segments();
  ASSERT_GE(segments.size(), 3u);
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    EXPECT_TRUE(segments[i].sealed);
    EXPECT_EQ(segments[i].next, segments[i + 1].first);
    EXPECT_LE(segments[i].bytes, 2 * options.segment_bytes_max);
    EXPECT_GE(segments[i].bytes, options.segment_bytes_max / 2);
  }
  expect_stream("s", 0, 800);
  reopen();
  EXPECT_EQ(log().segments().size(), segments.size());
  expect_stream("s", 0, 800);
}

TEST_F(Segments, RollByAge) {
  const auto clock = std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  options.clock = clock;
  options.segment_age_max_s = 60;
  append("s");
  clock->advance_us(59'000'000);
  append("s");
  EXPECT_EQ(log().segments().size(), 1u);
  clock->advance_us(2'000'000);
  append("s");
  append("s");
  EXPECT_EQ(log().segments().size(), 2u);
  expect_stream("s", 0, 4);
}

TEST_F(Segments, AreDroppedOldestFirstOnly) {
  three_segments();
  EXPECT_FALSE(log().drop_segment(second_));
  EXPECT_FALSE(log().drop_segment(log().segments()[2].id));  // open
  expect_stream("s", 0, 25);
  ASSERT_TRUE(log().drop_segment(first_));
  EXPECT_FALSE(log().drop_segment(first_));
  ASSERT_TRUE(log().drop_segment(second_));
  EXPECT_EQ(log().segments().size(), 1u);
}

TEST_F(Segments, DroppingIsSaidInEveryStream) {
  three_segments();
  ASSERT_TRUE(log().drop_segment(first_));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    EXPECT_EQ(describe("s").start, Offset{10});
    EXPECT_EQ(describe("s").events, 15u);
    EXPECT_EQ(describe("t").start, Offset{5});
    EXPECT_EQ(describe("t").tail, Offset{5});
    EXPECT_EQ(describe("t").events, 0u);
    EXPECT_EQ(describe("u").start, Offset{0});
    expect_stream("s", 10, 25);
    const Transcript old = read("s", From::position(3));
    ASSERT_EQ(old.gaps.size(), 1u);
    EXPECT_EQ(old.gaps[0].before, 0u);
    EXPECT_EQ(old.gaps[0].gap.from, 3u);
    EXPECT_EQ(old.gaps[0].gap.to, 10u);
    EXPECT_EQ(old.gaps[0].gap.reason, GapReason::dropped);
    expect_events(old, "s", 10, 25);

    EXPECT_EQ(log().available("$all")->start, 15u);
    const Transcript all = read_all(log(), {.select = Selection::all(), .from = From::position(4)});
    EXPECT_EQ(all.sequences(), range(15, 35));
    ASSERT_EQ(all.gaps.size(), 1u);
    EXPECT_EQ(all.gaps[0].gap.from, 4u);
    EXPECT_EQ(all.gaps[0].gap.to, 15u);
    EXPECT_EQ(all.gaps[0].gap.reason, GapReason::dropped);
    EXPECT_EQ(read_all(log(), {}).sequences(), range(15, 35));
  }
}

TEST_F(Segments, OffsetsGoOnAfterEverythingWasDropped) {
  append("s", 10);
  const SegmentId sealed = log().roll().value();
  ASSERT_TRUE(log().drop_segment(sealed));
  EXPECT_EQ(describe("s").tail, Offset{10});
  reopen();
  EXPECT_EQ(describe("s").start, Offset{10});
  const Appended next = append("s");
  EXPECT_EQ(next.first, Offset{10});
  EXPECT_EQ(next.sequence, Sequence{10});
  expect_stream("s", 10, 11);
}

TEST_F(Segments, DroppingGivesTheDiskBack) {
  std::string noise;
  uint64_t state = 1;
  while (noise.size() < 100'000) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    noise.push_back(static_cast<char>(state >> 56));
  }
  const auto append_noise = [&] {
    ASSERT_TRUE(log().append(Append{
        .stream = "s",
        .batch = Batch::of({{.type = "t", .form = DataForm::binary, .data = noise}}).value()}));
  };
  for (int i = 0; i < 50; ++i) append_noise();
  const SegmentId sealed = log().roll().value();
  append_noise();
  const auto table_bytes = [&] {
    uint64_t bytes = 0;
    for (const auto& file : files_below(data())) {
      std::error_code gone;
      const auto size = std::filesystem::file_size(file, gone);
      if (!gone) bytes += size;
    }
    return bytes;
  };
  ASSERT_TRUE(log().drop_segment(sealed));
  reopen();
  EXPECT_TRUE(eventually([&] { return table_bytes() < 3'000'000; })) << table_bytes();
  EXPECT_EQ(read("s").offsets(), range(50, 51));
}

TEST_F(Segments, ADropBeginsNoWal) {
  // A new WAL while the old one's end is not durable would be a hole after a power cut: only the
  // writer begins one, after an fsync.
  for (int round = 0; round < 20; ++round) {
    append("s", 200);
    const auto segment = log().roll();
    ASSERT_TRUE(segment);
    append("s", 10);  // in memory, and in the WAL alone
    const std::string before = newest_wal();
    ASSERT_TRUE(log().drop_segment(*segment));
    EXPECT_EQ(newest_wal(), before) << "round " << round;
  }
}

TEST_F(Segments, SmallOnesShareTheirFilesAndAreDroppedFromThem) {
  // A flush for each, with a new WAL and a table file in every family, is more than it holds.
  options.segment_bytes_max = 4 << 10;
  append("s");
  const std::string before = newest_wal();
  append_singly("s", 500);
  EXPECT_GT(log().segments().size(), 10u);
  EXPECT_EQ(newest_wal(), before);
  // What is dropped is in memory and in that WAL, and must not stay there.
  while (log().segments().size() > 1) ASSERT_TRUE(log().drop_segment(log().segments()[0].id));
  const uint64_t start = describe("s").start.value;
  EXPECT_GT(start, 400u);
  EXPECT_TRUE(eventually([&] {
    uint64_t bytes = 0;
    for (const char* kind : {".log", ".sst"}) {
      for (const auto& file : files_below(data(), kind)) {
        std::error_code gone;
        const auto size = std::filesystem::file_size(file, gone);
        if (!gone) bytes += size;
      }
    }
    return bytes < 100'000;
  }));
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_stream("s", start, 501);
    EXPECT_TRUE(log().verify().findings.empty());
  }
}

TEST_F(Segments, AStreamsStartIsExactThoughItIsAppendedToDuringTheDrop) {
  options.segment_bytes_max = 8 << 10;
  std::vector<uint64_t> sequences;  // by offset
  std::mutex mutex;                 // guards it
  std::atomic<bool> done = false;
  std::atomic<uint64_t> appended = 0;
  log();
  std::thread appending([&] {
    while (!done) {
      const auto last = log().append({.stream = "s", .batch = batch("s", Offset{appended}, 1)});
      if (!last) break;
      const std::lock_guard lock(mutex);
      sequences.push_back(last->sequence.value);
      ++appended;
    }
  });
  int dropped = 0;
  while (dropped < 20) {
    const auto segments = log().segments();
    // The second is often the one that is being written.
    if (segments.size() < 2 || !log().drop_segment(segments[0].id)) continue;
    ++dropped;
    const uint64_t start = describe("s").start.value;
    const std::lock_guard lock(mutex);
    if (start > sequences.size()) continue;  // not written down here yet
    EXPECT_TRUE(start == 0 || sequences[start - 1] < segments[0].next.value) << start;
    EXPECT_TRUE(start == sequences.size() || sequences[start] >= segments[0].next.value) << start;
  }
  done = true;
  appending.join();
  const StreamInfo info = describe("s");
  for (const int reopened : {0, 1}) {
    if (reopened) reopen();
    expect_stream("s", info.start.value, appended);
    EXPECT_EQ(describe("s").bytes, info.bytes);
  }
  // Its bytes are what a log counts that had the same appended, and truncated there.
  auto twin = Log::open(directory() / "twin").value();
  for (uint64_t i = 0; i < appended; ++i) {
    ASSERT_TRUE(twin->append({.stream = "s", .batch = batch("s", Offset{i}, 1)}));
  }
  ASSERT_TRUE(twin->truncate("s", info.start));
  EXPECT_EQ(twin->describe("s")->bytes, info.bytes);
}

// Where its streams go on is looked up before a drop is queued, and only of the oldest segment: one
// that became the oldest since would be dropped with no start raised.
TEST_F(Segments, ADropOfWhatBecameTheOldestMeanwhileIsRefused) {
  const auto faults = std::make_shared<FaultFileSystem>();
  options.file_system = FaultFileSystem::as_option(faults);
  three_segments();
  const uint64_t before = faults->wal_bytes();
  faults->hold_appends();
  std::jthread first([&] { EXPECT_TRUE(log().drop_segment(first_)); });
  ASSERT_TRUE(eventually([&] { return faults->wal_bytes() > before; }));
  std::jthread second([&] {
    const Status dropped = log().drop_segment(second_);
    ASSERT_FALSE(dropped);
    EXPECT_EQ(dropped.error().code, Code::invalid);
  });
  ASSERT_TRUE(eventually([&] { return log().counters().queue_appends == 1; }));
  faults->release();
  first.join();
  second.join();
  EXPECT_EQ(describe("s").start, Offset{10});
  EXPECT_EQ(log().segments().front().id, second_);
  EXPECT_TRUE(log().drop_segment(second_));
  EXPECT_EQ(describe("s").start, Offset{20});
}

TEST_F(Segments, AReaderInsideADroppedSegmentIsTold) {
  options.batch_cache_bytes = 0;
  append_singly("s", 40);
  const SegmentId sealed = log().roll().value();
  append_singly("s", 10);
  auto subscription = log().subscribe({.select = Selection::stream("s")}).value();
  Transcript before;
  before.add(await(subscription));
  const uint64_t at = subscription.position();
  ASSERT_TRUE(log().drop_segment(sealed));
  const Transcript rest = drain(subscription);
  uint64_t covered = at;
  size_t event = 0;
  for (const SeenGap& gap : rest.gaps) {
    while (event < gap.before) EXPECT_EQ(rest.events[event++].offset, covered++);
    EXPECT_EQ(gap.gap.from, covered);
    EXPECT_EQ(gap.gap.reason, GapReason::dropped);
    covered = gap.gap.to;
  }
  while (event < rest.events.size()) EXPECT_EQ(rest.events[event++].offset, covered++);
  EXPECT_EQ(covered, 50u);
}

TEST_F(Segments, ADeletedStreamReturnsAfterItsSegmentWasDropped) {
  append("s", 10);
  ASSERT_TRUE(log().delete_stream("s"));
  append("t");
  const SegmentId sealed = log().roll().value();
  ASSERT_TRUE(log().drop_segment(sealed));
  reopen();
  EXPECT_EQ(log().append(Append{.stream = "s", .batch = batch("s", Offset{10}, 1)})->first,
            Offset{10});
}

TEST_F(Segments, RollingTwiceLosesNothing) {
  append("s", 3);
  ASSERT_TRUE(log().roll());
  log().roll();  // of an empty segment: allowed or refused, but harmless
  append("s", 3);
  reopen();
  expect_stream("s", 0, 6);
  EXPECT_EQ(read_all(log(), {}).sequences(), range(0, 6));
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Segments, AReaderDuringADropIsToldOfTheDropAndNotOfDamage) {
  options.batch_cache_bytes = 0;
  std::atomic<bool> done = false;
  std::atomic<int> damaged = 0, reads = 0;
  append("s", 10);
  std::thread reader([&] {
    while (!done) {
      for (const SeenGap& gap : read("s", From::position(0)).gaps) {
        if (gap.gap.reason == GapReason::damaged) ++damaged;
      }
      ++reads;
    }
  });
  for (int i = 0; i < 30; ++i) {
    const auto sealed = log().roll();
    EXPECT_TRUE(sealed);
    append("s", 10);
    EXPECT_TRUE(log().drop_segment(*sealed));
  }
  EXPECT_TRUE(eventually([&] { return reads > 0; }));
  done = true;
  reader.join();
  EXPECT_EQ(damaged, 0);
}

}  // namespace
}  // namespace strandline::tests
