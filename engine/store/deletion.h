// Takes the events of dropped segments out of RocksDB's table files, and their space with them.
//
// *Threads*: any, beside the writer; it may wait for a flush and a compaction. What is in memory
// stays there: flushing it would begin a new WAL before the old one's end is durable (store.h).
#pragma once

#include <rocksdb/db.h>

#include <string>

namespace strandline {

// Every key below `end` that a table file holds, or, if there may be any, a flush that is under way
// writes to one: it is waited for. The family's compaction filter must leave them out
// (store_options.cc).
rocksdb::Status delete_below(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                             const std::string& end, bool may_be_written);

}  // namespace strandline
