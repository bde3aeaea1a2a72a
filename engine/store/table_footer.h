// Checks the end of a table file before RocksDB reads it. RocksDB reads some of it unchecked, and
// ends the process by an assertion where it makes no sense.
//
// The footer has no checksum itself, and says where the first blocks are, how long they are, which
// checksum they have, and in which format the file is; a bad bit can turn that into a block of many
// terabytes, or one without a checksum. The properties have one, but it is compared
// after they were taken apart. Ours are all in one format (store_options.cc), and their blocks have
// no hash index: a table that says otherwise cannot be opened. Source:
// https://github.com/facebook/rocksdb/wiki/Rocksdb-BlockBasedTable-Format
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace strandline {

// So many bytes from a place in the file; fewer, or none, where they cannot be read.
using ReadTable = std::function<std::string(uint64_t at, size_t bytes)>;

// What is wrong with it; null if nothing is, and if RocksDB finds it itself.
const char* wrong_in_footer(const ReadTable& read, uint64_t table_bytes);

}  // namespace strandline
