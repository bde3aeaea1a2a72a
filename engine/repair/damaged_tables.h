// Table files that RocksDB cannot open: a bad bit in a table's index, properties or footer, a file
// cut short, or none at all. RocksDB refuses the whole store for one of them; here they are found,
// named with what they hold, and taken out, so that the rest opens.
//
// Of an events table that is taken out, every batch that is whole is put back afterwards
// (salvage.h); the file stays in `damaged/` beside the store. *Threads*: one, with the store
// closed.
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
                                                      const StoreLook& look, bool every_block);

// Moves them to `damaged/` beside the store, and makes the store forget them.
Status take_out(const std::filesystem::path& directory, const rocksdb::DBOptions& options,
                const Descriptors& families, const std::vector<DamagedTable>& tables);

// What a file that is kept in `damaged/` held, and so what follows (mend).
enum class Aside {
  events,   // every batch in it that is whole is put back
  records,  // they are made again from the events
};
// Durable, when it returns.
Status keep_aside(const std::filesystem::path& directory, const std::string& name, Aside held,
                  std::string_view bytes);
// From here on every opening mends what is aside, until it has. Once all of it is, and before
// anything of it is removed.
Status begin_mending(const std::filesystem::path& directory);

// Whether tables were taken out, and their contents are not back yet.
bool is_mending(const std::filesystem::path& directory);

// What follows on taking out: writes what is whole in the events tables of `damaged/` back into the
// store, and has the parts make their records again (rebuild.h) if some were in such a table.
// Durable when it returns; says how many batches were put back. Safe to do again after a crash.
Result<uint64_t> mend(const std::filesystem::path& directory, Store& store,
                      const StateParts& parts);
// Once what was put back fits the rest (mend_consumers): what is aside is done with.
void finish_mending(const std::filesystem::path& directory);

}  // namespace strandline
