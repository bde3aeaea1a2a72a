#include "engine/store/held_files.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include <algorithm>

#include "engine/store/store_error.h"
#include "engine/store/store_parts.h"
#include "engine/store/table_check.h"

namespace strandline {

Result<std::unique_ptr<HeldFiles>> HeldFiles::take(rocksdb::DB& db) {
  if (const auto status = db.DisableFileDeletions(); !status.ok()) {
    return std::unexpected(error_of(status, "keeping the store's files"));
  }
  auto held = std::make_unique<HeldFiles>(db);
  rocksdb::LiveFilesStorageInfoOptions options;
  options.wal_size_for_flush = UINT64_MAX;  // the writer owns every flush (store.h)
  std::vector<rocksdb::LiveFileStorageInfo> live;
  if (const auto status = db.GetLiveFilesStorageInfo(options, &live); !status.ok()) {
    return std::unexpected(error_of(status, "listing the store's files"));
  }
  for (rocksdb::LiveFileStorageInfo& file : live) {
    if (file.file_type == rocksdb::kOptionsFile) continue;
    if (file.file_type == rocksdb::kDescriptorFile) {
      held->list_end_ = {.manifest = file.file_number, .bytes = file.size};
    }
    if (file.file_type == rocksdb::kWalFile) {
      held->newest_wal_ = std::max(held->newest_wal_, file.file_number);
    }
    std::string& name = file.relative_filename;
    if (name.starts_with('/')) name.erase(0, 1);
    held->files_.push_back({.name = std::move(name),
                            .bytes = file.size,
                            .is_table = file.file_type == rocksdb::kTableFile,
                            .contents = std::move(file.replacement_contents)});
  }
  return held;
}

HeldFiles::~HeldFiles() {
  // Others may hold them, too.
  db_.EnableFileDeletions(/*force=*/false).PermitUncheckedError();
}

bool Store::is_flushing() const {
  return std::ranges::any_of(parts_->families, [this](auto* family) {
    uint64_t waiting = 0;
    return family &&
           parts_->db->GetIntProperty(family, rocksdb::DB::Properties::kNumImmutableMemTable,
                                      &waiting) &&
           waiting > 0;
  });
}

Result<std::unique_ptr<HeldFiles>> Store::hold_files() const {
  // It fsyncs the WAL by itself, which a WAL that has failed must not be asked
  // (store_file_system.h).
  if (const auto failed = parts_->gate->enter_sync()) return fail(Code::io, *failed);
  auto held = HeldFiles::take(*parts_->db);
  parts_->gate->leave_sync();
  return held;
}

std::string Store::identity() const {
  std::string identity;
  return parts_->db->GetDbIdentity(identity).ok() ? identity : std::string();
}

std::string wrong_in_table(const std::filesystem::path& table) {
  return wrong_in(table, rocksdb::Options(), true);
}

}  // namespace strandline
