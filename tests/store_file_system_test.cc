// What the WAL's file promises of a sync, beside appends and other syncs.
#include "engine/store_file_system.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/deadline.h"
#include "tests/support/directory.h"
#include "tests/support/fault_file_system.h"

namespace strandline::tests {
namespace {

class WalFileSyncs : public ::testing::Test {
 protected:
  WalFileSyncs() {
    const auto store = store_file_system(faults_, std::make_shared<WalGate>());
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

}  // namespace
}  // namespace strandline::tests
