// A directory of a test's own, removed with everything in it when the test is over.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace strandline::tests {

class TemporaryDirectory {
 public:
  TemporaryDirectory();  // under $TMPDIR, or /tmp
  // Under `preferred` where that can be written to (/dev/shm, say, for what is copied often).
  explicit TemporaryDirectory(const std::filesystem::path& preferred);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Every regular file below, deepest last, in the order of their names.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory);
// Those whose name ends in `suffix`.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory,
                                               const std::string& suffix);

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, std::string_view bytes);

// A copy of a directory that may be in use: files that vanish meanwhile are left out, and a log's
// head mark is not newer than its store, as a snapshot of a crashed machine might look.
void copy_live(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace strandline::tests
