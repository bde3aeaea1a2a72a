// The records of streams, made again from the events after damage (engine/state/rebuild.h): what is
// not known is said to be damaged, and never to have been dropped.
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "engine/base/varint.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Rebuilt : public LogTest {
 protected:
  // Two segments of ten events each, in tables.
  void fill() {
    append("s", 10);
    ASSERT_TRUE(log().roll());
    reopen();
    append("s", 10);
    reopen();
  }
  // In the order in which they were written.
  std::vector<fs::path> tables_of(const std::string& family) const {
    std::vector<fs::path> found;
    for (const fs::path& table : files_below(data() / "store", ".sst")) {
      rocksdb::SstFileReader reader{rocksdb::Options()};
      if (!reader.Open(table.string()).ok()) continue;
      if (reader.GetTableProperties()->column_family_name == family) found.push_back(table);
    }
    std::ranges::sort(found);
    return found;
  }
  void lose(const std::vector<fs::path>& tables) {
    ASSERT_FALSE(tables.empty());
    for (const fs::path& table : tables) fs::remove(table);
  }

  // The events [10, 20) of a stream that has lost its name are there, and why those before are not.
  GapReason reason_before() {
    options.accept_loss = true;
    const std::string name = "lost-1";
    for (const auto& select : {Selection::stream(name), Selection::all()}) {
      const Transcript seen = read_all(log(), {.select = select, .from = From::position(0)});
      uint64_t gone = 0;
      for (const SeenGap& gap : seen.gaps) {
        EXPECT_EQ(gap.gap.reason, seen.gaps.front().gap.reason) << gap.gap.detail;
        gone += gap.gap.to - gap.gap.from;
      }
      EXPECT_EQ(gone, 10u);
      EXPECT_EQ(seen.offsets(), range(10, 20));
    }
    const Transcript seen = read(name, From::position(0));
    return seen.gaps.empty() ? GapReason{} : seen.gaps.front().gap.reason;
  }
};

TEST_F(Rebuilt, EventsThatAreLostWithTheStreamsStateAreDamaged) {
  fill();
  close();
  lose({tables_of("events").front()});
  lose(tables_of("streams"));
  EXPECT_EQ(reason_before(), GapReason::damaged);
  // Who asks for all that there is hears of them, too.
  EXPECT_EQ(read("lost-1").gaps.size(), 1u);
}

TEST_F(Rebuilt, AndWithTheDirectoryOfExtents) {
  fill();
  close();
  lose({tables_of("events").front()});
  lose(tables_of("streams"));
  lose(tables_of("segments"));
  EXPECT_EQ(reason_before(), GapReason::damaged);
  EXPECT_FALSE(log().verify().findings.empty());
}

TEST_F(Rebuilt, ATableThatIsKeptAsideIsNotBelievedEither) {
  fill();
  close();
  const auto tables = tables_of("streams");
  ASSERT_FALSE(tables.empty());
  for (const fs::path& table : tables) {
    std::string bytes = read_file(table);
    const std::string_view name = "rocksdb.properties";
    std::string_view handle = std::string_view(bytes).substr(bytes.rfind(name) + name.size());
    const uint64_t at = take_varint(handle).value(), length = take_varint(handle).value();
    bytes[at + length - 1] ^= 0x80;  // as if an index of hashes followed: RocksDB ends the process
    write_file(table, bytes);
  }
  options.accept_loss = true;
  EXPECT_EQ(read("lost-1").offsets(), range(0, 20));
}

// It was made whole by hand, from a backup, say, and then lived on.
TEST_F(Rebuilt, WhatAnAttemptThatFailedKeptAsideIsNotPutBackLater) {
  fill();
  close();
  const fs::path harmed = tables_of("events").front();
  const std::string bytes = read_file(harmed);
  std::string now = bytes;
  now.back() ^= 1;  // what it holds is whole
  write_file(harmed, now);
  const fs::path stray = data() / "store" / "999999.sst";
  write_file(stray, "no table");
  const fs::path in_the_way = data() / "damaged" / "999999.sst.events";
  fs::create_directories(in_the_way);
  options.accept_loss = true;
  ASSERT_EQ(code_of(Log::open(data(), options)), Code::io);
  ASSERT_TRUE(fs::exists(in_the_way.parent_path() / (harmed.filename().string() + ".events")));
  fs::remove(in_the_way);
  fs::remove(stray);
  write_file(harmed, bytes);

  options.accept_loss = false;
  ASSERT_TRUE(log().drop_segment(log().segments().front().id));
  reopen();
  close();
  lose(tables_of("segments"));
  options.accept_loss = true;
  expect_stream("s", 10, 20);
  EXPECT_EQ(read("s", From::position(0)).offsets(), range(10, 20));
  EXPECT_EQ(log().segments().size(), 1u);
}

TEST_F(Rebuilt, WhatWasDroppedBeforeStaysDropped) {
  fill();
  ASSERT_TRUE(log().drop_segment(log().segments().front().id));
  reopen();
  close();
  lose(tables_of("streams"));
  EXPECT_EQ(reason_before(), GapReason::dropped);
}

}  // namespace
}  // namespace strandline::tests
