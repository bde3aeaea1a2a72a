// Whether one table file is whole, whatever the store around it.
#pragma once

#include <rocksdb/options.h>

#include <filesystem>
#include <string>

namespace strandline {

// For a table by itself: without a MANIFEST to compare its id with, of which it would warn.
rocksdb::Options alone(rocksdb::Options options);
// What is wrong with a table file; nothing if it is whole.
std::string wrong_in(const std::filesystem::path& table, const rocksdb::Options& options,
                     bool every_block);

}  // namespace strandline
