#include "engine/observed_store.h"

#include <rocksdb/db.h>

#include <algorithm>

namespace strandline {
namespace {

// The WALs and tables, sorted. A WAL is removed only after all older ones are: so whichever was
// removed since, one of these was.
Result<std::vector<std::string>> files_in(const Disk& disk,
                                          const std::filesystem::path& directory) {
  auto names = disk.list(directory);
  if (!names) return names;
  std::erase_if(*names, [](const std::string& name) {
    return !name.ends_with(".log") && !name.ends_with(".sst");
  });
  std::ranges::sort(*names);
  return names;
}

void close(ObservedStore& store) {
  for (auto* family : store.families) store.db->DestroyColumnFamilyHandle(family);
  delete store.db;
  store = {.status = store.status};
}

}  // namespace

ObservedStore observe_store(const Disk& disk, const rocksdb::DBOptions& options,
                            const std::filesystem::path& directory,
                            const std::filesystem::path& scratch, const Descriptors& families) {
  // Each reads only what is new since the one before.
  constexpr int kReadingsMax = 100;
  ObservedStore store;
  for (int i = 0; i < kReadingsMax; ++i) {
    const auto before = files_in(disk, directory);
    store.status = store.db
                       ? store.db->TryCatchUpWithPrimary()
                       : rocksdb::DB::OpenAsSecondary(options, directory.string(), scratch.string(),
                                                      families, &store.families, &store.db);
    if (!store.status.ok()) break;
    const auto after = files_in(disk, directory);
    if (before && after && std::ranges::includes(*after, *before)) return store;
  }
  if (store.status.ok()) {
    store.status = rocksdb::Status::Busy("its owner removes files faster than this can follow");
  }
  if (store.db) close(store);
  return store;
}

}  // namespace strandline
