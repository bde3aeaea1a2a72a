// WALs that the store's MANIFEST names, and that are missing. With `accept_loss` the log opens
// without them. An event can be in a table while the record of its place was only in such a WAL. So
// the records are then rebuilt from the events (rebuild.h). *Threads*: one, with the store closed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"

namespace strandline {

// The file that RocksDB speaks of by its number when it refuses a store for a WAL.
std::optional<std::filesystem::path> wal_named_in(std::string_view refusal,
                                                  const std::filesystem::path& store_directory);

// Sees to it that records will be made again, and says which are missing, each in words.
Result<std::vector<std::string>> note_missing_wals(const std::filesystem::path& store_directory,
                                                   const std::vector<std::filesystem::path>& wals);

}  // namespace strandline
