// A log, made again from a backup, in a directory that holds none.
//
// It is made in `restoring/` inside of the directory, opened there, told what it must know of the
// time since (restore.h), and moved up only then. So whoever is killed in between leaves no log,
// and may run it again. *Durability*: all of it is fsynced before it is moved. *Threads*: one.
// *Errors*: `exists`, where the directory holds a log; `corrupt`, which names backup and file.
#pragma once

#include <filesystem>
#include <optional>

#include "engine/backup/backups.h"

namespace strandline {

// Which backup: by its number; or the newest that is not after a point; or the newest.
struct WhichBackup {
  std::optional<uint64_t> id = {};
  std::optional<Sequence> next_max = {};  // that holds no event from here on
  std::optional<Timestamp> made_max = {};
};
Result<BackupRecord> choose(const Backups& backups, const WhichBackup& which);

// Where the log is while it is being restored.
std::filesystem::path restoring_in(const std::filesystem::path& directory);
// Copies it there, and checks every byte on the way.
Status copy_back(const Options& options, const Backups& backups, const BackupRecord& record,
                 const std::filesystem::path& directory, FileCopy& copier);
// Makes it the directory's log.
Status move_up(const Options& options, const std::filesystem::path& directory);

}  // namespace strandline
