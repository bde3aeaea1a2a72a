// Where a stream is, is written in bulk: when a stripe is sealed, and when a segment is filed. At
// every moment in between all of it is found, and no offset is given out twice.
#include <fmt/format.h>

#include <atomic>
#include <random>
#include <thread>

#include "engine/store/store.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Filing : public LogTest {
 protected:
  Filing() {
    options.stripe_bytes_max = 32 << 10;
    options.segment_bytes_max = 256 << 10;
    options.batch_cache_bytes = 0;
  }

  static constexpr uint32_t kStreams = 600;  // more than are filed beside one group
  static std::string name(uint64_t n) { return fmt::format("s-{}", n); }

  // One event at a time, into streams chosen at random, 50 to a group.
  void fill(uint64_t events) {
    while (events > 0) {
      std::vector<AppendMany::Part> parts;
      std::map<std::string, uint64_t> taken;
      for (uint64_t i = 0; i < std::min<uint64_t>(events, 50); ++i) {
        const std::string stream = name(random_() % kStreams);
        const Offset next(next_[stream] + taken[stream]++);
        parts.push_back({.stream = stream, .batch = batch(stream, next, 1)});
      }
      events -= parts.size();
      const auto done = log().append(AppendMany{.parts = std::move(parts)});
      ASSERT_TRUE(done) << done.error().message;
      for (const Appended& one : *done) ASSERT_EQ(one.first.value, next_[one.stream]++);
    }
  }
  // Every stream is as long as was said, and is read from a place in its middle.
  void expect_all(Log& log) {
    for (const auto& [stream, next] : next_) {
      ASSERT_EQ(log.available(stream)->tail, next) << stream;
      const uint64_t from = random_() % next;
      const Transcript seen =
          read_all(log, {.select = Selection::stream(stream), .from = From::position(from)});
      ASSERT_TRUE(seen.gaps.empty()) << stream << ": " << seen.gaps[0].gap.detail;
      ASSERT_EQ(seen.events.size(), next - from) << stream;
      for (size_t i = 0; i < seen.events.size(); ++i) {
        ASSERT_EQ(seen.events[i].offset, from + i);
        ASSERT_EQ(seen.events[i].difference, "");
      }
    }
  }
  // A copy of the directory as a crash at this moment would leave it.
  std::filesystem::path crashed() { return crashed_of(data()); }
  std::filesystem::path crashed_of(const std::filesystem::path& live) {
    const auto copy = directory() / fmt::format("crashed-{}", ++copies_);
    copy_live(live, copy);
    return copy;
  }
  // How many keys the family has in a log that is not open.
  size_t keys(const std::filesystem::path& path, Family family, KeyKind kind) {
    auto closed = ClosedStore::prepare(path / "store", options, [](const std::string&) {});
    auto store = closed->open();
    StoreIterator it = (*store)->iterate(family);
    size_t found = 0;
    const std::string first(1, static_cast<char>(kind));
    for (it.seek(first); it.valid() && it.key().starts_with(first); it.next()) ++found;
    return found;
  }

  std::map<std::string, uint64_t> next_;
  std::mt19937_64 random_{7};
  int copies_ = 0;
};

TEST_F(Filing, EverythingIsFoundAtEveryMomentAndAfterACrashThere) {
  for (int round = 0; round < 12; ++round) {
    fill(700);
    if (round % 4 == 3) {
      ASSERT_TRUE(log().roll());
    }
    expect_all(log());
    const auto copy = crashed();
    auto again = Log::open(copy, options);
    ASSERT_TRUE(again) << again.error().message;
    expect_all(**again);
    // Offsets go on where they stopped.
    const std::string stream = next_.begin()->first;
    const auto more = (*again)->append({.stream = stream, .batch = batch(stream, Offset(0), 1)});
    ASSERT_TRUE(more);
    EXPECT_EQ(more->first.value, next_[stream]);
    EXPECT_TRUE((*again)->verify().findings.empty());
  }
  ASSERT_GT(log().segments().size(), 4u);
  reopen();
  expect_all(log());
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Filing, ReadersBesideTheWriterFindEverything) {
  options.stripe_bytes_max = 8 << 10;
  options.segment_bytes_max = 64 << 10;
  fill(1'000);
  std::atomic<bool> over = false;
  std::atomic<uint64_t> reads = 0, gaps = 0;
  std::vector<std::thread> readers;
  for (uint64_t n = 0; n < 3; ++n) {
    readers.emplace_back([&, n] {
      std::mt19937_64 random(n);
      while (!over || reads < 100) {
        const std::string stream = name(random() % kStreams);
        const auto available = log().available(stream);
        if (!available || available->tail == 0) continue;
        const Transcript seen =
            read_all(log(), {.select = Selection::stream(stream),
                             .from = From::position(random() % available->tail)});
        ++reads;
        gaps += seen.gaps.size();
      }
    });
  }
  fill(8'000);
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(gaps, 0u);
  EXPECT_GT(log().segments().size(), 10u);
}

TEST_F(Filing, ACrashInTheMiddleIsFinishedByTheNextOpening) {
  fill(4'000);
  ASSERT_TRUE(log().roll());
  // 256 streams are filed with the roll, and the rest follows.
  const auto copy = crashed();
  {
    auto again = Log::open(copy, options);
    ASSERT_TRUE(again) << again.error().message;
    expect_all(**again);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE((*again)->append({.stream = "other", .batch = batch("other", Offset(0), 1)}));
    }
    expect_all(**again);
  }
  // One record for each stream and segment, and one for each stripe.
  uint64_t stripes = 0;
  close();
  size_t segments = 0;
  {
    auto again = Log::open(copy, options);
    segments = (*again)->segments().size();
    expect_all(**again);
  }
  stripes = keys(copy, Family::segments, KeyKind::stripe);
  const size_t where = keys(copy, Family::segments, KeyKind::where);
  EXPECT_GT(stripes, segments);
  EXPECT_LE(where, (kStreams + 1) * (segments - 1));
  EXPECT_GE(where, kStreams);
}

TEST_F(Filing, AppendsWriteNoStateOfTheirStream) {
  options.stripe_bytes_max = 16 << 20;
  append("s", 1);
  for (int i = 0; i < 50; ++i) append("s", 1);
  const auto copy = crashed();
  auto closed = ClosedStore::prepare(copy / "store", options, [](const std::string&) {});
  auto store = closed->open();
  ASSERT_TRUE(store) << store.error().message;
  const auto state = (*store)->get(Family::streams, key_of(KeyKind::state, 1));
  StateRecord record;
  ASSERT_TRUE(state && *state && decode(**state, record));
  EXPECT_EQ(record.next, 1u) << "as it was created";
  EXPECT_EQ(keys(crashed(), Family::segments, KeyKind::where), 0u);
}

TEST_F(Filing, TruncationsAndDeletionsOfStreamsThatAreNotFiledStay) {
  fill(2'000);
  ASSERT_TRUE(log().truncate(name(1), Offset(2)));
  ASSERT_TRUE(log().delete_stream(name(2)));
  ASSERT_TRUE(log().roll());
  fill(500);
  const auto copy = crashed();
  close();
  for (const auto& path : {copy, data()}) {
    auto again = Log::open(path, options);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ((*again)->available(name(1))->start, 2u);
    EXPECT_EQ((*again)->available(name(1))->tail, next_[name(1)]);
    const auto more = (*again)->append({.stream = name(2), .batch = batch(name(2), Offset(0), 1)});
    ASSERT_TRUE(more);
    EXPECT_EQ(more->first.value, next_[name(2)]) << "its offsets go on";
  }
}

TEST_F(Filing, ADamagedBlockOfTheOpenStripeHidesNoOffset) {
  options.stripe_bytes_max = 16 << 20;
  options.segment_bytes_max = 256 << 20;
  fill(4'000);
  // A crash, an opening that makes a table of what the WAL held, and a crash at once.
  const auto first = crashed();
  std::filesystem::path second;
  {
    auto again = Log::open(first, options);
    ASSERT_TRUE(again) << again.error().message;
    second = crashed_of(first);
  }
  close();
  int opened = 0;
  for (int i = 1; i < 20; ++i) {
    const auto copy = directory() / "flipped";
    std::filesystem::remove_all(copy);
    copy_live(second, copy);
    for (const auto& file : files_below(copy / "store", ".sst")) {
      std::string bytes = read_file(file);
      if (bytes.size() < 100'000) continue;
      bytes[bytes.size() * static_cast<size_t>(i) / 20] ^= 0x10;
      write_file(file, bytes);
    }
    auto again = Log::open(copy, options);
    if (!again) {
      EXPECT_EQ(again.error().code, Code::corrupt);
      continue;
    }
    ++opened;
    for (const auto& [stream, next] : next_) {
      ASSERT_EQ((*again)->available(stream)->tail, next) << stream;
    }
  }
  EXPECT_GT(opened, 15);
}

TEST_F(Filing, WhereTheRecordOfAStripeIsLostItsEventsSay) {
  fill(1'500);
  close();
  {
    auto closed = ClosedStore::prepare(data() / "store", options, [](const std::string&) {});
    auto store = closed->open();
    ASSERT_TRUE(store) << store.error().message;
    Changes changes = (*store)->changes();
    changes.erase(Family::segments, key_of(KeyKind::stripe, first_stripe(SegmentId(1)).value + 1));
    ASSERT_TRUE((*store)->write(std::move(changes)));
    ASSERT_TRUE((*store)->sync());
  }
  expect_all(log());
}

}  // namespace
}  // namespace strandline::tests
