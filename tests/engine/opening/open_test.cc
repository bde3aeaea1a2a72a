// Opening: one owner, a known format, an honest report, and never a silently shorter log.
#include <fstream>

#include "tests/support/log/log_test.h"
#include "tests/support/process/child.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class Opening : public LogTest {
 protected:
  Result<std::unique_ptr<Log>> open_copy(const fs::path& copy, bool accept_loss = false) {
    Options copy_options = options;
    copy_options.accept_loss = accept_loss;
    return Log::open(copy, copy_options);
  }
  // A copy of the directory as a power cut would leave it: the log has not been closed.
  fs::path crash_copy(const std::string& name) {
    const fs::path copy = directory() / name;
    copy_live(data(), copy);
    return copy;
  }
  static fs::path newest_wal(const fs::path& below) {
    const auto wals = files_below(below, ".log");
    fs::path newest;
    for (const fs::path& wal : wals) {
      if (fs::file_size(wal) > 0) newest = wal;
    }
    return newest;
  }
};

TEST_F(Opening, CreatesALogOrRefusesTo) {
  options.create_if_missing = false;
  const auto missing = Log::open(data(), options);
  EXPECT_EQ(code_of(missing), Code::not_found);
  EXPECT_FALSE(fs::exists(data()));
  options.create_if_missing = true;
  EXPECT_TRUE(log().recovery().created);
  EXPECT_EQ(log().recovery().durable_next, Sequence{0});
  EXPECT_FALSE(reopen().recovery().created);
}

TEST_F(Opening, ASecondOpenInTheSameProcessIsLocked) {
  append("s");
  const auto second = Log::open(data(), options);
  ASSERT_EQ(code_of(second), Code::locked);
  EXPECT_THAT(second.error().message, testing::HasSubstr(data().string()));
  EXPECT_EQ(code_of(Log::open(directory() / "." / "data", options)), Code::locked);
  append("s");
  expect_stream("s", 0, 2);
  close();
  EXPECT_TRUE(Log::open(data(), options));
}

TEST_F(Opening, ASecondOwnerChangesNothing) {
  append("s");
  // What an owner repairs when it opens: here it is the first one's, and under way.
  const fs::path wal = newest_wal(data());
  std::ofstream(wal, std::ios::app) << "half of a record";
  const auto bytes = fs::file_size(wal);
  write_file(data() / "FORMAT", "strandline 1\n");
  for (const bool accept_loss : {false, true}) {
    options.accept_loss = accept_loss;
    EXPECT_EQ(code_of(Log::open(data(), options)), Code::locked);
    EXPECT_EQ(fs::file_size(wal), bytes);
    EXPECT_EQ(read_file(data() / "FORMAT"), "strandline 1\n");
  }
}

TEST_F(Opening, ASecondProcessIsLockedOut) {
  append("s");
  const Outcome second = run(child_command({"open", data().string()}));
  EXPECT_EQ(second.exit, 1);
  EXPECT_THAT(second.output, testing::StartsWith("locked: "));
  append("s");
  close();
  EXPECT_EQ(run(child_command({"open", data().string()})).output, "opened\n");
  expect_stream("s", 0, 2);
}

TEST_F(Opening, AKilledOwnerLeavesNoLock) {
  Process child(child_command({"append", data().string(), "s"}));
  ASSERT_EQ(child.line(), "opened");
  ASSERT_TRUE(child.line());
  child.kill_and_wait();
  EXPECT_TRUE(Log::open(data(), options));
}

TEST_F(Opening, AForeignDirectoryIsRefusedAndLeftAlone) {
  fs::create_directories(data());
  write_file(data() / "notes.txt", "mine");
  const auto refused = Log::open(data(), options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(data().string()));
  EXPECT_EQ(files_below(data()).size(), 1u);
  EXPECT_EQ(read_file(data() / "notes.txt"), "mine");
}

TEST_F(Opening, AFileIsNoDirectory) {
  write_file(data(), "a file");
  EXPECT_FALSE(Log::open(data(), options));
  EXPECT_EQ(read_file(data()), "a file");
}

TEST_F(Opening, AnUnknownFormatIsRefusedByName) {
  append("s");
  close();
  // The version stands in the FORMAT file, as text.
  const fs::path file = data() / "FORMAT";
  const std::string known = read_file(file);
  const std::string version = std::to_string(kFormatVersion);
  ASSERT_THAT(known, testing::HasSubstr(version));
  std::string unknown = known;
  unknown.replace(unknown.find(version), version.size(), "999");
  write_file(file, unknown);
  for (const auto mode : {Options::Mode::owner, Options::Mode::observer}) {
    options.mode = mode;
    const auto refused = Log::open(data(), options);
    ASSERT_EQ(code_of(refused), Code::unsupported_format);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("999"));
  }
  write_file(file, known);
  options.mode = Options::Mode::owner;
  expect_stream("s", 0, 1);
}

TEST_F(Opening, ReportsWhatRecoveryReplayed) {
  append("s", 100);
  const fs::path copy = crash_copy("copy");
  const auto opened = open_copy(copy);
  ASSERT_TRUE(opened) << opened.error().message;
  const RecoveryReport& report = (*opened)->recovery();
  EXPECT_FALSE(report.created);
  EXPECT_GT(report.wal_bytes_replayed, 1000u);
  EXPECT_EQ(report.torn_bytes_dropped, 0u);
  EXPECT_EQ(report.durable_next, Sequence{100});
  EXPECT_EQ(report.loss, "");
  expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 100);
}

TEST_F(Opening, DropsATornTailAndSaysHowMuch) {
  append_singly("s", 20);
  const fs::path copy = crash_copy("copy");
  std::ofstream(newest_wal(copy), std::ios::app | std::ios::binary)
      << std::string("\x12\x34\x56\x78\x40\x00\x01 half a record", 21);
  const auto opened = open_copy(copy);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->recovery().torn_bytes_dropped, 21u);
  EXPECT_EQ((*opened)->recovery().durable_next, Sequence{20});
  expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 20);
  ASSERT_TRUE((*opened)->append(Append{.stream = "s", .batch = batch("s", Offset{20}, 1)}));
  EXPECT_TRUE((*opened)->verify().findings.empty());
}

TEST_F(Opening, EveryTornEndOfTheLastAppendIsAllOfItOrNothing) {
  log();
  const std::string early = read_file(data() / "HEAD");
  append("s", 3);
  append("t", 2);
  const uint64_t before = fs::file_size(newest_wal(data()));
  ASSERT_TRUE(
      log().append(AppendMany{.parts = {{.stream = "s", .batch = batch("s", Offset{3}, 2)},
                                        {.stream = "t", .batch = batch("t", Offset{2}, 1)}}}));
  const fs::path copy = crash_copy("copy");
  close();
  const uint64_t after = fs::file_size(newest_wal(copy));
  ASSERT_GT(after, before);
  // The head mark must not be what refuses: these are ends of a log before its mark was renewed.
  for (const uint64_t end : {before, before + 1, before + 7, (before + after) / 2, after - 1}) {
    const fs::path torn = directory() / ("torn-" + std::to_string(end));
    copy_live(copy, torn);
    fs::resize_file(newest_wal(torn), end);
    write_file(torn / "HEAD", early);
    const auto opened = open_copy(torn);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ((*opened)->describe("s")->tail, Offset{3}) << end;
    EXPECT_EQ((*opened)->describe("t")->tail, Offset{2}) << end;
    EXPECT_EQ((*opened)->durable_next(), Sequence{5});
    EXPECT_TRUE((*opened)->verify().findings.empty());
  }
}

// Until the head mark says that this much is durable: a copy of that moment.
TEST_F(Opening, ALogShorterThanItsHeadMarkIsRefused) {
  append_singly("s", 50);
  fs::path marked;
  int copies = 0;
  ASSERT_TRUE(eventually([&] {
    const std::string name = std::to_string(++copies);
    const fs::path copy = crash_copy("copy" + name);
    const fs::path probe = directory() / ("probe" + name);
    copy_live(copy, probe);
    const auto opened = open_copy(probe);
    if (!opened || (*opened)->recovery().head_mark < Sequence{50}) return false;
    marked = copy;
    return true;
  }));
  const fs::path wal = newest_wal(marked);
  fs::resize_file(wal, fs::file_size(wal) / 2);  // a clean end, to RocksDB's eyes a torn one
  const auto refused = open_copy(marked);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("50"));
  EXPECT_FALSE(open_copy(marked)) << "refusing once must not let it through the second time";

  const auto accepted = open_copy(marked, true);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_NE((*accepted)->recovery().loss, "");
  EXPECT_EQ((*accepted)->recovery().head_mark, Sequence{50});
  const uint64_t tail = (*accepted)->describe("s")->tail.value;
  EXPECT_GT(tail, 0u);
  EXPECT_LT(tail, 50u);
  expect_events(read_all(**accepted, {.select = Selection::stream("s")}), "s", 0, tail);
}

TEST_F(Opening, DamageInTheMiddleOfTheWalIsRefusedAndNamed) {
  append_singly("s", 200);
  const fs::path copy = crash_copy("copy");
  const fs::path wal = newest_wal(copy);
  std::string bytes = read_file(wal);
  bytes[bytes.size() / 3] ^= 0x10;
  write_file(wal, bytes);
  const auto refused = open_copy(copy);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(wal.filename().string()));
  const auto accepted = open_copy(copy, true);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_NE((*accepted)->recovery().loss, "");
  // All but the one batch in it is there, and what is behind it stays where it was.
  EXPECT_EQ((*accepted)->describe("s")->tail, Offset{200});
  const Transcript transcript = read_all(**accepted, {.select = Selection::stream("s")});
  ASSERT_EQ(transcript.gaps.size(), 1u);
  const Gap& gap = transcript.gaps[0].gap;
  EXPECT_EQ(gap.reason, GapReason::damaged);
  EXPECT_EQ(gap.to, gap.from + 1);
  EXPECT_EQ(transcript.events.size(), 199u);
  for (const Seen& seen : transcript.events) EXPECT_EQ(seen.difference, "");
  EXPECT_EQ(read_all(**accepted, {}).gaps.size(), 1u) << "in the whole order, too";
  EXPECT_EQ((*accepted)->append(Append{.stream = "s", .batch = batch("s", Offset{200}, 1)})->first,
            Offset{200});
}

// Wherever the bit is: in a record's checksum, its length, its type or its payload.
TEST_F(Opening, OneBitAnywhereInTheWalCostsOneBatchAtMost) {
  append_singly("s", 200);
  const fs::path whole = crash_copy("whole");
  const fs::path wal = fs::relative(newest_wal(whole), whole);
  const std::string bytes = read_file(whole / wal);
  const size_t middle = bytes.size() / 2;
  const size_t cases = std::clamp<size_t>(number_from("STRANDLINE_WAL_BITS", 234), 1, 702);
  for (size_t at = middle; at < middle + 702; at += 702 / cases) {
    const fs::path copy = crash_copy("copy");
    std::string harmed = bytes;
    harmed[at] ^= static_cast<char>(1 << at % 8);
    write_file(copy / wal, harmed);
    EXPECT_EQ(code_of(open_copy(copy)), Code::corrupt) << at;
    const auto accepted = open_copy(copy, true);
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr(wal.filename().string()));
    EXPECT_EQ((*accepted)->describe("s")->tail, Offset{200}) << at;
    EXPECT_GE(read_all(**accepted, {.select = Selection::stream("s")}).events.size(), 199u) << at;
    fs::remove_all(copy);
  }
}

TEST_F(Opening, AMissingHeadMarkIsRefusedAndNamed) {
  append_singly("s", 20);
  const fs::path copy = crash_copy("copy");
  fs::remove(copy / "HEAD");
  const auto refused = open_copy(copy);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr((copy / "HEAD").string()));
  EXPECT_FALSE(open_copy(copy)) << "refusing once must not let it through the second time";
  {
    const auto accepted = open_copy(copy, true);
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr("HEAD"));
    expect_events(read_all(**accepted, {.select = Selection::stream("s")}), "s", 0, 20);
  }
  EXPECT_TRUE(open_copy(copy)) << "it is there again";
}

// It is not taken for a new log, of which RocksDB would delete what it does not know.
TEST_F(Opening, AMissingHeadMarkAndCurrentAreRefusedAndNothingIsLost) {
  for (const bool in_tables : {false, true}) {
    append_singly("s", 20);
    if (in_tables) reopen();
    const fs::path copy = crash_copy(in_tables ? "tables" : "wal");
    fs::remove(copy / "HEAD");
    fs::remove(copy / "store" / "CURRENT");
    const auto refused = open_copy(copy);
    ASSERT_EQ(code_of(refused), Code::corrupt);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("CURRENT"));
    const auto accepted = open_copy(copy, true);
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_EQ((*accepted)->describe("s")->tail, describe("s").tail);
  }
}

TEST_F(Opening, AMissingWalIsRefused) {
  append_singly("s", 50);
  const fs::path copy = crash_copy("copy");
  EXPECT_TRUE(eventually([&] {  // once the head mark knows of them
    fs::remove_all(copy);
    copy_live(data(), copy);
    fs::remove(newest_wal(copy));
    return !open_copy(copy);
  }));
}

TEST_F(Opening, AMissingTableFileIsRefused) {
  append("s", 50);
  ASSERT_TRUE(log().roll());
  append("s", 50);
  reopen();
  close();
  const auto tables = files_below(data(), ".sst");
  ASSERT_FALSE(tables.empty());
  for (const fs::path& table : tables) fs::remove(table);
  const auto refused = Log::open(data(), options);
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().message.empty());
}

TEST_F(Opening, WritesNoOptionsFileAndIsSilent) {
  std::string warned;
  options.on_warning = [&](const std::string& line) { warned += line + "\n"; };
  append_singly("s", 2);
  reopen();
  close();
  EXPECT_EQ(warned, "");
  for (const fs::path& file : files_below(data())) {
    EXPECT_THAT(file.filename().string(), testing::Not(testing::HasSubstr("OPTIONS")));
  }
}

TEST_F(Opening, ReopeningManyTimesLosesNothing) {
  for (uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(append("s", 3).first, Offset{3 * i});
    reopen();
    EXPECT_EQ(log().recovery().durable_next, Sequence{3 * (i + 1)});
  }
  expect_stream("s", 0, 30);
}

}  // namespace
}  // namespace strandline::tests
