#include "engine/backup/restoring.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/store/store_file_system.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

// Last of all: a directory without it is none of a log's.
constexpr char kFormatFile[] = "FORMAT";

Status check_target(const Disk& disk, const fs::path& directory) {
  auto there = disk.exists(directory);
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) return {};
  auto names = disk.list(directory);
  if (!names) return std::unexpected(std::move(names.error()));
  const auto has = [&](std::string_view name) {
    return std::ranges::find(*names, name) != names->end();
  };
  const auto is_of_log = [](std::string_view name) {
    return name == kFormatFile || name == "store" || name == "HEAD";
  };
  // Its store is moved before its FORMAT: what a kill left in between is gone on with.
  const bool unfinished = !has(kFormatFile) && has("restoring");
  if (!unfinished && std::ranges::any_of(*names, is_of_log)) {
    return fail(Code::exists,
                fmt::format("{} holds a log: a backup is restored into a directory that is empty "
                            "or new",
                            directory.string()));
  }
  for (const std::string& name : *names) {
    if (!is_of_log(name) && name != "restoring" && name != "lost+found" && name != "GUARDED") {
      return fail(Code::exists,
                  fmt::format("{} is not empty: it holds \"{}\"", directory.string(), name));
    }
  }
  return {};
}

}  // namespace

Result<BackupRecord> choose(const Backups& backups, const WhichBackup& which) {
  if (which.id) return backups.read(*which.id);
  auto all = backups.list();
  if (!all) return std::unexpected(std::move(all.error()));
  std::ranges::reverse(*all);
  for (Backups::Listed& one : *all) {
    // It may be the one that is wanted.
    if (!one.record) return fail(Code::corrupt, std::move(one.fault));
    const BackupInfo& info = one.record->info;
    if (which.next_max && info.next > *which.next_max) continue;
    if (which.made_max && info.made > *which.made_max) continue;
    return *std::move(one.record);
  }
  return fail(Code::not_found,
              all->empty() ? "there is no backup yet" : "every backup is from after that point");
}

fs::path restoring_in(const fs::path& directory) { return directory / "restoring"; }

Status copy_back(const Options& options, const Backups& backups, const BackupRecord& record,
                 const fs::path& directory, FileCopy& copier) {
  const Disk disk(options);
  if (auto ok = check_target(disk, directory); !ok) return ok;
  const fs::path target = restoring_in(directory);
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  Status ok = disk.create_directory(directory);
  for (const char* left : {"restoring", "store", "HEAD", "GUARDED"}) {
    if (ok) ok = copier.remove_all(directory / left);
  }
  if (ok) ok = disk.create_directory(target);
  if (ok) ok = disk.create_directory(target / "store");
  if (!ok) return ok;
  const auto damaged = [&](const fs::path& file, const std::string& why) {
    return fail(Code::corrupt,
                fmt::format("backup {} is damaged: {}: {}", record.info.id, file.string(), why));
  };
  for (const BackedFile& file : record.files) {
    const fs::path from = backups.path_of(record, file);
    auto there = disk.exists(from);
    if (!there) return std::unexpected(std::move(there.error()));
    if (!*there) return damaged(from, "it is missing");
    auto bytes = disk.size(from);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    if (*bytes != file.bytes) {
      return damaged(from, fmt::format("it has {} bytes, and had {}", *bytes, file.bytes));
    }
    auto copied = copier.copy(from, target / file.name, file.bytes);
    if (!copied) return std::unexpected(std::move(copied.error()));
    if (copied->crc32c != file.crc32c) return damaged(from, "its checksum does not match");
    if (!file.name.starts_with("store/MANIFEST-")) continue;
    const fs::path copy = target / (file.name + std::string(kCopySuffix));
    if (auto again = copier.copy(from, copy, file.bytes); !again) {
      return std::unexpected(std::move(again.error()));
    }
  }
  ok = disk.sync_directory(target / "store");
  if (ok) ok = disk.sync_directory(target);
  return ok ? disk.sync_directory(directory) : ok;
}

Status move_up(const Options& options, const fs::path& directory) {
  const Disk disk(options);
  FileCopy files(options, 0, {});
  const fs::path from = restoring_in(directory);
  auto names = disk.list(from);
  if (!names) return std::unexpected(std::move(names.error()));
  for (const std::string& name : *names) {
    if (name == kFormatFile || name == "LOCK") continue;
    if (auto ok = files.rename(from / name, directory / name); !ok) return ok;
  }
  Status ok = disk.sync_directory(directory);
  if (ok) ok = files.rename(from / kFormatFile, directory / kFormatFile);
  if (ok) ok = disk.sync_directory(directory);
  if (ok) ok = files.remove_all(from);
  return ok ? disk.sync_directory(directory) : ok;
}

}  // namespace strandline
