#include "engine/store/deletion.h"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <chrono>
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

// The table files that hold any of a segment.
struct SegmentTables {
  std::vector<std::string> young, settled;  // of level 0, of level 1
  std::map<std::string, uint64_t> sizes;    // of all of them
  bool are_busy = false;                    // a compaction has one of them
};

SegmentTables tables_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, SegmentId segment) {
  const std::string begin = be64(first_stripe(segment).value);
  const std::string end = be64(first_stripe(segment + 1).value);
  rocksdb::ColumnFamilyMetaData all;
  db.GetColumnFamilyMetaData(family, &all);
  SegmentTables tables;
  for (const rocksdb::LevelMetaData& level : all.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (file.largestkey < begin || file.smallestkey >= end) continue;
      (level.level == 0 ? tables.young : tables.settled).push_back(file.name);
      tables.sizes[file.name] = file.size;
      tables.are_busy |= file.being_compacted;
    }
  }
  return tables;
}

// Of those of these files that are there still; they are named by their paths.
uint64_t bytes_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                  const std::vector<std::string>& files) {
  rocksdb::ColumnFamilyMetaData all;
  db.GetColumnFamilyMetaData(family, &all);
  uint64_t bytes = 0;
  for (const rocksdb::LevelMetaData& level : all.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      const bool is_one = std::ranges::any_of(
          files, [&](const std::string& path) { return path.ends_with(file.name); });
      if (is_one) bytes += file.size;
    }
  }
  return bytes;
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
                                bool may_be_written, Rewriting& rewriting,
                                const std::atomic<bool>& stopping, uint64_t& freed_bytes) {
  if (may_be_written) await_flushes(db, family);
  const SegmentTables before = tables_of(db, family, rewriting.segment);
  if (before.are_busy) return rocksdb::Status::Busy();
  // What is in level 0 goes to level 1 with all that it overlaps; otherwise file by file, so that
  // little is there twice, and an end comes soon.
  std::vector<std::vector<std::string>> works;
  if (before.young.empty()) {
    for (const std::string& file : before.settled) works.push_back({file});
  } else {
    works.push_back(before.young);
    works.back().insert(works.back().end(), before.settled.begin(), before.settled.end());
  }
  rocksdb::CompactionOptions compaction;
  compaction.compression = rocksdb::kDisableCompressionOption;  // as the family's
  compaction.output_file_size_limit = db.GetOptions(family).target_file_size_base;
  compaction.max_subcompactions = 1;
  rocksdb::Status status;
  std::vector<std::string> gone, made;  // of level 0 they may hold other segments, too
  {
    const RewritingHere here(rewriting);
    for (const std::vector<std::string>& files : works) {
      if (status.ok() && stopping) status = rocksdb::Status::Incomplete();
      if (!status.ok()) break;
      status = db.CompactFiles(compaction, family, files, 1, -1, &made);
      if (status.ok()) gone.insert(gone.end(), files.begin(), files.end());
    }
  }
  uint64_t was = 0;
  for (const std::string& file : gone) was += before.sizes.at(file);
  freed_bytes += was - std::min(was, bytes_of(db, family, made));
  // Another compaction has them, or had them a moment ago.
  if (status.IsAborted() || status.IsInvalidArgument()) return rocksdb::Status::Busy();
  return status;
}

}  // namespace strandline
