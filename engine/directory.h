// A log's directory: what is in it, and whether this build may open it.
//
//   FORMAT   one line, "strandline 1": written before anything else, durably
//   HEAD     the head mark (head_mark.h)
//   store/   the RocksDB database
#pragma once

#include <filesystem>

#include "engine/error.h"
#include "engine/options.h"

namespace strandline {

struct Directory {
  std::filesystem::path path;
  bool fresh = false;  // there was no log here

  std::filesystem::path store() const { return path / "store"; }

  // Makes the entries in it durable.
  Status sync() const;

  // Looks, and creates what is missing if the options allow it. *Errors*: unsupported_format by
  // name, invalid for a directory that holds something else, not_found, io.
  static Result<Directory> prepare(const std::filesystem::path& path, const Options& options);
};

}  // namespace strandline
