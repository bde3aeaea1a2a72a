// A store's list of its tables as it was at some moment, to be put back later: what was written
// meanwhile is in tables that it does not name, as after a restore of some files from a backup.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/support/log/directory.h"

namespace strandline::tests {

class OlderList {
 public:
  explicit OlderList(const std::filesystem::path& log) {
    for (const auto& file : files_below(log / "store")) {
      const std::string name = file.filename().string();
      if (name == "CURRENT" || name.starts_with("MANIFEST")) files_[file] = read_file(file);
    }
  }
  // With the log closed.
  void put_back() const {
    for (const auto& [file, bytes] : files_) write_file(file, bytes);
  }

 private:
  std::map<std::filesystem::path, std::string> files_;
};

}  // namespace strandline::tests
