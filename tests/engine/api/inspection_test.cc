// Looking inside: figures that are so, and records in bytes and in words.
#include "engine/api/figures.h"
#include "engine/format/keys.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

class Inspection : public LogTest {};

TEST_F(Inspection, FiguresCountWhatIsKept) {
  append("a", 30);
  append("b", 12);
  ASSERT_TRUE(log().truncate("a", Offset(10)).has_value());
  const LogFigures figures = log().figures();
  EXPECT_EQ(figures.directory, data().string());
  EXPECT_EQ(figures.streams, 2u);
  EXPECT_EQ(figures.events, 32u);
  EXPECT_EQ(figures.segments, 1u);
  EXPECT_EQ(figures.bytes, describe("a").bytes + describe("b").bytes);
  EXPECT_GT(figures.wal_bytes, 0u);
  EXPECT_EQ(figures.sync.count, log().counters().syncs);
  EXPECT_LE(figures.sync.p50_us, figures.sync.p99_us);
  EXPECT_LE(figures.sync.p99_us, figures.sync.max_us);
  EXPECT_GE(figures.sync.max_us, figures.sync.mean_us);
  EXPECT_GT(figures.appended_bytes, 0u);
  EXPECT_GE(figures.wal_bytes_written, figures.appended_bytes);
  ASSERT_TRUE(figures.write_amplification().has_value());
  EXPECT_GE(*figures.write_amplification(), 1.0);
}

// What was opened just now, or is nobody's, answers alike: nothing is counted from the opening.
TEST_F(Inspection, RatesAreOfWhatIsStored) {
  auto clock = std::make_shared<ManualClock>(Timestamp{1'800'000'000'000'000});
  options.clock = clock;
  append("s", 5);
  clock->advance_us(600'000'000);
  append("s", 3);
  clock->advance_us(30'000'000);
  const auto expect_rates = [&] {
    const auto figures = log().figures_of("s");
    ASSERT_TRUE(figures.has_value());
    ASSERT_EQ(figures->rates.size(), 3u);
    EXPECT_EQ(figures->rates[0].seconds, 60u);
    EXPECT_EQ(figures->rates[0].events, 3u);
    EXPECT_EQ(figures->rates[1].events, 8u);
    EXPECT_EQ(log().figures().rates[0].events, 3u);
  };
  expect_rates();
  reopen();
  expect_rates();
  options.mode = Options::Mode::observer;
  reopen();
  expect_rates();
}

TEST_F(Inspection, AStreamOnDiskIsAboutAsLargeAsItIs) {
  for (int i = 0; i < 40; ++i) append("s", 500);
  append("small", 1);
  reopen();  // into table files
  const auto figures = log().figures_of("s");
  ASSERT_TRUE(figures.has_value());
  EXPECT_GT(figures->disk_bytes, figures->info.bytes / 50);
  EXPECT_LT(figures->disk_bytes, figures->info.bytes * 2);
  EXPECT_LT(log().figures_of("small")->disk_bytes, figures->disk_bytes / 10);
  EXPECT_EQ(code_of(log().figures_of("none")), Code::not_found);
}

TEST_F(Inspection, ABatchIsToldInWordsAndBytes) {
  append("s", 3);
  append("s", 4);
  const auto seen = log().inspect_batch("s", Offset(4));
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->what, "a stored batch");
  EXPECT_THAT(seen->words, Contains(Pair("stream", "s")));
  EXPECT_THAT(seen->words, Contains(Pair("first offset", "3")));
  EXPECT_THAT(seen->words, Contains(Pair("events", "4")));
  EXPECT_THAT(seen->words, Contains(Pair("checksum", "holds")));
  EXPECT_EQ(seen->key.size(), kEventKeyBytes);
  // The same by its key.
  const auto record = log().inspect_key("events", seen->key);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->value, seen->value);
  EXPECT_EQ(code_of(log().inspect_batch("s", Offset(7))), Code::out_of_range);
  EXPECT_EQ(code_of(log().inspect_batch("t", Offset(0))), Code::not_found);
}

TEST_F(Inspection, EveryRecordOfEveryFamilyIsTold) {
  append("s", 3);
  ASSERT_TRUE(log().create_consumer(
      "c", {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream("s")}));
  ASSERT_TRUE(log().fetch({.consumer = "c"}).has_value());
  ASSERT_TRUE(log().commit({.consumer = "r", .stream = "s", .next = 1}).has_value());
  ASSERT_TRUE(log().once("r", "7", 60).has_value());
  ASSERT_TRUE(log().create_key({.name = "k",
                                .digest = std::string(32, 'x'),
                                .grants = {{.action = Action::read, .name = "s"}}}));
  ASSERT_TRUE(log().roll().has_value());
  size_t records = 0;
  for (const char* family :
       {"events", "streams", "segments", "consumers", "producers", "access", "index"}) {
    const auto keys = log().keys_of(family, "", 1'000);
    ASSERT_TRUE(keys.has_value()) << family;
    for (const std::string& key : *keys) {
      const auto seen = log().inspect_key(family, key);
      ASSERT_TRUE(seen.has_value()) << family;
      EXPECT_FALSE(seen->what.empty());
      EXPECT_FALSE(seen->words.empty()) << seen->what;
      EXPECT_THAT(seen->words, testing::Not(Contains(Pair("damaged", testing::_)))) << family;
      ++records;
      // Digests of secrets stay where they are.
      EXPECT_EQ(seen->value.empty(),
                family == std::string("access") || seen->what.contains("expires"))
          << seen->what;
    }
  }
  EXPECT_GT(records, 10u);
  EXPECT_EQ(code_of(log().inspect_key("nonsense", "k")), Code::invalid);
  EXPECT_EQ(code_of(log().inspect_key("streams", "k")), Code::not_found);
}

TEST_F(Inspection, ASegmentIsToldWithItsFilesAndItsStreams) {
  append("s", 30);
  append("t", 2);
  ASSERT_TRUE(log().roll().has_value());
  append("s", 1);
  reopen();
  const auto sealed = log().inspect_segment(SegmentId(1));
  ASSERT_TRUE(sealed.has_value());
  EXPECT_THAT(sealed->words, Contains(Pair("state", "sealed")));
  EXPECT_THAT(sealed->words, Contains(Pair("events", "32")));
  EXPECT_THAT(sealed->words, Contains(Pair("stream s", "30 events")));
  EXPECT_THAT(sealed->words, Contains(Pair(HasSubstr(".sst"), HasSubstr("bytes"))));
  const auto open = log().inspect_segment(SegmentId(2));
  ASSERT_TRUE(open.has_value());
  EXPECT_THAT(open->words, Contains(Pair("state", HasSubstr("open"))));
  EXPECT_EQ(code_of(log().inspect_segment(SegmentId(9))), Code::not_found);
}

}  // namespace
}  // namespace strandline::tests
