// How RocksDB is set up for a log, in one place, with the reasons.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>

#include "engine/options.h"
#include "engine/store.h"

namespace strandline {

rocksdb::DBOptions database_options(const Options& options);

// The events family: written in key order of segments, compacted once a segment, dropped whole.
// `first_live` is what compactions hold keys against; it must outlive the database.
rocksdb::ColumnFamilyOptions events_options(const Options& options,
                                            const std::atomic<uint64_t>* first_live);

// The small families: few bytes, overwritten often.
rocksdb::ColumnFamilyOptions records_options(const Options& options);

}  // namespace strandline
