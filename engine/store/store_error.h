// What RocksDB says went wrong, as this project's errors.
#pragma once

#include <string>

#include "engine/api/error.h"

namespace rocksdb {
class Status;
}  // namespace rocksdb

namespace strandline {

Error error_of(const rocksdb::Status& status, const std::string& doing);

}  // namespace strandline
