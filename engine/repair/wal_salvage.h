// What is whole in a WAL that is damaged, found again: with `accept_loss`, every batch in it but
// those that the damage touches is replayed.
//
// A record that is not whole is passed over by its length, if another record follows there; if only
// its length is wrong, its checksum says which is right; otherwise the rest of its block is
// searched. What a search finds counts only if it ends with the mark of this very file (WalMark):
// what clients put into their events is never taken for a batch. Batches are replayed in the order
// of RocksDB's sequence numbers, each once, wherever in the file they stand.
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
