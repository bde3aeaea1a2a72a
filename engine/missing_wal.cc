#include "engine/missing_wal.h"

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "engine/damaged_tables.h"

namespace strandline {

namespace fs = std::filesystem;

std::optional<fs::path> wal_named_in(std::string_view refusal, const fs::path& store_directory) {
  constexpr std::string_view kWal = "WAL with log number: ";
  const size_t at = refusal.find(kWal);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string number(refusal.substr(at + kWal.size()));
  return store_directory / fmt::format("{:06}.log", std::strtoull(number.c_str(), nullptr, 10));
}

Result<std::optional<std::string>> mend_missing_wal(const fs::path& store_directory,
                                                    const rocksdb::DBOptions& options,
                                                    const Descriptors& families) {
  rocksdb::DBOptions watchful = options;
  watchful.track_and_verify_wals_in_manifest = true;
  watchful.listeners.clear();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status =
      rocksdb::DB::OpenForReadOnly(watchful, store_directory.string(), families, &handles, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  const auto file = status.ok() ? std::nullopt : wal_named_in(status.ToString(), store_directory);
  std::error_code none;
  if (!file || fs::exists(*file, none)) return std::nullopt;
  if (auto ok = keep_aside(store_directory, file->filename().string(), Aside::records, ""); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return file->string() + " is missing, and what it held is lost";
}

}  // namespace strandline
