// The records in a table file that was taken out for a bad block (damaged_tables.h), put back as
// far as they can be read: all but those of that block, as long as the table's index is whole.
//
// What the store still holds under a key stays, for it may be newer; but of two committed
// positions, two places of a producer or two states of a stream the further one is kept, of two
// states of a consumer the higher epochs, and of what expires the one that lives longer.
// *Threads*: one.
#pragma once

#include <filesystem>

#include "engine/api/error.h"
#include "engine/store/store.h"

namespace strandline {

// Written, not yet durable.
Status put_back_records(const std::filesystem::path& table, Store& store);

}  // namespace strandline
