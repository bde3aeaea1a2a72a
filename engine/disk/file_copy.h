// Copies files, no faster than it may, and reads them again: for backups.
//
// Through the file system that the log uses (Options::file_system), as everything on disk. What is
// written is handed to the disk a little at a time, so that the fsync of a log beside it does not
// wait behind it. *Durability*: a copy is fsynced when it returns; its entry in the directory is
// not. *Threads*: one. *Errors*: io, or disk_full, which name the file; what `on_bytes` returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/api/error.h"
#include "engine/api/options.h"

namespace strandline {

class FileCopy {
 public:
  // No limit if it is 0. `on_bytes` hears of each piece, and ends the copying by an error.
  FileCopy(const Options& options, uint64_t bytes_per_second_max,
           std::function<Status(uint64_t)> on_bytes);

  struct Copied {
    uint64_t bytes = 0;
    uint32_t crc32c = 0;
  };
  // The first `bytes` of a file, which has so many.
  Result<Copied> copy(const std::filesystem::path& from, const std::filesystem::path& to,
                      uint64_t bytes);
  // Of a whole file.
  Result<Copied> checksum(const std::filesystem::path& file);
  // Of its last `bytes`, or all of it.
  Result<uint32_t> checksum_of_end(const std::filesystem::path& file, uint64_t file_bytes,
                                   uint64_t bytes);
  Status write(const std::filesystem::path& file, const std::string& bytes);
  Status rename(const std::filesystem::path& from, const std::filesystem::path& to);
  // With all that is in it. Not durable.
  Status remove_all(const std::filesystem::path& path);

 private:
  Status took(uint64_t bytes);

  std::shared_ptr<void> file_system_;
  const uint64_t bytes_per_second_max_;
  const std::function<Status(uint64_t)> on_bytes_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  uint64_t bytes_ = 0;
};

}  // namespace strandline
