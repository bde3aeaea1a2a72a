// Takes the events of dropped segments out of RocksDB's table files, and their space with them.
//
// *Threads*: any, beside the writer; it may wait for a flush and a compaction. What is in memory
// stays there: flushing it would begin a new WAL before the old one's end is durable (store.h).
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <string>

#include "engine/store/left_out.h"

namespace strandline {

// Every key of [begin, end) that a table file holds, or, if there may be any, a flush that is under
// way writes to one: it is waited for. The family's compaction filter must leave them out
// (store_options.cc).
rocksdb::Status delete_between(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                               const std::string& begin, const std::string& end,
                               bool may_be_written);

// Rewrites a segment's table files without what is dead of it (left_out.h), file by file, until
// `stopping`, once a flush that may be writing some of it is over. `Busy` if others have its files.
// What the files were smaller by, in all, is added to `freed_bytes`.
rocksdb::Status rewrite_segment(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                                bool may_be_written, Rewriting& rewriting,
                                const std::atomic<bool>& stopping, uint64_t& freed_bytes);

}  // namespace strandline
