// How RocksDB is set up for a log, in one place, with the reasons.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>

#include "engine/api/options.h"
#include "engine/store/store.h"

namespace strandline {

inline constexpr std::array<const char*, kFamilies> kFamilyNames = {
    "events", "streams", "segments", "consumers", "producers", "access", "index"};

// Memtables of a family, the one that is written to among them: past this, appends wait for a flush
// to finish.
inline constexpr size_t kFlushesUnderWay = 6;

// For the store in `directory`, whether it is there yet or not.
rocksdb::DBOptions database_options(const Options& options, const std::filesystem::path& directory);

// The events family: written in key order of segments, compacted once a segment, dropped whole.
// `first_live` is what compactions hold keys against; it must outlive the database.
rocksdb::ColumnFamilyOptions events_options(const Options& options,
                                            const std::atomic<uint64_t>* first_live);

// The small families: few bytes, overwritten often.
rocksdb::ColumnFamilyOptions records_options(const Options& options);

// The index of types and subjects: written a stripe at a time, read a run of stripes at a time.
rocksdb::ColumnFamilyOptions index_options(const Options& options);

// Of the family that has this name.
rocksdb::ColumnFamilyOptions family_options(std::string_view name, const Options& options,
                                            const std::atomic<uint64_t>* first_live);

}  // namespace strandline
