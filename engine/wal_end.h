// The ends of a store's WAL files, looked at before RocksDB replays them, for the recovery report.
//
// The format is RocksDB's log format: blocks of 32 KiB, records of a 7-byte head (crc32c, length,
// type) and a payload that does not cross a block.
// Source: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/disk.h"
#include "engine/error.h"

namespace strandline {

struct WalEnds {
  uint64_t bytes = 0;       // of all WAL files
  uint64_t torn_bytes = 0;  // after the last whole record of the newest
};

Result<WalEnds> look_at_wals(const Disk& disk, const std::filesystem::path& store_directory);

// Makes what is in the WAL files now durable, for an observer must not show what a power cut can
// take back, and it cannot know how far the owner has fsynced.
Status sync_wals(const Disk& disk, const std::filesystem::path& store_directory);

}  // namespace strandline
