// The WAL's end after a power cut: what was never fsynced may be missing in the middle, and is
// dropped; what was fsynced is missed by what was written after it.
#include <rocksdb/env.h>
#include <unistd.h>

#include <future>

#include "engine/store/wal_records.h"
#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

namespace fs = std::filesystem;

class WalEnd : public LogTest {
 protected:
  WalEnd() { options.file_system = FaultFileSystem::as_option(faults_); }
  ~WalEnd() override {
    faults_->release();
    close();
  }

  // What a power cut would leave, in which these bytes of the newest WAL never reached the disk.
  fs::path copy_without(uint64_t from, uint64_t to) {
    const fs::path copy = directory() / "copy";
    copy_live(data(), copy);
    wal_ = newest_wal(copy);
    std::string bytes = read_file(wal_);
    EXPECT_LE(to, bytes.size());
    std::fill(bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(to), 0);
    write_file(wal_, bytes);
    return copy;
  }
  static fs::path newest_wal(const fs::path& below) {
    fs::path newest;
    for (const fs::path& wal : files_below(below, ".log")) {
      if (fs::file_size(wal) > 0) newest = wal;
    }
    return newest;
  }
  // Written, and waiting for a sync that does not come. Accepted, so that it is never the writer
  // itself that syncs and is held.
  void append_unsynced(uint64_t first) { append_unsynced(batch("s", Offset{first}, 8)); }
  void append_unsynced(Batch events) {
    const uint64_t before = faults_->wal_bytes();
    log().append(
        Append{.stream = "s", .batch = std::move(events), .durability = Durability::accepted},
        [](Result<Appended>) {});
    ASSERT_TRUE(eventually([&] { return faults_->wal_bytes() > before; }));
  }

  std::shared_ptr<FaultFileSystem> faults_ = std::make_shared<FaultFileSystem>();
  fs::path wal_;
};

TEST_F(WalEnd, APageMissingFromWhatWasNeverFsyncedIsATornEnd) {
  append("s", 8);
  append("s", 8);
  const uint64_t durable = fs::file_size(newest_wal(data()));
  faults_->hold();
  append_unsynced(16);
  const uint64_t hole_end = fs::file_size(newest_wal(data()));
  append_unsynced(24);  // whole, behind the hole
  const fs::path copy = copy_without(durable, hole_end);
  options.file_system = nullptr;
  const auto opened = Log::open(copy, options);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_GT((*opened)->recovery().torn_bytes_dropped, hole_end - durable);
  expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 16);
  EXPECT_EQ((*opened)->append(Append{.stream = "s", .batch = batch("s", Offset{16}, 1)})->first,
            Offset{16});
}

TEST_F(WalEnd, APageMissingFromWhatWasFsyncedIsRefusedAndNamed) {
  append("s", 8);
  const uint64_t from = fs::file_size(newest_wal(data()));
  append("s", 8);
  const uint64_t to = fs::file_size(newest_wal(data()));
  append("s", 8);  // knows that the one before was durable
  const fs::path copy = copy_without(from, to);
  options.file_system = nullptr;
  const auto refused = Log::open(copy, options);
  ASSERT_EQ(code_of(refused), Code::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(wal_.string()));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("byte " + std::to_string(from)));
  EXPECT_FALSE(Log::open(copy, options)) << "refusing once must not let it through the second time";
  options.accept_loss = true;
  const auto accepted = Log::open(copy, options);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr(wal_.filename().string()));
  // What stands behind it is kept, at its offsets.
  const Transcript transcript = read_all(**accepted, {.select = Selection::stream("s")});
  ASSERT_EQ(transcript.gaps.size(), 1u);
  EXPECT_EQ(transcript.gaps[0].gap.from, 8u);
  EXPECT_EQ(transcript.gaps[0].gap.to, 16u);
  EXPECT_EQ(transcript.events.size(), 16u);
  for (const Seen& seen : transcript.events) EXPECT_EQ(seen.difference, "");
}

// A client may know how a WAL is written, but not the log's sign.
TEST_F(WalEnd, WhatStandsInAnEventIsNotTakenForABatch) {
  append("s", 8);
  const uint64_t durable = fs::file_size(newest_wal(data()));
  std::string record;
  add_batch(record, std::string(kSpanBytes, 'x') + encode({UINT64_MAX, 0}, "STRDWMRK"));
  BatchBuilder builder;
  ASSERT_TRUE(builder.add({.type = "t", .id = "1", .form = DataForm::binary, .data = record}));
  faults_->hold();
  append_unsynced(builder.finish().value());
  const fs::path copy = copy_without(durable, durable + 20);
  options.file_system = nullptr;
  const auto opened = Log::open(copy, options);
  ASSERT_TRUE(opened) << opened.error().message;
  expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 8);
}

// A WAL that was done with is unlinked, and comes back if the power goes before the directory is
// durable. What it ends with is not what the newest one begins after.
TEST_F(WalEnd, AnOlderWalThatCameBackSaysNothingOfTheNewest) {
  append("s", 8);
  const fs::path old = newest_wal(data());
  const std::string done_with = read_file(old);
  append("s", 8);
  reopen();
  faults_->hold();
  append_unsynced(16);
  const uint64_t hole_end = fs::file_size(newest_wal(data()));
  append_unsynced(24);
  const fs::path copy = copy_without(0, hole_end);
  write_file(copy / "store" / old.filename(), done_with);
  options.file_system = nullptr;
  const auto opened = Log::open(copy, options);
  ASSERT_TRUE(opened) << opened.error().message;
  expect_events(read_all(**opened, {.select = Selection::stream("s")}), "s", 0, 16);
}

TEST_F(WalEnd, TheFirstBatchOfTheNewestIsMissedByWhatKnowsItWasFsynced) {
  append("s", 8);
  reopen();
  append("s", 8);
  const uint64_t to = fs::file_size(newest_wal(data()));
  append("s", 8);
  const fs::path copy = copy_without(0, to);
  options.file_system = nullptr;
  EXPECT_EQ(code_of(Log::open(copy, options)), Code::corrupt);
}

// RocksDB's flushes wait while this lives.
class NoFlushes {
 public:
  NoFlushes() {
    for (int i = 0; i < threads_; ++i) {
      rocksdb::Env::Default()->Schedule(&NoFlushes::wait, this, rocksdb::Env::HIGH);
    }
    EXPECT_TRUE(eventually([this] { return waiting_ == threads_; }));
  }
  ~NoFlushes() {
    over_.set_value();
    EXPECT_TRUE(eventually([this] { return waiting_ == 0; }));
  }

 private:
  static void wait(void* self) {
    auto& flushes = *static_cast<NoFlushes*>(self);
    ++flushes.waiting_;
    flushes.until_.wait();
    --flushes.waiting_;
  }

  const int threads_ = rocksdb::Env::Default()->GetBackgroundThreads(rocksdb::Env::HIGH);
  std::promise<void> over_;
  const std::shared_future<void> until_ = over_.get_future().share();
  std::atomic<int> waiting_ = 0;
};

// To find damaged tables RocksDB must open the store, and a WAL that is shorter than the MANIFEST
// says is why it does not.
TEST_F(WalEnd, AnOlderOneThatIsShortHidesNoDamagedTable) {
  append("s", 8);
  reopen();  // which makes a table of it
  const fs::path copy = directory() / "copy";
  {
    const NoFlushes held;
    append("s", 8);
    append("s", 8);
    wal_ = newest_wal(data());
    ASSERT_TRUE(log().roll());
    append("s", 8);
    copy_live(data(), copy);
  }
  ASSERT_NE(newest_wal(copy).filename(), wal_.filename());
  const fs::path older = copy / "store" / wal_.filename();
  fs::resize_file(older, fs::file_size(older) - 10);
  const fs::path table = files_below(copy, ".sst").back();
  constexpr size_t kFooterBytes = 53;
  std::string bytes = read_file(table);
  bytes.replace(bytes.size() - kFooterBytes, kFooterBytes, kFooterBytes, 'x');
  write_file(table, bytes);
  options.file_system = nullptr;
  EXPECT_EQ(code_of(Log::open(copy, options)), Code::corrupt);
  options.accept_loss = true;
  const auto accepted = Log::open(copy, options);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr(wal_.filename().string()));
  EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr(table.filename().string()));
  const Transcript transcript = read_all(**accepted, {.select = Selection::stream("s")});
  EXPECT_EQ(transcript.events.size(), 24U) << "of 32, 8 were in the batch that was cut short";
  for (const Seen& seen : transcript.events) EXPECT_EQ(seen.difference, "");
}

// Whatever bit it is, and though nothing behind it says that it was durable, as at the very end.
TEST_F(WalEnd, ABadBitInTheLastBatchIsNotATornEnd) {
  append("s", 8);
  const uint64_t at = fs::file_size(newest_wal(data()));
  const fs::path early = directory() / "early";
  copy_live(data(), early);  // the head mark, too, is of this moment
  append("s", 1);
  for (uint64_t bit = 0; bit < 60 * 8; ++bit) {
    const fs::path copy = copy_without(at, at);
    fs::copy_file(early / "HEAD", copy / "HEAD", fs::copy_options::overwrite_existing);
    std::string bytes = read_file(wal_);
    const uint64_t byte = at + bit / 8;
    ASSERT_LT(byte, bytes.size());
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit % 8));
    write_file(wal_, bytes);
    options.file_system = nullptr;
    const auto refused = Log::open(copy, options);
    const bool is_length = byte - at == 4 || byte - at == 5;  // it may seem to go on
    ASSERT_TRUE(is_length || code_of(refused) == Code::corrupt) << bit;
    if (!refused) {
      EXPECT_THAT(refused.error().message, testing::HasSubstr(wal_.string()));
    }
    fs::remove_all(copy);
  }
}

// RocksDB ends the process by an assertion over a sequence number that goes back.
TEST_F(WalEnd, WhatAnOlderWalHasIsRefusedBehindTheNewest) {
  append("s", 8);
  const std::string older = read_file(newest_wal(data()));
  reopen();
  append("s", 8);
  const fs::path copy = copy_without(0, 0);
  write_file(wal_, read_file(wal_) + older);
  options.file_system = nullptr;
  for (const auto mode : {Options::Mode::owner, Options::Mode::observer}) {
    options.mode = mode;
    const auto refused = Log::open(copy, options);
    ASSERT_EQ(code_of(refused), Code::corrupt);
    EXPECT_THAT(refused.error().message, testing::HasSubstr(wal_.string()));
    EXPECT_THAT(refused.error().message, testing::HasSubstr("belongs to another file"));
  }
}

// RocksDB, told to skip damage, reads such a record for ever, and otherwise takes it for the end.
TEST_F(WalEnd, ARecordThatSeemsToBeOfALogThatIsWrittenOverIsDamage) {
  append("s", 8);
  const uint64_t at = fs::file_size(newest_wal(data()));
  append("s", 8);
  append("s", 8);
  constexpr size_t kTypeAt = 6;  // behind crc32c and length
  for (const char type : {'\5', '\6', '\7', '\10'}) {
    const fs::path copy = copy_without(at, at);
    std::string bytes = read_file(wal_);
    ASSERT_EQ(bytes.at(at + kTypeAt), 1);
    bytes[at + kTypeAt] = type;
    write_file(wal_, bytes);
    options.file_system = nullptr;
    options.accept_loss = false;
    alarm(kDeadline.count() / 1000);  // nothing else could end it
    for (const auto mode : {Options::Mode::owner, Options::Mode::observer}) {
      options.mode = mode;
      const auto refused = Log::open(copy, options);
      ASSERT_EQ(code_of(refused), Code::corrupt);
      EXPECT_THAT(refused.error().message, testing::HasSubstr(wal_.string()));
    }
    options.mode = Options::Mode::owner;
    options.accept_loss = true;
    const auto accepted = Log::open(copy, options);
    alarm(0);
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_THAT((*accepted)->recovery().loss, testing::HasSubstr(wal_.string()));
    const Transcript seen = read_all(**accepted, {.select = Selection::stream("s")});
    EXPECT_EQ(seen.offsets().size(), 16u) << "one batch is lost";
    fs::remove_all(copy);
  }
}

}  // namespace
}  // namespace strandline::tests
