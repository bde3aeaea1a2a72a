#include "engine/store/table_check.h"

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/sst_file_reader.h>

#include <charconv>

namespace strandline {
namespace {

// The number in the name that RocksDB gave a table; 0 where it has another name.
uint64_t number_of(const std::filesystem::path& table) {
  const std::string name = table.stem().string();
  uint64_t number = 0;
  const auto end = std::from_chars(name.data(), name.data() + name.size(), number);
  return end.ptr == name.data() + name.size() ? number : 0;
}

}  // namespace

rocksdb::Options alone(rocksdb::Options options) {
  options.verify_sst_unique_id_in_manifest = false;
  return options;
}

std::string wrong_in(const std::filesystem::path& table, const rocksdb::Options& options,
                     bool every_block) {
  rocksdb::SstFileReader reader(alone(options));
  rocksdb::Status status = reader.Open(table.string());
  // It opens a table whose properties cannot be read; the store does not.
  const auto properties = status.ok() ? reader.GetTableProperties() : nullptr;
  if (status.ok() && !properties) return "its properties cannot be read";
  // Whole, and yet not what was written here: a disk that mixed up its blocks.
  const uint64_t number = number_of(table),
                 written_as = properties ? properties->orig_file_number : 0;
  if (number != 0 && written_as != 0 && number != written_as) {
    return fmt::format("it is what was written as table {}", written_as);
  }
  if (status.ok() && every_block) status = reader.VerifyChecksum();
  return status.ok() ? std::string() : status.ToString();
}

}  // namespace strandline
