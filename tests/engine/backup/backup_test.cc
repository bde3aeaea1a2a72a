// Backups (engine/backup) and what is restored from them: whole, incremental, and refused by name
// where anything in them is not as it was written.
#include <poll.h>

#include <thread>

#include "engine/restore.h"
#include "tests/support/log/invariant.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class BackupTest : public LogTest {
 protected:
  fs::path place() const { return directory() / "backups"; }
  fs::path restored() const { return directory() / "restored"; }

  Result<BackupInfo> backup() { return log().backup({.directory = place()}); }
  BackupInfo backed() {
    auto made = backup();
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(BackupInfo{});
  }
  Result<std::unique_ptr<Log>> restore(WhichBackup which = {}) {
    auto restoring = Restoring::begin(
        {.backups = place(), .which = which, .directory = restored(), .options = options});
    if (!restoring) return std::unexpected(restoring.error());
    if (auto ok = (*restoring)->finish(); !ok) return std::unexpected(ok.error());
    return Log::open(restored(), options);
  }
  std::vector<BackupFault> faults(uint64_t id) {
    auto backups = Backups::open(options, place(), Backups::Use::look).value();
    FileCopy reader(options, 0, {});
    auto record = backups.read(id);
    if (!record) return {{"BACKUP", record.error().message}};
    return backups.verify(*record, reader).value();
  }
  static uint64_t bytes_below(const fs::path& path) {
    uint64_t bytes = 0;
    for (const fs::path& file : files_below(path)) bytes += fs::file_size(file);
    return bytes;
  }
  // Waits until compaction is at rest: nothing is written between two looks.
  void rest() {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    uint64_t before = 0;
    for (uint64_t now = 1; now != before && std::chrono::steady_clock::now() < end;) {
      before = std::exchange(now, bytes_below(data()));
      poll(nullptr, 0, 300);
      now = bytes_below(data());
    }
  }
};

TEST_F(BackupTest, HoldsAllThatWasDurableWhenItBegan) {
  append("a", 100);
  append_singly("b", 20);
  ASSERT_TRUE(log().commit({.consumer = "reader", .stream = "a", .next = 40}));
  ASSERT_TRUE(log().truncate("a", Offset(10)));
  const BackupInfo info = backed();
  EXPECT_EQ(info.id, 1u);
  EXPECT_EQ(info.next, Sequence(120));
  EXPECT_GT(info.bytes, 0u);
  append("a", 50);  // later
  const std::string before = log().incarnations().now().id;
  EXPECT_EQ(info.incarnation, before);

  auto again = restore();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->durable_next(), Sequence(120));
  EXPECT_EQ((*again)->position("reader", "a").value(), 40u);
  EXPECT_EQ((*again)->describe("a")->start, Offset(10));
  EXPECT_EQ((*again)->describe("a")->tail, Offset(100));
  EXPECT_THAT((*again)->verify().findings, IsEmpty());
  const Stored stored = stored_in(**again);
  EXPECT_THAT(stored.wrong, IsEmpty());
  EXPECT_EQ(stored.streams.at("b").tail, 20u);
}

TEST_F(BackupTest, ARestoredLogIsAnotherIncarnation) {
  append("a", 10);
  backed();
  append("a", 10);
  const Incarnations before = log().incarnations();
  EXPECT_FALSE(before.restored());
  EXPECT_EQ(before.suffix(), "");
  EXPECT_TRUE(before.check(20, ""));

  auto again = restore();
  ASSERT_TRUE(again) << again.error().message;
  const Incarnations after = (*again)->incarnations();
  ASSERT_TRUE(after.restored());
  EXPECT_EQ(after.all.front().id, before.now().id);
  EXPECT_NE(after.now().id, before.now().id);
  EXPECT_EQ(after.now().first, Sequence(10));
  EXPECT_EQ(after.now().backup, 1u);
  // What came before the restored point is the same event, whoever gave the position out.
  EXPECT_TRUE(after.check(10, ""));
  EXPECT_TRUE(after.check(10, after.now().id));
  EXPECT_TRUE(after.check(15, after.now().id.substr(0, 8)));
  EXPECT_EQ(code_of(after.check(11, "")), Code::conflict);
  EXPECT_EQ(code_of(after.check(11, before.now().id)), Code::conflict);
  EXPECT_EQ(code_of(after.check(5, "00000000")), Code::conflict);
  // It is durable.
  again->reset();
  auto reopened = Log::open(restored(), options);
  ASSERT_TRUE(reopened);
  EXPECT_EQ((*reopened)->incarnations().now().id, after.now().id);
}

TEST_F(BackupTest, ASecondBackupWritesWhatIsNew) {
  options.segment_bytes_max = 4 << 20;
  append("big", 20'000);
  ASSERT_TRUE(log().roll());
  rest();
  const BackupInfo first = backed();
  append("small", 200);
  const BackupInfo second = backed();
  EXPECT_EQ(second.id, 2u);
  EXPECT_LT(second.written * 4, first.written);
  EXPECT_THAT(faults(1), IsEmpty());
  EXPECT_THAT(faults(2), IsEmpty());
  auto again = restore();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->describe("small")->tail, Offset(200));
  EXPECT_THAT((*again)->verify().findings, IsEmpty());
}

TEST_F(BackupTest, UnderLoadIsOneMomentOfTheLog) {
  Ledger ledger;
  std::atomic<bool> stop = false;
  log();
  std::vector<std::jthread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      const std::string stream = "s" + std::to_string(w);
      for (uint64_t n = 0; !stop; ++n) {
        const std::vector<std::string> ids = {payload(stream, Offset(n)).id};
        const auto ticket = ledger.sent(stream, ids);
        const auto done = log().append({.stream = stream, .batch = batch(stream, Offset(n), 1)});
        if (!done) return;
        ledger.acknowledged(ticket, done->first.value, done->sequence.value);
        (void)log().commit({.consumer = "c", .stream = stream, .next = n});
      }
    });
  }
  std::vector<BackupInfo> made;
  for (int i = 0; i < 4; ++i) made.push_back(backed());
  stop = true;
  writers.clear();
  for (const BackupInfo& info : made) {
    fs::remove_all(restored());
    auto again = restore({.id = info.id});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ((*again)->durable_next(), info.next);
    const Stored stored = stored_in(**again);
    EXPECT_THAT(stored.wrong, IsEmpty());
    // Up to its sequence, every event that was acknowledged is there.
    uint64_t events = 0;
    for (const auto& [name, stream] : stored.streams) events += stream.events.size();
    EXPECT_EQ(events, info.next.value);
    EXPECT_THAT((*again)->verify().findings, IsEmpty());
  }
}

TEST_F(BackupTest, AnyDamageIsRefusedByName) {
  append("a", 200);
  ASSERT_TRUE(log().roll());
  append_singly("b", 20);
  backed();
  close();
  for (const fs::path& file : files_below(place())) {
    const std::string name = file.filename();
    if (name == "LOCK" || name == "BACKUPS") continue;
    SCOPED_TRACE(file.string());
    const std::string whole = read_file(file);
    if (whole.empty()) continue;
    for (const size_t at : {size_t{0}, whole.size() / 2, whole.size() - 1}) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      write_file(file, bad);
      fs::remove_all(restored());
      auto refused = restore();
      ASSERT_EQ(code_of(refused), Code::corrupt);
      EXPECT_THAT(refused.error().message,
                  AllOf(HasSubstr("backup 1 is damaged"), HasSubstr(file.filename().string())));
      EXPECT_FALSE(fs::exists(restored() / "FORMAT"));
      EXPECT_EQ(faults(1).size(), 1u);
    }
    write_file(file, whole.substr(0, whole.size() - 1));
    EXPECT_EQ(code_of(restore()), Code::corrupt);
    fs::remove(file);
    EXPECT_NE(code_of(restore()), std::nullopt);
    write_file(file, whole);
  }
  EXPECT_THAT(faults(1), IsEmpty());
  EXPECT_TRUE(restore());
}

TEST_F(BackupTest, TheNewestThatIsNotAfterAPointIsRestored) {
  append("a", 10);
  const BackupInfo first = backed();
  append("a", 10);
  const BackupInfo second = backed();
  const auto backups = Backups::open(options, place(), Backups::Use::look).value();
  const auto chosen = [&](WhichBackup which) { return choose(backups, which).value().info.id; };
  EXPECT_EQ(chosen({}), 2u);
  EXPECT_EQ(chosen({.next_max = Sequence(20)}), 2u);
  EXPECT_EQ(chosen({.next_max = Sequence(19)}), 1u);
  EXPECT_EQ(chosen({.made_max = second.made}), 2u);
  EXPECT_EQ(chosen({.made_max = Timestamp{second.made.us - 1}}), 1u);
  EXPECT_EQ(code_of(choose(backups, {.next_max = Sequence(9)})), Code::not_found);
  EXPECT_EQ(code_of(choose(backups, {.id = 3})), Code::not_found);
  EXPECT_LE(first.made, second.made);
}

TEST_F(BackupTest, NothingIsRestoredOverALog) {
  append("a", 10);
  backed();
  ASSERT_TRUE(restore());
  const auto refused = restore();
  EXPECT_EQ(code_of(refused), Code::exists);
  EXPECT_THAT(refused.error().message, HasSubstr("holds a log"));
  EXPECT_EQ(Log::open(restored(), options).value()->durable_next(), Sequence(10));
  // Nor over anything else.
  fs::remove_all(restored());
  fs::create_directory(restored());
  write_file(restored() / "notes", "mine");
  EXPECT_EQ(code_of(restore()), Code::exists);
  EXPECT_EQ(read_file(restored() / "notes"), "mine");
}

TEST_F(BackupTest, ARestoreThatWasCutOffLeavesNoLogAndIsRunAgain) {
  append("a", 2'000);
  backed();
  uint64_t calls = 0;
  const auto all = Restoring::begin({.backups = place(),
                                     .directory = restored(),
                                     .options = options,
                                     .progress = [&](const auto&) { return ++calls > 0; }});
  ASSERT_TRUE(all);
  for (uint64_t stop_at = 1; stop_at <= calls; ++stop_at) {
    uint64_t now = 0;
    auto cut = Restoring::begin({.backups = place(),
                                 .directory = restored(),
                                 .options = options,
                                 .progress = [&](const auto&) { return ++now < stop_at; }});
    EXPECT_EQ(code_of(cut), Code::closed);
    EXPECT_EQ(code_of(Log::open(restored(), options)), Code::invalid);
  }
  auto again = restore();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->durable_next(), Sequence(2'000));
}

TEST_F(BackupTest, ABackupThatWasCutOffLeavesTheOthers) {
  append("a", 500);
  const BackupInfo first = backed();
  append("b", 500);
  uint64_t calls = 0;
  auto cut =
      log().backup({.directory = place(), .progress = [&](const auto&) { return ++calls < 3; }});
  EXPECT_EQ(code_of(cut), Code::closed);
  auto backups = Backups::open(options, place(), Backups::Use::look).value();
  ASSERT_EQ(backups.list()->size(), 1u);
  EXPECT_THAT(faults(1), IsEmpty());
  EXPECT_EQ(backed().id, 2u);
  EXPECT_THAT(faults(2), IsEmpty());
  // What a kill leaves: a folder without its record, and a table without a backup.
  fs::create_directories(place() / "3" / "store");
  write_file(place() / "3" / "HEAD", "half");
  write_file(place() / "tables" / "000099-1-00000000.sst.new", "half");
  EXPECT_EQ(backed().id, 3u);
  EXPECT_FALSE(fs::exists(place() / "tables" / "000099-1-00000000.sst.new"));
  EXPECT_THAT(faults(3), IsEmpty());
  EXPECT_EQ(first.id, 1u);
}

TEST_F(BackupTest, RemovingOneKeepsWhatOthersNeed) {
  append("a", 2'000);
  ASSERT_TRUE(log().roll());
  rest();
  backed();
  append("b", 100);
  backed();
  const uint64_t before = bytes_below(place());
  auto backups = Backups::open(options, place(), Backups::Use::change).value();
  FileCopy files(options, 0, {});
  ASSERT_TRUE(backups.remove(1, files));
  EXPECT_LT(bytes_below(place()), before);
  EXPECT_THAT(faults(2), IsEmpty());
  EXPECT_EQ(code_of(backups.remove(1, files)), Code::not_found);
  auto again = restore();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->describe("a")->tail, Offset(2'000));
  ASSERT_TRUE(backups.remove(2, files));
  EXPECT_THAT(files_below(place() / "tables"), IsEmpty());
}

TEST_F(BackupTest, SavesNothingWhereItWouldBeLostWithTheLog) {
  append("a");
  EXPECT_EQ(code_of(log().backup({.directory = data() / "backups"})), Code::invalid);
  fs::create_directory(place());
  write_file(place() / "notes", "mine");
  EXPECT_EQ(code_of(backup()), Code::invalid);
  fs::remove(place() / "notes");
  const auto held = Backups::open(options, place(), Backups::Use::make);
  ASSERT_TRUE(held);
  EXPECT_EQ(code_of(backup()), Code::locked);
}

TEST_F(BackupTest, KeysAndTheRecordOfActsAreInIt) {
  options.record_administration = true;
  ASSERT_TRUE(log().create_key({.name = "k", .digest = std::string(kSecretDigestBytes, 'x')}));
  backed();
  auto again = restore();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE((*again)->api_keys()->find("k"));
  EXPECT_TRUE(fs::exists(restored() / "GUARDED"));
  std::vector<std::string> types;
  auto cursor = (*again)->read({.select = Selection::stream(std::string(kAdminStream))}).value();
  while (auto delivery = cursor->next().value()) {
    for (const Event& event : std::get<Events>(*delivery)) types.emplace_back(event.type());
  }
  EXPECT_THAT(types, testing::ElementsAre("strandline.key.created", "strandline.log.restored"));
  // In the log itself it stands that it was saved.
  EXPECT_EQ(describe(std::string(kAdminStream)).tail, Offset(2));
}

}  // namespace
}  // namespace strandline::tests
