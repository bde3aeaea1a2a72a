// What a backup is made of: the file BACKUP in its folder. Lines of text, so that a person can read
// it and a program can check it:
//
//   strandline backup 1
//   id 7
//   made 1764588866123456          microseconds since 1970
//   next 123456                    one past its last event
//   incarnation 1f0a...            32 hexadecimal digits
//   written 4711                   bytes that no backup before it had
//   own 8192 1a2b3c4d HEAD         bytes, crc32c in hexadecimal, name: a file in its own folder
//   table 67108864 5e6f7a8b store/000012.sst 000012-67108864-0badcafe.sst
//                                  the same of a table, and its name in tables/
//   end 9c8d7e6f                   crc32c of everything before this line
//
// *Errors*: `corrupt`, for a text that is not as it was written. *Threads*: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/api/backup.h"

namespace strandline {

struct BackedFile {
  std::string name;        // in the log's directory
  std::string table = {};  // in tables/; empty: it stands in the backup's own folder
  uint64_t bytes = 0;
  uint32_t crc32c = 0;
};

struct BackupRecord {
  BackupInfo info;  // without files and bytes, which come from the list
  std::vector<BackedFile> files;
};

std::string render(const BackupRecord& record);
Result<BackupRecord> parse_backup(std::string_view text);

}  // namespace strandline
