// The store's list of its tables: a MANIFEST, its copy, and CURRENT, which names it. Without them
// nobody knows which tables are the log's, so every MANIFEST is written twice: beside MANIFEST-N
// stands MANIFEST-N.copy, the same bytes, fsynced right after it (store_file_system.h).
//
// Before the store is opened, the two are compared, record by record (wal_records.h). What is
// damaged or missing in one is taken from the other, with a warning and without loss. An end that
// was never fsynced, as a power cut leaves it, is cut off where the copy ends. If the whole records
// end before what the head mark says was durable, the store is refused: RocksDB would delete the
// tables that such a list does not name. *Threads*: one, with the store closed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/disk/disk.h"
#include "engine/format/list_end.h"

namespace strandline {

// Says what it repaired, by file and place. *Errors*: `corrupt` where CURRENT names no MANIFEST
// that is there, or both are damaged in the same place, or end before `marked`. With `accept_loss`
// the newest is used then, as far as it is whole.
Result<std::vector<std::string>> repair_table_list(const Disk& disk,
                                                   const std::filesystem::path& store_directory,
                                                   ListEnd marked, bool accept_loss);

}  // namespace strandline
