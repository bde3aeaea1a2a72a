// Inspects the ends of a store's WAL files before RocksDB replays them.
//
// After a power cut a WAL may end in a record that is not whole. Of its last pages, which were
// never fsynced, any may be missing. A missing page reads as zeros, and whole records may stand
// behind it. RocksDB takes such an end for damage, or replays what stands behind the hole. So the
// end is cut off first, durably, at the last whole record. Damage to durable bytes must not be
// mistaken for such an end. Each batch says in its stamp how far the log was durable when it was
// written (`WalStamp` in wal_records.h). An end is refused if a later stamp says that it was
// durable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/disk/disk.h"

namespace strandline {

struct WalEnds {
  uint64_t bytes = 0;        // of all WAL files
  std::string newest = {};   // the last that holds anything; empty if none does
  uint64_t torn_bytes = 0;   // after the last whole record of the newest
  std::string torn_at = {};  // which file, and from which byte on; empty if none is torn
};

Result<WalEnds> inspect_wals(const Disk& disk, const std::filesystem::path& store_directory);
// The same, before RocksDB reads it beside the owner. *Errors*: `corrupt` for a record that it
// would take for the end.
Result<WalEnds> inspect_wals_to_follow(const Disk& disk,
                                       const std::filesystem::path& store_directory);
// The same, and cuts off an end that a power cut tore. *Errors*: `corrupt`, which names file and
// place, if it was durable, and if no power cut leaves such an end.
Result<WalEnds> repair_wals(const Disk& disk, const std::filesystem::path& store_directory);

// With accept_loss: what repair_wals would refuse is made whole without what is lost
// (wal_salvage.h), and the file as it was is kept in `damaged/` beside the store. Says, for each,
// what is lost.
Result<std::vector<std::string>> salvage_wals(const Disk& disk,
                                              const std::filesystem::path& store_directory);

// Fsyncs the WAL files as they are now, because an observer must not show what a power cut can take
// back, and it cannot know how far the owner has fsynced.
Status sync_wals(const Disk& disk, const std::filesystem::path& store_directory);

}  // namespace strandline
