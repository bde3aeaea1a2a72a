// How a backup is made: tables first, then its own files, and its record last.
#include <fmt/format.h>

#include <algorithm>

#include "engine/backup/backups.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

// The properties of a table stand in its last kilobytes: among them the id of the session of
// RocksDB that wrote it.
constexpr uint64_t kEndBytes = 8 << 10;

std::string named(const std::string& table, uint64_t bytes, uint32_t end) {
  return fmt::format("{}-{}-{:08x}.sst", fs::path(table).stem().string(), bytes, end);
}

}  // namespace

Result<std::vector<Backups::Table>> Backups::tables_of(const Source& source, FileCopy& copier,
                                                       const std::vector<Listed>& others) const {
  std::map<std::string, uint32_t> known;
  for (const Listed& one : others) {
    if (!one.record) continue;
    for (const BackedFile& file : one.record->files) {
      if (!file.table.empty()) known.emplace(file.table, file.crc32c);
    }
  }
  std::vector<Table> tables;
  for (const HeldFile& file : source.held.files()) {
    if (!file.is_table) continue;
    const fs::path path = source.directory / "store" / file.name;
    auto end = copier.checksum_of_end(path, file.bytes, kEndBytes);
    if (!end) return std::unexpected(std::move(end.error()));
    Table table{.held = file, .name = named(file.name, file.bytes, *end), .is_there = false};
    if (const auto found = known.find(table.name); found != known.end()) {
      auto bytes = disk_.size(this->tables() / table.name);
      if (!bytes) return std::unexpected(std::move(bytes.error()));
      // One that is missing or cut off is written again, and so whole for every backup.
      table.is_there = *bytes == file.bytes;
      table.crc32c = found->second;
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

Status Backups::copy_table(const Source& source, Table& table, FileCopy& copier) const {
  const fs::path from = source.directory / "store" / table.held.name;
  const fs::path fresh = tables() / (table.name + ".new");
  auto copied = copier.copy(from, fresh, table.held.bytes);
  if (!copied) return std::unexpected(std::move(copied.error()));
  // Read again, block by block: so what was written is whole, and so was what it was made of.
  if (const std::string wrong = wrong_in_table(fresh); !wrong.empty()) {
    return fail(Code::corrupt,
                fmt::format("{}: {}; `strandline verify` finds out more, and a backup is made once "
                            "the log is whole",
                            from.string(), wrong));
  }
  table.crc32c = copied->crc32c;
  return copier.rename(fresh, tables() / table.name);
}

Result<BackedFile> Backups::copy_own(const fs::path& from, const std::string& name, uint64_t bytes,
                                     const fs::path& folder, FileCopy& copier) const {
  auto copied = copier.copy(from, folder / name, bytes);
  if (!copied) return std::unexpected(std::move(copied.error()));
  return BackedFile{.name = name, .bytes = copied->bytes, .crc32c = copied->crc32c};
}

Result<BackupInfo> Backups::make(const Source& source, FileCopy& copier,
                                 const std::function<void(uint64_t)>& tell_all) {
  // What an unfinished one left.
  if (auto swept = sweep(copier); !swept) return std::unexpected(std::move(swept.error()));
  auto others = list();
  if (!others) return std::unexpected(std::move(others.error()));
  auto tables = tables_of(source, copier, *others);
  if (!tables) return std::unexpected(std::move(tables.error()));
  uint64_t all = 0;
  for (const Table& table : *tables) all += table.is_there ? 0 : table.held.bytes;
  for (const HeldFile& file : source.held.files()) all += file.is_table ? 0 : file.bytes;
  tell_all(all);

  BackupRecord record{.info = source.info, .files = {}};
  record.info.id = others->empty() ? 1 : others->back().id + 1;
  const fs::path folder = this->folder(record.info.id);
  Status ok = disk_.create_directory(folder);
  if (ok) ok = disk_.create_directory(folder / "store");
  for (Table& table : *tables) {
    if (ok && !table.is_there) {
      ok = copy_table(source, table, copier);
      record.info.written += table.held.bytes;
    }
    record.files.push_back({.name = "store/" + table.held.name,
                            .table = table.name,
                            .bytes = table.held.bytes,
                            .crc32c = table.crc32c});
  }
  const auto own = [&](const fs::path& from, const std::string& name, uint64_t bytes) {
    if (!ok) return;
    auto copied = copy_own(from, name, bytes, folder, copier);
    if (!copied) {
      ok = std::unexpected(std::move(copied.error()));
      return;
    }
    record.info.written += copied->bytes;
    record.files.push_back(std::move(*copied));
  };
  for (const HeldFile& file : source.held.files()) {
    if (file.is_table) continue;
    const std::string name = "store/" + file.name;
    fs::path from = source.directory / name;
    if (!file.contents.empty()) {
      from = folder / (name + ".new");
      if (ok) ok = copier.write(from, file.contents);
    }
    own(from, name, file.bytes);
    if (!file.contents.empty() && ok) ok = disk_.remove(from);
  }
  std::vector<std::string> beside = source.beside;
  beside.push_back("store/IDENTITY");
  for (const std::string& name : beside) {
    const auto bytes = disk_.size(source.directory / name);
    if (ok && !bytes) ok = std::unexpected(bytes.error());
    if (ok) own(source.directory / name, name, *bytes);
  }
  // As far as what was copied goes, which is not as far as the log is by now.
  if (ok) ok = HeadMark::reset(disk_, folder, source.head);
  if (ok) {
    auto mark = copier.checksum(folder / "HEAD");
    if (!mark) return std::unexpected(std::move(mark.error()));
    record.files.push_back({.name = "HEAD", .bytes = mark->bytes, .crc32c = mark->crc32c});
    record.info.written += mark->bytes;
  }
  // What was written is read once more before it counts. (Tables were.)
  for (const BackedFile& file : record.files) {
    record.info.files += 1;
    record.info.bytes += file.bytes;
    if (!ok || !file.table.empty()) continue;
    auto read = copier.checksum(folder / file.name);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->bytes != file.bytes || read->crc32c != file.crc32c) {
      ok = fail(Code::corrupt, (folder / file.name).string() + ": it is not what was written");
    }
  }
  if (ok) ok = disk_.sync_directory(this->tables());
  if (ok) ok = disk_.sync_directory(folder / "store");
  if (ok) ok = disk_.sync_directory(directory_);
  if (ok) ok = disk_.replace(folder / "BACKUP", render(record));
  if (!ok) {
    // What cannot be removed now, the next backup removes.
    (void)copier.remove_all(folder);
    (void)sweep(copier);
    return std::unexpected(std::move(ok.error()));
  }
  return record.info;
}

}  // namespace strandline
