// Reads what a store's MANIFEST says, even if its WALs are damaged. *Threads*: one, with the store
// closed.
#pragma once

#include <rocksdb/metadata.h>
#include <rocksdb/status.h>

#include <filesystem>
#include <vector>

namespace rocksdb {
struct ColumnFamilyDescriptor;
struct DBOptions;
}  // namespace rocksdb

namespace strandline {

using Descriptors = std::vector<rocksdb::ColumnFamilyDescriptor>;

struct StoreContents {
  rocksdb::Status status;  // not ok: nobody knows which tables there are
  std::vector<rocksdb::LiveFileMetaData> tables;
  std::vector<std::filesystem::path> missing_wals;  // that it knows of, and that are not there
};

// Writes nothing.
StoreContents read_leniently(const std::filesystem::path& directory,
                             const rocksdb::DBOptions& options, const Descriptors& families);

}  // namespace strandline
