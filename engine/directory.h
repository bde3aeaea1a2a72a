// A log's directory: what is in it, and whether this build may open it.
//
//   FORMAT   one line, "strandline 2": written before anything else, durably
//   HEAD     the head mark (head_mark.h)
//   store/   the RocksDB database
#pragma once

#include <filesystem>

#include "engine/disk.h"
#include "engine/error.h"
#include "engine/options.h"

namespace strandline {

struct Directory {
  std::filesystem::path path;
  bool fresh = false;  // there was no log here
  // Its creation may have been cut off: the head mark, which is written last, is not there.
  bool unfinished = false;

  std::filesystem::path store() const { return path / "store"; }

  // Looks, and creates what is missing if the options allow it. A log of an older format that this
  // build knows is marked as one of this build's by its owner, before the store is opened.
  // *Errors*: unsupported_format by name, invalid for a directory that holds something else,
  // not_found, io.
  static Result<Directory> prepare(const Disk& disk, const std::filesystem::path& path,
                                   const Options& options);
};

}  // namespace strandline
