// Salvages what is whole in a damaged WAL. With `accept_loss`, every batch in it is replayed,
// except those that the damage touches.
//
// A record that is not whole is skipped by its length, if another record follows there. If only the
// length is wrong, the checksum says which length is right. Otherwise the rest of the block is
// searched. What a search finds counts only if it ends with the stamp of this very file (WalStamp).
// So what clients put into their events is never taken for a batch. Batches are replayed in the
// order of RocksDB's sequence numbers, each once, wherever they stand in the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strandline {

struct SalvagedWal {
  std::string bytes;  // a WAL that is whole
  size_t batches = 0;
  uint64_t next = 0;  // the sequence number after the last
  // What could not be kept, as [from, to) in bytes of the damaged file, in order.
  struct Hole {
    size_t from, to;
  };
  std::vector<Hole> holes;
};

// No batch with a lower sequence number than `least` is of this file. `sign`: of the log.
SalvagedWal salvage_wal(std::string_view file, std::string_view sign, uint64_t least);

}  // namespace strandline
