// A store that its owner goes on writing to, opened to be read.
//
// RocksDB reads the list of tables first, and then the tables and WALs. What the owner removes
// between the two is in a table that the list, as it was read, does not name; what was in a WAL
// would be missing, at the end or, with a newer WAL behind it, in the middle. So the list is read
// again until nothing was removed meanwhile. *Threads*: one.
#pragma once

#include <memory>
#include <vector>

#include "engine/disk.h"
#include "engine/error.h"
#include "engine/lenient_store.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace strandline {

struct ObservedStore {
  rocksdb::Status status;
  rocksdb::DB* db = nullptr;  // and its families, if the status is ok: the caller's
  std::vector<rocksdb::ColumnFamilyHandle*> families = {};
};

// `scratch`: a directory for RocksDB's own notes. *Errors*: Busy, if the owner removes files faster
// than this can follow.
ObservedStore observe_store(const Disk& disk, const rocksdb::DBOptions& options,
                            const std::filesystem::path& directory,
                            const std::filesystem::path& scratch, const Descriptors& families);

}  // namespace strandline
