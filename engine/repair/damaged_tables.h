// Table files that RocksDB cannot open: a bad bit in a table's index, properties or footer, a file
// cut short, or none at all. RocksDB refuses the whole store because of one such table. This file
// finds these tables, says what each one holds, and takes them out, so that the rest opens.
//
// After an events table was taken out, every whole batch in it is put back (salvage.h). The file
// itself stays in `damaged/` beside the store. *Threads*: one, with the store closed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/repair/lenient_store.h"
#include "engine/store/store.h"

namespace rocksdb {
struct DBOptions;
struct Options;
}  // namespace rocksdb

namespace strandline {

class StateParts;

struct DamagedTable {
  std::string file;    // its name
  std::string family;  // that it belongs to
  std::string holds;   // in words
  std::string why;
  bool listed = true;  // in the MANIFEST; if not, RocksDB deletes it once it opens
};

// Of those that a look found: which cannot be opened, and with `every_block` which have any bad
// block, which takes reading them all, and those that the MANIFEST does not list, for it may be
// what is damaged. *Errors*: inaccessible, where one cannot be looked at.
Result<std::vector<DamagedTable>> find_damaged_tables(const std::filesystem::path& directory,
                                                      const rocksdb::DBOptions& options,
                                                      const Descriptors& families,
                                                      const StoreContents& contents,
                                                      bool every_block);

// Moves the tables to `damaged/` beside the store, and removes them from RocksDB's list.
Status take_out(const std::filesystem::path& directory, const rocksdb::DBOptions& options,
                const Descriptors& families, const std::vector<DamagedTable>& tables);

// What a file in `damaged/` held. It decides how the repair goes on (repair).
enum class Aside {
  events,   // every batch in it that is whole is put back
  records,  // they are made again from the events
};
// Durable, when it returns.
Status keep_aside(const std::filesystem::path& directory, const std::string& name, Aside held,
                  std::string_view bytes);
// Begins the repair, durably: each later opening repairs the tables in `damaged/` until none is
// left. To be called when all of them are in `damaged/`, and before any of them is removed from the
// store.
Status begin_repair(const std::filesystem::path& directory);

// Whether a repair was begun and is not complete.
bool is_repairing(const std::filesystem::path& directory);

// The repair itself: writes every whole batch of the events tables in `damaged/` back into the
// store. If one of the tables held records, it has the parts rebuild theirs (rebuild.h). Durable
// when it returns. Answers how many batches were put back. After a crash it can be repeated.
Result<uint64_t> repair(const std::filesystem::path& directory, Store& store,
                        const StateParts& parts);
// Ends the repair. To be called when what was put back fits the rest of the log (repair_consumers).
void finish_repair(const std::filesystem::path& directory);

}  // namespace strandline
