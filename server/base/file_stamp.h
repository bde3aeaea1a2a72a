// By which a file that was changed or replaced is told from the one that was read. A file that is
// not there has a stamp, too. *Threads*: any; it asks the file system.
#pragma once

#include <cstdint>
#include <string>

namespace strandline::server {

struct FileStamp {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t modified_ns = 0;

  static FileStamp of(const std::string& path);
  bool operator==(const FileStamp&) const = default;
};

}  // namespace strandline::server
