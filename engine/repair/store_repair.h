// A store that RocksDB refuses: which of its files it is refused for, and, with accept_loss,
// opening it without them.
//
// *Threads*: one, with the store closed. *Order*: what is taken out is kept in `damaged/` first
// (damaged_tables.h, wal_end.h, missing_wal.h). After opening, repair goes on with putting back
// what is whole.
#pragma once

#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/disk/disk.h"
#include "engine/repair/damaged_tables.h"
#include "engine/store/store.h"

namespace strandline {

struct TakenOut {
  std::vector<DamagedTable> tables;
  std::vector<std::string> lost;  // in words, the tables too
};

// Takes out every damaged table, makes the WALs whole, and notes those that are missing.
Result<TakenOut> take_out_damage(const Disk& disk, const ClosedStore& store);

// Why the store does not open, with the files that RocksDB knows and does not name. `taken_out`:
// the tables that were found before; none: they are looked for.
Error refusal_of(const ClosedStore& store, Error error, std::vector<DamagedTable> taken_out);

}  // namespace strandline
