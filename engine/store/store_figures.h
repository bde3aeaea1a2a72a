// What a store holds, in numbers, and what it has written since it was opened.
//
// *Threads*: any. What is measured is what RocksDB says of itself, at that moment.
#pragma once

#include <rocksdb/listener.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/store/store.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace strandline {

// Counts the bytes of table files that RocksDB finishes, and those that go to the WAL.
class WriteMeter : public rocksdb::EventListener {
 public:
  void OnTableFileCreated(const rocksdb::TableFileCreationInfo& info) override {
    if (info.status.ok()) table_bytes_ += info.file_size;
  }
  void count_wal(uint64_t bytes) { wal_bytes_ += bytes; }
  uint64_t table_bytes() const { return table_bytes_; }
  uint64_t wal_bytes() const { return wal_bytes_; }

 private:
  std::atomic<uint64_t> table_bytes_{0};
  std::atomic<uint64_t> wal_bytes_{0};
};

using FamilyHandles = std::array<rocksdb::ColumnFamilyHandle*, kFamilies>;

// Of the files. RocksDB's own list of WALs ends the process by an assertion where the file system
// fails.
uint64_t wal_bytes_of(rocksdb::DB& db);
StoreFigures figures_of(rocksdb::DB& db, const FamilyHandles& families, const WriteMeter& meter);
// About how many bytes these ranges of keys [from, to) of a family take on disk, together.
uint64_t disk_bytes_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                       std::span<const std::pair<std::string, std::string>> ranges);

}  // namespace strandline
