#include "engine/store/store_figures.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <numeric>

#include "engine/store/store_options.h"

namespace strandline {

const char* name_of(Family family) { return kFamilyNames[static_cast<size_t>(family)]; }

uint64_t wal_bytes_of(rocksdb::DB& db) {
  uint64_t sum = 0;
  std::vector<std::string> names;
  if (!db.GetEnv()->GetChildren(db.GetName(), &names).ok()) return 0;
  for (const std::string& name : names) {
    uint64_t bytes = 0;
    if (!name.ends_with(".log")) continue;
    if (db.GetEnv()->GetFileSize(db.GetName() + "/" + name, &bytes).ok()) sum += bytes;
  }
  return sum;
}

StoreFigures figures_of(rocksdb::DB& db, const FamilyHandles& families, const WriteMeter& meter) {
  using Properties = rocksdb::DB::Properties;
  StoreFigures figures;
  std::vector<rocksdb::LiveFileMetaData> live;
  db.GetLiveFilesMetaData(&live);
  figures.tables = live.size();
  for (const auto& table : live) {
    (table.column_family_name == "events" ? figures.event_table_bytes
                                          : figures.record_table_bytes) += table.size;
  }
  figures.wal_bytes = wal_bytes_of(db);
  (void)db.GetAggregatedIntProperty(Properties::kCurSizeAllMemTables, &figures.unflushed_bytes);
  (void)db.GetAggregatedIntProperty(Properties::kEstimateTableReadersMem,
                                    &figures.table_reader_bytes);
  uint64_t bytes = 0;
  for (auto* family : families) {
    // Each family that has a cache has one of its own.
    if (family && db.GetIntProperty(family, Properties::kBlockCacheUsage, &bytes)) {
      figures.block_cache_bytes += bytes;
    }
  }
  figures.wal_bytes_written = meter.wal_bytes();
  figures.table_bytes_written = meter.table_bytes();
  return figures;
}

uint64_t disk_bytes_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                       std::span<const std::pair<std::string, std::string>> ranges) {
  if (!family || ranges.empty()) return 0;
  std::vector<rocksdb::Range> asked;
  asked.reserve(ranges.size());
  for (const auto& [from, to] : ranges) asked.emplace_back(from, to);
  std::vector<uint64_t> sizes(asked.size());
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  options.include_files = true;
  const auto status = db.GetApproximateSizes(options, family, asked.data(),
                                             static_cast<int>(asked.size()), sizes.data());
  return status.ok() ? std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}) : 0;
}

}  // namespace strandline
