// What an open store is made of, for the files that define its methods.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/store/dropped.h"
#include "engine/store/flushes.h"
#include "engine/store/store.h"
#include "engine/store/store_figures.h"
#include "engine/store/store_file_system.h"
#include "engine/store/store_options.h"

namespace strandline {

struct Store::Parts {
  Dropped dropped;
  std::atomic<uint64_t> durable{0};  // RocksDB's last sequence number that was fsynced
  uint64_t before_wal = 0;           // and the last before the newest WAL began; the writer's
  std::string sign;                  // of its marks in the WAL
  const std::shared_ptr<WalGate> gate = std::make_shared<WalGate>();
  const std::shared_ptr<ListWatch> list = std::make_shared<ListWatch>();
  const std::shared_ptr<WriteMeter> meter = std::make_shared<WriteMeter>();
  std::shared_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};
  rocksdb::ColumnFamilyHandle* default_family = nullptr;
  Flushes flushes{kFlushesUnderWay};
  std::mutex mutex;  // guards spare
  // Write batches that were written, kept for the memory they hold: a fresh one grows to a megabyte
  // by doubling, through pages that the system has to map each time.
  std::vector<std::unique_ptr<rocksdb::WriteBatch>> spare;

  bool paused = false;
  std::thread pausing;

  // A compaction that has met damage would meet it again, once a second, for ever. Without
  // compactions level 0 grows, readers have more files to look into, and appends go on unslowed:
  // RocksDB holds nobody back for a compaction that it is told not to make.
  void pause_compactions(const std::string& why,
                         const std::function<void(const std::string&)>& warn) {
    std::lock_guard lock(mutex);
    if (std::exchange(paused, true)) return;
    if (warn) {
      warn("compaction met damage, and waits until the log is reopened with accept_loss: " + why);
    }
    // Not on RocksDB's own thread, which may hold what this needs.
    if (db) pausing = std::thread([this] { stop_compactions(); });
  }
  void stop_compactions() {
    (void)db->SetOptions(family(Family::events), {{"disable_auto_compactions", "true"}});
  }

  std::optional<uint64_t> newest_wal() const {
    std::unique_ptr<rocksdb::LogFile> wal;
    if (!db->GetCurrentWalFile(&wal).ok() || !wal) return std::nullopt;
    return wal->LogNumber();
  }

  rocksdb::ColumnFamilyHandle* family(Family f) const { return families[static_cast<size_t>(f)]; }
  StoreIterator iterate(Family f, const rocksdb::ReadOptions& options) const {
    auto* handle = family(f);
    return StoreIterator(std::unique_ptr<rocksdb::Iterator>(
        handle ? db->NewIterator(options, handle) : rocksdb::NewEmptyIterator()));
  }
};

}  // namespace strandline
