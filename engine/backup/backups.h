// A directory of backups (README.md says what is in it): lists them, makes, checks and removes
// them.
//
// *Incremental*: a table that an earlier backup has is not written again. A table is known by its
// number, its size and its last bytes, which hold an id that RocksDB gave to it alone.
// *Durability*: a backup that is listed is whole and fsynced. A kill at any moment leaves the
// backups that were there. *Threads*: one; LOCK keeps other processes out while something changes.
// *Errors*: `corrupt`, which names the backup and the file; `disk_full`; `locked`; `not_found`; io.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/api/options.h"
#include "engine/backup/backup_record.h"
#include "engine/disk/disk.h"
#include "engine/disk/file_copy.h"
#include "engine/disk/head_mark.h"
#include "engine/store/held_files.h"

namespace strandline {

class Backups {
 public:
  enum class Use { look, change, make };
  // `make` creates the directory. `change` and `make` hold the lock.
  static Result<Backups> open(const Options& options, const std::filesystem::path& directory,
                              Use use);

  struct Listed {
    uint64_t id;
    std::optional<BackupRecord> record;  // nothing: its own record is damaged
    std::string fault = {};
  };
  // In order of their ids.
  Result<std::vector<Listed>> list() const;
  Result<BackupRecord> read(uint64_t id) const;
  // Reads all of its files.
  Result<std::vector<BackupFault>> verify(const BackupRecord& record, FileCopy& copier) const;
  std::filesystem::path path_of(const BackupRecord& record, const BackedFile& file) const;

  // What a log hands over to be saved.
  struct Source {
    std::filesystem::path directory;  // the log's
    std::vector<std::string> beside;  // the files in it that go along, as they are
    const HeldFiles& held;
    HeadMark::Head head;  // how far all of it goes
    BackupInfo info;      // made, next, incarnation
  };
  // `tell_all` hears how many bytes are to be copied, before the first is.
  Result<BackupInfo> make(const Source& source, FileCopy& copier,
                          const std::function<void(uint64_t)>& tell_all);
  // Answers how many bytes were freed.
  Result<uint64_t> remove(uint64_t id, FileCopy& copier);

 private:
  Backups(const Options& options, std::filesystem::path directory)
      : disk_(options), directory_(std::move(directory)) {}

  struct Table {
    HeldFile held;
    std::string name;  // in tables/
    bool is_there;     // an earlier backup has it
    uint32_t crc32c = 0;
  };
  Result<std::vector<Table>> tables_of(const Source& source, FileCopy& copier,
                                       const std::vector<Listed>& others) const;
  Status copy_table(const Source& source, Table& table, FileCopy& copier) const;
  Result<BackedFile> copy_own(const std::filesystem::path& from, const std::string& name,
                              uint64_t bytes, const std::filesystem::path& folder,
                              FileCopy& copier) const;
  // Deletes what no backup needs. Answers how many bytes that were.
  Result<uint64_t> sweep(FileCopy& copier) const;
  std::filesystem::path folder(uint64_t id) const { return directory_ / std::to_string(id); }
  std::filesystem::path tables() const { return directory_ / "tables"; }

  Disk disk_;
  std::filesystem::path directory_;
  std::shared_ptr<void> lock_;
};

}  // namespace strandline
