// The ends of a store's WAL files, looked at before RocksDB replays them.
//
// After a power cut a WAL may end in a record that is not whole, and its last pages, none of them
// fsynced, may be there or not in any order: what is missing reads as zeros, and whole records may
// stand behind it. RocksDB takes such an end for damage, or replays what stands behind the hole.
// So it is cut off first, durably, at the last whole record. It must not be mistaken for damage to
// what was durable: every record says, in its mark, how far the log was durable when it was written
// (`WalMark`), and an end that a later record knows to have been durable is refused.
//
// The format is RocksDB's log format: blocks of 32 KiB, records of a 7-byte head (crc32c, length,
// type) and a payload that does not cross a block.
// Source: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/disk.h"
#include "engine/error.h"

namespace strandline {

struct WalEnds {
  uint64_t bytes = 0;        // of all WAL files
  uint64_t torn_bytes = 0;   // after the last whole record of the newest
  std::string torn_at = {};  // which file, and from which byte on; empty if none is torn
};

Result<WalEnds> look_at_wals(const Disk& disk, const std::filesystem::path& store_directory);
// The same, and cuts off an end that a power cut tore. *Errors*: `corrupt`, which names file and
// place, if it was durable.
Result<WalEnds> mend_wals(const Disk& disk, const std::filesystem::path& store_directory);

// What stands at the end of every batch in the WAL, as a comment of RocksDB's. The numbers are the
// store's own sequence numbers (RocksDB's, not the log's).
struct WalMark {
  uint64_t durable;  // the last that was durable when the batch was written
  uint64_t before;   // the last before this WAL file began
};
std::string encode(const WalMark& mark);

// Makes what is in the WAL files now durable, for an observer must not show what a power cut can
// take back, and it cannot know how far the owner has fsynced.
Status sync_wals(const Disk& disk, const std::filesystem::path& store_directory);

}  // namespace strandline
