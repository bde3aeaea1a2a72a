// Puts the records of a table file back that was taken out because of a bad block
// (damaged_tables.h). As long as the table's index is whole, only the records of that block are
// lost.
//
// If the store still holds a record under the same key, that one stays, because it may be newer.
// There are exceptions. Of two committed positions, two positions of a producer or two states of a
// stream, the further one is kept. Of two states of a consumer, the higher member epochs are kept.
// Of what expires, the one that lives longer is kept. *Threads*: one.
#pragma once

#include <filesystem>

#include "engine/api/error.h"
#include "engine/store/store.h"

namespace strandline {

// Written, not yet durable.
Status put_back_records(const std::filesystem::path& table, Store& store);

}  // namespace strandline
