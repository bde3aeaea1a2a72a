#include "engine/backup/backups.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace strandline {
namespace {

namespace fs = std::filesystem;

constexpr char kMark[] = "BACKUPS";
constexpr char kMarkText[] = "strandline backups 1\n";

std::optional<uint64_t> id_in(const std::string& name) {
  uint64_t id = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
  const bool all = read.ec == std::errc() && read.ptr == name.data() + name.size();
  return all && id > 0 && std::to_string(id) == name ? std::optional(id) : std::nullopt;
}

}  // namespace

Result<Backups> Backups::open(const Options& options, const fs::path& directory, Use use) {
  Backups backups(options, directory);
  const Disk& disk = backups.disk_;
  auto marked = disk.exists(directory / kMark);
  if (!marked) return std::unexpected(std::move(marked.error()));
  if (!*marked && use != Use::make) {
    return fail(Code::not_found, fmt::format("no backups in {}", directory.string()));
  }
  if (!*marked) {
    std::error_code error;
    fs::create_directories(directory.parent_path(), error);
    if (auto ok = disk.create_directory(directory); !ok) return std::unexpected(ok.error());
    auto names = disk.list(directory);
    if (!names) return std::unexpected(std::move(names.error()));
    const auto is_ours = [](const std::string& name) {
      return name == "lost+found" || name == "LOCK" || name == "tables" || name.starts_with(kMark);
    };
    if (!std::ranges::all_of(*names, is_ours)) {
      return fail(Code::invalid,
                  fmt::format("{} holds something else: backups need a directory of their own, "
                              "empty or new",
                              directory.string()));
    }
  }
  if (use != Use::look) {
    auto lock = disk.lock(directory / "LOCK");
    if (!lock) {
      if (lock.error().code == Code::locked) {
        lock.error().message =
            directory.string() + ": another backup is being made or removed there";
      }
      return std::unexpected(std::move(lock.error()));
    }
    backups.lock_ = std::move(*lock);
  }
  if (!*marked) {
    Status ok = disk.create_directory(backups.tables());
    if (ok) ok = disk.replace(directory / kMark, kMarkText);
    if (ok) ok = disk.sync_directory(fs::absolute(directory).lexically_normal().parent_path());
    if (!ok) return std::unexpected(std::move(ok.error()));
    return backups;
  }
  auto text = disk.read(directory / kMark);
  if (!text) return std::unexpected(std::move(text.error()));
  if (*text != kMarkText) {
    return fail(
        Code::unsupported_format,
        fmt::format("{}: this build knows \"strandline backups 1\"", (directory / kMark).string()));
  }
  return backups;
}

Result<std::vector<Backups::Listed>> Backups::list() const {
  auto names = disk_.list(directory_);
  if (!names) return std::unexpected(std::move(names.error()));
  std::vector<Listed> all;
  for (const std::string& name : *names) {
    const auto id = id_in(name);
    if (!id) continue;
    auto finished = disk_.exists(folder(*id) / "BACKUP");
    if (!finished) return std::unexpected(std::move(finished.error()));
    if (!*finished) continue;
    auto record = read(*id);
    if (record) {
      all.push_back({.id = *id, .record = std::move(*record)});
    } else if (record.error().code == Code::corrupt) {
      all.push_back({.id = *id, .record = {}, .fault = std::move(record.error().message)});
    } else {
      return std::unexpected(std::move(record.error()));
    }
  }
  std::ranges::sort(all, {}, &Listed::id);
  return all;
}

Result<BackupRecord> Backups::read(uint64_t id) const {
  const fs::path file = folder(id) / "BACKUP";
  auto there = disk_.exists(file);
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) {
    return fail(Code::not_found, fmt::format("no backup {} in {}", id, directory_.string()));
  }
  auto text = disk_.read(file);
  if (!text) return std::unexpected(std::move(text.error()));
  auto record = parse_backup(*text);
  if (record && record->info.id != id) {
    record = fail(Code::corrupt, fmt::format("it is the record of backup {}", record->info.id));
  }
  if (!record) {
    record.error().message =
        fmt::format("backup {} is damaged: {}: {}", id, file.string(), record.error().message);
  }
  return record;
}

fs::path Backups::path_of(const BackupRecord& record, const BackedFile& file) const {
  return file.table.empty() ? folder(record.info.id) / file.name : tables() / file.table;
}

Result<std::vector<BackupFault>> Backups::verify(const BackupRecord& record,
                                                 FileCopy& copier) const {
  std::vector<BackupFault> faults;
  for (const BackedFile& file : record.files) {
    const fs::path path = path_of(record, file);
    auto there = disk_.exists(path);
    if (!there) return std::unexpected(std::move(there.error()));
    if (!*there) {
      faults.push_back({path.string(), "it is missing"});
      continue;
    }
    auto read = copier.checksum(path);
    if (!read && read.error().code == Code::closed) return std::unexpected(read.error());
    if (!read) {
      faults.push_back({path.string(), read.error().message});
    } else if (read->bytes != file.bytes) {
      faults.push_back(
          {path.string(), fmt::format("it has {} bytes, and had {}", read->bytes, file.bytes)});
    } else if (read->crc32c != file.crc32c) {
      faults.push_back({path.string(), "its checksum does not match"});
    }
  }
  return faults;
}

Result<uint64_t> Backups::remove(uint64_t id, FileCopy& copier) {
  const fs::path record = folder(id) / "BACKUP";
  auto there = disk_.exists(record);
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) {
    return fail(Code::not_found, fmt::format("no backup {} in {}", id, directory_.string()));
  }
  // From here on it is no backup, whatever comes in between.
  Status ok = disk_.remove(record);
  if (ok) ok = disk_.sync_directory(folder(id));
  if (!ok) return std::unexpected(std::move(ok.error()));
  return sweep(copier);
}

Result<uint64_t> Backups::sweep(FileCopy& copier) const {
  auto all = list();
  if (!all) return std::unexpected(std::move(all.error()));
  std::set<std::string> wanted;
  for (const Listed& one : *all) {
    // Which tables it needs is not known: none is removed.
    if (!one.record) return 0;
    for (const BackedFile& file : one.record->files) wanted.insert(file.table);
  }
  uint64_t freed = 0;
  auto names = disk_.list(tables());
  if (!names) return std::unexpected(std::move(names.error()));
  for (const std::string& name : *names) {
    if (wanted.contains(name)) continue;
    const auto bytes = disk_.size(tables() / name);
    if (auto ok = disk_.remove(tables() / name); !ok) return std::unexpected(ok.error());
    freed += bytes.value_or(0);
  }
  names = disk_.list(directory_);
  if (!names) return std::unexpected(std::move(names.error()));
  for (const std::string& name : *names) {
    const auto id = id_in(name);
    const auto is_it = [&](const Listed& one) { return one.id == id; };
    if (!id || std::ranges::any_of(*all, is_it)) continue;
    if (auto ok = copier.remove_all(folder(*id)); !ok) return std::unexpected(ok.error());
  }
  if (auto ok = disk_.sync_directory(directory_); !ok) return std::unexpected(ok.error());
  return freed;
}

}  // namespace strandline
