// A WAL that the store's MANIFEST knows of, and that is not there. With `accept_loss` the log opens
// without it; but the record of where an event is may have been in it alone, while the event has
// long been in a table, so records are then made again from the events (rebuild.h).
// *Threads*: one, with the store closed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace rocksdb {
struct ColumnFamilyDescriptor;
struct DBOptions;
}  // namespace rocksdb

namespace strandline {

// The file that RocksDB speaks of by its number when it refuses a store for a WAL.
std::optional<std::filesystem::path> wal_named_in(std::string_view refusal,
                                                  const std::filesystem::path& store_directory);

// Which one is missing, in words (the lowest, if several are), having seen to it that records will
// be made again; nothing if none is.
Result<std::optional<std::string>> mend_missing_wal(
    const std::filesystem::path& store_directory, const rocksdb::DBOptions& options,
    const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

}  // namespace strandline
