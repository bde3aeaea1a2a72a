#include "engine/store/store_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_partitioner.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "engine/disk/disk.h"
#include "engine/format/keys.h"
#include "engine/store/insert_hints.h"
#include "engine/store/store_crc32c.h"

namespace strandline {
namespace {

// Leaves out the events of dropped segments that were not alone in their file.
class DroppedSegments : public rocksdb::CompactionFilter {
 public:
  explicit DroppedSegments(const std::atomic<uint64_t>* first_live) : first_live_(first_live) {}
  const char* Name() const override { return "strandline.dropped-segments"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*,
              bool*) const override {
    EventKey event;
    return decode({key.data(), key.size()}, event) &&
           segment_of(event.stripe).value < first_live_->load();
  }

 private:
  const std::atomic<uint64_t>* first_live_;
};

class DroppedSegmentsFactory : public rocksdb::CompactionFilterFactory {
 public:
  explicit DroppedSegmentsFactory(const std::atomic<uint64_t>* first_live)
      : first_live_(first_live) {}
  const char* Name() const override { return "strandline.dropped-segments"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<DroppedSegments>(first_live_);
  }

 private:
  const std::atomic<uint64_t>* first_live_;
};

// A memtable never grows to this: kFlushBytes of WAL, one large append on top, and what entries
// cost in memory: half as much again, if they are the smallest records, and where each stream has
// just so many that RocksDB remembers a place for it (insert_hints.h), half of that once more.
constexpr size_t kOutOfReachBytes = 224 << 20;

// Files of level 0 from which on appends are slowed down, and then stopped: about 4 and 8 GB
// behind.
constexpr int kFilesBehind = 64;

// The first bytes of an event's key, which are its segment.
constexpr size_t kSegmentPrefixBytes = sizeof(uint64_t) - kStripeBits / 8;

// Threads that open table files when the log is opened. RocksDB starts that many for each family,
// however few its files are: a small log would be open before they are.
int opening_threads(const Disk& disk, const std::filesystem::path& directory) {
  constexpr int64_t kFilesOfAThread = 4;
  constexpr int64_t kThreadsMax = 16;
  const auto names = disk.list(directory);
  if (!names) return 1;
  const auto files =
      std::ranges::count_if(*names, [](const std::string& name) { return name.ends_with(".sst"); });
  return static_cast<int>(std::clamp<int64_t>(files / kFilesOfAThread, 1, kThreadsMax));
}

}  // namespace

rocksdb::DBOptions database_options(const Options& options,
                                    const std::filesystem::path& directory) {
  lend_crc32c();
  rocksdb::DBOptions db;
  db.create_if_missing = options.create_if_missing;
  db.create_missing_column_families = options.create_if_missing;
  // The default mode, point-in-time, opens silently shorter after one flipped bit. This one refuses
  // anything but a torn end of the newest WAL, and the tracking sees a WAL that is missing or
  // short. With accept_loss a WAL has been made whole before (wal_end.h), and nothing stops here.
  db.wal_recovery_mode = options.accept_loss
                             ? rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords
                             : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = !options.accept_loss;
  db.avoid_flush_during_recovery = false;
  // The writer decides when memtables are flushed and the WAL moves on (writer.cc), always after an
  // fsync; limits here that would make RocksDB do so by itself are out of reach.
  db.max_total_wal_size = uint64_t{1} << 40;
  // One for flushes, and compactions that give way to appends.
  db.max_background_jobs = 3;
  db.max_open_files = -1;
  // It reads tables' properties before the tables are checked, and ends the process by an assertion
  // over damaged ones; and it would take time.
  db.skip_stats_update_on_db_open = true;
  db.max_file_opening_threads = opening_threads(Disk(options), directory);
  // Writes its tables out steadily, and waits for the disk, so that a WAL's fsync does not wait
  // behind many megabytes of them: with 1 MiB, not waited for, p99.9 of an append at full rate was
  // half as long again.
  db.bytes_per_sync = 256 << 10;
  db.strict_bytes_per_sync = true;
  // Where appends are slowed down, RocksDB begins at this rate; its own 16 MiB/s would hold a
  // commit up for a tenth of a second.
  db.delayed_write_rate = 100 << 20;
  // It would reserve far more for a table file of a small segment than the file takes, and give it
  // back when the file is closed: 5 GB/s of discards were measured.
  db.allow_fallocate = false;
  db.keep_log_file_num = 4;
  db.max_log_file_size = 4 << 20;
  db.stats_dump_period_sec = 0;
  db.env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW);
  return db;
}

rocksdb::ColumnFamilyOptions events_options(const Options& options,
                                            const std::atomic<uint64_t>* first_live) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = kOutOfReachBytes;
  family.max_write_buffer_number = static_cast<int>(kFlushesUnderWay);
  // A stripe and a stream. bench/README.md says what that is worth (one event a request).
  family.memtable_insert_with_hint_prefix_extractor =
      std::make_shared<InsertHints>(3 * sizeof(uint64_t), 2 * sizeof(uint64_t));
  // Two levels: level 0 as flushed, level 1 as it stays. Level 1 has no size limit, so the only
  // compaction is that of a segment's flushed files into their final, zstd-compressed ones.
  family.num_levels = 2;
  family.max_bytes_for_level_base = uint64_t{1} << 50;
  family.level_compaction_dynamic_level_bytes = false;
  family.level0_file_num_compaction_trigger =
      static_cast<int>(std::clamp<size_t>(options.segment_bytes_max / kFlushBytes, 2, 8));
  // New data never overlaps old, so a backlog of level 0 costs readers little: appends are slowed
  // down late.
  family.level0_slowdown_writes_trigger = kFilesBehind;
  family.level0_stop_writes_trigger = 2 * kFilesBehind;
  family.target_file_size_base = 64 << 20;
  // Level 0 is not merged into itself while its compaction is behind: that would write events once
  // more, uncompressed, to have fewer files (it takes four that are together no larger than this).
  family.max_compaction_bytes = kFlushBytes;
  family.compression_per_level = {rocksdb::kNoCompression, rocksdb::kZSTD};
  family.compression_opts.level = 1;
  // No table file of level 1 holds two segments, so that a segment is dropped by deleting files.
  family.sst_partitioner_factory =
      rocksdb::NewSstPartitionerFixedPrefixFactory(kSegmentPrefixBytes);
  family.compaction_filter_factory = std::make_shared<DroppedSegmentsFactory>(first_live);

  rocksdb::BlockBasedTableOptions table;
  // A bad bit spoils the block that it is in, and costs no more than that: 16 KiB of small batches,
  // or one that is larger. One batch a block would cost the disk three times as much, and a scan
  // ten times the time (many small batches of many streams).
  table.block_size = 16 << 10;
  // Each entry has its whole key, so that it can be found without the block's other entries
  // (salvage.h). Compression takes most of what that costs.
  table.block_restart_interval = 1;
  // What a stream has in a stripe is often 100 KiB: a reader that goes on from one block to the
  // next is given that in one piece, where RocksDB's 8 KiB, doubled each time, would take five.
  table.num_file_reads_for_auto_readahead = 1;
  table.initial_auto_readahead_size = 128 << 10;
  // The index in parts of its own, each a block, so that a bad bit there costs little too; in the
  // cache, so that memory does not grow with the log.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.metadata_block_size = 4096;
  table.cache_index_and_filter_blocks = true;
  table.pin_top_level_index_and_filter = true;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

rocksdb::ColumnFamilyOptions records_options(const Options&) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = kOutOfReachBytes;
  family.max_write_buffer_number = static_cast<int>(kFlushesUnderWay);
  // A kind and a number, as a stream's state has, which is written with each of its appends.
  constexpr size_t kNumberedKeyBytes = 1 + sizeof(uint64_t);
  family.memtable_insert_with_hint_prefix_extractor =
      std::make_shared<InsertHints>(kNumberedKeyBytes, kNumberedKeyBytes);
  family.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

rocksdb::ColumnFamilyOptions index_options(const Options& options) {
  constexpr size_t kIndexCacheBytes = 8 << 20;
  rocksdb::ColumnFamilyOptions family = records_options(options);
  family.memtable_insert_with_hint_prefix_extractor = nullptr;
  family.compression = rocksdb::kZSTD;
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  // A run of stripes of one bucket.
  table.block_size = 16 << 10;
  table.block_cache = rocksdb::NewLRUCache(kIndexCacheBytes);
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

rocksdb::ColumnFamilyOptions family_options(std::string_view name, const Options& options,
                                            const std::atomic<uint64_t>* first_live) {
  if (name == "events") return events_options(options, first_live);
  return name == "index" ? index_options(options) : records_options(options);
}

}  // namespace strandline
