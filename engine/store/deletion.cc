#include "engine/store/deletion.h"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace strandline {
namespace {

// What a flush is writing at this moment is a file soon. If it takes longer, the next opening
// deletes it.
void await_flushes(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  constexpr auto kPollInterval = std::chrono::milliseconds(2);
  constexpr int kPolls = 2'500;
  for (int i = 0; i < kPolls; ++i) {
    uint64_t waiting = 0;
    const auto& property = rocksdb::DB::Properties::kNumImmutableMemTable;
    if (!db.GetIntProperty(family, property, &waiting) || waiting == 0) return;
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

rocksdb::Status delete_below(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                             const std::string& end, bool may_be_written) {
  if (may_be_written) await_flushes(db, family);
  const rocksdb::Slice limit = end;
  rocksdb::Status status = rocksdb::DeleteFilesInRange(&db, family, nullptr, &limit, false);
  if (!status.ok()) return status;
  // What shares a file with a segment that stays is compacted away. Not by CompactRange, which
  // flushes what is in memory.
  rocksdb::ColumnFamilyMetaData tables;
  db.GetColumnFamilyMetaData(family, &tables);
  std::vector<std::string> files;
  int level_to = 1;
  for (const rocksdb::LevelMetaData& level : tables.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (file.smallestkey >= end) continue;
      files.push_back(file.name);
      level_to = std::max(level_to, level.level);
    }
  }
  if (files.empty()) return status;
  rocksdb::CompactionOptions compaction;
  compaction.compression = rocksdb::kDisableCompressionOption;  // as the family's
  compaction.output_file_size_limit = db.GetOptions(family).target_file_size_base;
  status = db.CompactFiles(compaction, family, files, level_to);
  // Another compaction has them, or had them a moment ago, and leaves the same out.
  if (status.IsAborted() || status.IsInvalidArgument()) return rocksdb::Status::OK();
  return status;
}

}  // namespace strandline
