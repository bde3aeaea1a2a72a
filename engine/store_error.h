// What RocksDB says went wrong, as this project's errors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/damaged_tables.h"
#include "engine/error.h"

namespace rocksdb {
class Status;
}  // namespace rocksdb

namespace strandline {

Error error_of(const rocksdb::Status& status, const std::string& doing);

// Why the store does not open, with the files that RocksDB knows and does not name.
Error refusal_of(const rocksdb::Status& status, const std::filesystem::path& store_directory,
                 const std::vector<DamagedTable>& tables);

}  // namespace strandline
