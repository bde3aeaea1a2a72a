// A store's files as they are at one moment, to be read while its owner goes on writing.
//
// RocksDB reads the list of tables first, and then the tables and the WALs. What the owner removes
// between the two is in a table that the list, as it was read, does not name; without it events
// would be missing, at the end or in the middle. So all are opened here, at once: the list is read
// whole, and taken together with the WALs only if none of those came or went meanwhile. What the
// owner removes later is still read; what it appends to the newest WAL may be.
//
// *Threads*: any, once it is made.
#pragma once

#include <rocksdb/file_system.h>

#include <filesystem>
#include <memory>

#include "engine/error.h"

namespace strandline {

// *Errors*: `busy`, if the owner makes and removes WALs faster than they can be opened.
Result<std::shared_ptr<rocksdb::FileSystem>> snapshot_of_store(
    const std::shared_ptr<rocksdb::FileSystem>& files, const std::filesystem::path& directory);

}  // namespace strandline
