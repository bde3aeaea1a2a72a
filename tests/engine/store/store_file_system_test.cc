// What the WAL's file promises of a sync, beside appends and other syncs; and how far a MANIFEST is
// known to be durable.
#include "engine/store/store_file_system.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/disk/fault_file_system.h"
#include "tests/support/log/directory.h"
#include "tests/support/process/deadline.h"

namespace strandline::tests {
namespace {

class WalFileSyncs : public ::testing::Test {
 protected:
  WalFileSyncs() {
    const auto store =
        store_file_system(faults_, std::make_shared<WalGate>(), std::make_shared<ListWatch>());
    EXPECT_TRUE(
        store->NewWritableFile((directory_ / "000001.log").string(), {}, &file_, nullptr).ok());
  }
  ~WalFileSyncs() override { faults_->release(); }

  void append() { EXPECT_TRUE(file_->Append("x", {}, nullptr).ok()); }
  void sync() { EXPECT_TRUE(file_->Sync({}, nullptr).ok()); }

  TemporaryDirectory directory_;
  std::shared_ptr<FaultFileSystem> faults_ = std::make_shared<FaultFileSystem>();
  std::unique_ptr<rocksdb::FSWritableFile> file_;
};

TEST_F(WalFileSyncs, OnlyWhereSomethingWasAppended) {
  append();
  sync();
  sync();
  EXPECT_EQ(faults_->syncs(), 1U);
  append();
  sync();
  EXPECT_EQ(faults_->syncs(), 2U);
}

TEST_F(WalFileSyncs, WhatWasBeingAppendedDuringTheLastOne) {
  append();
  sync();
  faults_->hold_appends();
  std::jthread appending([this] { append(); });
  ASSERT_TRUE(eventually([this] { return faults_->wal_bytes() == 2; }));
  sync();  // has nothing of it
  faults_->release();
  appending.join();
  const uint64_t before = faults_->syncs();
  sync();
  EXPECT_EQ(faults_->syncs(), before + 1);
}

TEST_F(WalFileSyncs, NotBeforeTheOneThatIsUnderWay) {
  append();
  faults_->hold();
  std::jthread first([this] { sync(); });
  ASSERT_TRUE(eventually([this] { return faults_->syncs() == 1; }));
  std::atomic<bool> believed = false;
  std::jthread second([&] {
    sync();
    believed = true;
  });
  EXPECT_FALSE(eventually([&] { return believed.load(); }, 100ms));
  faults_->release();
}

TEST(ListWatched, IsDurableWhereItIsSyncedAndCurrentNamesIt) {
  const TemporaryDirectory directory;
  const auto watch = std::make_shared<ListWatch>();
  const auto store =
      store_file_system(rocksdb::FileSystem::Default(), std::make_shared<WalGate>(), watch);
  const auto list = [&](const std::string& number) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const std::string path = (directory / ("MANIFEST-" + number)).string();
    EXPECT_TRUE(store->NewWritableFile(path, {}, &file, nullptr).ok());
    return file;
  };
  const auto named = [&](const std::string& number) {
    const std::string temporary = (directory / (number + ".dbtmp")).string();
    write_file(temporary, "MANIFEST-" + number + "\n");
    const std::string current = (directory / "CURRENT").string();
    EXPECT_TRUE(store->RenameFile(temporary, current, {}, nullptr).ok());
  };
  const auto synced = [](rocksdb::FSWritableFile& file, const std::string& bytes) {
    EXPECT_TRUE(file.Append(bytes, {}, nullptr).ok());
    EXPECT_TRUE(file.Sync({}, nullptr).ok());
  };
  const auto first = list("000004");
  synced(*first, "abc");
  EXPECT_EQ(watch->durable(), ListEnd());
  named("000004");
  EXPECT_EQ(watch->durable(), ListEnd()) << "CURRENT's directory is not fsynced yet";
  watch->opened();
  EXPECT_EQ(watch->durable(), (ListEnd{4, 3}));
  EXPECT_TRUE(first->Append("d", {}, nullptr).ok());
  EXPECT_EQ(watch->durable(), (ListEnd{4, 3}));
  EXPECT_TRUE(first->Sync({}, nullptr).ok());
  EXPECT_EQ(watch->durable(), (ListEnd{4, 4}));

  const auto second = list("000009");
  synced(*second, "x");
  named("000009");
  EXPECT_EQ(watch->durable(), (ListEnd{4, 4}));
  synced(*second, "y");
  EXPECT_EQ(watch->durable(), (ListEnd{9, 2}));
}

}  // namespace
}  // namespace strandline::tests
