#include "engine/store/table_check.h"

#include <rocksdb/env.h>
#include <rocksdb/sst_file_reader.h>

namespace strandline {

rocksdb::Options alone(rocksdb::Options options) {
  options.verify_sst_unique_id_in_manifest = false;
  return options;
}

std::string wrong_in(const std::filesystem::path& table, const rocksdb::Options& options,
                     bool every_block) {
  rocksdb::SstFileReader reader(alone(options));
  rocksdb::Status status = reader.Open(table.string());
  // It opens a table whose properties cannot be read; the store does not.
  if (status.ok() && !reader.GetTableProperties()) return "its properties cannot be read";
  if (status.ok() && every_block) status = reader.VerifyChecksum();
  return status.ok() ? std::string() : status.ToString();
}

}  // namespace strandline
