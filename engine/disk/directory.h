// A log's directory: what is in it, and whether this build may open it.
//
//   LOCK     held by the owner while it has the log open
//   FORMAT   one line, "strandline 3": written before the store, durably
//   HEAD     the head mark (head_mark.h)
//   store/   the RocksDB database
#pragma once

#include <filesystem>
#include <memory>

#include "engine/api/error.h"
#include "engine/api/options.h"
#include "engine/disk/disk.h"

namespace strandline {

struct Directory {
  std::filesystem::path path;
  bool fresh = false;  // there was no log here
  // Its creation may have been cut off: the head mark, which is written last, is not there.
  bool unfinished = false;
  std::shared_ptr<void> lock = nullptr;  // an owner's

  std::filesystem::path store() const { return path / "store"; }

  // Looks, and creates what is missing if the options allow it. An owner locks it before it changes
  // anything, and marks a log of an older format that this build knows as one of this build's,
  // before the store is opened. *Errors*: unsupported_format by name, invalid for a directory that
  // holds something else, locked, not_found, io.
  static Result<Directory> prepare(const Disk& disk, const std::filesystem::path& path,
                                   const Options& options);
};

}  // namespace strandline
