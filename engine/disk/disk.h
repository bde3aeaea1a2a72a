// The files beside the store (FORMAT, HEAD, directories, a WAL's torn end), through the file system
// that the store uses (Options::file_system): whatever a test makes of that one, a power cut or an
// error, it makes of these files too.
//
// *Durability*: each says what is durable when it returns. *Threads*: any. *Errors*: io, which
// names the file; inaccessible (access.h), never "not there", for one that is withheld.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/options.h"

namespace strandline {

class Disk {
 public:
  explicit Disk(const Options& options);

  Result<bool> exists(const std::filesystem::path& path) const;
  Result<bool> is_directory(const std::filesystem::path& path) const;
  Result<std::vector<std::string>> list(const std::filesystem::path& directory) const;  // names
  Result<std::string> read(const std::filesystem::path& file) const;
  // 0 for a file that is not there.
  Result<uint64_t> size(const std::filesystem::path& file) const;

  // The entries in a directory become durable: what was created, renamed or removed in it.
  Status sync_directory(const std::filesystem::path& directory) const;
  // Not durable before its parent is synced.
  Status create_directory(const std::filesystem::path& directory) const;
  // Not durable before the directory is synced.
  Status remove(const std::filesystem::path& file) const;
  // Durable: the old file or the new one, whole, at any instant.
  Status replace(const std::filesystem::path& file, std::string_view bytes) const;
  // Durable: some bytes of a file that is there.
  Status overwrite(const std::filesystem::path& file, uint64_t at, std::string_view bytes) const;
  // Held until the last owner of it lets go; creates the file. *Errors*: locked while another
  // process, or another holder in this one, has it, by whatever path.
  Result<std::shared_ptr<void>> lock(const std::filesystem::path& file) const;
  // Durable.
  Status truncate(const std::filesystem::path& file, uint64_t bytes) const;

 private:
  std::shared_ptr<void> file_system_;
};

// `locked`, if that is what RocksDB's status says, for which it has no code; `what` could not be
// had.
std::optional<Error> locked_error(std::string_view status, std::string_view what);

}  // namespace strandline
