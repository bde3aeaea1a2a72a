// The file system under the store, with one order added that RocksDB leaves to chance: before
// CURRENT names a MANIFEST, that file's own entry is durable.
//
// RocksDB fsyncs the MANIFEST, then renames CURRENT, then fsyncs the directory once for both. Where
// a file system may keep the second entry and lose the first, a power cut in between leaves a store
// that names a file which is not there.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace strandline {

std::shared_ptr<rocksdb::FileSystem> with_ordered_names(std::shared_ptr<rocksdb::FileSystem> under);

}  // namespace strandline
