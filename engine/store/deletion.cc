#include "engine/store/deletion.h"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>
#include <vector>

#include "engine/format/keys.h"

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

rocksdb::Status delete_between(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                               const std::string& begin, const std::string& end,
                               bool may_be_written) {
  if (may_be_written) await_flushes(db, family);
  const rocksdb::Slice from = begin, limit = end;
  rocksdb::Status status = rocksdb::DeleteFilesInRange(&db, family, &from, &limit, false);
  if (!status.ok()) return status;
  // What shares a file with a segment that stays is compacted away. Not by CompactRange, which
  // flushes what is in memory.
  rocksdb::ColumnFamilyMetaData tables;
  db.GetColumnFamilyMetaData(family, &tables);
  std::vector<std::string> files;
  int level_to = 1;
  for (const rocksdb::LevelMetaData& level : tables.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (file.smallestkey >= end || file.largestkey < begin) continue;
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

rocksdb::Status rewrite_segment(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                                Rewriting& rewriting, const std::atomic<bool>& stopping,
                                uint64_t& freed_bytes) {
  const std::string begin = be64(first_stripe(rewriting.segment).value);
  const std::string end = be64(first_stripe(rewriting.segment + 1).value);
  rocksdb::ColumnFamilyMetaData tables;
  db.GetColumnFamilyMetaData(family, &tables);
  std::vector<std::string> young, settled;
  std::map<std::string, uint64_t> sizes;
  for (const rocksdb::LevelMetaData& level : tables.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (file.largestkey < begin || file.smallestkey >= end) continue;
      if (file.being_compacted) return rocksdb::Status::Busy();
      (level.level == 0 ? young : settled).push_back(file.name);
      sizes[file.name] = file.size;
    }
  }
  // What is in level 0 goes to level 1 with all that it overlaps; otherwise file by file, so that
  // little is there twice, and an end comes soon.
  std::vector<std::vector<std::string>> works;
  if (young.empty()) {
    for (std::string& file : settled) works.push_back({std::move(file)});
  } else {
    works.push_back(std::move(young));
    works.back().insert(works.back().end(), settled.begin(), settled.end());
  }
  rocksdb::CompactionOptions compaction;
  compaction.compression = rocksdb::kDisableCompressionOption;  // as the family's
  compaction.output_file_size_limit = db.GetOptions(family).target_file_size_base;
  compaction.max_subcompactions = 1;
  const RewritingHere here(rewriting);
  for (const std::vector<std::string>& files : works) {
    if (stopping) return rocksdb::Status::Incomplete();
    std::vector<std::string> made;
    const rocksdb::Status status = db.CompactFiles(compaction, family, files, 1, -1, &made);
    // Another compaction has them, or had them a moment ago.
    if (status.IsAborted() || status.IsInvalidArgument()) return rocksdb::Status::Busy();
    if (!status.ok()) return status;
    uint64_t before = 0, after = 0;
    for (const std::string& file : files) before += sizes[file];
    for (const std::string& file : made) {
      std::error_code gone;
      const uint64_t size = std::filesystem::file_size(file, gone);
      after += gone ? 0 : size;
    }
    freed_bytes += before - std::min(before, after);
  }
  return rocksdb::Status::OK();
}

}  // namespace strandline
